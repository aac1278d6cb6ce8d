"""The availability timeline: how many operations succeeded and failed at each moment, with the faults drawn in."""

from __future__ import annotations

from collections import Counter
from html import escape

from ..checkers.outages import outages
from ..history import History, Result
from ..words import duration

_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 720, 96, 34, 18
_COLUMNS = 160


def draw(history: History) -> str:
    """Return the timeline as an SVG: a column for each moment, good operations upward in green, failed ones in red.

    Colour does not carry the meaning alone: failed operations hang below the line, and faults are named.
    """
    operations = history.operations
    if not operations:
        return ""
    begin = min(one.invoked for one in operations)
    length = max(max(one.returned for one in operations) - begin, 0.001)
    columns: Counter[tuple[int, bool]] = Counter()
    for one in operations:
        column = min(_COLUMNS - 1, int((one.invoked - begin) / length * _COLUMNS))
        columns[column, one.result is Result.OK] += 1
    most = max(columns.values())
    width = (_WIDTH - _LEFT) / _COLUMNS
    base = 58

    def x(moment: float) -> float:
        return _LEFT + min(max((moment - begin) / length, 0.0), 1.0) * (_WIDTH - _LEFT)

    parts = []
    for fault in outages(history):
        start, end = x(fault.injected), x(fault.restored)
        parts.append(
            f'<rect x="{start:.1f}" y="0" width="{max(end - start, 1):.1f}" height="{_HEIGHT - _BOTTOM}" '
            f'fill="#f3d9b1"><title>{escape(fault.fault)}</title></rect>'
        )
        words = f"{fault.target}: {fault.kind.value}"
        parts.append(f'<text x="{start + 2:.1f}" y="9" font-size="9" fill="#7a4b00">{escape(words)}</text>')
    for (column, good), number in sorted(columns.items()):
        height = number / most * (base - 14) if good else number / most * (_HEIGHT - _BOTTOM - base)
        top = base - height if good else base
        colour = "#2e7d4f" if good else "#b3261e"
        left = _LEFT + column * width
        parts.append(
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{max(width - 0.5, 0.5):.1f}" height="{max(height, 1):.1f}" '
            f'fill="{colour}"/>'
        )
    parts.append(f'<line x1="{_LEFT}" y1="{base}" x2="{_WIDTH}" y2="{base}" stroke="#555" stroke-width="0.5"/>')
    rate = most / (length / _COLUMNS)
    parts.append(f'<text x="0" y="{base - 34}" font-size="9" fill="#333">{rate:.0f}/s</text>')
    parts.append(f'<text x="0" y="{base + 3}" font-size="9" fill="#333">good</text>')
    parts.append(f'<text x="0" y="{base + 14}" font-size="9" fill="#333">failed</text>')
    for share in range(5):
        moment = begin + length * share / 4
        anchor = ("start", "middle", "middle", "middle", "end")[share]
        parts.append(
            f'<text x="{x(moment):.1f}" y="{_HEIGHT - 5}" font-size="9" fill="#333" text-anchor="{anchor}">'
            f"{duration(round(moment - begin, 1))}</text>"
        )
    failed = sum(one.result is not Result.OK for one in operations)
    label = f"{len(operations) - failed} operations succeeded and {failed} failed within {duration(length)}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" role="img" '
        f'aria-label="{label}" font-family="sans-serif">{"".join(parts)}</svg>'
    )
