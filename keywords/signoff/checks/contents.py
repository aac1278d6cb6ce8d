"""Collections and their documents: written through the balancer, and judged exactly, instance by instance."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from ..clients.client import NotRead, Told, Write, asked_by_client, read_by_client, told_by_client
from ..clients.instances import CollectionInfo, Instance
from ..clients.wire import Reply
from ..documents import Document, differences
from ..ledger import Change, Kind, Register, arrived_in_part, judge
from ..outcomes import Effect
from ..polling import poll
from ..testbed import ROLES, Testbed, Tracked
from ..traffic import at_once
from ..verdict import CouldNotObserve, NotMet, VerdictClass, summed_up
from ..words import count, listing, sentences
from . import mapping
from .conditions import matches, matches_text

_EVERY = timedelta(milliseconds=100)
_UNREAD_MOST = 5.0
"""Seconds for which a watched collection may be unreadable before the watch has seen nothing."""


# ---------------------------------------------------------------- writing


def create(
    bed: Testbed, name: str, metadata: Mapping[str, Any] | None, configuration: Mapping[str, Any] | None = None
) -> None:
    """Create a collection with the official client.

    Args:
        configuration: as Chroma takes it; None for the usual one.

    Raises:
        NotMet: if the creation is not acknowledged.
    """
    tracked = bed.track(name, metadata, configuration)
    given = {} if configuration is None else {"configuration": dict(configuration)}
    _created(
        bed, tracked, lambda: bed.client.create_collection(name, metadata=metadata, embedding_function=None, **given)
    )


def get_or_create(bed: Testbed, name: str) -> None:
    """Get or create a collection with the official client, twice.

    Raises:
        NotMet: if it is not acknowledged, or the second time gives another collection.
    """
    tracked = bed.track(name)
    for _ in range(2):
        first = tracked.id
        _created(bed, tracked, lambda: bed.client.get_or_create_collection(name, embedding_function=None))
        if first and tracked.id != first:
            twice = f"get_or_create gave {name} the id {first}, and then {tracked.id}"
            raise NotMet(VerdictClass.DUPLICATED.says(twice))


def _created(bed: Testbed, tracked: Tracked, action: Callable[[], Any]) -> None:
    handles: list[Any] = []
    told = told_by_client(lambda: handles.append(action()))
    if told.effect is not Effect.DONE:
        raise NotMet(bed.unserved().says(f"creating the collection {tracked.name} was not acknowledged: {told.words}"))
    tracked.acknowledged_at = time.monotonic()
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
    _require_acknowledged(bed, writes, "creations")
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
        told = f"{len(winners)} of {clients} clients were told that they created {name}; it must be exactly one"
        raise NotMet((VerdictClass.BAD_MAPPING if winners else bed.unserved(writes[0].status)).says(told))
    if strange := [write.answer_in_words for write in others if write.status != 409]:
        answered = f"creating {name} once more was answered with {strange[0]} instead of 409"
        raise NotMet(VerdictClass.PROTOCOL.says(answered))
    tracked.id = _id_in(winners[0])
    return name


def _job(bed: Testbed, session: str, name: str) -> Callable[[], Write]:
    return lambda: bed.record(bed.writer.create(bed.session(session), name))


def _id_in(write: Write) -> str:
    assert isinstance(write.answer, Reply)
    answer = write.answer.json()
    if not isinstance(answer, dict) or not isinstance(answer.get("id"), str):
        without = f"creating {write.collection} was acknowledged without an id: {write.answer_in_words}"
        raise NotMet(VerdictClass.PROTOCOL.says(without))
    return str(answer["id"])


def _require_acknowledged(bed: Testbed, writes: Sequence[Write], what: str) -> None:
    failed = [write for write in writes if write.effect is not Effect.DONE]
    if failed:
        words = f"{len(failed)} of {len(writes)} {what} were not acknowledged: {failed[0].answer_in_words}"
        raise NotMet(bed.unserved(failed[0].status).says(words))


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
        raise NotMet(bed.unserved().says(f"deleting the collection {name} was not acknowledged: {told.words}"))
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
        asked = f"{kind.name.lower()} of {count(len(documents), 'document')} in {name}"
        raise NotMet(bed.unserved().says(f"{asked} was not acknowledged ({told.effect.value}): {told.words}"))


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
        words = f"deleting documents of {name} by a condition was not acknowledged: {told.words}"
        raise NotMet(bed.unserved().says(words))


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
                        if bed.instance(place).has_collection(name):
                            raise
                        return [VerdictClass.LOST.says(f"the collection {name} is not there {_at(place)}")]
                    return [bed.unserved().says(f"it can't be read {_at(place)}: {error.sentence}")]
            return findings(bed, name, contents)

        poll(
            look,
            lambda found: not found,
            within=left,
            every=_EVERY,
            what=f"{name} holds exactly what was acknowledged",
            describe=lambda found: summed_up(found) or "exactly that",
        )
        number += sum(len(documents) for documents in contents.values())
    return time.monotonic() - begin, number


def findings(bed: Testbed, name: str, contents: Mapping[str, Mapping[str, Document]]) -> list[str]:
    """Return what is wrong with a collection's contents, as read from several places, in words with their classes."""
    ledger = bed.tracked(name).ledger
    registers = ledger.registers()
    in_part: dict[str, str] = {}
    if contents.keys() >= set(ROLES):
        in_part = arrived_in_part(ledger.batches(), [contents[role] for role in ROLES])
    found = list(dict.fromkeys(in_part.values()))
    for place, documents in contents.items():
        others = {id: register for id, register in registers.items() if id not in in_part or id in documents}
        found += judge(others, documents, _at(place))
    # Documents whose last write had an unknown outcome may be there or not, but not here and not there.
    places = list(contents)
    if not found:
        for place in places[1:]:
            unlike = differences(contents[places[0]], contents[place], f"{_at(place)}, unlike {_at(places[0])},")
            found += [VerdictClass.DIVERGED.says(one) for one in unlike]
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
        lambda: existence_findings(bed, names),
        lambda found: not found,
        within=within,
        what=f"{listing(list(names), 3)} {'is' if len(names) == 1 else 'are'} on each instance exactly once, and alike",
        describe=lambda found: summed_up(found) or "so",
    )
    return time.monotonic() - begin


