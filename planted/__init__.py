"""Defects planted on purpose, one at a time, to see the suites turn red.

Each module in ``planted/faults`` replaces exactly one behaviour of the reference balancer from outside; ``stack/``
knows nothing of them. ``python -m planted NAME`` is a balancer with that fault, for SIGNOFF_BALANCER_COMMAND; those of
the monitor are in ``planted/monitor``, those of the sync services in ``planted/sync``.
"""
