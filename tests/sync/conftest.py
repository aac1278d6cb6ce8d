"""A deployment with a coordinator and two workers, settled at the beginning of each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.balancer.balanced_deployment import COORDINATOR, WORKERS, BalancedDeployment


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
