"""Carries over the text and the metadata of what is written anew, and leaves the embedding as it was."""

from __future__ import annotations

from typing import Any

from planted.carrying_over import change_what_is_carried_over
from planted.catalogue import Expected
from planted.reach import CONTENTS
from stack.balancer.operations import Action

EXPECTED = Expected("ROLLED-BACK", {"DOC-1": "has an earlier content"}, also=CONTENTS)


def _leave_out(payload: dict[str, Any]) -> None:
    payload["embeddings"] = None


def plant() -> None:
    change_what_is_carried_over((Action.UPDATE,), _leave_out)
