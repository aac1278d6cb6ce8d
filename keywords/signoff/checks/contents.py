"""Collections and their documents: written through the balancer, and judged exactly, instance by instance."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

from ..clients.client import Told, Write, read_by_client, told_by_client
from ..clients.instances import COLLECTIONS, CollectionInfo, Instance
from ..clients.wire import NoAnswer, Reply
from ..documents import Document, by_id, differences, documents_from
from ..ledger import Change, Kind, judge
from ..outcomes import Effect
from ..polling import poll
from ..testbed import ROLES, Testbed, Tracked
from ..traffic import at_once
from ..verdict import CouldNotObserve, NotMet
from ..words import count, listing, sentences
from .conditions import matches

_EVERY = timedelta(milliseconds=100)
_UNREAD_MOST = 5.0
"""Seconds for which a watched collection may be unreadable before the watch has seen nothing."""


# ---------------------------------------------------------------- writing


def create(bed: Testbed, name: str, metadata: Mapping[str, Any] | None) -> None:
    """Create a collection with the official client.

    Raises:
        NotMet: if the creation is not acknowledged.
    """
    tracked = bed.track(name, metadata)
    _created(tracked, lambda: bed.client.create_collection(name, metadata=metadata, embedding_function=None))


def get_or_create(bed: Testbed, name: str) -> None:
    """Get or create a collection with the official client, twice.

    Raises:
        NotMet: if it is not acknowledged, or the second time gives another collection.
    """
    tracked = bed.track(name)
    for _ in range(2):
        first = tracked.id
        _created(tracked, lambda: bed.client.get_or_create_collection(name, embedding_function=None))
        if first and tracked.id != first:
            raise NotMet(f"get_or_create gave {name} the id {first}, and then {tracked.id}")


def _created(tracked: Tracked, action: Callable[[], Any]) -> None:
    handles: list[Any] = []
    told = told_by_client(lambda: handles.append(action()))
    if told.effect is not Effect.DONE:
        raise NotMet(f"creating the collection {tracked.name} was not acknowledged: {told.words}")
    tracked.handle = handles[0]
    tracked.id = str(tracked.handle.id)


def create_at_once(bed: Testbed, number: int, stem: str) -> list[str]:
    """Create many collections at the same time over REST, and return their names.

    Raises:
        NotMet: if a creation is not acknowledged.
    """
    names = [bed.fresh_name(stem) for _ in range(number)]
    for name in names:
        bed.track(name)
    writes = at_once([_job(bed, "create", name) for name in names], number)
    _require_acknowledged(writes, "creations")
    for write in writes:
        bed.tracked(write.collection).id = _id_in(write)
    return names


def create_contested(bed: Testbed, clients: int, stem: str) -> str:
    """Have many clients create one name at the same time, and return it.

    Raises:
        NotMet: unless exactly one is told that it did, and all others that the name exists.
    """
    name = bed.fresh_name(stem)
    tracked = bed.track(name)
    writes = at_once([_job(bed, "create", name) for _ in range(clients)], clients)
    winners = [write for write in writes if write.effect is Effect.DONE]
    others = [write for write in writes if write.effect is not Effect.DONE]
    if len(winners) != 1:
        raise NotMet(f"{len(winners)} of {clients} clients were told that they created {name}; it must be exactly one")
    if strange := [write.answer_in_words for write in others if write.status != 409]:
        raise NotMet(f"creating {name} once more was answered with {strange[0]} instead of 409")
    tracked.id = _id_in(winners[0])
    return name


def _job(bed: Testbed, session: str, name: str) -> Callable[[], Write]:
    return lambda: bed.record(bed.writer.create(bed.session(session), name))


def _id_in(write: Write) -> str:
    assert isinstance(write.answer, Reply)
    answer = write.answer.json()
    if not isinstance(answer, dict) or not isinstance(answer.get("id"), str):
        raise NotMet(f"creating {write.collection} was acknowledged without an id: {write.answer_in_words}")
    return str(answer["id"])


def _require_acknowledged(writes: Sequence[Write], what: str) -> None:
    failed = [write for write in writes if write.effect is not Effect.DONE]
    if failed:
        raise NotMet(f"{len(failed)} of {len(writes)} {what} were not acknowledged: {failed[0].answer_in_words}")


def delete(bed: Testbed, name: str) -> None:
    """Delete a collection of this run with the official client.

    Raises:
        NotMet: if that is not acknowledged.
        CouldNotObserve: if this run has not created it, or its ids can't be read before.
    """
    bed.manifest.require(name)
    tracked = bed.tracked(name)
    tracked.earlier_ids |= {tracked.id, *_ids_that_can_be_seen(bed, name)}
    told = told_by_client(lambda: bed.client.delete_collection(name))
    if told.effect is not Effect.DONE:
        raise NotMet(f"deleting the collection {name} was not acknowledged: {told.words}")
    tracked.ledger.clear()
    tracked.id, tracked.handle = "", None
    bed.manifest.remove(name)


def _ids_that_can_be_seen(bed: Testbed, name: str) -> set[str]:
    ids = set()
    for role in ROLES:
        try:
            ids.add(bed.instance(role).uuid_of(name))
        except CouldNotObserve:
            continue  # this instance is down, or has not got it yet, so it can't be told from a later one by its id
    return ids


def delete_all(bed: Testbed, names: Sequence[str]) -> None:
    """Delete collections of this run over REST, several at the same time; those that are gone already are left.

    Raises:
        CouldNotObserve: if one can't be deleted.
    """
    for name in names:
        bed.manifest.require(name)
    writes = at_once([partial(bed.writer.drop, bed.session("cleanup"), name) for name in names], 4)
    for write in writes:
        if write.effect is not Effect.DONE and write.status != 404:
            raise CouldNotObserve(f"{write.collection} could not be deleted afterwards: {write.answer_in_words}")
        bed.manifest.remove(write.collection)


def write(bed: Testbed, kind: Kind, name: str, documents: Sequence[Document]) -> None:
    """Write documents with the official client.

    Raises:
        NotMet: if the write is not acknowledged.
    """
    told = bed.write_with_client(kind, name, documents)
    if told.effect is not Effect.DONE:
        raise NotMet(
            f"{kind.name.lower()} of {count(len(documents), 'document')} in {name} was not acknowledged "
            f"({told.effect.value}): {told.words}"
        )


def delete_where(bed: Testbed, name: str, where: Mapping[str, str]) -> None:
    """Delete documents by a condition with the official client.

    Args:
        where: values that the metadata have; all of them.
    """
    if not where:
        raise CouldNotObserve("a condition is needed, e.g. document_id=gone")
    tracked = bed.tracked(name)
    chosen = [d for d in tracked.ledger.documents().values() if matches(d.metadata, where)]
    if not chosen:
        raise CouldNotObserve(f"no document of {name} has {listing([f'{k}={v}' for k, v in where.items()])}")
    equal = [{key: value} for key, value in where.items()]
    condition: dict[str, Any] = equal[0] if len(equal) == 1 else {"$and": equal}
    handle = bed.handle(tracked)
    told: Told = told_by_client(lambda: handle.delete(where=condition))
    tracked.ledger.note([Change(Kind.DELETE, document.id) for document in chosen], told.effect)
    if told.effect is not Effect.DONE:
        raise NotMet(f"deleting documents of {name} by a condition was not acknowledged: {told.words}")


# ---------------------------------------------------------------- what must be there


def reader(bed: Testbed, place: str) -> Instance:
    """Return what reads a place: balancer, primary or replica."""
    return bed.through_balancer if place == "balancer" else bed.instance(place)


def hold_exactly(bed: Testbed, names: Sequence[str], places: Sequence[str], within: timedelta) -> tuple[float, int]:
    """Wait until collections hold exactly what was acknowledged.

    Args:
        names: the collections.
        places: where to look: balancer, primary, replica.
        within: how long it may take, all collections together.

    Returns:
        The seconds it took, and how many documents were compared.

    Raises:
        NotMet: with the documents that prove it.
        CouldNotObserve: if an instance can't be read.
    """
    _require_names(names)
    begin = time.monotonic()
    number = 0
    for name in names:
        left = max(timedelta(0), within - timedelta(seconds=time.monotonic() - begin))
        contents: dict[str, dict[str, Document]] = {}

        def look(name: str = name, contents: dict[str, dict[str, Document]] = contents) -> list[str]:
            contents.clear()
            for place in places:
                try:
                    contents[place] = reader(bed, place).read_documents(name)
                except CouldNotObserve as error:
                    # An instance may be away, and then nothing is known. The balancer is there to be read through.
                    if place != "balancer":
                        raise
                    return [f"it can't be read {_at(place)}: {error.sentence}"]
            return findings(bed, name, contents)

        poll(
            look,
            lambda found: not found,
            within=left,
            every=_EVERY,
            what=f"{name} holds exactly what was acknowledged",
            describe=lambda found: sentences(found) or "exactly that",
        )
        number += sum(len(documents) for documents in contents.values())
    return time.monotonic() - begin, number


def findings(bed: Testbed, name: str, contents: Mapping[str, Mapping[str, Document]]) -> list[str]:
    """Return what is wrong with a collection's contents, as read from several places, in words."""
    registers = bed.tracked(name).ledger.registers()
    found = []
    for place, documents in contents.items():
        found += judge(registers, documents, _at(place))
    # Documents whose last write had an unknown outcome may be there or not, but not here and not there.
    places = list(contents)
    if not found:
        for place in places[1:]:
            found += differences(contents[places[0]], contents[place], f"{_at(place)}, unlike {_at(places[0])},")
    return found


