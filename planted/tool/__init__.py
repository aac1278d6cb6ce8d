"""Defects of this library itself, for the requirements that speak of it: prerequisites, cleanup, interrupted runs."""
