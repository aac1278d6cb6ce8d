"""Load that leaves a history: what clients ask for across a fault, and everything that is needed to judge it later."""