def _at(place: str) -> str:
    return "through the balancer" if place == "balancer" else f"on the {place}"


def keep_holding(bed: Testbed, names: Sequence[str], places: Sequence[str], during: timedelta) -> int:
    """Look again and again whether collections hold exactly what was acknowledged; return how often.

    Raises:
        NotMet: as soon as one doesn't.
    """
    return _again_and_again(during, lambda: hold_exactly(bed, names, places, timedelta(0)))


def _again_and_again(during: timedelta, look: Callable[[], object]) -> int:
    deadline = time.monotonic() + during.total_seconds()
    looks = 0
    unread_since: float | None = None
    while True:
        started = time.monotonic()
        last = started >= deadline
        try:
            look()
        except CouldNotObserve:
            # What changes under the reader can't be read whole: the next look tells what it has become.
            unread_since = started if unread_since is None else unread_since
            if started - unread_since > _UNREAD_MOST:
                raise
            last = False
        else:
            looks += 1
            unread_since = None
        if last:
            return looks
        # The condition is the deadline itself: what must not happen may happen at any time until then.
        time.sleep(min(0.2, max(0.0, deadline - time.monotonic())))


def exist_once(bed: Testbed, names: Sequence[str], within: timedelta) -> float:
    """Wait until each collection is on each instance exactly once, and alike; return the seconds it took."""
    _require_names(names)
    begin = time.monotonic()
    poll(
        lambda: _existence_findings(bed, names),
        lambda found: not found,
        within=within,
        what=f"{listing(list(names), 3)} {'is' if len(names) == 1 else 'are'} on each instance exactly once, and alike",
        describe=lambda found: sentences(found) or "so",
    )
    return time.monotonic() - begin


