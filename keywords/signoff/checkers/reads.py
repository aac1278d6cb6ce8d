"""What clients read while the run went on: contents, staleness, and two guarantees that are reported apart.

A read is allowed what some order of the mutations leaves at some moment of it. How much of the past it must include
depends on the question: all that was acknowledged longer ago than reads may be stale (STALE), the client's own
acknowledged writes (READ-YOUR-WRITES), or what the client had read before (MONOTONIC-READS).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..documents import Document, by_id, near
from ..history import Action, Operation, Result
from ..verdict import VerdictClass
from ..words import duration
from .findings import Checked, Finding
from .registers import Reached, Register, Value, reach
from .values import said, stranger
from .view import LOGGED_NOT_DONE, Mutation, View, steps


@dataclass(frozen=True)
class _Look:
    """A read's view of one register: the value, and the sets of mutations after which it can be so."""

    read: Operation
    value: Value
    masks: tuple[int, ...]


def check(view: View) -> Checked:
    """Return the reads that gave what they may not."""
    findings: list[Finding] = []
    for register, own in _by_register(view).items():
        mutations = view.mutations(register)
        reached = reach(steps(mutations))
        earlier: dict[str, _Look] = {}
        for read, document in sorted(own, key=lambda pair: pair[0].invoked):
            findings += _judged(view, register, read, document, mutations, reached, earlier)
    for operation in view.history.operations:
        findings += _wrongly_gone(view, operation)
        if twice := [id for id, times in Counter(document.id for document in operation.found).items() if times > 1]:
            findings.append(
                Finding(
                    VerdictClass.DUPLICATED,
                    f"Document {twice[0]} of {operation.collection} is answered more than once in one read",
                    (operation.id,),
                )
            )
    return Checked(tuple(findings))


def _by_register(view: View) -> dict[Register, list[tuple[Operation, Document | None]]]:
    """Each register with the reads of it. A query proves only what it found; a get also what it didn't find."""
    found: defaultdict[Register, list[tuple[Operation, Document | None]]] = defaultdict(list)
    for operation in view.history.operations:
        if operation.action.mutates or operation.result is not Result.OK:
            continue
        documents = by_id(operation.found)
        asked: Iterable[str] = operation.documents if operation.action is Action.GET else ()
        for id in dict.fromkeys([*asked, *documents]):
            found[Register(operation.collection, operation.incarnation, id)].append((operation, documents.get(id)))
    return found


def _judged(
    view: View,
    register: Register,
    read: Operation,
    document: Document | None,
    mutations: list[Mutation],
    reached: Reached,
    earlier: dict[str, _Look],
) -> Iterator[Finding]:
    value: Value = None
    what = f"Document {register.document} of {register.collection}"
    if document is not None:
        recognized = view.recognize(document, register.collection, register.incarnation)
        strange = stranger(view, recognized, document, register, f"in what client {read.client} read")
        if strange is not None and not _half_written(view, read, document, mutations, recognized.operation):
            yield Finding(strange.verdict, strange.sentence, (read.id, *strange.operations))
        source = recognized.operation
        if source is None or not recognized.here:
            return
        value = source.token
        if source.result is Result.FAIL or source.invoked > read.returned:
            words = f"{what} was read as operation {source.id} writes it, which was "
            words += "refused" if source.result is Result.FAIL else "not sent yet"
            yield Finding(VerdictClass.PHANTOM, words, (read.id, source.id))
            return
        rows = view.rows.get(source.id, [])
        if source.result is Result.INDETERMINATE and any(row.status in LOGGED_NOT_DONE for row in rows):
            words = f"{what} was read as operation {source.id} writes it, and the log calls that {rows[0].status}"
            yield Finding(VerdictClass.FALSE_DENIAL, words, (read.id, source.id))
            return
        if (drop := _dropped(view, read)) is not None:
            words = f"{what} was read, and its collection was {said(drop)} {duration(read.invoked - drop.until)} before"
            yield Finding(VerdictClass.STALE, words, (read.id, drop.operation.id))
            return
    elif _may_be_gone(view, read):
        return
    invoked = {index for index, one in enumerate(mutations) if one.operation.invoked <= read.returned}
    ceiling = sum(1 << index for index in invoked)
    masks = tuple(mask for mask, values in reached.items() if value in values and not mask & ~ceiling)
    if not masks:
        words = f"{what} was read {_state(value, view)}, and no order of what was done to it leaves it so"
        yield Finding(VerdictClass.PHANTOM, words, (read.id, *(one.operation.id for one in mutations)))
        return
    old = read.invoked - view.limits.stale
    due = [index for index, one in enumerate(mutations) if one.certain and one.until < old]
    if not _any(masks, due):
        last = max((mutations[index] for index in due), key=lambda one: one.until)
        age = duration(read.invoked - last.until)
        words = f"{what} was {said(last)} and was read {_state(value, view)} {age} later"
        yield Finding(VerdictClass.STALE, words, (read.id, last.operation.id))
    mine = [
        index
        for index, one in enumerate(mutations)
        if one.operation.client == read.client
        and one.operation.result is Result.OK
        and one.operation.returned <= read.invoked
    ]
    if not _any(masks, mine):
        last = max((mutations[index] for index in mine), key=lambda one: one.until)
        words = f"{what} was {said(last)} by client {read.client}, which then read it {_state(value, view)}"
        yield Finding(VerdictClass.READ_YOUR_WRITES, words, (read.id, last.operation.id))
    before = earlier.get(read.client)
    if before is not None and not any(not one & ~other for one in before.masks for other in masks):
        words = f"Client {read.client} read {what[:1].lower()}{what[1:]} {_state(before.value, view)}, and later "
        words += _state(value, view)
        yield Finding(VerdictClass.MONOTONIC_READS, words, (before.read.id, read.id))
    earlier[read.client] = _Look(read, value, masks)


