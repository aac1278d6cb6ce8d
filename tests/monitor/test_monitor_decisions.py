"""What the monitor decides: thresholds, cooldowns, transitions, and what Slack is told, in which order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from stack.monitor import messages, outbox
from stack.monitor.advice import (
    Given,
    Kind,
    Plan,
    Recommendation,
    Subject,
    Urgency,
    Use,
    is_due,
    measured,
    recommendations,
    subject,
)
from stack.monitor.memory import Memory, Remembered
from stack.monitor.outbox import Fate, Message, Outbox, Try, Webhook, outcome_of
from stack.monitor.prices import SOURCE, TIERS, tier_with
from stack.monitor.transitions import InstanceStates, Transition

ROOT = Path(__file__).resolve().parents[2]
PLAN = Plan(512, 1.0, 1024, 85.0, 80.0, 1000, 5000)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def advice(memory: float = 10.0, cpu: float = 1.0, disk: float = 1.0, owed: int | None = 0) -> dict[Kind, Urgency]:
    """Return what is recommended for one service that uses so many percent of each."""
    use = Use("chroma-primary", memory * 5.12, cpu / 100, disk * 10.24)
    return {one.kind: one.urgency for one in recommendations(measured([use], PLAN, owed), PLAN)}


@pytest.mark.parametrize(
    ("kind", "calm", "medium", "still_medium", "high"),
    [
        ("memory", 84.9, 85.1, 94.9, 95.1),
        ("cpu", 79.9, 80.1, 94.9, 95.1),
        ("disk", 84.9, 85.1, 94.9, 95.1),
        ("owed", 1000, 1001, 5000, 5001),
    ],
)
def test_each_threshold_has_two_sides(kind: str, calm: float, medium: float, still_medium: float, high: float) -> None:
    named = Kind.PERFORMANCE if kind == "owed" else Kind(kind)
    number = int if kind == "owed" else float
    assert advice(**{kind: number(calm)}) == {}
    assert advice(**{kind: number(medium)}) == {named: Urgency.MEDIUM}
    assert advice(**{kind: number(still_medium)}) == {named: Urgency.MEDIUM}
    assert advice(**{kind: number(high)}) == {named: Urgency.HIGH}


def test_nothing_is_recommended_for_a_backlog_that_nobody_tells() -> None:
    assert advice(owed=None) == {}


@given(st.lists(st.tuples(st.floats(1, 2000), st.floats(0, 4), st.floats(0, 4000)), min_size=1, max_size=6))
def test_the_fullest_and_the_busiest_service_decide(given_uses: list[tuple[float, float, float]]) -> None:
    uses = [Use(f"s{number}", *values) for number, values in enumerate(given_uses)]
    seen = measured(uses, PLAN, 0)
    assert seen.memory_mb == max(use.memory_mb for use in uses)
    assert seen.memory_percent == pytest.approx(100 * seen.memory_mb / 512)
    found = recommendations(seen, PLAN)
    for kind, percents, threshold in (
        (Kind.MEMORY, [100 * use.memory_mb / 512 for use in uses], 85.0),
        (Kind.CPU, [100 * use.cpu_cores for use in uses], 80.0),
        (Kind.DISK, [100 * use.disk_mb / 1024 for use in uses], 85.0),
    ):
        expected = [use.service for use, percent in zip(uses, percents, strict=True) if percent > threshold]
        assert [one.service for one in found if one.kind is kind] == expected
    for one in found:
        assert one.monthly_cost > 0
        if one.kind is not Kind.DISK:
            assert one.tier.memory_mb >= PLAN.memory_mb
            assert one.tier.cpu_cores >= PLAN.cpu_cores
        if one.kind is Kind.MEMORY:
            assert one.tier.memory_mb > PLAN.memory_mb


@pytest.mark.parametrize("threshold", [5.0, 85.0])
def test_the_plan_that_is_there_already_is_never_recommended(threshold: float) -> None:
    plan = Plan(512, 0.5, 1024, threshold, threshold, 1000, 5000)
    use = Use("chroma-primary", 500.0, 0.48, 1000.0)
    found = {one.kind: one for one in recommendations(measured([use], plan, 2000), plan, date(2026, 1, 1))}
    assert {kind: one.tier.name for kind, one in found.items()} == {
        Kind.MEMORY: "standard",
        Kind.CPU: "standard",
        Kind.DISK: "starter with a disk of 2 GB",
        Kind.PERFORMANCE: "standard",
    }
    assert found[Kind.DISK].monthly_cost == Decimal("7.50")


def test_above_the_largest_plan_nothing_is_said_to_be_enough() -> None:
    use = Use("chroma-primary", 40000.0, 0.1, 1.0)
    (one,) = recommendations(measured([use], PLAN, 0), PLAN, date(2026, 1, 1))
    assert one.tier is TIERS[-1]
    assert one.reason.endswith("no plan gives as much as that needs, and pro ultra is the largest")
    assert "would do" not in messages.recommendation(one)["text"]


def test_an_old_price_is_called_old() -> None:
    use = Use("chroma-primary", 4000.0, 0.1, 1.0)
    for day, old in ((date(2026, 10, 1), False), (date(2026, 10, 2), True)):
        (one,) = recommendations(measured([use], PLAN, 0), PLAN, day)
        assert one.reason.endswith("of pro plus was looked up on 2025-10-01, more than a year ago") == old
        assert one.service == "chroma-primary"


@given(st.floats(0, 10**6), st.floats(0, 100))
def test_a_plan_gives_what_was_asked_for_and_no_cheaper_one_does(memory_mb: float, cpu_cores: float) -> None:
    tier = tier_with(memory_mb, cpu_cores)
    assert tier is TIERS[-1] or (tier.memory_mb >= memory_mb and tier.cpu_cores >= cpu_cores)
    for cheaper in TIERS[1 : TIERS.index(tier)]:
        assert cheaper.memory_mb < memory_mb or cheaper.cpu_cores < cpu_cores


@given(
    st.lists(st.tuples(st.integers(0, 50), st.sampled_from(list(Urgency))), max_size=30),
    st.integers(0, 100),
)
def test_a_recommendation_is_repeated_after_its_cooldown_or_when_it_is_more_urgent(
    seen: list[tuple[int, Urgency]], seconds: int
) -> None:
    cooldown = timedelta(seconds=seconds)
    earlier: dict[Subject, Given] = {}
    now = NOW
    for pause, level in seen:
        now += timedelta(seconds=pause)
        wanted = Recommendation(Kind.MEMORY, 90.0, TIERS[2], "the primary uses much", level)
        last = earlier.get(("the primary", Kind.MEMORY))
        due = is_due(wanted, earlier, now, cooldown)
        assert due == (last is None or now - last.at >= cooldown or (last.urgency, level) == (1, 2))
        if due:
            earlier[subject(wanted)] = Given(level, now)
    for other in ((Kind.CPU, "the primary uses much"), (Kind.MEMORY, "the replica uses much")):
        kind, reason = other
        assert is_due(Recommendation(kind, 90.0, TIERS[2], reason, Urgency.MEDIUM), earlier, now, cooldown)


@given(st.lists(st.dictionaries(st.sampled_from(["primary", "replica"]), st.booleans()), max_size=40))
def test_each_transition_is_told_once_and_alerts_and_recoveries_take_turns(looks: list[dict[str, bool]]) -> None:
    states = InstanceStates()
    changes = [change for look in looks for change in states.note(look, NOW)]
    for name in ("primary", "replica"):
        seen = [look[name] for look in looks if name in look]
        expected = [now for before, now in zip([True, *seen], seen, strict=False) if now != before]
        assert [change.healthy for change in changes if change.instance == name] == expected
        assert [change.healthy for change in changes if change.instance == name] == [
            bool(number % 2) for number in range(len(expected))
        ]


def test_the_monitor_and_the_suites_know_the_same_prices() -> None:
    table = yaml.safe_load((ROOT / "resources" / "prices.yaml").read_text(encoding="utf-8"))
    known = {tier.name: tier for tier in TIERS}
    assert table["source"] == SOURCE
    assert set(table["services"]) <= set(known)
    for name, price in table["services"].items():
        assert (known[name].monthly_cost, known[name].as_of) == (price, table["as_of"])


def test_a_message_names_its_instance_and_nothing_else() -> None:
    gone = messages.transition(Transition("replica", False, NOW))
    back = messages.transition(Transition("replica", True, NOW + timedelta(seconds=3), NOW))
    for message in (gone, back):
        assert "replica" in message["text"]
        assert "primary" not in json.dumps(message)
        assert message["attachments"][0]["fields"][0] == {"title": "Instance", "value": "replica", "short": True}
    assert "unhealthy" in gone["text"]
    assert "healthy again" in back["text"]
    assert "unhealthy" not in back["text"]


def delivered(numbers: Sequence[int], fates: Sequence[Fate]) -> tuple[list[int], list[float]]:
    """Return what a webhook that answers like this has taken, in its order, and the pauses between tries."""
    taken: list[int] = []
    pauses: list[float] = []
    answers = list(fates)

    async def post(message: Message) -> Try:
        fate = answers.pop(0) if answers else Fate.TAKEN
        if fate is Fate.TAKEN:
            taken.append(message["number"])
        return Try(fate)

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    async def run() -> None:
        box = Outbox(post, pause)
        for number in numbers:
            box.add({"number": number})
        task = asyncio.create_task(box.run())
        for _ in range(20 * (len(numbers) + len(fates)) + 20):
            await asyncio.sleep(0)
        task.cancel()

    asyncio.run(run())
    return taken, pauses


@given(st.lists(st.sampled_from([Fate.FAILED, Fate.TAKEN]), max_size=20), st.integers(0, 8))
def test_what_a_webhook_does_not_take_is_tried_again_in_order(fates: list[Fate], number: int) -> None:
    taken, pauses = delivered(range(number), fates)
    assert taken == list(range(number))
    assert all(0.25 <= pause <= 5.0 for pause in pauses)


def test_tries_come_less_and_less_often() -> None:
    _, pauses = delivered([1], [Fate.FAILED] * 7)
    assert pauses == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


def test_a_message_that_is_refused_for_good_holds_up_nobody() -> None:
    assert delivered([1, 2], [Fate.REFUSED])[0] == [2]


def test_when_too_many_wait_the_oldest_are_given_up() -> None:
    number = outbox.MOST_WAITING + 50
    taken, _ = delivered(range(number), [])
    assert taken == [0, *range(51, number)]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((200, b"ok", ""), Try(Fate.TAKEN)),
        ((200, b"ok\n", ""), Try(Fate.TAKEN)),
        ((200, b"<html>Welcome, log in first", ""), Try(Fate.FAILED, "status 200, and the body is not ok")),
        ((204, b"", ""), Try(Fate.FAILED, "status 204")),
        ((302, b"", ""), Try(Fate.FAILED, "status 302")),
        ((400, b"invalid_payload", ""), Try(Fate.REFUSED, "status 400")),
        ((404, b"no such path: /services/T0/B0/hunter2", ""), Try(Fate.FAILED, "status 404")),
        ((429, b"rate_limited", "7"), Try(Fate.FAILED, "status 429", 7.0)),
        ((500, b"rollup_error", "soon"), Try(Fate.FAILED, "status 500")),
    ],
)
def test_slacks_answers_are_understood(answer: tuple[Any, ...], expected: Try) -> None:
    assert outcome_of(*answer) == expected


def test_what_was_noticed_and_not_told_outlives_the_monitor(tmp_path: Path) -> None:
    file = tmp_path / "outbox.json"
    known = Remembered({"replica": NOW}, ({"text": "the replica is unhealthy"},), NOW)
    Memory(file).keep(known)
    assert Memory(file).recall() == known
    states = InstanceStates(known.unhealthy_since)
    assert states.note({"primary": True, "replica": False}, NOW + timedelta(seconds=1)) == []
    back = NOW + timedelta(seconds=2)
    assert states.note({"primary": True, "replica": True}, back) == [Transition("replica", True, back, NOW)]
    assert states.unhealthy_since == {}


@pytest.mark.parametrize("content", ["", "[]", '{"unhealthy_since": {}}', '{"unhealthy_since": {"primary": "now"}}'])
def test_a_memory_that_is_none_is_no_obstacle(tmp_path: Path, content: str) -> None:
    file = tmp_path / "outbox.json"
    assert Memory(file).recall() == Remembered()
    file.write_text(content)
    assert Memory(file).recall() == Remembered()
    Memory(tmp_path / "gone" / "outbox.json").keep(Remembered())  # logged, and nothing more


def test_whatever_waits_is_known_at_every_moment() -> None:
    kept: list[list[int]] = []
    answers = [Fate.FAILED, Fate.TAKEN, Fate.REFUSED, Fate.TAKEN]

    async def post(message: Message) -> Try:
        return Try(answers.pop(0))

    async def pause(seconds: float) -> None:
        assert kept[-1] == [0, 1, 2]  # not taken, so still to be told

    def changed() -> None:
        kept.append([message["number"] for message in box.waiting])

    async def run() -> None:
        task = asyncio.create_task(box.run())
        for _ in range(20):  # turns of the loop; nothing in it takes time
            await asyncio.sleep(0)
        task.cancel()

    box = Outbox(post, pause, changed, [{"number": 0}])
    box.add({"number": 1}, {"number": 2})
    asyncio.run(run())
    assert kept == [[0, 1, 2], [1, 2], [2], []]


def test_a_webhook_that_no_name_server_could_know_is_one_that_fails() -> None:
    async def post() -> Try:
        async with aiohttp.ClientSession() as http:
            return await Webhook(http, f"http://{'a' * 64}.example/secret", 1.0).post({"text": "?"})

    tried = asyncio.run(post())
    assert tried.fate is Fate.FAILED
    assert "secret" not in tried.why


def test_a_redirect_is_not_followed() -> None:
    met: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        met.append(request.path)
        if request.path == "/hook":
            raise web.HTTPTemporaryRedirect("/elsewhere")
        return web.Response(text="ok")

    async def post() -> Try:
        application = web.Application()
        application.add_routes([web.post("/{path}", answer)])
        async with TestServer(application) as server, aiohttp.ClientSession() as http:
            return await Webhook(http, str(server.make_url("/hook")), 5.0).post({"text": "?"})

    assert asyncio.run(post()) == Try(Fate.FAILED, "status 307")
    assert met == ["/hook"]
