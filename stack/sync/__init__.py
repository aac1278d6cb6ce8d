"""Distributed sync: a coordinator cuts what an instance owes into tasks, and workers carry them out.

They meet in PostgreSQL only, so that they can run on any machine that reaches it and the instances.
"""
