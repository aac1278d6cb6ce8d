"""Defects planted in the reference monitor: ``python -m planted.monitor NAME``, for SIGNOFF_MONITOR_COMMAND."""
