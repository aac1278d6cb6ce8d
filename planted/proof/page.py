"""The matrix of planted faults and requirements, as one self-contained HTML file."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from keywords.signoff.report.checklist import load_checklist

from .outcome import Outcome
from .record import Planted, Record

SIGNS = {"red": "●", "green": "✓", "unrelated": "!"}


def write_page(record: Record, file: Path) -> None:
    """Write the matrix of all that is known.

    Args:
        record: what the proof has found.
        file: where to; ``proof.json`` lies beside it.
    """
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    checklist = load_checklist()
    caught = {
        requirement.id: sum(
            requirement.id in one.requirements for one in record.faults.values() if one.outcome == Outcome.CAUGHT.value
        )
        for requirement in checklist
    }
    parts = [
        (part, list(faults))
        for part, faults in groupby(sorted(record.faults.values(), key=_place), key=lambda one: one.name.split("/")[0])
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        templates.get_template("proof.html.j2").render(
            record=record,
            checklist=checklist,
            groups=[(name, list(rows)) for name, rows in groupby(checklist, key=lambda row: row.group)],
            caught=caught,
            never=[requirement for requirement in checklist if not caught[requirement.id]],
            parts=parts,
            cell=_cell,
            signs=SIGNS,
        ),
        encoding="utf-8",
    )


def _place(one: Planted) -> tuple[int, str]:
    order = ("balancer", "sync", "monitor", "wire", "tool")
    part = one.name.split("/")[0]
    return order.index(part), one.name


def _cell(one: Planted, requirement: str) -> str:
    """Return what became of a requirement while a fault was planted: red, green, unrelated, or "" if not looked at."""
    for kind, ids in (("red", one.requirements), ("unrelated", one.unrelated), ("green", one.green)):
        if requirement in ids:
            return kind
    return ""
