"""Domain modules of the sign-off: clients, polling, verdicts and the report. Nothing in here imports Robot Framework."""
