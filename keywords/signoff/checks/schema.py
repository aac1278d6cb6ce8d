"""Whether the database is what the contract says: tables, columns, types, and whether rows go in and come back."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from ..environment import RESOURCES
from ..testbed import Testbed
from ..verdict import CouldNotObserve, NotMet, VerdictClass
from ..words import count, listing, sentences

FILE = RESOURCES / "schema.yaml"
_NEW_ID, _NOW = "new id", "now"


@dataclass(frozen=True)
class Column:
    """A column of the contract.

    Attributes:
        types: what PostgreSQL may call its type.
        value: one that it has to take; "new id" and "now" stand for fresh ones.
    """

    types: tuple[str, ...]
    value: object

    def fresh_value(self) -> object:
        """Return a value to try out."""
        if self.value == _NEW_ID:
            return str(uuid.uuid4())
        return datetime.now().astimezone() if self.value == _NOW else self.value


Tables = Mapping[str, Mapping[str, Column]]


def contract_tables(file: Path = FILE) -> Tables:
    """Return every table of the contract with its columns."""
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    types = {kind: tuple(names) for kind, names in data["types"].items()}
    return {
        table: {name: Column(types[kind], value) for name, (kind, value) in columns.items()}
        for table, columns in data["tables"].items()
    }


def complete(bed: Testbed) -> str:
    """Check every table, column and type; return in words how many there are.

    Raises:
        NotMet: if one is missing, or has another type.
    """
    tables = contract_tables()
    found = [
        line for table, wanted in tables.items() for line in differences(table, wanted, bed.database.columns(table))
    ]
    if found:
        raise NotMet(VerdictClass.BAD_SCHEMA.says(sentences(found, most=6)))
    return f"{len(tables)} tables with {sum(map(len, tables.values()))} columns"


def differences(table: str, wanted: Mapping[str, Column], present: Mapping[str, str]) -> list[str]:
    """Return what a table lacks, in words.

    Args:
        wanted: its columns by the contract.
        present: its columns and their types; empty if it isn't there.
    """
    if not present:
        return [f"there is no table {table}"]
    found = [f"{table} has no column {name}" for name in wanted if name not in present]
    found += [
        f"{table}.{name} is of type {present[name]}, and not {' or '.join(column.types)}"
        for name, column in wanted.items()
        if name in present and present[name] not in column.types
    ]
    return found


def takes_rows(bed: Testbed) -> str:
    """Insert a row into every table, read it back, and take it back; return in words how many were tried.

    Raises:
        NotMet: if a table takes no row, or gives another one back, or keeps it.
    """
    tables = contract_tables()
    found = []
    for table, columns in tables.items():
        row = {name: column.fresh_value() for name, column in columns.items()}
        try:
            read = bed.database.try_out(table, row)
        except CouldNotObserve as error:
            found.append(f"{table} takes no row: {error.sentence}")
            continue
        changed = [name for name, value in row.items() if not _same(value, read.get(name))]
        if changed:
            found.append(f"{table} gives other values back for {listing(changed)}")
        if bed.database.holds(table, row):
            found.append(f"{table} kept a row that was taken back")
    if found:
        raise NotMet(VerdictClass.BAD_SCHEMA.says(sentences(found, most=6)))
    return f"{count(len(tables), 'row')} inserted, read back and taken back, one in each table"


def _same(given: object, read: Any) -> bool:
    if isinstance(read, datetime):
        return isinstance(given, datetime) and given == read
    if isinstance(read, int | float | Decimal) and isinstance(given, int | float):
        return float(read) == float(given)
    if isinstance(read, list | dict):
        return not read and given == "{}"
    return str(read) == str(given)
