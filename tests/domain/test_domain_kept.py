"""What a failed test leaves on a stack that ends: copies that open, and words that say how."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import ChromaLibrary
from signoff import __main__ as signoff
from signoff import testbed
from signoff.environment import LocalProcesses
from signoff.kept import LOG, keep, kept_folders, remove_kept
from signoff.manifest import Manifest
from signoff.verdict import CouldNotObserve

URL = "http://127.0.0.1:1"


@dataclass(frozen=True)
class Row:
    """Stands for a row of the log."""

    seq: int


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[Any]:
    """A stack whose servers are at work on their data: the last write is in SQLite's own log only."""
    stack = tmp_path / "stack"
    open_stores = []
    for service in ("chroma-primary", "chroma-replica"):
        (stack / service / "index").mkdir(parents=True)
        (stack / service / "index" / "data.bin").write_bytes(service.encode())
        store = sqlite3.connect(stack / service / "chroma.sqlite3")
        store.execute("PRAGMA journal_mode=WAL")
        store.execute("CREATE TABLE documents (id TEXT)")
        store.execute("INSERT INTO documents VALUES ('one')")
        store.commit()
        open_stores.append(store)
    services = {"primary": "chroma-primary", "replica": "chroma-replica"}
    yield SimpleNamespace(
        environment=SimpleNamespace(local=LocalProcesses(stack / "stack.json", services), balancer_url=URL),
        manifest=Manifest(URL, tmp_path / "manifest"),
        database=SimpleNamespace(log_rows=lambda name: [Row(1), Row(2)]),
    )
    for store in open_stores:
        store.close()


def test_a_copy_is_whole_and_says_how_it_is_opened(bed: Any, tmp_path: Path) -> None:
    copied = keep(bed, ["orders-1"], "Both Instances: Hold / What They Should", tmp_path / "kept")
    assert kept_folders(tmp_path / "kept") == [copied.folder]
    assert copied.folder.name.startswith("Both-Instances-Hold-What-They-Should-")
    for role in ("primary", "replica"):
        with closing(sqlite3.connect(copied.folder / role / "chroma.sqlite3")) as store:
            assert store.execute("SELECT id FROM documents").fetchall() == [("one",)]
        assert (copied.folder / role / "index" / "data.bin").read_text() == f"chroma-{role}"
        assert f"chroma run --path {copied.folder / role}" in copied.words
    assert json.loads((copied.folder / LOG).read_text()) == {"orders-1": [{"seq": 1}, {"seq": 2}]}
    assert "not kept" not in copied.words


def test_what_can_not_be_copied_is_told_and_the_rest_is_copied(bed: Any, tmp_path: Path) -> None:
    def away(name: str) -> None:
        raise CouldNotObserve("the database does not answer")

    bed.database.log_rows = away
    (bed.environment.local.state.parent / "chroma-replica" / "chroma.sqlite3").unlink()
    copied = keep(bed, ["orders-1"], "A Test", tmp_path / "kept")
    assert (copied.roles, copied.has_log) == (("primary",), False)
    assert "not kept: the replica's data (there is no chroma.sqlite3 in" in copied.words
    assert "the write-ahead log (the database does not answer)" in copied.words


def test_copies_are_removed_and_that_is_said(bed: Any, tmp_path: Path) -> None:
    said: list[str] = []
    keep(bed, [], "A Test", tmp_path / "kept")
    assert remove_kept(said.append, tmp_path / "kept") == 1
    assert said == [f"Removed what 1 failed test had kept in {tmp_path / 'kept'}."]
    assert kept_folders(tmp_path / "kept") == []
    assert remove_kept(said.append, tmp_path / "kept") == 0


def test_a_purge_of_copies_needs_no_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIGNOFF_STACK", raising=False)
    monkeypatch.delenv("SIGNOFF_ENVIRONMENT", raising=False)
    monkeypatch.setattr(signoff, "remove_kept", lambda say: 2)
    assert signoff.main(["purge"]) == 0


@pytest.fixture
def cleaned(
    bed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, Callable[..., None]], list[str]]:
    """Cleans up after a test of a status, with a way to delete; returns what was warned of."""

    def clean(status: str, delete_all: Callable[..., None]) -> list[str]:
        warned: list[str] = []
        values = {"${TEST STATUS}": status, "${TEST NAME}": "A Test"}
        built_in = SimpleNamespace(get_variable_value=lambda name, default: values.get(name, default))
        monkeypatch.setattr(ChromaLibrary, "BuiltIn", lambda: built_in)
        monkeypatch.setattr(ChromaLibrary, "current", lambda: bed)
        monkeypatch.setattr(ChromaLibrary.checks, "delete_all", delete_all)
        monkeypatch.setattr(ChromaLibrary.logger, "warn", warned.append)
        original = keep
        monkeypatch.setattr(
            ChromaLibrary.kept, "keep", lambda bed, names, test: original(bed, names, test, tmp_path / "kept")
        )
        try:
            ChromaLibrary.ChromaLibrary().clean_up_after_test()
        except CouldNotObserve as error:
            warned.append(error.sentence)
        return warned

    return clean


def test_a_failed_test_on_a_stack_that_ends_says_where_its_copy_is(
    bed: Any, cleaned: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SIGNOFF_STACK", raising=False)
    bed.manifest.add("orders-1")
    (said,) = cleaned("FAIL", lambda *_: None)
    assert "orders-1" in said
    assert "chroma run --path" in said
    assert "as this deployment ends with the run" in said
    assert "To remove them: python -m keywords.signoff purge (" in said
    assert bed.manifest.present() == []


def test_what_a_passed_test_could_not_delete_is_never_the_next_ones_to_delete(
    bed: Any, cleaned: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SIGNOFF_STACK", raising=False)

    def refuse(*_: object) -> None:
        bed.manifest.remove("orders-1")
        raise CouldNotObserve("orders-2 could not be deleted afterwards")

    for name in ("orders-1", "orders-2", "orders-3"):
        bed.manifest.add(name)
    said, raised = cleaned("PASS", refuse)
    assert raised == "orders-2 could not be deleted afterwards"
    assert "orders-2, orders-3 at" in said
    assert bed.manifest.present() == []
    assert cleaned("PASS", refuse) == []


def test_a_stack_that_somebody_keeps_does_not_end_with_the_run(bed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIGNOFF_STACK", raising=False)
    assert testbed.ends_with_the_run(bed)
    monkeypatch.setenv("SIGNOFF_STACK", "stack.json")
    assert not testbed.ends_with_the_run(bed)
    bed.environment.local = None
    monkeypatch.delenv("SIGNOFF_STACK")
    assert not testbed.ends_with_the_run(bed)
