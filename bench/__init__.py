"""Speed and memory of the local stack: ``tox run -e bench``. Figures are ratios and medians of one run, never limits."""
