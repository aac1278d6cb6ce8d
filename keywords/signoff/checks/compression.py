"""gzip on the way: answers and requests that are compressed hold the same as those that are not."""

from __future__ import annotations

import gzip
import json
from urllib.parse import quote

from ..clients.client import SESSION_HEADER
from ..clients.instances import COLLECTIONS
from ..documents import Document, by_id, differences, documents_from, payload
from ..ledger import Change, Kind
from ..outcomes import Effect
from ..testbed import Testbed
from ..verdict import CouldNotObserve, NotMet, VerdictClass
from ..words import sentences
from . import settled
from .unchanged import EVERYWHERE, nothing_of


def answers_equal(bed: Testbed, name: str) -> str:
    """Check that a read that accepts gzip gives the same documents as one that doesn't; say whether it came as gzip.

    Whoever accepts gzip must also take an answer without it: a server that never compresses breaks no promise.
    """
    path = f"{COLLECTIONS}/{quote(bed.through_balancer.uuid_of(name))}/get"
    body = {"include": ["documents", "metadatas", "embeddings", "uris"]}
    seen = {}
    encoding = ""
    for accepted in ("identity", "gzip"):
        reply = bed.through_balancer.wire.call("POST", path, payload=body, headers={"Accept-Encoding": accepted})
        if reply.status != 200:
            answered = f"a read that accepts {accepted} was answered with {reply.status}: {reply.text}"
            raise NotMet(bed.unserved(reply.status).says(answered))
        encoding = reply.headers.get("content-encoding", "identity")
        if encoding not in ("identity", accepted):
            raise NotMet(VerdictClass.PROTOCOL.says(f"a read that accepts {accepted} was answered with {encoding}"))
        seen[accepted] = by_id(documents_from(reply.json(), "the balancer"))
    if not seen["identity"]:
        raise CouldNotObserve(f"{name} is empty, so nothing would be compared")
    if found := differences(seen["identity"], seen["gzip"], "in the compressed answer"):
        raise NotMet(VerdictClass.WRONG_ANSWER.says(sentences(found)))
    return "answers come as gzip" if encoding == "gzip" else "answers come uncompressed, also where gzip is accepted"


def request_taken_or_refused(bed: Testbed, name: str, document: Document) -> str:
    """Check that an add whose body is gzip is carried out exactly, or refused with a 4xx; say which of them.

    Args:
        document: a new one.
    """
    tracked = bed.tracked(name)
    session = bed.session("gzip")
    pending = bed.balancer.status().pending_writes
    reply = bed.through_balancer.wire.call(
        "POST",
        f"{COLLECTIONS}/{tracked.id}/add",
        data=gzip.compress(json.dumps(payload([document])).encode()),
        headers={SESSION_HEADER: session, "Content-Encoding": "gzip"},
    )
    if 400 <= reply.status < 500:
        nothing_of(bed, name, [session], pending)
        return f"a gzip request is refused with {reply.status}"
    if reply.status not in (200, 201):
        answered = f"a gzip request was answered with {reply.status}, which is neither done nor refused: {reply.text}"
        raise NotMet(VerdictClass.PROTOCOL.says(answered))
    tracked.ledger.note([Change.of(Kind.ADD, document)], Effect.DONE)
    settled.hold_exactly(bed, [name], EVERYWHERE, bed.environment.limits.sync_lag_max)
    return "a gzip request is carried out"
