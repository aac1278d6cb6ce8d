"""Checkers: pure functions that say what a history proves. ``judging.judge_history`` asks them all."""
