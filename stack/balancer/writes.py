"""Mutating requests: logged, applied in order, answered when one instance holds the effect."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import orjson

from .catalog import Collection
from .deadline import deadline, remaining
from .deployment import Deployment, NoInstanceLeft
from .entries import Entry, Reply
from .journal import NotLogged, Refusal
from .operations import DEFAULT_DATABASE, DOCUMENT_WRITES, NAMESPACE_WRITES, Action, Operation, default_lane
from .replication import Lane
from .replies import error, not_found

_NO_EFFECT = {"x-effect": "none", "retry-after": "1"}


class Writes:
    """Carries out writes.

    Args:
        deployment: the log and the appliers.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    async def answer(self, operation: Operation, body: bytes, session: str | None) -> Reply:
        """Return the answer to a mutating request.

        Args:
            session: the client's X-Session-ID, stored with the transaction.
        """
        try:
            payload = orjson.loads(body) if body else {}
        except orjson.JSONDecodeError as problem:
            return self.refuse(
                operation,
                body,
                session,
                error(400, "InvalidArgumentError", f"Failed to parse the request body as JSON: {problem}"),
            )
        if not isinstance(payload, dict):
            refusal = error(422, "InvalidArgumentError", "The request body must be a JSON object")
            return self.refuse(operation, body, session, refusal)
        entry = await self._log(operation, payload, body, session)
        return entry if isinstance(entry, Reply) else await self._outcome(entry)

    def refuse(self, operation: Operation, body: bytes, session: str | None, reply: Reply) -> Reply:
        """Log a transaction that ends before anything was attempted, and return its answer.

        A 503 gets the transaction's id, so that its row can be found.
        """
        reason = orjson.loads(reply.body)["message"]
        refusal = Refusal(uuid4(), session, operation.method, operation.path, body, reply.status, reason)
        self._deployment.journal.refused(refusal)
        if reply.status != 503:
            return reply
        return error(503, "ServiceUnavailable", reason, _NO_EFFECT, transaction_id=str(refusal.id))

    async def _log(
        self, operation: Operation, payload: dict[str, object], body: bytes, session: str | None
    ) -> Entry | Reply:
        """Append a request to the log, or say why not. Within a lane one request at a time: order is decided here."""
        await self._until_name_is_free(operation, payload)
        replication = self._deployment.replication
        lane = replication.lane(self._lane_of(operation, payload))
        lane.users += 1
        try:
            try:
                async with asyncio.timeout_at(deadline()):
                    await lane.lock.acquire()
            except TimeoutError:
                reason = "the requests before it took too long, so nothing was attempted"
                return self.refuse(operation, body, session, error(503, "ServiceUnavailable", reason))
            try:
                if self._lane_of(operation, payload) != lane.key:
                    # The name changed hands while this request was waiting.
                    return await self._log(operation, payload, body, session)
                entry = self._entry(operation, payload, body, session, lane)
                if isinstance(entry, Reply):
                    return self.refuse(operation, body, session, entry)
                try:
                    await self._deployment.journal.append(entry)
                except NotLogged as problem:
                    return self._not_logged(entry, problem.certain)
                entry.reply = asyncio.get_running_loop().create_future()
                self._deployment.admit(entry)
                return entry
            finally:
                lane.lock.release()
        finally:
            lane.users -= 1
            replication.forget_if_idle(lane)

    async def _until_name_is_free(self, operation: Operation, payload: dict[str, object]) -> None:
        """Give well instances the moment they need to do what they still have to do under a collection's new name."""
        new_name = payload.get("new_name")
        if operation.action is not Action.MODIFY_COLLECTION or not isinstance(new_name, str):
            return
        deployment = self._deployment
        lane = deployment.catalog.lane_of((operation.tenant, operation.database, new_name))
        if lane == self._lane_of(operation, payload):
            return
        while deployment.replication.has_backlog(lane) and deployment.healthy_instances == len(deployment.instances):
            if not (seconds := remaining()):
                return
            await deployment.changed(min(seconds, deployment.settings.check_interval))

    def _lane_of(self, operation: Operation, payload: dict[str, object]) -> str:
        catalog = self._deployment.catalog
        if operation.action in NAMESPACE_WRITES:
            tenant = operation.tenant or str(payload.get("name", ""))
            return default_lane(tenant, operation.database or str(payload.get("name", "")), "")
        if operation.action in DOCUMENT_WRITES or operation.action is Action.MODIFY_COLLECTION:
            collection = catalog.by_id(operation.reference)
            return collection.lane if collection else operation.reference
        name = operation.reference or str(payload.get("name", ""))
        return catalog.lane_of((operation.tenant, operation.database, name))

    def _entry(
        self, operation: Operation, payload: dict[str, object], body: bytes, session: str | None, lane: Lane
    ) -> Entry | Reply:
        if operation.action in NAMESPACE_WRITES:
            if operation.action is Action.DELETE_NAMESPACE and operation.database == DEFAULT_DATABASE:
                return error(403, "ChromaError", "the default database cannot be deleted through the balancer")
            return Entry(operation, body, lane.key, None, None, session)
        collection = self._collection(operation, payload, lane)
        if isinstance(collection, Reply):
            return collection
        return Entry(operation, body, lane.key, collection, collection.qualified_name, session)

    def _collection(self, operation: Operation, payload: dict[str, object], lane: Lane) -> Collection | Reply:
        catalog = self._deployment.catalog
        if operation.action is Action.CREATE_COLLECTION:
            return self._named(operation, payload, lane)
        if operation.action is Action.DELETE_COLLECTION:
            found = catalog.by_name((operation.tenant, operation.database, operation.reference))
            return found or not_found(operation.reference, by_id=False)
        collection = catalog.by_id(operation.reference)
        if collection is None:
            return not_found(operation.reference, by_id=True)
        new_name = payload.get("new_name")
        if operation.action is Action.MODIFY_COLLECTION and new_name not in (None, collection.name):
            return self._renamed(collection, str(new_name))
        return collection

    def _named(self, operation: Operation, payload: dict[str, object], lane: Lane) -> Collection | Reply:
        name = payload.get("name")
        if not isinstance(name, str):
            return error(422, "InvalidArgumentError", "a collection needs a name, which is a string")
        key = (operation.tenant, operation.database, name)
        existing = self._deployment.catalog.by_name(key)
        if existing is not None and payload.get("get_or_create"):
            return existing
        if self._deployment.catalog.is_taken(key):
            return error(409, "ChromaError", f"Collection [{name}] already exists")
        return Collection(str(uuid4()), *key, lane.key)

    def _renamed(self, collection: Collection, new_name: str) -> Collection | Reply:
        catalog = self._deployment.catalog
        key = (collection.tenant, collection.database, new_name)
        if catalog.is_taken(key):
            return error(409, "ChromaError", f"Collection [{new_name}] already exists")
        lane = catalog.lane_of(key)
        if lane != collection.lane and self._deployment.replication.has_backlog(lane):
            # The renaming would overtake what an instance still has to do under that name.
            return error(503, "ServiceUnavailable", f"the name {new_name} is not free on every instance yet")
        catalog.reserve(key)
        return collection

    def _not_logged(self, entry: Entry, certain: bool) -> Reply:
        reason = "the write-ahead log cannot be reached, so nothing was attempted"
        if not certain:
            reason = "the write-ahead log was lost while this request was written to it"
        if entry.collection is not None and (name := entry.new_name):
            self._deployment.catalog.release((entry.collection.tenant, entry.collection.database, name))
        entry.refused, entry.response_status, entry.error = True, 503, reason
        operation = entry.operation
        self._deployment.journal.refused(
            Refusal(
                entry.id,
                entry.session,
                operation.method,
                operation.path,
                entry.data,
                503,
                reason,
                None if certain else entry,
            )
        )
        headers = _NO_EFFECT if certain else {"retry-after": "1"}
        return error(503, "ServiceUnavailable", reason, headers, transaction_id=str(entry.id))

    async def _outcome(self, entry: Entry) -> Reply:
        """Wait until an instance has decided the outcome, as long as one may."""
        deployment = self._deployment
        assert entry.reply is not None
        if not deployment.may_answer and not entry.reply.done():
            return self._owed(entry, "no instance is available; the request is logged and will be applied")
        deployment.waiting.add(entry)
        try:
            return await asyncio.wait_for(entry.reply, remaining())
        except TimeoutError:
            return self._owed(entry, "no instance applied the request in time; it is logged and will be applied")
        except NoInstanceLeft:
            return self._owed(entry, "the last instance went away; the request is logged and will be applied")
        finally:
            deployment.waiting.discard(entry)

    def _owed(self, entry: Entry, reason: str) -> Reply:
        # From here on nobody waits: what is applied later must not change the answer that the log shows.
        entry.reply = None
        entry.refused, entry.response_status = True, 503
        entry.error = entry.error or reason
        self._deployment.journal.changed(entry)
        return error(503, "ServiceUnavailable", reason, {"retry-after": "1"}, transaction_id=str(entry.id))
