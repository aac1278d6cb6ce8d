"""Domain modules of the sign-off: clients, polling, verdicts, the report. Nothing in here imports Robot Framework."""
