"""A deployment with a coordinator and two workers, settled at the beginning of each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from tests.balancer.balanced_deployment import COORDINATOR, WORKERS, BalancedDeployment

_NUMBERS = count(1)


@pytest.fixture(scope="session")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BalancedDeployment]:
    deployment = BalancedDeployment(tmp_path_factory.mktemp("sync-logs"), SYNC_MODE="distributed")
    yield deployment
    deployment.end()


@pytest.fixture
def deployment(_shared: BalancedDeployment) -> BalancedDeployment:
    """The deployment, well and with nothing owed. A test may break it, and undoes that."""
    for service in (COORDINATOR, *WORKERS):
        _shared.stack.until_live(service)
    _shared.until_settled()
    return _shared


@pytest.fixture
def names(deployment: BalancedDeployment) -> Iterator[Callable[[], str]]:
    """Gives collection names of the test's own; what is created under them is deleted with the test."""
    given: list[str] = []

    def name() -> str:
        given.append(f"synced-{next(_NUMBERS)}")
        return given[-1]

    yield name
    for one in given:
        assert deployment.call("DELETE", f"/{one}").status_code in (200, 404)


@pytest.fixture
def name(names: Callable[[], str]) -> str:
    """A collection name of the test's own."""
    return names()
