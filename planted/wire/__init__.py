"""Defects of the way between the balancer and what it needs, as faults of the fault proxies there."""
