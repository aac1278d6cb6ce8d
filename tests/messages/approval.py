"""What check keywords say when they fail, as it is now, and as it was approved."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from produced_messages import SCENES
from robot.libdocpkg import LibraryDocumentation
from source_messages import Source
from stage import KEYWORDS, LIBRARIES, message_of

APPROVED = Path(__file__).parent / "approved.yaml"
COMMAND = "python -m tests.messages"
BROKEN = "the scene is broken: "
_HEADING = f"""\
# What each check keyword says when it fails, as a release manager would read it. Written by {COMMAND}: read the
# difference before you commit it, since that is the approval.
#   message    a whole message, really produced by the keyword on a deployment made of plain values
#   sentences  every sentence that it can fail with, as the source has it, with {{blanks}} for what is filled in

"""

Messages = dict[str, dict[str, Any]]


@cache
def check_keywords() -> tuple[str, ...]:
    """Return every library keyword that is tagged Check, as "Library.Keyword"."""
    libraries = [LibraryDocumentation(str(KEYWORDS / f"{name}.py")) for name in LIBRARIES]
    return tuple(
        f"{one.name}.{keyword.name}" for one in libraries for keyword in one.keywords if "Check" in keyword.tags
    )


def messages_now() -> Messages:
    """Return what each check keyword says now."""
    source = Source(KEYWORDS)
    found: Messages = {}
    for name in check_keywords():
        library, keyword = name.split(".")
        produced = {"message": _played(name)} if name in SCENES else {}
        found[name] = {**produced, "sentences": source.sentences_of(library, keyword)}
    return found


def _played(name: str) -> str:
    """Return the message of a keyword's scene, or how the scene itself broke: that is no message, and of no outcome."""
    try:
        return message_of(SCENES[name])
    except Exception as error:  # noqa: BLE001 - one scene that is out of date must not hide what the others say
        return f"{BROKEN}{type(error).__name__}: {error}"


def approved_messages(path: Path = APPROVED) -> Messages:
    """Return what was approved."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(content, dict), f"{path} is not what {COMMAND} writes"
    return content


def approve(now: Messages, path: Path = APPROVED) -> None:
    """Take what each check keyword says now for approved."""
    # One line for each message, however long: so a difference shows what has changed.
    text = yaml.safe_dump(now, allow_unicode=True, sort_keys=False, width=100_000)
    path.write_text(_HEADING + text, encoding="utf-8")


def not_approved(approved: Mapping[str, Mapping[str, Any]], now: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return each difference between what was approved and what is said now, as a sentence.

    Args:
        approved, now: messages by keyword.
    """
    found = [f"{name} is approved, and is no check keyword any more." for name in approved if name not in now]
    for name, said in now.items():
        if name not in approved:
            found.append(f"{name} has no approved message.")
            continue
        was = approved[name]
        if was.get("message") != said.get("message"):
            found.append(f"{name} says “{said.get('message')}”; approved is “{was.get('message')}”.")
        old, new = was.get("sentences", []), said.get("sentences", [])
        found += [f"{name} can say “{one}”, which is not approved." for one in new if one not in old]
        found += [f"{name} can't say “{one}” any more, which is approved." for one in old if one not in new]
    return found
