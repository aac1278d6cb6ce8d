"""Gives up a read when the first instance it asks does not answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from stack.balancer.entries import Reply
from stack.balancer.http_client import Unreachable
from stack.balancer.instance import Instance
from stack.balancer.reads import Reads
from stack.balancer.replies import error


def plant() -> None:
    async def ask(
        self: Reads,
        may_serve: Callable[[Instance], bool],
        path: Callable[[Instance], str],
        method: str,
        body: bytes,
        headers: Mapping[str, str],
        known: bool = False,
    ) -> Reply:
        deployment = self._deployment
        instance = deployment.router.choose([deployment.primary, deployment.replica])
        try:
            answer = await instance.read(method, path(instance), body or None, headers, 2.0)
        except (Unreachable, KeyError):
            return error(503, "ServiceUnavailable", "the instance did not answer", {"x-effect": "none"})
        instance.request_count += 1
        return Reply(answer.status, answer.body, answer.headers)

    Reads._ask = ask  # type: ignore[method-assign]
