"""Defects of the coordinator and of workers: ``python -m planted sync/NAME``, for SIGNOFF_SYNC_COMMAND."""
