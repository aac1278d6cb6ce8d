"""What an answer says of an operation: the table of wire results, as one pure function.

``outcomes.effect_of`` says what an answer to a write tells of its effect, and decides here too. This adds what a
history needs besides: reads, answers that break the protocol, and a doubt about a 400 or 422 that does not say what is
wrong with the request, since such an answer can come from a second try within the deployment.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ..clients.wire import NoAnswer, Reply
from ..history import Action, Evidence, Result
from ..outcomes import Effect, effect_of
from ..secrets import redact
from ..words import shortened

_RESULTS = {Effect.DONE: Result.OK, Effect.NONE: Result.FAIL, Effect.UNKNOWN: Result.INDETERMINATE}


@dataclass(frozen=True)
class Classified:
    """What an answer says.

    Attributes:
        gone: a read was answered that there is no such collection.
    """

    result: Result
    wire: Evidence
    gone: bool = False


def classify(action: Action, answer: Reply | NoAnswer) -> Classified:
    """Return what an answer to an operation says.

    Args:
        action: what was asked for.
        answer: the answer, or why there was none.
    """
    if isinstance(answer, NoAnswer):
        result = _RESULTS[effect_of(answer)] if action.mutates else Result.FAIL
        return Classified(result, Evidence(None, answer.why, answer.sent))
    success = 200 <= answer.status < 300
    violation = _violation(action, answer.body) if success else ""
    header = redact(shortened(answer.headers.get("x-effect", ""), 40))
    wire = Evidence(answer.status, "" if success and not violation else answer.text, True, header, violation)
    if not action.mutates:
        gone = answer.status == 404
        return Classified(Result.OK if gone or (success and not violation) else Result.FAIL, wire, gone)
    effect = effect_of(answer)
    unexplained = answer.status in (400, 422) and header.strip().lower() != "none" and not _says_why(answer.body)
    if violation or (effect is Effect.NONE and unexplained):
        effect = Effect.UNKNOWN
    return Classified(_RESULTS[effect], wire)


def _violation(action: Action, body: bytes) -> str:
    if not body.strip():
        return "a success without a body"
    content = _parsed(body)
    if content is _NO_JSON:
        return "a success whose body is no JSON, or is cut off"
    if isinstance(content, dict) and "error" in content:
        return "a success whose body is an error"
    if action is Action.CREATE and not (isinstance(content, dict) and isinstance(content.get("id"), str)):
        return "a created collection without an id"
    if not action.mutates and not (isinstance(content, dict) and isinstance(content.get("ids"), list)):
        return "a read without a list of ids"
    if not (content is None or content is True or isinstance(content, dict)):
        return "a success whose body is no acknowledgement"
    return ""


def _says_why(body: bytes) -> bool:
    words = body.decode("utf-8", "replace").lower()
    return any(marker in words for marker in _OUR_OWN_FAULT)


# How Chroma and HTTP frameworks name an error in the arguments: InvalidArgumentError, "Failed to deserialize", ….
_OUR_OWN_FAULT = ("invalid", "argument", "validat", "deserialize", "expect", "must be", "missing")
_NO_JSON = object()


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return _NO_JSON