def existence_findings(bed: Testbed, names: Sequence[str]) -> list[str]:
    """Return which collections are not on each instance exactly once and as they were created, in words."""
    found = []
    seen: dict[str, dict[str, CollectionInfo]] = {name: {} for name in names}
    for role in ROLES:
        listed = bed.instance(role).list_collections()
        for name in names:
            infos = [info for info in listed if info.name == name]
            if len(infos) != 1:
                wrong = VerdictClass.DUPLICATED if infos else VerdictClass.LOST
                found.append(wrong.says(f"{name} is {len(infos)} times in the list of the {role}"))
                continue
            seen[name][role] = infos[0]
            if bed.instance(role).uuid_of(name) != infos[0].id:
                two = f"the {role} gives {name} one id in its list and another by name"
                found.append(VerdictClass.DUPLICATED.says(two))
    for name, by_role in seen.items():
        if len(by_role) == 2:
            tracked = bed.tracked(name)
            found += unlike(name, by_role["primary"], by_role["replica"], tracked.metadata, tracked.configuration)
    return found


def unlike(
    name: str,
    primary: CollectionInfo,
    replica: CollectionInfo,
    metadata: Mapping[str, Any] | None,
    configuration: Mapping[str, Any] | None,
) -> list[str]:
    """Return how a collection, as each instance describes it, differs from what was asked for, in words.

    Args:
        metadata, configuration: what it was created with. Beyond what was given, the configuration has the server's
            own values, which have to be the same on both.
    """
    found = []
    if primary.id == replica.id:
        same = f"{name} has the same id on both instances, so they are not two"
        found.append(VerdictClass.BAD_MAPPING.says(same))
    for info, role in ((primary, "primary"), (replica, "replica")):
        if (dict(info.metadata) if info.metadata else None) != (metadata or None):
            other = f"{name} has the metadata {_json(info.metadata)} on the {role} instead of {_json(metadata)}"
            found.append(VerdictClass.MANGLED.says(other))
        found += [
            VerdictClass.MANGLED.says(f"{name} has the configuration {words} on the {role}")
            for words in _other_settings(configuration or {}, info.configuration, "")
        ]
    if dict(primary.configuration) != dict(replica.configuration):
        found.append(VerdictClass.DIVERGED.says(f"{name} is configured differently on the two instances"))
    return found


