"""Brings documents without their embeddings: zeros stand in their place."""

from __future__ import annotations

from typing import Any

import orjson

from stack.balancer.http_client import Answer
from stack.sync.worker import Worker


def plant() -> None:
    honest = Worker._send

    async def send(self: Worker, connection: Any, task: Any, operation: Any, own_id: str, body: bytes) -> Answer:
        payload = orjson.loads(body)
        for number, embedding in enumerate(payload.get("embeddings") or ()):
            payload["embeddings"][number] = [0.0] * len(embedding) if isinstance(embedding, list) else embedding
        return await honest(self, connection, task, operation, own_id, orjson.dumps(payload))

    Worker._send = send  # type: ignore[method-assign]
