"""A balancer that cannot be started as asked says why in one line and ends with exit code 2."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest

from stack.balancer import journal
from stack.ports import HOST
from tests.balancer.balanced_deployment import BALANCER, PRIMARY, REPLICA, BalancedDeployment
from tests.stack.running_stack import ROOT


def _refused(deployment: BalancedDeployment, **more: str) -> str:
    settings = {
        "PORT": "0",
        "PRIMARY_URL": deployment.urls[PRIMARY],
        "REPLICA_URL": deployment.urls[REPLICA],
        "DATABASE_URL": deployment.stack.values["DATABASE_URL"],
    }
    ended = subprocess.run(
        [sys.executable, "-m", "stack.balancer"],
        cwd=ROOT,
        env={**os.environ, **settings, **more},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 2, ended
    lines = [line for line in ended.stderr.splitlines() if line]
    assert len(lines) == 1, ended.stderr
    assert ended.stdout == ""
    return lines[0]


def test_an_invalid_variable(deployment: BalancedDeployment) -> None:
    assert _refused(deployment, PORT="80x").startswith("PORT: '80x' is not allowed; allowed is ")


def test_a_port_that_is_taken(deployment: BalancedDeployment) -> None:
    port = deployment.urls[BALANCER].rpartition(":")[2]
    assert _refused(deployment, PORT=port).startswith(f"PORT: {port} cannot be listened on")


@pytest.mark.parametrize("dsn", [f"postgresql://u:hunter2@{HOST}:1/d", f"postgresql://u:hunter2@{HOST}/d?x=%"])
def test_a_database_that_is_away(deployment: BalancedDeployment, unused_port: str, dsn: str) -> None:
    line = _refused(deployment, PORT=unused_port, DATABASE_URL=dsn)
    assert line.startswith("DATABASE_URL: ")
    assert "hunter2" not in line


def test_a_second_balancer_on_one_database(deployment: BalancedDeployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two balancers would replay one log: the second waits a while for the first one's end, then gives up."""
    monkeypatch.setattr(journal, "LEADER_PATIENCE", 0.3)
    second = journal.Journal(deployment.stack.values["DATABASE_URL"], ["primary", "replica"], lambda _: None, 1.0)
    with pytest.raises(journal.DatabaseInUse, match="another balancer is at work"):
        asyncio.run(second.open())
    deployment.until_settled()