def _other_settings(given: Mapping[str, Any], seen: object, path: str) -> list[str]:
    """Return the values that were given and are not there, each as "hnsw.space l2 instead of cosine"."""
    found = []
    for key, wanted in given.items():
        place = f"{path}{key}"
        value = seen.get(key) if isinstance(seen, Mapping) else None
        if isinstance(wanted, Mapping):
            found += _other_settings(wanted, value, f"{place}.")
        elif value != wanted:
            found.append(f"{place} {_json(value)} instead of {_json(wanted)}")
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
        verdict=VerdictClass.RESURRECTED,
    )
    return time.monotonic() - begin


def stay_absent(bed: Testbed, name: str, during: timedelta) -> int:
    """Look again and again whether a collection stays gone, and its mapping row with it; return how often.

    Raises:
        NotMet: as soon as it is back.
    """

    def look() -> None:
        absent(bed, name, timedelta(0))
        mapping.gone(bed, name, timedelta(0))

    return _again_and_again(during, look)


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
            again = f"{name} has, {_at(place)}, the id {id}, which the deleted collection had"
            raise NotMet(VerdictClass.RESURRECTED.says(again))
    if own["balancer"] != tracked.id:
        other = f"the balancer now calls {name} {own['balancer']}, and told {tracked.id} when it was created"
        raise NotMet(VerdictClass.BAD_MAPPING.says(other))


def as_remembered(bed: Testbed, name: str, before: Mapping[str, Mapping[str, Document]], within: timedelta) -> int:
    """Wait until each instance holds what it held before; return how many documents were compared."""

    def look() -> list[str]:
        found = []
        for role, documents in before.items():
            kept = {id: Register([document], told="there before") for id, document in documents.items()}
            found += judge(kept, bed.instance(role).read_documents(name), _at(role))
        return found

    poll(
        look,
        lambda found: not found,
        within=within,
        every=_EVERY,
        what=f"{name} is as it was before",
        describe=lambda found: summed_up(found) or "as before",
    )
    number = sum(len(documents) for documents in before.values())
    if not number:
        raise CouldNotObserve(f"{name} was empty when it was remembered, and empty equals empty proves nothing")
    return number


def _require_names(names: Sequence[str]) -> None:
    if not names:
        raise CouldNotObserve("no collection is named, so nothing would be checked")


# ---------------------------------------------------------------- reading


def select_exactly(
    bed: Testbed,
    name: str,
    conditions: Sequence[Mapping[str, Any]],
    text_conditions: Sequence[Mapping[str, Any]],
    places: Sequence[str],
) -> None:
    """Check that reads by conditions select exactly the documents that meet them.

    Args:
        conditions: over the metadata.
        text_conditions: over the texts.

    Raises:
        NotMet: if one selects others.
        CouldNotObserve: if no document meets a condition, so that it would prove nothing.
    """
    known = bed.tracked(name).ledger.documents()
    asked = [("where", one, [id for id in known if matches(known[id].metadata, one)]) for one in conditions]
    asked += [
        ("where_document", one, [id for id in known if matches_text(known[id].text, one)]) for one in text_conditions
    ]
    for field, condition, ids in asked:
        if not ids or len(ids) == len(known):
            raise CouldNotObserve(f"the condition {_json(condition)} does not tell the documents of {name} apart")
        expected = {id: known[id] for id in ids}
        for place in places:
            instance = reader(bed, place)
            seen = instance.documents_by_reference(instance.uuid_of(name), **{field: dict(condition)})
            if found := differences(expected, seen, _at(place)):
                wrong = f"the condition {_json(condition)} in {name}: {sentences(found)}"
                raise NotMet(VerdictClass.WRONG_ANSWER.says(wrong))


def reopen_add_find(bed: Testbed, name: str, document: Document) -> None:
    """Open a collection anew with the official client, add a document, and find it by a query.

    Raises:
        NotMet: if the write is not acknowledged, or the document is not the nearest to its own embedding.
    """
    bed.tracked(name).handle = None
    write(bed, Kind.ADD, name, [document])
    handle = bed.handle(bed.tracked(name))
    try:
        answer = asked_by_client(lambda: handle.query(query_embeddings=[list(document.embedding)], n_results=1))
        seen = read_by_client(handle)
    except NotRead as error:
        raise NotMet(bed.unserved().says(f"reading {name} with Chroma's client failed: {error}")) from None
    if answer["ids"] != [[document.id]]:
        raise NotMet(VerdictClass.WRONG_ANSWER.says(f"a query for {document.id} in {name} found {answer['ids']}"))
    if found := judge(bed.tracked(name).ledger.registers(), seen, "for Chroma's client"):
        raise NotMet(summed_up(found))
