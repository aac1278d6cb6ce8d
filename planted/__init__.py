"""Defects planted on purpose, one at a time, to see the suites turn red.

Each module in ``balancer/``, ``monitor/`` and ``sync/`` replaces exactly one behaviour of that part from outside;
``stack/`` knows nothing of them. Those in ``wire/`` are faults of a fault proxy between the balancer and what it needs,
and those in ``tool/`` replace one behaviour of this library, for the requirements that speak of it. A module's
docstring says what is wrong, and its ``EXPECTED`` what the page has to say then.
"""
