"""Carries an update over to the other instance as if what it leaves out were empty.

A replica that is sent the columns of a row that a statement did not name is how partial updates wiped values in
statement-based replication.
"""

from __future__ import annotations

from typing import Any

from planted.carrying_over import change_what_is_carried_over
from planted.catalogue import Expected
from planted.reach import CONTENTS
from stack.balancer.operations import Action

EXPECTED = Expected("MANGLED", {"DOC-1": "differs"}, also=CONTENTS)


def _empty(payload: dict[str, Any]) -> None:
    payload["documents"] = payload.get("documents") or [""] * len(payload["ids"])


def plant() -> None:
    change_what_is_carried_over((Action.UPDATE,), _empty)
