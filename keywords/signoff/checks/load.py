"""Many writes, reads and queries: done by several clients, and judged one by one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial

from ..clients.client import Write
from ..clients.instances import Instance
from ..documents import Document, differences, differing_fields, make_documents, rewritten, same
from ..ledger import Kind, Register
from ..outcomes import Effect
from ..polling import poll
from ..testbed import ROLES, Testbed
from ..traffic import Distribution, at_once, distribution, most_at_once
from ..verdict import CouldNotObserve, NotMet, VerdictClass
from ..words import count, duration
from .contents import reader, write
from .nearest import lost_by_the_index, query_problem

LARGEST_FOR_QUERIES = 300
"""Above this, an index with churn misses a document now and then, with no fault of the deployment."""
_STARTED_WITHIN = 30.0
_MOST_LOST = 0.05
"""The share of queries that Chroma's own index may have spoiled; with more of them, the others prove little."""


def known_documents(bed: Testbed, name: str, at_least: int = 1) -> list[Document]:
    """Return the documents of a collection that are certainly there, in the order of their ids.

    Raises:
        CouldNotObserve: if there are too few.
    """
    known = bed.tracked(name).ledger.documents()
    if len(known) < at_least:
        raise CouldNotObserve(f"{name} has {count(len(known), 'document')}, and at least {at_least} are needed")
    return [known[id] for id in sorted(known)]


def fill(bed: Testbed, collections: int, documents: int) -> list[str]:
    """Create collections and fill them at the same time, document by document; return their names.

    Raises:
        NotMet: if a request is not acknowledged.
    """
    names = [bed.fresh_name("parallel") for _ in range(collections)]
    for name in names:
        bed.track(name)

    def one(name: str) -> list[Write]:
        created = bed.record(bed.writer.create(bed.session("fill"), name))
        if created.effect is not Effect.DONE:
            return [created]
        bed.tracked(name).id = bed.through_balancer.uuid_of(name)
        made = make_documents("doc", documents, token=name)
        return [created, *(bed.write(bed.session("fill"), Kind.ADD, name, [document]) for document in made)]

    writes = [write for some in at_once([partial(one, name) for name in names], collections) for write in some]
    require_acknowledged(bed, writes)
    return names


def write_at_once(bed: Testbed, name: str, writes: int, clients: int, mixed: bool, given: str = "") -> str:
    """Send many writes at the same time, each for a document of its own; return what their sessions begin with.

    Args:
        mixed: adds, updates, upserts and deletes instead of adds only. The documents they need are added before.
        given: what the sessions shall begin with; something fresh by default.
    """
    session = given or bed.session("burst")
    made = make_documents(session, writes, token="1")
    kinds = [Kind.ADD] * writes
    if mixed:
        cycle = (Kind.ADD, Kind.DELETE, Kind.UPSERT, Kind.UPDATE, Kind.DELETE, Kind.ADD)
        kinds = [cycle[number % len(cycle)] for number in range(writes)]
        there = [document for document, kind in zip(made, kinds, strict=True) if kind is not Kind.ADD]
        write(bed, Kind.ADD, name, [rewritten(document, "0") for document in there])
    jobs = [
        _write_job(bed, f"{session}/{number}", kind, name, document)
        for number, (kind, document) in enumerate(zip(kinds, made, strict=True), 1)
    ]
    # Without a common start the first clients would have done their work before the last ones begin.
    gate = threading.Barrier(min(clients, len(jobs)), timeout=_STARTED_WITHIN)
    at_once([partial(_behind, gate, job) for job in jobs[: gate.parties]] + jobs[gate.parties :], clients)
    return session


def _behind(gate: threading.Barrier, job: Callable[[], Write]) -> Write:
    gate.wait()
    return job()


def under_way(bed: Testbed, session: str) -> int:
    """Return how many writes of a session were under way at the same time, at most."""
    return most_at_once([(write.started, write.ended) for write in bed.writes(session)])


def _write_job(bed: Testbed, session: str, kind: Kind, name: str, document: Document) -> Callable[[], Write]:
    return lambda: bed.write(session, kind, name, [document])


