"""Whether a history can be judged at all: what the checkers rely on, and only the tester can have got wrong."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from ..data_types import Role
from ..history import Action, History, Operation, Result
from ..words import listing
from .findings import Checked, unobserved
from .registers import MOST, Register
from .view import touched


def check(history: History) -> Checked:
    """Return a gap for each assumption that doesn't hold."""
    operations = history.operations
    problems = [
        *_repeated("the id", [operation.id for operation in operations]),
        *_repeated("the token", [operation.token for operation in operations if operation.action.mutates]),
        *_shapes(operations),
        *_one_at_a_time(operations),
        *_too_many(operations),
        *_log(history),
        *_finals(history),
    ]
    return Checked(gaps=tuple(unobserved(problem) for problem in problems))


def _repeated(what: str, values: Sequence[str]) -> Iterator[str]:
    if repeated := [value for value, times in Counter(values).items() if times > 1]:
        yield f"{what} {repeated[0]} belongs to several operations, so what was seen can't be attributed"


def _shapes(operations: Sequence[Operation]) -> Iterator[str]:
    made = {(one.collection, one.incarnation) for one in operations if one.action is Action.CREATE}
    unmade = set()
    for one in operations:
        if one.returned < one.invoked:
            yield f"operation {one.id} returned before it was invoked"
        if one.action.mutates and (not one.token or " " in one.token):
            yield f"operation {one.id} has no token, or one with a space"
        if one.action.of_collection == bool(one.documents) and one.action is not Action.QUERY:
            yield f"operation {one.id} ({one.action.value}) has {len(one.documents)} documents"
        if len(set(one.documents)) < len(one.documents):
            yield f"operation {one.id} names a document twice"
        if not one.action.mutates and one.result is Result.INDETERMINATE:
            yield f"operation {one.id} is a read, and can't be indeterminate"
        if (one.collection, one.incarnation) not in made:
            unmade.add(f"{one.collection} ({one.incarnation})")
    if unmade:
        yield f"nobody created {listing(sorted(unmade))}, so nothing is known of it"


def _one_at_a_time(operations: Sequence[Operation]) -> Iterator[str]:
    by_client: defaultdict[str, list[Operation]] = defaultdict(list)
    for operation in operations:
        by_client[operation.client].append(operation)
    for client, own in by_client.items():
        own.sort(key=lambda one: (one.invoked, one.returned))
        for earlier, later in pairwise(own):
            if later.invoked < earlier.returned:
                yield f"client {client} had two operations under way at once ({earlier.id}, {later.id})"
                break
            if earlier.result is Result.INDETERMINATE and later.identity == earlier.identity:
                yield f"client {client} kept its identity after {earlier.id}, whose outcome nobody told"
                break


def _too_many(operations: Sequence[Operation]) -> Iterator[str]:
    numbers: Counter[Register] = Counter()
    for operation in operations:
        if operation.action.mutates and operation.result is not Result.FAIL:
            numbers.update(touched(operation))
    for register, number in numbers.items():
        if number > MOST:
            yield f"{register} has {number} mutations, and at most {MOST} can be judged"


def _log(history: History) -> Iterator[str]:
    said = sum(read.rows for read in history.log_reads)
    if history.log_reads and said != len(history.log_rows):
        yield f"the log gave {said} rows and {len(history.log_rows)} are recorded, so it was not read whole"
    if history.log_rows and not history.log_reads:
        yield "rows of the log are recorded, and nothing says when it was read"


def _finals(history: History) -> Iterator[str]:
    end = max((operation.returned for operation in history.operations), default=0.0)
    final = {(read.collection, read.instance): read for read in history.finals}
    for name in sorted({operation.collection for operation in history.operations}):
        for role in Role:
            read = final.get((name, role))
            place = f"{name} on the {role.value}"
            if read is None:
                yield f"{place} was not read at the end"
            elif read.failure:
                yield f"{place} could not be read at the end: {read.failure}"
            elif read.started < end:
                yield f"{place} was read at the end while operations were still under way"
            elif read.counted != len(read.documents):
                yield f"{place} counts {read.counted} documents and gave {len(read.documents)}, so not all were read"