def _existence_findings(bed: Testbed, names: Sequence[str]) -> list[str]:
    found = []
    seen: dict[str, dict[str, CollectionInfo]] = {name: {} for name in names}
    for role in ROLES:
        listed = bed.instance(role).list_collections()
        for name in names:
            infos = [info for info in listed if info.name == name]
            if len(infos) != 1:
                found.append(f"{name} is {len(infos)} times in the list of the {role}")
                continue
            seen[name][role] = infos[0]
            if bed.instance(role).uuid_of(name) != infos[0].id:
                found.append(f"the {role} gives {name} one id in its list and another by name")
    for name, by_role in seen.items():
        if len(by_role) == 2:
            found += _unlike(name, by_role["primary"], by_role["replica"], bed.tracked(name).metadata)
    return found


def _unlike(name: str, primary: CollectionInfo, replica: CollectionInfo, given: object) -> list[str]:
    found = []
    if primary.id == replica.id:
        found.append(f"{name} has the same id on both instances, so they are not two")
    for info, role in ((primary, "primary"), (replica, "replica")):
        if (dict(info.metadata) if info.metadata else None) != (given or None):
            found.append(f"{name} has the metadata {_json(info.metadata)} on the {role} instead of {_json(given)}")
    if dict(primary.configuration) != dict(replica.configuration):
        found.append(f"{name} is configured differently on the two instances")
    return found


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=dict)


