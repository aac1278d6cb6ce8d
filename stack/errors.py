"""What the stack says when it can't do what was asked: one sentence, and exit code 2."""

from __future__ import annotations


class StackError(Exception):
    """One clear sentence: what was given, what is allowed, where to change it. The exit code is 2."""


class StartFailed(StackError):
    """A service did not come up, so the stack as a whole does not."""
