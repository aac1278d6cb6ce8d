"""Two real Chroma servers for the tests that need them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from real_chroma import RealChroma


@pytest.fixture(scope="session")
def two_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RealChroma, RealChroma]]:
    folder = tmp_path_factory.mktemp("chroma")
    servers = [RealChroma(folder / name, name) for name in ("primary", "replica")]
    try:
        first, second = (server.wait() for server in servers)
        yield first, second
    finally:
        for server in servers:
            server.kill()