def all_acknowledged(bed: Testbed, session: str) -> int:
    """Check that each write of a session was acknowledged; return how many there were."""
    writes = bed.writes(session)
    if not writes:
        raise CouldNotObserve(f"there is no write of the session {session}")
    require_acknowledged(bed, writes)
    return len(writes)


def all_quick(bed: Testbed, session: str, within: timedelta) -> float:
    """Check that each write of a session was acknowledged in time; return the seconds of the slowest one.

    Raises:
        NotMet: if one wasn't.
    """
    all_acknowledged(bed, session)
    slowest = max(bed.writes(session), key=lambda write: write.ended - write.started)
    took = slowest.ended - slowest.started
    if took > within.total_seconds():
        late = f"a write ({slowest.action}) was answered after {duration(took)}; allowed are {duration(within)}"
        raise NotMet(VerdictClass.TOO_SLOW.says(late))
    return took


def require_acknowledged(bed: Testbed, writes: Sequence[Write]) -> None:
    """Raise NotMet if a write was not acknowledged."""
    failed = [write for write in writes if write.effect is not Effect.DONE]
    if failed:
        first = failed[0]
        which = f"the first one, {first.action} in {first.collection}, was answered with {first.answer_in_words}"
        words = f"{len(failed)} of {len(writes)} writes were not acknowledged; {which}"
        raise NotMet(bed.unserved(first.status).says(words))


def refused_writes(bed: Testbed, name: str, number: int) -> str:
    """Send writes of all kinds, each to a document of its own; return what their sessions begin with.

    Raises:
        NotMet: if one is answered with something else than 503.
    """
    session = bed.session("refused")
    known = known_documents(bed, name, number)
    kinds = (Kind.ADD, Kind.UPSERT, Kind.DELETE, Kind.UPDATE)
    new = make_documents(session, number, token="refused")
    for index in range(number):
        kind = kinds[index % len(kinds)]
        document = new[index] if kind is Kind.ADD else rewritten(known[index], "refused")
        answered = bed.write(f"{session}/{index + 1}", kind, name, [document])
        if answered.status != 503:
            asked = f"with no instance to carry it out, a write ({answered.action})"
            told = f"{asked} was answered with {answered.answer_in_words} instead of 503"
            raise NotMet(VerdictClass.PROTOCOL.says(told))
    return session


def provoke_refusals(bed: Testbed, name: str, writes: int) -> tuple[str, int]:
    """Send many writes at the same time; return what their sessions begin with, and how many were refused.

    Raises:
        CouldNotObserve: if none was answered with 503.
    """
    session = write_at_once(bed, name, writes, writes, mixed=False)
    refused = sum(write.status == 503 for write in bed.writes(session))
    if not refused:
        raise CouldNotObserve(f"none of {writes} writes at the same time was refused with 503")
    return session, refused


def write_until_acknowledged(bed: Testbed, name: str, within: timedelta) -> tuple[float, int]:
    """Add documents, one after another, until one is acknowledged and readable; return the seconds and the tries."""
    session = bed.session("again")
    begin = time.monotonic()
    tries = 0

    def attempt() -> str:
        nonlocal tries
        tries += 1
        document = make_documents(session, 1, start=tries, token="again")[0]
        answered = bed.write(f"{session}/{tries}", Kind.ADD, name, [document])
        if answered.effect is not Effect.DONE:
            return f"a write was answered with {answered.answer_in_words}"
        seen = bed.through_balancer.documents_by_reference(bed.tracked(name).id, ids=[document.id])
        return "" if same(document, seen.get(document.id)) else "a write was acknowledged, and is not readable"

    poll(
        attempt,
        lambda problem: not problem,
        within=within,
        patient=True,
        every=timedelta(milliseconds=20),
        what="A write is acknowledged and readable again",
        describe=lambda problem: problem or "so",
        verdict=VerdictClass.SLOW_FAILOVER,
    )
    took = time.monotonic() - begin
    # Here the look is the deed itself: a write whose answer came too late was acknowledged too late.
    if took > within.total_seconds():
        late = f"a write was acknowledged and readable only after {duration(took)}; allowed are {duration(within)}"
        raise NotMet(VerdictClass.SLOW_FAILOVER.says(late))
    return took, tries


# ---------------------------------------------------------------- reads and queries


