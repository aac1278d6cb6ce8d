"""How long a starting service is waited for, by a clock of the test's own; and when a deployment is looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from fake_clock import FakeClock
from test_domain_environment import VARIABLES

from signoff import testbed
from signoff.checks import preflight
from signoff.checks.preflight import PreflightFailed, usual_wait
from signoff.environment import load_environment
from signoff.faults.guard import Guard
from signoff.verdict import CouldNotObserve

HOSTED = timedelta(seconds=180)


def _late(clock: FakeClock, seconds: float) -> Callable[[], str]:
    begin = clock.now

    def ask() -> str:
        if clock.now - begin < seconds:
            raise CouldNotObserve("the replica did not answer: the connection was refused")
        return "1.0"

    return ask


@pytest.mark.parametrize("seconds", [0.0, 1.0, 90.0, 179.9, 180.0])
def test_a_service_that_is_late_is_waited_for(seconds: float) -> None:
    clock = FakeClock()
    begin = clock.now
    questions = {"replica": ("http://r", _late(clock, seconds)), "primary": ("http://p", lambda: "1.1")}
    assert preflight._ask_all(questions, HOSTED, clock) == {"replica": "1.0", "primary": "1.1"}
    assert seconds <= clock.now - begin <= seconds + 0.25


def test_a_service_that_never_comes_is_given_up_after_180_seconds() -> None:
    clock = FakeClock()
    begin = clock.now
    questions = {"replica": ("http://user:secret@r", _late(clock, 181)), "primary": ("http://p", lambda: "1.1")}
    with pytest.raises(PreflightFailed) as failed:
        preflight._ask_all(questions, HOSTED, clock)
    assert str(failed.value) == (
        "The replica at http://r can't be used: the replica did not answer: the connection was refused (waited 3 min)."
    )
    assert 180 <= clock.now - begin <= 180.01


def test_a_hosted_service_is_waited_for_180_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIGNOFF_WAIT", raising=False)
    local = load_environment("local", VARIABLES)
    assert usual_wait(replace(local, local=None)) == HOSTED
    assert usual_wait(local) == timedelta(seconds=30)
    monkeypatch.setenv("SIGNOFF_WAIT", "2.5")
    assert usual_wait(local) == timedelta(seconds=2.5)


@pytest.mark.parametrize("given", ["soon", "0", "-3", "nan", "1e999"])
def test_a_wait_that_is_none_is_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNOFF_WAIT", given)
    with pytest.raises(PreflightFailed, match=f"SIGNOFF_WAIT is {given}; a positive number of seconds is allowed"):
        usual_wait(load_environment("local", VARIABLES))


class TestOnceForEachProcess:
    @pytest.fixture(autouse=True)
    def _deployment(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        for name, value in VARIABLES.items():
            monkeypatch.setenv(name, value)
        file = Path(preflight.__file__).parents[3] / "resources" / "environments" / "local.yaml"
        monkeypatch.setenv("SIGNOFF_ENVIRONMENT", str(file))
        monkeypatch.delenv("SIGNOFF_RUN_FOLDER", raising=False)
        monkeypatch.setattr(testbed, "_current", None)
        monkeypatch.setattr(testbed, "_refused", "")
        monkeypatch.setattr(testbed, "replay", lambda environment: [])
        monkeypatch.setattr(testbed, "Guard", lambda deployment: Guard(deployment, tmp_path))

    def test_a_deployment_is_looked_at_before_it_is_first_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        looks: list[timedelta] = []
        monkeypatch.setattr(testbed, "preflight", lambda environment, wait: looks.append(wait))
        assert testbed.current() is testbed.current()
        assert looks == [timedelta(seconds=30)]
        assert testbed.current().guard.use is None

    def test_a_sign_off_has_looked_already(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("SIGNOFF_RUN_FOLDER", str(tmp_path))
        monkeypatch.setattr(testbed, "preflight", lambda environment, wait: pytest.fail("it was looked at again"))
        testbed.current()

    def test_what_cannot_be_used_is_waited_for_once_and_told_each_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        looks = []

        def refuse(environment: object, wait: timedelta) -> None:
            looks.append(wait)
            raise PreflightFailed("The replica can't be used.")

        monkeypatch.setattr(testbed, "preflight", refuse)
        for _ in range(2):
            with pytest.raises(CouldNotObserve, match=r"Could not be tested: The replica can't be used\."):
                testbed.current()
        assert len(looks) == 1
