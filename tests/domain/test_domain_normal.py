"""Small judgements around a disturbance: when it was over, whether a request was under way, who answered in turns."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from signoff.checks.cut_requests import Cut
from signoff.checks.normal import over_since
from signoff.checks.sharing import out_of_turn
from signoff.clients.client import Write
from signoff.clients.wire import NoAnswer
from signoff.faults.fault_log import FaultLog
from signoff.history import FaultKind
from signoff.verdict import CouldNotObserve


def test_without_a_fault_the_time_counts_from_now() -> None:
    assert over_since([], 12.5) == 12.5


def test_it_counts_from_the_end_of_the_last_fault() -> None:
    log = FaultLog()
    for target in ("primary", "replica"):
        log.proved(FaultKind.CRASH, target, 1.0, "connections are refused")
    log.restored("replica", 2.0, "it answers")
    with pytest.raises(CouldNotObserve, match=r"1 \(primary: .*\) is still there"):
        over_since(log.events, 99.0)
    log.restored("primary", 3.0, "it answers")
    assert over_since(log.events, 0.0) == log.restored_at("primary") > log.restored_at("replica")


@pytest.mark.parametrize(("killed", "under_way"), [(0.5, False), (1.5, True), (2.5, False)])
def test_a_request_was_under_way_between_its_beginning_and_its_answer(killed: float, under_way: bool) -> None:
    answer = NoAnswer("the balancer", "the connection was closed", sent=True)
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    write = Write("s", "add", "c", (), "POST", "/c/add", "{}", 1.0, 2.0, moment, answer)
    assert Cut(write, killed).under_way is under_way


@pytest.mark.parametrize(
    ("tellers", "words"),
    [
        (["primary", "replica", "primary"], ""),
        (["replica"], ""),
        (["primary", "replica", "replica"], "of 3 reads the replica answered number 2 and the next one as well"),
    ],
)
def test_turns_are_taken_one_after_the_other(tellers: list[str], words: str) -> None:
    assert out_of_turn(tellers) == words
