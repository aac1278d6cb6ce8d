"""What is said of collections that runs left behind."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from test_domain_environment import VARIABLES

from signoff.checks.destructive import deletes, makes_a_fault
from signoff.checks.lifecycle import changes
from signoff.environment import FOLDER, Environment, load_environment
from signoff.leftovers import leftovers, told


@pytest.fixture
def environment() -> Environment:
    return load_environment("local", VARIABLES)


def test_nothing_is_said_of_nothing(environment: Environment) -> None:
    assert told(environment, []) == ""


def test_every_name_and_the_command_are_told(environment: Environment) -> None:
    sentence = told(environment, [f"documents-{number}" for number in range(30)])
    assert all(f"documents-{number}" in sentence for number in range(30))
    assert sentence.endswith("To remove them: python -m keywords.signoff purge")


def test_the_command_names_the_environment(environment: Environment) -> None:
    hosted = replace(environment, file=FOLDER / "render.yaml")
    assert told(hosted, ["one"]).endswith("To remove it: python -m keywords.signoff purge --environment render")
    own = replace(environment, file=Path("/etc/ours.yaml"))
    assert told(own, ["one"]).endswith("purge --environment /etc/ours.yaml")


def test_what_was_kept_is_left_over_and_what_was_deleted_is_not(tmp_path: Path) -> None:
    events = [("created", "a"), ("created", "b"), ("created", "c"), ("kept", "b"), ("deleted", "c")]
    lines = [json.dumps({"event": event, "collection": name, "deployment": "http://one"}) for event, name in events]
    (tmp_path / "1.jsonl").write_text("\n".join([*lines, '{"event": "crea']), encoding="utf-8")
    assert [name for _, name in leftovers("http://one", tmp_path)] == ["a", "b"]
    assert leftovers("http://other", tmp_path) == []


def test_what_is_new_and_what_is_gone_is_told_with_its_place() -> None:
    before = {"the mapping": frozenset({"a", "b"}), "the databases of the replica": frozenset({"default"})}
    after = {"the mapping": frozenset({"b", "c"}), "the databases of the replica": frozenset({"default", "probe"})}
    assert changes(before, after) == [
        "the databases of the replica: probe is new",
        "the mapping: c is new",
        "the mapping: a is gone",
    ]
    assert changes(before, before) == []


def test_keywords_that_break_or_delete_are_found_by_their_tag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "RoughLibrary.py").write_text(
        "from __future__ import annotations\n"
        "from enum import Enum\n"
        "from robot.api.deco import keyword, library\n"
        "class Way(Enum):\n    FIRST = 1\n"
        "@library(auto_keywords=False)\n"
        "class RoughLibrary:\n"
        "    @keyword(tags=['Destructive'])\n"
        "    def breaks(self, way: Way, name: str, times: int = 3, *, soft: bool = False) -> object:\n"
        "        return way, name, times\n"
        "    @keyword(tags=['Check'])\n"
        "    def looks(self) -> None: ...\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    (found,) = makes_a_fault(tmp_path)
    assert found.name == "RoughLibrary.breaks"
    way, name, times = found.call("given")  # type: ignore[misc]
    assert (way.name, name, times) == ("FIRST", "given", 3)
    assert deletes(tmp_path) == []


def test_every_fault_of_the_libraries_is_among_them() -> None:
    names = {one.name for one in makes_a_fault()}
    assert {"RenderLibrary.suspend_instance", "SlackLibrary.make_slack_deaf", "FaultLibrary.freeze_database"} <= names
    assert {one.name for one in deletes()} == {
        "ChromaLibrary.delete_collection",
        "ChromaLibrary.delete_documents",
        "ChromaLibrary.delete_documents_where",
    }