def read_correctly(bed: Testbed, name: str, reads: int) -> None:
    """Read single documents through the balancer, one after another.

    Raises:
        NotMet: if one is not there, is another one, or can't be read.
    """
    known = known_documents(bed, name)
    tracked = bed.tracked(name)
    registers = tracked.ledger.registers()
    for number in range(reads):
        document = known[number % len(known)]
        read = f"read {number + 1} of {reads}"
        try:
            seen = bed.through_balancer.documents_by_reference(tracked.id, ids=[document.id])
        except CouldNotObserve as error:
            raise NotMet(bed.unserved().says(f"{read} failed: {error.sentence}")) from None
        if set(seen) != {document.id}:
            wrong = VerdictClass.WRONG_ANSWER if seen else VerdictClass.LOST
            raise NotMet(wrong.says(f"{read}, of {document.id}, gave {', '.join(seen) or 'nothing'}"))
        if fields := differing_fields(document, seen[document.id]):
            wrong = _class_of(seen[document.id], registers[document.id])
            raise NotMet(wrong.says(f"{read}, of {document.id}: {', '.join(fields)}"))


def _class_of(seen: Document, register: Register) -> VerdictClass:
    """The class of a read that gave another content than the one that is there."""
    return VerdictClass.STALE if any(same(seen, state) for state in register.past) else VerdictClass.MANGLED


def query_correctly(bed: Testbed, name: str, queries: int, results: int, places: Sequence[str]) -> list[str]:
    """Query for each document's own embedding, in turn, and for points between two of them.

    Returns:
        The documents that Chroma's own index had lost the way to; the deployment has nothing to do with that.

    Raises:
        NotMet: if an answer is not the nearest documents, nearest first.
    """
    known = _small_enough(bed, name)
    by_id = {document.id: document for document in known}
    lost: dict[str, None] = {}
    for place in places:
        ask = _asker(bed, name, place)
        for number in range(queries):
            vector = _question(known, number)
            try:
                answered = ask(vector, results)
            except CouldNotObserve as error:
                failed = f"query {number + 1} of {queries} ({place}) failed: {error.sentence}"
                raise NotMet(bed.unserved().says(failed)) from None
            which = f"query {number + 1} of {queries} in {name} ({place})"
            own = _require_right(bed, name, place, which, by_id, vector, answered, results)
            lost |= dict.fromkeys(own)
    return list(lost)


def _require_right(
    bed: Testbed,
    name: str,
    place: str,
    which: str,
    known: Mapping[str, Document],
    vector: list[float],
    answered: Sequence[str],
    results: int,
) -> list[str]:
    """Return the documents missing in a query's answer that an instance has, and its own index has lost.

    Args:
        which: the query, in words.
        known: all documents that there are, by id.

    Raises:
        NotMet: if anything else is wrong with the answer; it says what the instances answer when asked directly.
    """
    problem = query_problem(known, vector, results, answered)
    if not problem:
        return []
    beside = []
    for role in ROLES if place == "balancer" else (place,):
        instance = bed.instance(role)
        try:
            uuid = instance.uuid_of(name)
            direct, every = instance.query(uuid, vector, results), instance.query(uuid, vector, len(known))
            lost = lost_by_the_index(known, vector, results, answered, direct, every)
            if lost and not differences({id: known[id] for id in lost}, instance.get(name, lost)):
                return lost
        except CouldNotObserve as error:
            beside.append(f"the {role} can't be asked ({error.sentence})")  # it explains nothing
            continue
        found = len(set(every) & set(known))
        beside.append(
            f"the {role} answers {query_problem(known, vector, results, direct) or 'right'}, and finds {found} of "
            f"{count(len(known), 'document')}"
        )
    wrong = f"{which}: {problem}; asked directly, {', '.join(beside)}"
    raise NotMet(VerdictClass.WRONG_ANSWER.says(wrong))


def _small_enough(bed: Testbed, name: str) -> list[Document]:
    known = known_documents(bed, name)
    if len(known) > LARGEST_FOR_QUERIES:
        raise CouldNotObserve(
            f"{name} has {len(known)} documents; queries are judged up to {LARGEST_FOR_QUERIES}, "
            "since larger indexes are approximate"
        )
    return known


