"""Stacks for tests: one that many tests share, and new ones for tests that end theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.stack.running_stack import RunningStack

StartStack = Callable[..., RunningStack]


@pytest.fixture(scope="session")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    stack = RunningStack.start(tmp_path_factory.mktemp("logs"), "--suspends-per-minute", "1000")
    yield stack
    stack.end()
    assert stack.is_gone()


@pytest.fixture
def stack(_shared: RunningStack) -> RunningStack:
    """The shared stack, with all services live; a test may kill and suspend what it likes, and resumes it."""
    for name in ("chroma-postgres", "chroma-primary", "chroma-replica", "slack-sink", "chroma-balancer"):
        _shared.until_live(name)
    return _shared


@pytest.fixture
def start_stack(tmp_path: Path) -> Iterator[StartStack]:
    """Starts stacks of the test's own; those that still run at its end are ended."""
    started: list[RunningStack] = []

    def start(*arguments: str, **options: str) -> RunningStack:
        stack = RunningStack.start(tmp_path / f"logs-{len(started)}", *arguments, **options)
        started.append(stack)
        return stack

    yield start
    for stack in started:
        stack.end()