def absent(bed: Testbed, name: str, within: timedelta) -> float:
    """Wait until a collection is gone from both instances and the balancer; return the seconds it took."""
    bed.tracked(name)
    begin = time.monotonic()
    poll(
        lambda: _presence(bed, name),
        lambda places: not places,
        within=within,
        what=f"The deleted collection {name} is gone everywhere",
        describe=lambda places: f"it is {' and '.join(places)}" if places else "gone",
    )
    return time.monotonic() - begin


def stay_absent(bed: Testbed, name: str, during: timedelta) -> int:
    """Look again and again whether a collection stays gone; return how often.

    Raises:
        NotMet: as soon as it is back.
    """
    return _again_and_again(during, lambda: absent(bed, name, timedelta(0)))


def _presence(bed: Testbed, name: str) -> list[str]:
    places = []
    for place in ("balancer", *ROLES):
        instance = reader(bed, place)
        if instance.has_collection(name):
            places.append(f"there {_at(place)}")
        if any(info.name == name for info in instance.list_collections()):
            places.append(f"in the list {_at(place)}")
    return places


def ids_are_fresh(bed: Testbed, name: str) -> None:
    """Check that a re-created collection has ids that its forerunners didn't have.

    Raises:
        NotMet: if an id is used again.
        CouldNotObserve: if there was no forerunner.
    """
    tracked = bed.tracked(name)
    if not tracked.earlier_ids:
        raise CouldNotObserve(f"{name} was never deleted and created again")
    own = {role: info.id for role, info in bed.own_ids(name).items()} | {"balancer": bed.through_balancer.uuid_of(name)}
    for place, id in own.items():
        if id in tracked.earlier_ids:
            raise NotMet(f"{name} has, {_at(place)}, the id {id}, which the deleted collection had")
    if own["balancer"] != tracked.id:
        raise NotMet(f"the balancer now calls {name} {own['balancer']}, and told {tracked.id} when it was created")


def creating_again_is_refused(bed: Testbed, name: str) -> None:
    """Check that creating an existing name is refused with 409 and changes nothing."""
    before = {role: info.id for role, info in bed.own_ids(name).items()}
    written = bed.record(bed.writer.create(bed.session("again"), name, metadata={"second": True}))
    if written.status != 409:
        raise NotMet(f"creating {name} once more was answered with {written.answer_in_words} instead of 409")
    after = {role: info.id for role, info in bed.own_ids(name).items()}
    if before != after:
        raise NotMet(f"creating {name} once more was refused, and has replaced it all the same")
    if found := _existence_findings(bed, [name]):
        raise NotMet(f"creating {name} once more was refused, and has changed it all the same: {sentences(found)}")


def as_remembered(bed: Testbed, name: str, before: Mapping[str, Mapping[str, Document]], within: timedelta) -> int:
    """Wait until each instance holds what it held before; return how many documents were compared."""

    def look() -> list[str]:
        found = []
        for role, documents in before.items():
            found += differences(documents, bed.instance(role).read_documents(name), _at(role))
        return found

    poll(
        look,
        lambda found: not found,
        within=within,
        every=_EVERY,
        what=f"{name} is as it was before",
        describe=lambda found: sentences(found) or "as before",
    )
    number = sum(len(documents) for documents in before.values())
    if not number:
        raise CouldNotObserve(f"{name} was empty when it was remembered, and empty equals empty proves nothing")
    return number


def _require_names(names: Sequence[str]) -> None:
    if not names:
        raise CouldNotObserve("no collection is named, so nothing would be checked")


