"""Requests that change nothing: served by an instance that is in line, retried on the other one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import orjson

from .catalog import Collection
from .deadline import remaining
from .deployment import Deployment
from .entries import Reply
from .http_client import Answer, Unreachable
from .instance import Instance
from .operations import Action, Operation
from .replies import error, not_found

_FORWARDED = ("content-type", "accept-encoding", "accept", "x-chroma-token", "authorization")


class Reads:
    """Answers reads.

    Args:
        deployment: whom to ask, and who is in line.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    async def answer(self, operation: Operation, query: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Return the answer to a read.

        Args:
            query: the query string, without "?".
            headers: the client's, names in lower case.
        """
        catalog = self._deployment.catalog
        passed_on = {name: headers[name] for name in _FORWARDED if name in headers}
        suffix = f"?{query}" if query else ""
        match operation.action:
            case Action.READ_DOCUMENTS:
                collection = catalog.by_id(operation.reference)
                if collection is None or not collection.exists:
                    return not_found(operation.reference, by_id=True)
                return await self._documents(operation, collection, suffix, body, passed_on)
            case Action.GET_COLLECTION | Action.GET_COLLECTION_BY_ID:
                by_id = operation.action is Action.GET_COLLECTION_BY_ID
                key = (operation.tenant, operation.database, operation.reference)
                collection = catalog.by_id(operation.reference) if by_id else catalog.by_name(key)
                if collection is None or not collection.exists:
                    return not_found(operation.reference, by_id=False)
                return await self._collection(operation, collection)
            case Action.LIST_COLLECTIONS:
                return await self._collections(operation, query)
            case Action.COUNT_COLLECTIONS:
                count = len(catalog.in_database(operation.tenant, operation.database))
                return Reply(200, orjson.dumps(count))
            case Action.READ_NAMESPACE:
                path = operation.quoted_path + suffix
                return await self._ask(
                    lambda instance: self._deployment.replication.catalog_in_line(instance.name),
                    lambda _: path,
                    "GET",
                    b"",
                    passed_on,
                )
            case _:
                path = operation.quoted_path + suffix
                return await self._ask(lambda _: True, lambda _: path, operation.method, body, passed_on)

    async def _documents(
        self, operation: Operation, collection: Collection, suffix: str, body: bytes, headers: Mapping[str, str]
    ) -> Reply:
        replication = self._deployment.replication
        return await self._ask(
            lambda instance: instance.name in collection.ids and replication.in_line(instance.name, collection.lane),
            lambda instance: operation.path_on_instance(collection.ids[instance.name]) + suffix,
            operation.method,
            body,
            headers,
            known=True,
        )

    async def _collection(self, operation: Operation, collection: Collection) -> Reply:
        replication = self._deployment.replication
        by_id = operation.action is Action.GET_COLLECTION_BY_ID
        reply = await self._ask(
            lambda instance: instance.name in collection.ids and replication.in_line(instance.name, collection.lane),
            lambda instance: operation.path_on_instance(collection.ids[instance.name] if by_id else collection.name),
            "GET",
            b"",
            {},
            known=True,
        )
        if reply.status != 200:
            return reply
        return Reply(200, orjson.dumps(orjson.loads(reply.body) | {"id": collection.id}))

    async def _collections(self, operation: Operation, query: str) -> Reply:
        """List a database's collections in the order of their creation.

        Each instance has an order of its own, so pages taken from different ones would overlap or leave
        gaps: the whole list is read, put in order, and cut here.
        """
        try:
            limit, offset = _page(query)
        except ValueError:
            return error(400, "InvalidArgumentError", "limit and offset must be whole numbers, 0 or more")
        reply = await self._ask(
            lambda instance: self._deployment.replication.catalog_in_line(instance.name),
            lambda _: operation.quoted_path,
            "GET",
            b"",
            {},
        )
        if reply.status != 200:
            return reply
        by_name = {str(item["name"]): item for item in orjson.loads(reply.body)}
        members = self._deployment.catalog.in_database(operation.tenant, operation.database)
        listed = [by_name[c.name] | {"id": c.id} for c in members if c.name in by_name]
        return Reply(200, orjson.dumps(listed[offset : None if limit is None else offset + limit]))

    async def _ask(
        self,
        may_serve: Callable[[Instance], bool],
        path: Callable[[Instance], str],
        method: str,
        body: bytes,
        headers: Mapping[str, str],
        known: bool = False,
    ) -> Reply:
        """Ask an instance that may serve, then the other one, and wait for one to come in line if there is none.

        If all of them fail, each is asked once more before the client hears of it.

        Args:
            known: what is asked for is known to exist, so an instance that says 404 has lost it.
        """
        deployment = self._deployment
        tried: set[str] = set()
        last: Answer | None = None
        failures: dict[Instance, int] = {}
        asked_again = False
        while seconds := remaining():
            candidates = [i for i in deployment.instances if i.healthy and i.name not in tried and may_serve(i)]
            if not candidates:
                if failures and not asked_again:
                    # Chroma answers 500 to a read that meets a deletion half done: the next answer is another one.
                    asked_again = True
                    tried.clear()
                    continue
                if last is not None:
                    return Reply(last.status, last.body, last.headers)
                if not deployment.healthy_instances:
                    break
                await deployment.changed(min(seconds, deployment.settings.check_interval))
                tried.clear()
                continue
            instance = deployment.router.choose(candidates)
            try:
                answer = await instance.read(method, path(instance), body or None, headers, seconds)
            except Unreachable as failure:
                instance.failed(str(failure), read=True)
                tried.add(instance.name)
                continue
            if answer.is_failure:
                tried.add(instance.name)
                failures[instance] = answer.status
                last = answer
                continue
            instance.succeeded(read=True)
            if answer.status == 404 and known:
                tried.add(instance.name)
                last = last or answer
                continue
            # A failed read is an instance's own fault only if another one can answer it.
            for failed, status in failures.items():
                if failed is not instance:
                    failed.failed(f"{failed.name} answered {status}", read=True)
            instance.request_count += 1
            return Reply(answer.status, answer.body, answer.headers)
        return error(503, "ServiceUnavailable", "no instance can serve this read now", {"x-effect": "none"})


def _page(query: str) -> tuple[int | None, int]:
    values = dict(part.split("=", 1) for part in query.split("&") if "=" in part)
    limit, offset = values.get("limit"), int(values.get("offset") or 0)
    most = int(limit) if limit else None
    if offset < 0 or (most is not None and most < 0):
        raise ValueError
    return most, offset
