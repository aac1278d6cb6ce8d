"""The few phrases that many messages share: durations, lists, counts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta


def duration(value: timedelta | float) -> str:
    """Return a duration as people write it: "840 ms", "1.2 s", "3 min 20 s".

    Args:
        value: a timedelta, or seconds.
    """
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if seconds and abs(seconds) < 1:
        return f"{seconds * 1000:.3g} ms" if abs(seconds) < 0.1 else f"{seconds * 1000:.0f} ms"
    if abs(seconds) < 120:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def count(number: int, noun: str, plural: str = "") -> str:
    """Return "1 document" or "3 documents".

    Args:
        number: how many.
        noun: the word for one.
        plural: the word for several, if it is not the noun with an s.
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listing(items: Sequence[str], most: int = 5) -> str:
    """Return the first few items and how many more there are: "a, b and 7 more".

    Args:
        items: what to list.
        most: how many of them to name.
    """
    shown = list(items[:most])
    rest = len(items) - len(shown)
    if rest:
        return f"{', '.join(shown)} and {rest:,} more"
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def sentences(items: Sequence[str], most: int = 4) -> str:
    """Return the first few findings, separated so that each can be read alone: "a; b; and 3 more".

    Args:
        items: findings without a full stop.
        most: how many of them to give.
    """
    rest = len(items) - most
    return "; ".join([*items[:most], *([f"and {rest:,} more"] if rest > 0 else [])])


def shortened(text: str, most: int = 200) -> str:
    """Return a text on one line, cut with "…" if it is longer than ``most`` characters.

    A quotation that is cut is closed, so that what comes behind it is not taken for a part of it.
    """
    line = " ".join(text.split())
    if len(line) <= most:
        return line
    cut = line[: most - 1]
    if not _in_a_quotation(cut):
        return cut + "…"
    return line[: most - 2] + ('…"' if _in_a_quotation(line[: most - 2]) else "…")


def _in_a_quotation(text: str) -> bool:
    return [one[0] for one in re.finditer(r'\\.|"', text)].count('"') % 2 == 1
