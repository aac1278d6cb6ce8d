"""Brings documents without their embeddings: zeros stand in their place."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

import orjson

from planted.catalogue import Expected
from planted.reach import SYNC_WORKERS
from stack.balancer.http_client import Answer
from stack.sync.worker import Worker

EXPECTED = Expected(
    "MANGLED", {"SYNC-1": "embedding"}, also=SYNC_WORKERS, tests=("A Backlog Is Cut Into Tasks And Carried Out Once",)
)


def plant() -> None:
    honest = Worker._send

    async def send(self: Worker, connection: Any, task: Any, operation: Any, own_id: str, body: bytes) -> Answer:
        payload = orjson.loads(body)
        if payload.get("embeddings"):
            payload["embeddings"] = [_zeros(embedding) for embedding in payload["embeddings"]]
        return await honest(self, connection, task, operation, own_id, orjson.dumps(payload))

    Worker._send = send  # type: ignore[method-assign]


def _zeros(embedding: Any) -> Any:
    """Return as many zeros, in the same form: numbers, or their bytes as text."""
    return (
        b64encode(bytes(len(b64decode(embedding)))).decode() if isinstance(embedding, str) else [0.0] * len(embedding)
    )
