"""Defects of the balancer: ``python -m planted balancer/NAME`` is one with a defect, for SIGNOFF_BALANCER_COMMAND."""
