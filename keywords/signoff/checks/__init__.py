"""What keywords check: each module observes one part of a deployment and says what is wrong with it."""
