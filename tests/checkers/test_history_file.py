"""The file of a history: what is written is read again, and a file that is not whole is named and never judged."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from honest_deployment import Run, runs
from hypothesis import HealthCheck, given, settings

from signoff.history import Action, BadHistory, History, HistoryWriter, read_history
from signoff.recheck import main
from signoff.verdict import CouldNotObserve


def write(path: Path, history: History) -> Path:
    with HistoryWriter(path, history.header) as writer:
        for event in history.events():
            writer.append(event)
    return path


def a_run() -> Run:
    run = Run()
    run.ask(Action.CREATE)
    run.ask(Action.ADD, "d1", metadata={"true": True, "one": 1, "fraction": 1.0, "text": "ä\n"})
    run.ask(Action.GET, "d1")
    return run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "history.jsonl", a_run().history())


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(runs())
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, run: Run) -> None:
    history = run.history()
    assert read_history(write(tmp_path_factory.mktemp("run") / "history.jsonl", history)) == history


def test_metadata_keeps_its_types(file: Path) -> None:
    metadata = read_history(file).finals[0].documents[0].metadata
    assert metadata is not None
    assert [type(metadata[key]) for key in ("true", "one", "fraction", "text")] == [bool, int, float, str]


def test_a_file_is_never_overwritten(file: Path) -> None:
    with pytest.raises(CouldNotObserve, match="can't be written: File exists"):
        HistoryWriter(file, a_run().history().header)


def test_a_run_that_breaks_off_leaves_no_end(tmp_path: Path) -> None:
    path, history = tmp_path / "history.jsonl", a_run().history()

    def break_off() -> None:
        with HistoryWriter(path, history.header) as writer:
            writer.append(history.operations[0])
            raise KeyError

    with pytest.raises(KeyError):
        break_off()
    with pytest.raises(BadHistory, match="stops after line 2 without an end"):
        read_history(path)


def test_a_file_cut_at_any_byte_gives_no_verdict(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = file.read_bytes()
    for length in {0, 1, 20, len(whole) // 2, len(whole) - 30, len(whole) - 1}:
        file.write_bytes(whole[:length])
        with pytest.raises(BadHistory):
            read_history(file)
        assert main([str(file)]) == 2
        output = capsys.readouterr()
        assert output.out == ""
        assert output.err.count("\n") == 1
        if length > 1:
            last = whole[:length].count(b"\n") + 1
            assert f"Line {last} of {file} is cut off" in output.err


def changed(number: int, change: Callable[[dict[str, object]], object]) -> Callable[[list[str]], list[str]]:
    def rewrite(lines: list[str]) -> list[str]:
        content = json.loads(lines[number - 1])
        change(content)
        return [*lines[: number - 1], json.dumps(content), *lines[number:]]

    return rewrite


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (changed(1, lambda line: line.update(version=2)), "Line 1 of .* says version 2; only 1 can be judged"),
        (changed(1, lambda line: line.update(version="1")), "Line 1 of .* says version 1; only 1"),
        (changed(1, lambda line: line.pop("version")), "Line 1 of .* says version None"),
        (changed(3, lambda line: line.pop("token")), "Line 3 of .* is not what a history holds: operation.token"),
        (changed(3, lambda line: line.update(result="maybe")), "Line 3 of .*: operation.result"),
        (changed(3, lambda line: line.update(invoked="1.0")), "Line 3 of .*: operation.invoked"),
        (changed(3, lambda line: line.update(more=1)), "Line 3 of .*: operation.more"),
        (changed(3, lambda line: line.update(line="gossip")), "Line 3 of .* is not what a history holds"),
        (lambda lines: ["[]", *lines[1:]], "Line 1 of .* is no header of a history"),
        (lambda lines: [lines[0], *lines], "Line 2 of .* is a second header"),
        (lambda lines: [lines[0], "", *lines[1:]], "Line 2 of .* is not what a history holds"),
        (lambda lines: lines[:4] + lines[5:], "ends .* lines, and .* are there"),
        (lambda lines: [*lines, lines[-1]], "is the end, and 1 line follow"),
        (lambda lines: lines[:-1], "without an end"),
    ],
)
def test_a_damaged_file_is_named_with_its_line(
    file: Path, damage: Callable[[list[str]], list[str]], sentence: str
) -> None:
    file.write_text("\n".join(damage(file.read_text().splitlines())) + "\n")
    with pytest.raises(BadHistory, match=sentence):
        read_history(file)


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.jsonl")]) == 2
    assert "can't be read: No such file" in capsys.readouterr().err
    assert main([]) == 2
    assert "Name one history file" in capsys.readouterr().err


def test_a_history_is_judged_again(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(file)]) == 2
    output = capsys.readouterr().out
    assert "Not tested: No write was refused or left unanswered" in output
    assert output.endswith("INCOMPLETE\n")


def test_a_broken_promise_is_no_go(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history = a_run().history()
    emptied = [replace(read, documents=(), counted=0) for read in history.finals]
    path = write(tmp_path / "lost.jsonl", replace(history, finals=tuple(emptied)))
    assert main([str(path)]) == 1
    output = capsys.readouterr().out
    assert (
        "LOST: Document d1 of orders was added (acknowledged 10:02:03.420) and is missing on the primary [op-2]"
        in output
    )
    assert output.endswith("NO-GO\n")