def _half_written(
    view: View, read: Operation, document: Document, mutations: list[Mutation], source: Operation | None
) -> bool:
    """Whether a document that was read is partly as a write found it, which was under way, and partly as it left it.

    Chroma keeps texts and metadata in one place and embeddings in another; a write changes one after the other, and a
    read asks one after the other. Measured on Chroma alone, 40 of 1,533 queries beside updates and none of 2,049 gets
    were such halves; its source allows them for a get as well, if hardly ever. An instance may be at a write for as
    long as what is read of it may be stale.
    """
    since = read.invoked - view.limits.stale
    begun = [one for one in mutations if one.operation.invoked < read.returned]
    under_way = [one.operation for one in begun if one.until > since]
    coming_or_going = any(one.action in (Action.ADD, Action.UPSERT, Action.DELETE) for one in under_way)
    if coming_or_going and document.text is None and not document.metadata:
        return True  # its embedding is there already, or still, and nothing else of it
    if source is None or not under_way or source.action.of_collection:
        return False
    over = [one.operation for one in begun if one.certain and one.until <= since]
    # All but what another write had certainly replaced by then: what those under way may have found, and they.
    written = [
        one.operation.written(document.id) for one in begun if not any(later.invoked >= one.until for later in over)
    ]
    text, metadata = document.text, dict(document.metadata or {})
    return (
        any(text == one.text for one in written)
        and any(metadata.get("token") == (one.metadata or {}).get("token") for one in written)
        and any(near(one.embedding, document.embedding) for one in written)
    )


def _any(masks: Iterable[int], due: Iterable[int]) -> bool:
    needed = sum(1 << index for index in due)
    return any(not needed & ~mask for mask in masks)


def _made(view: View, read: Operation) -> Mutation | None:
    """The creation of the collection that was read."""
    for one in view.mutations(Register(read.collection, 0, "")):
        if one.operation.action is Action.CREATE and one.operation.incarnation == read.incarnation:
            return one
    return None


def _dropped(view: View, read: Operation) -> Mutation | None:
    """The deletion of the collection that was read, if it was certainly over longer ago than a read may be stale."""
    made = _made(view, read)
    for one in view.mutations(Register(read.collection, 0, "")):
        over = one.operation.action is Action.DROP and one.certain and one.until < read.invoked - view.limits.stale
        if over and made is not None and made.until < one.operation.invoked:
            return one
    return None


def _may_be_gone(view: View, read: Operation) -> bool:
    """Whether the collection may have been deleted before a read was over, so that absence says nothing."""
    own = view.registers[Register(read.collection, 0, "")]
    return any(one.action is Action.DROP and one.invoked <= read.returned for one in own)


def _wrongly_gone(view: View, read: Operation) -> Iterator[Finding]:
    """A read was told that a collection is not there that certainly is."""
    made = _made(view, read)
    if not read.gone or made is None or not made.certain or _may_be_gone(view, read):
        return
    if made.until < read.invoked - view.limits.stale:
        age = duration(read.invoked - made.until)
        words = f"Collection {read.collection} was {said(made)} and was not there for a read {age} later"
        yield Finding(VerdictClass.STALE, words, (read.id, made.operation.id))


def _state(value: Value, view: View) -> str:
    return "absent" if value is None else f"as operation {view.by_token[value].id} left it"
