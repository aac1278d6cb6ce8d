"""The planted faults of the monitor."""
