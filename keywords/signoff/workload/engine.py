"""Clients at work: a fixed arrival rate, whatever happens to the requests, and every one of them told to a recorder.

The load is open loop: a client that waits for the answer before it asks again would go quiet during an outage, and
hide it. All clients live in one event loop in a thread of its own; that thread never judges.
"""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count as counter

import aiohttp
import uvloop

from ..checkers.registers import MOST
from ..clients.client import SESSION_HEADER
from ..clients.wire import CONNECT, NoAnswer, Reply
from ..history import Action, Evidence, Operation, Result
from ..sandwiches import Phase
from ..verdict import CouldNotObserve
from ..words import shortened
from .asking import WHO, request, understood
from .stories import Stories, Story

QUERIED = 60
"""Documents that are always there for queries."""
LARGEST_QUERIED = 250
"""Queries are judged on collections of at most 300 documents, since larger indexes are approximate."""
_RESULTS = 5
_WORK_COLLECTIONS = 2
# Of 100 arrivals so many are queries, reads of what others write, and reads of what the client itself has just written.
_QUERIES, _READS, _READ_BACKS = 10, 10, 25
_IN_QUERIED = 0.15
_READ_AGAIN, _UNREAD = 400, 50
_DELETES = 0.36
"""The share of deletes that the clients keep to among their mutations, above what a judgement needs."""
_LEFT_ALONE = 0.5
"""The share of writes with an unknown outcome that are left as they are, so that their effect can be seen."""
_REMOVALS = (Action.DELETE, Action.DROP)
_GOING_ON = (Action.UPSERT, Action.DELETE)
_NOT_SENT = Evidence(None, sent=False)


@dataclass(frozen=True)
class Load:
    """What is asked for.

    Attributes:
        rate: arrivals per second.
        clients: how many requests may be under way at the same time.
        seed: gives the same stories and choices again.
        faults: how many faults are to come.
        each: how many stories each of them shall cut, for every order of mutations and every pair of phases.
        within: seconds that an answer may take.
    """

    rate: float
    clients: int
    seed: int
    faults: int
    each: int
    within: float


@dataclass
class _Collection:
    """A collection as its clients know it; ``reference`` is its id, "" while they know none."""

    name: str
    incarnation: int = 0
    reference: str = ""


@dataclass
class _Telling:
    """A story that is being told.

    Attributes:
        todo: mutations that are due.
        left: how often its documents may still be changed, so that every order of changes can be tried.
    """

    story: Story
    client: _Client
    collection: _Collection
    ids: tuple[str, ...]
    todo: deque[Action] = field(default_factory=deque)
    left: int = MOST

    def allows(self, action: Action) -> bool:
        """Whether an action makes sense now."""
        if action.of_collection:
            return True
        return bool(self.collection.reference) and (self.left > 0 or not action.mutates)


@dataclass
class _Client:
    name: str
    identity: int = 1
    busy: bool = False


@dataclass(frozen=True)
class _Wish:
    """What an arrival does."""

    action: Action
    telling: _Telling | None = None
    question: str = ""


