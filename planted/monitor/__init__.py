"""Defects of the monitor: ``python -m planted monitor/NAME`` is one with a defect, for SIGNOFF_MONITOR_COMMAND."""
