"""What failed and interrupted runs left behind: collections that a manifest names, and that nobody has deleted."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from .clients.client import Writer
from .clients.instances import Instance
from .environment import FOLDER as ENVIRONMENTS
from .environment import Environment
from .faults.guard import Guard, Use
from .manifest import FOLDER
from .outcomes import Effect
from .verdict import CouldNotObserve
from .words import count, listing

Say = Callable[[str], None]
PURGE = "python -m keywords.signoff purge"
"""What removes leftovers."""
_WAIT = timedelta(seconds=30)


def leftovers(deployment: str, folder: Path = FOLDER) -> list[tuple[Path, str]]:
    """Return the collections that runs created on a deployment and did not delete, with the manifest that names each.

    Args:
        deployment: the balancer's URL, as the manifests have it.
        folder: where the manifests lie.
    """
    found: list[tuple[Path, str]] = []
    for path in sorted(folder.glob("*.jsonl")):
        there: dict[str, None] = {}
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                event = json.loads(line)
                name, kind, where = str(event["collection"]), event["event"], event["deployment"]
            except (ValueError, KeyError, TypeError):
                continue  # the process died while it wrote this line, so nothing had been created yet
            if where != deployment:
                continue
            if kind == "created":
                there[name] = None
            elif kind == "deleted":
                there.pop(name, None)
        found += [(path, name) for name in there]
    return found


def told(environment: Environment, left: Sequence[str]) -> str:
    """Say in one sentence what runs left behind on a deployment, and how it is removed; "" if that is nothing.

    Args:
        left: the names of the collections.
    """
    if not left:
        return ""
    return (
        f"Left over on {environment.balancer_url}: {count(len(left), 'collection')}, {listing(left, len(left))}. "
        f"To remove {'it' if len(left) == 1 else 'them'}: {removal(environment)}"
    )


def removal(environment: Environment) -> str:
    """Return the command that removes what runs left behind in an environment."""
    if environment.file == ENVIRONMENTS / "local.yaml":
        return PURGE
    known = environment.file.parent == ENVIRONMENTS
    return f"{PURGE} --environment {environment.file.stem if known else environment.file}"


def purge(environment: Environment, say: Say, folder: Path = FOLDER) -> int:
    """Delete what interrupted or failed runs left on a deployment; only full names that a manifest has are deleted.

    Returns:
        How many collections were deleted.

    Raises:
        CouldNotObserve: if one can't be deleted; the others are tried all the same.
    """
    left = leftovers(environment.balancer_url, folder)
    if not left:
        say(f"No collection is left of earlier runs on {environment.balancer_url}.")
        return 0
    guard = Guard(environment.balancer_url)
    guard.take(Use.ALONE, _WAIT)
    try:
        return _purge(environment, left, say)
    finally:
        guard.release()


def _purge(environment: Environment, left: Sequence[tuple[Path, str]], say: Say) -> int:
    patience = environment.settings.request_timeout * 2
    writer = Writer(environment.balancer_url, patience)
    readers = [
        Instance("balancer", environment.balancer_url, patience),
        Instance("primary", environment.primary_url, patience),
        Instance("replica", environment.replica_url, patience),
    ]
    deleted = 0
    failed = []
    for number, (path, name) in enumerate(left, 1):
        there = [reader.name for reader in readers if reader.has_collection(name)]
        if there and "balancer" not in there:
            failed.append(f"{name} (the balancer knows nothing of it, and it is on the {' and the '.join(there)})")
            continue
        if there:
            answered = writer.drop(f"purge-{path.stem}-{number}", name)
            if answered.effect is not Effect.DONE:
                failed.append(f"{name} ({answered.answer_in_words})")
                continue
            deleted += 1
            say(f"Deleted {name}.")
        event = {"event": "deleted", "collection": name, "deployment": environment.balancer_url}
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")
    if failed:
        raise CouldNotObserve(f"{count(len(failed), 'collection')} could not be deleted: {failed[0]}")
    say(f"{count(deleted, 'collection')} deleted, {len(left) - deleted} were gone already.")
    return deleted