class Engine:
    """The clients.

    Args:
        url: the balancer's base URL.
        session: begins each operation's id, which travels as X-Session-ID.
        load: what is asked for.
        names: gives the names of collections, told what they are for; each one is noted before it is created.
        record: takes each operation when it is over; called in the engine's thread.
    """

    def __init__(
        self, url: str, session: str, load: Load, names: Callable[[str], str], record: Callable[[Operation], None]
    ) -> None:
        self._url = url.rstrip("/")
        self._session_id = session
        self._load = load
        self._names = names
        self._record = record
        self._chance = random.Random(load.seed)
        self._stories = Stories(random.Random(load.seed + 1))
        self._numbers = counter(1)
        self._incarnations = counter(1)
        self._free = deque(_Client(f"client-{number}") for number in range(1, load.clients + 1))
        self._phase = Phase.BEFORE
        self._waiting: dict[Phase, list[tuple[_Telling, tuple[Action, ...]]]] = {phase: [] for phase in Phase}
        self._ready: list[_Telling] = []
        self._unread: deque[_Telling] = deque(maxlen=_UNREAD)
        self._told: deque[_Telling] = deque(maxlen=_READ_AGAIN)
        self._work: list[_Collection] = []
        self._queried = _Collection("")
        self._in_queried = QUERIED
        self._texts: list[str] = []
        self._mutations = self._deletes = 0
        self._running: set[asyncio.Task[None]] = set()
        self._cut_left = 0
        self._faults_left = load.faults
        self._owners: list[_Client] = list(self._free)
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._owed: float | None = None
        self._freed: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="workload")

    # ---------------------------------------------------------------- from other threads

    def start(self) -> Engine:
        """Begin; returns when the collections are there and the first arrival is due.

        Raises:
            CouldNotObserve: if they can't be made.
        """
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def enter(self, phase: Phase) -> None:
        """Go on in another phase: parts of stories that belong to it become due.

        After a fault is before the next one, if one is to come; then new stories begin for it.
        """
        self._told_to(lambda: self._enter(phase))

    @property
    def to_be_cut(self) -> int:
        """How many straddling stories still have something to do in this phase."""
        return self._cut_left

    @property
    def collections(self) -> list[str]:
        """The names of the collections that all clients share."""
        return [*(one.name for one in self._work), self._queried.name]

    def stop(self, deletes: float = 0.0) -> None:
        """End the arrivals, and return when every request under way is over.

        Args:
            deletes: the share of the mutations that have to be deletes. The clients go on until they are: stories end
                in their deletes, and where answers come slowly, or the load ends early, many are still at their
                beginning.

        Raises:
            Exception: what the engine itself stumbled over, if it did.
        """
        if self._thread.is_alive():
            self._told_to(lambda: self._finish(deletes))
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _told_to(self, job: Callable[[], object]) -> None:
        if self._failure is not None:
            raise self._failure
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(job)

    # ---------------------------------------------------------------- in the engine's thread

    def _run(self) -> None:
        try:
            uvloop.run(self._main())
        except BaseException as error:  # noqa: BLE001 (raised again where the engine is started or stopped)
            self._failure = error
        finally:
            self._started.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._freed = asyncio.Event()
        timeout = aiohttp.ClientTimeout(total=self._load.within, sock_connect=CONNECT.total_seconds())
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as self._http:
            # aiohttp would silently send a DELETE or GET again when a kept-alive connection turns out to be closed.
            self._http._retry_connection = False
            await self._prepare()
            self._enter(Phase.BEFORE)
            self._started.set()
            await self._arrivals()
            while self._running:
                await asyncio.wait(self._running)

    async def _prepare(self) -> None:
        first = self._owners[0]
        for purpose in [*["work"] * _WORK_COLLECTIONS, "queries"]:
            collection = _Collection(self._names(purpose))
            telling = _Telling(Story(0, 0, ()), first, collection, ())
            await self._do(first, _Wish(Action.CREATE, telling), None)
            if not collection.reference:
                raise CouldNotObserve(f"the collection {collection.name} that clients work on could not be created")
            (self._work if purpose == "work" else [self._queried]).append(collection)
            self._queried = collection
        for start in range(1, QUERIED + 1, 20):
            ids = tuple(f"fixed-{number:04}" for number in range(start, start + 20))
            telling = _Telling(Story(0, len(ids), ()), first, self._queried, ids)
            await self._do(first, _Wish(Action.ADD, telling), None)

    async def _arrivals(self) -> None:
        assert self._freed is not None
        begin = time.monotonic()
        for number in counter():
            due = begin + number / self._load.rate
            # What is waited for is the time itself.
            while not self._over and (left := due - time.monotonic()) > 0:  # noqa: ASYNC110
                await asyncio.sleep(min(left, 0.1))
            while not self._over and not self._free:
                self._freed.clear()
                await self._freed.wait()
            if self._over:
                return
            self._arrive(due)
            if not number % 16:
                await asyncio.sleep(0)  # a rate that can't be met must not starve the requests under way

    def _arrive(self, due: float) -> None:
        client, wish = self._choose()
        self._free.remove(client)
        client.busy = True
        task = asyncio.create_task(self._served(client, wish, due))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _served(self, client: _Client, wish: _Wish, due: float) -> None:
        try:
            await self._do(client, wish, due)
        except BaseException as error:  # a fault of the engine: say it where it is stopped, and end the arrivals
            self._failure = error
            self._finish()
            raise
        finally:
            client.busy = False
            self._free.append(client)
            assert self._freed is not None
            self._freed.set()

    # ---------------------------------------------------------------- what is done next

    def _finish(self, deletes: float = 0.0) -> None:
        assert self._freed is not None
        self._owed = deletes
        self._freed.set()

    @property
    def _over(self) -> bool:
        """Whether no more arrivals are to come."""
        return self._owed is not None and self._deletes >= self._owed * self._mutations

    def _enter(self, phase: Phase) -> None:
        self._phase = phase
        released, self._waiting[phase] = self._waiting[phase], []
        for telling, actions in released:
            self._due(telling, actions)
        if phase is Phase.DURING:
            return
        if not self._faults_left:
            return
        self._faults_left -= 1
        self._phase = Phase.BEFORE
        for story in self._stories.straddling(self._load.each):
            telling = self._begin(story, self._owners[story.number % len(self._owners)])
            for when, actions in story.parts:
                if when is Phase.BEFORE:
                    self._due(telling, actions)
                else:
                    self._waiting[when].append((telling, actions))

    def _due(self, telling: _Telling, actions: Sequence[Action]) -> None:
        if not telling.todo:
            self._ready.append(telling)
        telling.todo.extend(actions)
        self._cut_left += len(actions)

    def _begin(self, story: Story, owner: _Client) -> _Telling:
        if not story.documents:
            return _Telling(story, owner, _Collection(self._names("story")), ())
        ids = tuple(f"doc-{story.number:05}-{index}" for index in range(1, story.documents + 1))
        return _Telling(story, owner, self._place(story), ids)

    def _place(self, story: Story) -> _Collection:
        if self._in_queried + story.documents <= LARGEST_QUERIED and self._chance.random() < _IN_QUERIED:
            self._in_queried += story.documents
            return self._queried
        return self._work[story.number % len(self._work)]

    def _choose(self) -> tuple[_Client, _Wish]:
        draw = self._chance.randrange(100)
        anyone = self._free[0]
        if draw < _QUERIES:
            question = self._chance.choice([*self._texts, f"question {draw}"])
            return anyone, _Wish(Action.QUERY, question=question)
        if draw < _QUERIES + _READS and self._told:
            telling = self._chance.choice(self._told)
            if telling.allows(Action.GET) and telling.ids:
                return anyone, _Wish(Action.GET, telling)
        if draw < _QUERIES + _READS + _READ_BACKS:
            # The latest first: what was written a moment ago tells most.
            for telling in reversed(self._unread):
                if not telling.client.busy and telling.allows(Action.GET):
                    self._unread.remove(telling)
                    return telling.client, _Wish(Action.GET, telling)
        return self._next_mutation()

    def _next_mutation(self) -> tuple[_Client, _Wish]:
        for telling in self._in_order():
            if telling.client.busy:
                continue
            action = telling.todo.popleft()
            if len(telling.story.parts) > 1:
                self._cut_left -= 1
            if not telling.todo:
                self._ready.remove(telling)
            if telling.allows(action):
                return telling.client, _Wish(action, telling)
        # Nobody who is free has anything to do: a story that is over within this phase.
        story = self._stories.within(self._phase)
        telling = self._begin(story, self._free[0])
        telling.todo.extend(story.parts[0][1])
        action = telling.todo.popleft()
        self._ready.append(telling)
        return telling.client, _Wish(action, telling)

    def _in_order(self) -> list[_Telling]:
        """Return what is ready: in its order, or deletes first if there were too few of them.

        Stories end in their deletes, and a slow machine, or an outage, leaves many of them unfinished.
        """
        if not self._few_deletes:
            return list(self._ready)
        return sorted(self._ready, key=lambda telling: telling.todo[0] not in _REMOVALS)

    @property
    def _few_deletes(self) -> bool:
        return self._deletes < _DELETES * self._mutations

    # ---------------------------------------------------------------- one operation

    async def _do(self, client: _Client, wish: _Wish, due: float | None) -> None:
        action, telling = wish.action, wish.telling
        collection = self._queried if telling is None else telling.collection
        if action is Action.CREATE:
            collection.incarnation, collection.reference = next(self._incarnations), ""
        id = f"{self._session_id}/{next(self._numbers)}"
        asked = Operation(
            id=id,
            client=client.name,
            identity=client.identity,
            action=action,
            collection=collection.name,
            incarnation=collection.incarnation,
            documents=() if telling is None or action.of_collection else telling.ids,
            token=id if action.mutates else "",
            invoked=time.monotonic(),
            returned=0.0,
            invoked_at=datetime.now().astimezone(),
            returned_at=datetime.now().astimezone(),
            result=Result.FAIL,
            wire=_NOT_SENT,
            metadata={"part": action.value} if action in (Action.ADD, Action.UPSERT) else {},
            due=due,
            question=wish.question,
            results=_RESULTS if wish.question else 0,
        )
        if action.mutates:
            self._mutations += 1
            self._deletes += action in _REMOVALS
        answer = await self._send(asked, collection)
        returned, returned_at = time.monotonic(), datetime.now().astimezone()
        said, found = understood(asked, answer)
        done = replace(
            asked,
            returned=returned,
            returned_at=returned_at,
            result=said.result,
            wire=said.wire,
            found=found,
            gone=said.gone,
        )
        self._record(done)
        if said.result is Result.INDETERMINATE:
            client.identity += 1
        if telling is not None and action.mutates:
            self._after(telling, done, answer)

    def _after(self, telling: _Telling, done: Operation, answer: Reply | NoAnswer) -> None:
        action, collection = done.action, telling.collection
        if action is Action.CREATE and done.result is Result.OK and isinstance(answer, Reply):
            collection.reference = str(answer.json()["id"])
            if telling.story.number and not telling.ids:
                # What is in the first collection of a name must not be in the second.
                telling.ids, telling.left = ("inside",), MOST
                self._first(telling, Action.ADD)
        if action is Action.DROP:
            collection.reference = ""
        if not action.of_collection and done.result is not Result.FAIL:
            telling.left -= 1
        if action is Action.ADD and not telling.story.number:
            self._texts += [str(done.written(id).text) for id in telling.ids]
        # A collection that is created and deleted again is not read: Chroma itself answers 412 or 500 beside that.
        if done.result is Result.OK and telling.story.documents:
            self._unread.append(telling)
            self._told.append(telling)
        to_come = any(telling is other for later in self._waiting.values() for other, _ in later)
        at_its_end = not (telling.todo or to_come or action.of_collection)
        goes_on = self._few_deletes or self._chance.random() >= _LEFT_ALONE
        if done.result is Result.INDETERMINATE and at_its_end and goes_on:
            # As any client would, this one goes on: what it left unfinished must not come back over that.
            self._first(telling, Action.DELETE if self._few_deletes else self._chance.choice(_GOING_ON))

    def _first(self, telling: _Telling, action: Action) -> None:
        if not telling.todo:
            self._ready.append(telling)
        telling.todo.appendleft(action)
        if len(telling.story.parts) > 1:
            self._cut_left += 1

    async def _send(self, asked: Operation, collection: _Collection) -> Reply | NoAnswer:
        method, path, body = request(asked, collection.reference)
        headers = {SESSION_HEADER: asked.id}
        data: bytes | None = None
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        begin = time.monotonic()
        try:
            call = self._http.request(method, self._url + path, data=data, headers=headers, allow_redirects=False)
            async with call as response:
                content = await response.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return NoAnswer(WHO, f"no connection ({type(error).__name__})", sent=False)
        except TimeoutError:
            return NoAnswer(WHO, f"nothing within {self._load.within:g} s", sent=True)
        except (aiohttp.ClientError, OSError) as error:
            why = f"the connection was closed before the answer was complete ({shortened(str(error), 80)})"
            return NoAnswer(WHO, why, sent=True)
        names = {name.lower(): value for name, value in response.headers.items()}
        return Reply(WHO, response.status, names, content, time.monotonic() - begin)