def _question(known: Sequence[Document], number: int) -> list[float]:
    one = known[number % len(known)].embedding
    if number % 2 == 0:
        return list(one)
    other = known[(number * 7 + 3) % len(known)].embedding
    return [0.75 * a + 0.25 * b for a, b in zip(one, other, strict=True)]


def _asker(bed: Testbed, name: str, place: str) -> Callable[[list[float], int], list[str]]:
    if place != "balancer":
        instance: Instance = reader(bed, place)
        return lambda vector, results: instance.query(instance.uuid_of(name), vector, results)
    handle = bed.handle(bed.tracked(name))

    def by_client(vector: list[float], results: int) -> list[str]:
        try:
            return list(handle.query(query_embeddings=[vector], n_results=results)["ids"][0])
        except Exception as error:  # noqa: BLE001 (the client raises its own errors, its HTTP library's, and bare ones)
            raise CouldNotObserve(f"Chroma's client: {error}") from None

    return by_client


# ---------------------------------------------------------------- rates and lags


def write_rate(bed: Testbed, name: str, writes: int, clients: int) -> float:
    """Add documents one by one as fast as the clients can; return how many per second.

    Raises:
        NotMet: if one is not acknowledged.
    """
    session = bed.session("rate")
    begin = time.monotonic()
    jobs = [
        _write_job(bed, f"{session}/{number}", Kind.ADD, name, document)
        for number, document in enumerate(make_documents(session, writes, token="rate"), 1)
    ]
    done = at_once(jobs, clients)
    seconds = time.monotonic() - begin
    require_acknowledged(bed, done)
    return writes / seconds


def query_rate(bed: Testbed, name: str, queries: int, clients: int) -> tuple[float, int]:
    """Query as fast as the clients can; return how many per second, and how many Chroma's own index has spoiled.

    Raises:
        NotMet: if an answer is wrong, or missing.
        CouldNotObserve: if so many answers were spoiled by the index itself that the others prove little.
    """
    known = _small_enough(bed, name)
    by_id = {document.id: document for document in known}
    tracked = bed.tracked(name)
    questions = [_question(known, number) for number in range(queries)]

    def ask(vector: list[float]) -> list[str]:
        try:
            return bed.through_balancer.query(tracked.id, vector, 5)
        except CouldNotObserve as error:
            raise NotMet(bed.unserved().says(f"a query failed: {error.sentence}")) from None

    begin = time.monotonic()
    answers = at_once([partial(ask, vector) for vector in questions], clients)
    seconds = time.monotonic() - begin
    lost = 0
    for number, (vector, answered) in enumerate(zip(questions, answers, strict=True), 1):
        which = f"query {number} of {queries} in {name}"
        lost += bool(_require_right(bed, name, "balancer", which, by_id, vector, answered, results=5))
    require_few_lost(lost, queries)
    return queries / seconds, lost


def require_few_lost(lost: int, queries: int) -> None:
    """Raise CouldNotObserve if Chroma's own index has spoiled so many answers that the others prove little."""
    if lost > _MOST_LOST * queries:
        raise CouldNotObserve(f"Chroma's own index has spoiled {lost} of {count(queries, 'query', 'queries')}")


def sync_lags(bed: Testbed, name: str, documents: Sequence[Document], within: timedelta) -> Distribution:
    """Add documents, and measure for each the time from its acknowledgement until it is exact on both instances.

    Raises:
        NotMet: if a write is not acknowledged, or not exact in time.
    """
    session = bed.session("lag")
    lags = []
    for number, document in enumerate(documents, 1):
        answered = bed.write(f"{session}/{number}", Kind.ADD, name, [document])
        require_acknowledged(bed, [answered])

        def look(document: Document = document) -> list[str]:
            return [
                role
                for role in ROLES
                if not same(document, bed.instance(role).get(name, [document.id]).get(document.id))
            ]

        poll(
            look,
            lambda missing: not missing,
            within=within,
            every=timedelta(milliseconds=5),
            what=f"Document {document.id} of {name} is exact on both instances",
            describe=lambda missing: f"not on the {' and the '.join(missing)}" if missing else "so",
            since=answered.ended,
            verdict=VerdictClass.NOT_CONVERGED,
        )
        lags.append(time.monotonic() - answered.ended)
    return distribution(lags)
