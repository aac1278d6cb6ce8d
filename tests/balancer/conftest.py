"""Deployments for the balancer's tests: one that a module shares, settled at the beginning of each test."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.balancer.balanced_deployment import BalancedDeployment

_NUMBERS = count(1)


@pytest.fixture(scope="session")
def shared_deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BalancedDeployment]:
    deployment = BalancedDeployment(tmp_path_factory.mktemp("balancer-logs"))
    yield deployment
    deployment.end()


@pytest.fixture
def deployment(shared_deployment: BalancedDeployment) -> BalancedDeployment:
    """The shared deployment, well and with nothing owed. A test may break it, and undoes that."""
    shared_deployment.until_settled()
    return shared_deployment


@pytest.fixture
def name() -> str:
    """A collection name of the test's own."""
    return f"collection-{next(_NUMBERS)}"


@pytest.fixture
def start_deployment(tmp_path: Path) -> Iterator[Callable[..., BalancedDeployment]]:
    """Starts deployments of the test's own with other settings; they are ended with it."""
    started: list[BalancedDeployment] = []

    def start(**settings: str) -> BalancedDeployment:
        started.append(BalancedDeployment(tmp_path / f"logs-{len(started)}", **settings))
        return started[-1]

    yield start
    for deployment in started:
        deployment.end()


@pytest.fixture
def unused_port() -> str:
    """A port on which nobody listens."""
    return str(free_port())


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
