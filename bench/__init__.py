"""Speed and memory of the local stack: ``tox run -e bench``. Ratios and medians of one run, never limits."""
