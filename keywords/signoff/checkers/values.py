"""The final-value rule: what each instance holds at the end is what some allowed order of the mutations leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ..data_types import Role
from ..documents import Document
from ..history import Action, FinalRead, Operation, Result
from ..verdict import VerdictClass
from ..words import listing
from .findings import Checked, Finding
from .registers import Register, Value
from .view import UNMARKED, Mutation, Recognized, View


def check(view: View, explained: frozenset[tuple[Register, Role]] = frozenset()) -> Checked:
    """Return what is at the end and may not be, or isn't and has to be.

    Args:
        explained: registers whose content another finding has explained already.
    """
    findings: list[Finding] = []
    for register in view.registers:
        allowed: frozenset[Value] | None = None
        for role in Role:
            seen = view.seen(register, role)
            if seen is None or (register, role) in explained:
                continue
            allowed = view.allowed(register) if allowed is None else allowed
            if seen[0] not in allowed:
                findings += _judged(view, register, role, seen[0], allowed)
    for (name, role), read in view.finals.items():
        findings += _strange(view, name, role, read)
    return Checked(tuple(findings))


def said(mutation: Mutation | None) -> str:
    """Return what was told last, in words: "deleted (acknowledged 10:02:03.120)"."""
    if mutation is None:
        return "never acknowledged"
    operation = mutation.operation
    if operation.result is Result.OK:
        at = operation.returned_at
        return f"{operation.action.done} (acknowledged {at:%H:%M:%S}.{at.microsecond // 1000:03})"
    return f"{operation.action.done} (not acknowledged, but known by the log or by its use)"


def _judged(view: View, register: Register, role: Role, seen: Value, allowed: frozenset[Value]) -> Iterator[Finding]:
    what, place = _capital(str(register)), f"on the {role.value}"
    told = view.told(register)
    own = [mutation.operation.id for mutation in view.mutations(register)]
    source = view.by_token.get(seen or "")
    proof = tuple(dict.fromkeys([*([told.operation.id] if told else []), *([source.id] if source else [])]))
    if seen == UNMARKED:
        yield Finding(VerdictClass.MANGLED, f"{what} is {place} without the token in its metadata", tuple(own))
        return
    if seen is not None and (source is None or source.collection != register.collection):
        yield Finding(VerdictClass.PHANTOM, f"{what} is present {place}, and none of us created it", tuple(own))
        return
    if seen in view.allowed(register, late=True):
        late = _latecomer(view, register, seen, source)
        yield Finding(
            VerdictClass.LATE_REPLAY,
            f"{what} was {said(told)} and {'is missing' if seen is None else 'is present'} {place}"
            f" as operation {late.id} leaves it, which its client had seen fail before it went on",
            tuple(dict.fromkeys([*proof, late.id])),
        )
    elif seen is None:
        yield Finding(VerdictClass.LOST, f"{what} was {said(told)} and is missing {place}", proof or tuple(own))
    elif source is not None and source.result is Result.FAIL:
        yield Finding(
            VerdictClass.PHANTOM,
            f"{what} is present {place} as operation {source.id} wrote it, which was refused",
            proof,
        )
    elif allowed == {None}:
        yield Finding(VerdictClass.RESURRECTED, f"{what} was {said(told)} and is present {place}", proof)
    else:
        yield Finding(
            VerdictClass.ROLLED_BACK,
            f"{what} was {said(told)} and is {place} as the earlier operation {source.id if source else '?'} left it",
            proof,
        )


def _latecomer(view: View, register: Register, seen: Value, source: Operation | None) -> Operation:
    unsure = [one for one in view.registers[register] if one.result is Result.INDETERMINATE]
    if source is not None and source in unsure:
        return source
    removing = [one for one in unsure if one.action in (Action.DELETE, Action.DROP)]
    return (removing if seen is None and removing else unsure)[-1]


def _strange(view: View, name: str, role: Role, read: FinalRead) -> Iterator[Finding]:
    """What is in a collection and fits no register, or not in all its fields."""
    place = f"on the {role.value}"
    if len(read.ids) > 1:
        yield Finding(VerdictClass.DUPLICATED, f"Collection {name} is {place} {len(read.ids)} times")
    twice = [id for id, times in Counter(document.id for document in read.documents).items() if times > 1]
    if twice:
        yield Finding(VerdictClass.DUPLICATED, f"{_capital(_named(twice))} of {name} {place} is there more than once")
    incarnation = view.incarnation(read)
    if incarnation is None:
        return
    recognized = view.documents[name, role]
    for document in read.documents:
        finding = stranger(view, recognized[document.id], document, Register(name, incarnation, document.id), place)
        if finding is not None:
            yield finding


def stranger(view: View, found: Recognized, document: Document, register: Register, place: str) -> Finding | None:
    """Return what is wrong with a document itself, whatever its register allows; None if nothing is.

    Args:
        found: which write it comes from.
        place: where it was seen, in words: "on the replica".
    """
    what = _capital(str(register))
    operation = found.operation
    if operation is None:
        own = tuple(one.id for one in view.registers.get(register, []))
        if own:
            return Finding(VerdictClass.MANGLED, f"{what} is {place} with a content that nobody wrote", own)
        return Finding(VerdictClass.PHANTOM, f"{what} is present {place}, and nobody wrote it")
    if not found.here:
        earlier = operation.collection == register.collection and operation.incarnation < register.incarnation
        if earlier and document.id in operation.documents:
            return Finding(
                VerdictClass.RESURRECTED,
                f"{what} is present {place}, and operation {operation.id} wrote it to an earlier {register.collection}",
                (operation.id,),
            )
        return Finding(
            VerdictClass.CROSSED,
            f"{what} has {place} the content that operation {operation.id} wrote to "
            f"{_named(operation.documents)} of {operation.collection}",
            (operation.id,),
        )
    if found.wrong:
        return Finding(VerdictClass.MANGLED, f"{what} differs {place}: {', '.join(found.wrong)}", (operation.id,))
    return None


def _named(ids: tuple[str, ...] | list[str]) -> str:
    return f"document{'s' if len(ids) > 1 else ''} {listing(list(ids))}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