# ---------------------------------------------------------------- reading


def select_exactly(bed: Testbed, name: str, conditions: Sequence[Mapping[str, Any]], places: Sequence[str]) -> None:
    """Check that reads by conditions select exactly the documents that meet them.

    Raises:
        NotMet: if one selects others.
        CouldNotObserve: if no document meets a condition, so that it would prove nothing.
    """
    known = bed.tracked(name).ledger.documents()
    for condition in conditions:
        expected = {id: document for id, document in known.items() if matches(document.metadata, condition)}
        if not expected or len(expected) == len(known):
            raise CouldNotObserve(f"the condition {_json(condition)} does not tell the documents of {name} apart")
        for place in places:
            instance = reader(bed, place)
            seen = instance.documents_by_reference(instance.uuid_of(name), where=dict(condition))
            if found := differences(expected, seen, _at(place)):
                raise NotMet(f"the condition {_json(condition)} in {name}: {sentences(found)}")


def compressed_equal(bed: Testbed, name: str) -> None:
    """Check that a read that accepts gzip gives the same documents as one that doesn't."""
    path = f"{COLLECTIONS}/{quote(bed.through_balancer.uuid_of(name))}/get"
    body = {"include": ["documents", "metadatas", "embeddings"]}
    seen = {}
    for encoding in ("identity", "gzip"):
        reply = bed.through_balancer.wire.call("POST", path, payload=body, headers={"Accept-Encoding": encoding})
        if reply.status != 200:
            raise NotMet(f"a read that accepts {encoding} was answered with {reply.status}: {reply.text}")
        seen[encoding] = by_id(documents_from(reply.json(), "the balancer"))
    if not seen["identity"]:
        raise CouldNotObserve(f"{name} is empty, so nothing would be compared")
    if found := differences(seen["identity"], seen["gzip"], "in the compressed answer"):
        raise NotMet(sentences(found))


def reopen_add_find(bed: Testbed, name: str, document: Document) -> None:
    """Open a collection anew with the official client, add a document, and find it by a query.

    Raises:
        NotMet: if the write is not acknowledged, or the document is not the nearest to its own embedding.
    """
    bed.tracked(name).handle = None
    write(bed, Kind.ADD, name, [document])
    handle = bed.handle(bed.tracked(name))
    try:
        answer = handle.query(query_embeddings=[list(document.embedding)], n_results=1)
        seen = read_by_client(handle)
    except (ValueError, NoAnswer) as error:
        raise NotMet(f"reading {name} with Chroma's client failed: {error}") from None
    if answer["ids"] != [[document.id]]:
        raise NotMet(f"a query for {document.id} in {name} found {answer['ids']}")
    if found := judge(bed.tracked(name).ledger.registers(), seen, "for Chroma's client"):
        raise NotMet(sentences(found))


def wrong_dimension(bed: Testbed, name: str) -> str:
    """Check that an embedding of another length is refused, stored nowhere, and not owed; say how it was answered."""
    tracked = bed.tracked(name)
    known = tracked.ledger.documents()
    if not known:
        raise CouldNotObserve(f"{name} is empty, so it has no dimension yet")
    length = len(next(iter(known.values())).embedding)
    odd = Document("wrong-dimension", "one value too many", {"wrong": True}, (0.5,) * (length + 1))
    pending = bed.balancer.status().pending_writes
    written = bed.record(bed.writer.write(bed.session("wrong"), Kind.ADD, name, tracked.id, [odd]))
    if written.status is None or not 400 <= written.status < 500:
        raise NotMet(
            f"{length + 1} values in a collection of {length} were answered with {written.answer_in_words} "
            "instead of a 4xx"
        )
    hold_exactly(bed, [name], ("balancer", *ROLES), bed.environment.limits.sync_lag_max)
    poll(
        lambda: bed.balancer.status().pending_writes,
        lambda number: number <= pending,
        within=bed.environment.limits.sync_lag_max,
        what="The refused write is not owed",
        describe=lambda number: f"{count(number, 'write')} pending instead of {pending}",
    )
    return f"wrong dimension answered with {written.status}"
