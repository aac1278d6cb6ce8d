"""Requests that no deployment may carry out: each is refused in time with the right status, and changes nothing."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ..clients.client import SESSION_HEADER
from ..clients.instances import COLLECTIONS
from ..clients.wire import NoAnswer
from ..documents import make_documents, payload
from ..testbed import Testbed
from ..verdict import NotMet, VerdictClass, summed_up
from .unchanged import nothing_of

OVERSIZE = 64 * 1024 * 1024
"""Bytes; more than Chroma takes in one request (40 MB)."""
_OVERSIZE_WITHIN = timedelta(seconds=60)


@dataclass(frozen=True)
class BadRequest:
    """One request, and the statuses it may be answered with.

    Attributes:
        what: in words, for messages.
        body: as it is sent; None sends none.
    """

    what: str
    method: str
    path: str
    body: bytes | None
    allowed: tuple[int, ...]


def bad_requests(reference: str) -> Sequence[BadRequest]:
    """Return one request of each kind.

    Args:
        reference: the balancer's id of a collection that has documents.
    """
    one = make_documents("bad", 1, token="bad")[0]
    good = payload([one])
    inside = f"{COLLECTIONS}/{reference}"
    stranger = f"{COLLECTIONS}/{uuid.uuid4()}"
    wrong = {**good, "embeddings": [[0.5] * (len(one.embedding) + 1)]}
    return (
        BadRequest("malformed JSON", "POST", f"{inside}/add", b'{"ids": ["bad-0001"', (400, 422)),
        BadRequest("JSON that is no object", "POST", f"{inside}/add", b"[1, 2]", (400, 422)),
        BadRequest("an add without ids", "POST", f"{inside}/add", _json({**good, "ids": None}), (400, 422)),
        BadRequest("an add without embeddings", "POST", f"{inside}/add", _json({"ids": ["bad-0001"]}), (400, 422)),
        BadRequest("a wrong dimension", "POST", f"{inside}/add", _json(wrong), (400, 422)),
        BadRequest("an unknown collection, to write", "POST", f"{stranger}/add", _json(good), (404,)),
        BadRequest("an unknown collection, to read", "POST", f"{stranger}/get", b"{}", (404,)),
        BadRequest("a name where an id belongs", "POST", f"{COLLECTIONS}/no-such-name/add", _json(good), (400, 404)),
        BadRequest("an unknown name to delete", "DELETE", f"{COLLECTIONS}/no-such-name", None, (404,)),
        BadRequest("a name that is not allowed", "POST", COLLECTIONS, _json({"name": "a b"}), (400, 422)),
        BadRequest("a body that is too large", "POST", f"{inside}/add", _too_large(good), (413,)),
        BadRequest("an unknown path", "POST", f"{inside}/no-such-thing", b"{}", (404, 405)),
    )


def refused(bed: Testbed, name: str) -> str:
    """Send each of them through the balancer, and see that it is refused and changes nothing; say so in words.

    Raises:
        NotMet: if one is answered with something else, or too late, or if anything has changed.
    """
    found = []
    slowest = 0.0
    sessions = []
    pending = bed.balancer.status().pending_writes
    requests = bad_requests(bed.tracked(name).id)
    for one in requests:
        sessions.append(bed.session("bad"))
        try:
            reply = bed.through_balancer.wire.call(
                one.method, one.path, data=one.body, headers={SESSION_HEADER: sessions[-1]}
            )
        except NoAnswer as error:
            found.append(VerdictClass.PROTOCOL.says(f"{one.what} was not answered: {error.why}"))
            continue
        if len(one.body or b"") < OVERSIZE:
            slowest = max(slowest, reply.elapsed)
        elif reply.elapsed > _OVERSIZE_WITHIN.total_seconds():  # how long that takes is the way's business, too
            late = f"{one.what} was answered after {reply.elapsed:.0f} s"
            found.append(VerdictClass.TOO_SLOW.says(late))
        if reply.status not in one.allowed:
            wanted = " or ".join(map(str, one.allowed))
            answered = f"{one.what} was answered with {reply.status} instead of {wanted}: {reply.text}"
            found.append(VerdictClass.PROTOCOL.says(answered))
    allowed = bed.environment.settings.request_timeout.total_seconds()
    if slowest > allowed:
        found.append(VerdictClass.TOO_SLOW.says(f"an answer took {slowest:.1f} s, and {allowed:g} s are allowed"))
    if found:
        raise NotMet(summed_up(found))
    nothing_of(bed, name, sessions, pending)
    return f"{len(requests)} bad requests refused, the slowest after {slowest * 1000:.0f} ms"


def _too_large(good: dict[str, Any]) -> bytes:
    """A valid request whose one text alone is larger than what may be sent."""
    return _json({**good, "documents": ["x" * OVERSIZE]})


def _json(content: object) -> bytes:
    return json.dumps(content).encode()
