"""Chroma's ``where`` and ``where_document`` conditions, evaluated here: the independent oracle for what they select."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from ..documents import Metadata

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def matches(metadata: Metadata | None, where: Mapping[str, Any]) -> bool:
    """Whether a document with this metadata is selected.

    Args:
        metadata: the document's metadata; None if it has none.
        where: a condition: ``{"key": value}``, ``{"key": {"$gt": 3}}``, ``{"$and": [...]}``, ``{"$or": [...]}``.

    Raises:
        ValueError: if the condition uses an operator that is not known here.
    """
    values = metadata or {}
    return all(_holds(values, key, wanted) for key, wanted in where.items())


def _holds(values: Metadata, key: str, wanted: Any) -> bool:
    if key == "$and":
        return all(matches(values, part) for part in wanted)
    if key == "$or":
        return any(matches(values, part) for part in wanted)
    if key.startswith("$"):
        raise ValueError(f"{key} is no operator that can be evaluated here; $and and $or are")
    if not isinstance(wanted, Mapping):
        return _equal(values.get(key), wanted)
    return all(_compare(values.get(key), sign, operand) for sign, operand in wanted.items())


def _compare(value: Any, sign: str, operand: Any) -> bool:
    match sign:
        case "$eq":
            return _equal(value, operand)
        case "$ne":
            return not _equal(value, operand)
        case "$in":
            return any(_equal(value, item) for item in operand)
        case "$nin":
            return not any(_equal(value, item) for item in operand)
    if sign not in _COMPARISONS:
        raise ValueError(
            f"{sign} is no operator that can be evaluated here; $eq, $ne, $in, $nin, $gt, $gte, $lt, $lte are"
        )
    # Chroma compares whole numbers with fractions, but no number with a text; a missing value is never greater or less.
    return all(type(one) in (int, float) for one in (value, operand)) and _COMPARISONS[sign](value, operand)


def matches_text(text: str | None, where_document: Mapping[str, Any]) -> bool:
    """Whether a document with this text is selected.

    Args:
        text: the document's text; None if it has none.
        where_document: ``{"$contains": "words"}``, ``$not_contains``, ``$regex``, ``$not_regex``, or ``$and`` and
            ``$or`` of them.

    Raises:
        ValueError: if the condition uses an operator that is not known here.
    """
    return all(_text_holds(text or "", sign, operand) for sign, operand in where_document.items())


def _text_holds(text: str, sign: str, operand: Any) -> bool:
    match sign:
        case "$and":
            return all(matches_text(text, part) for part in operand)
        case "$or":
            return any(matches_text(text, part) for part in operand)
        case "$contains":
            return operand in text
        case "$not_contains":
            return operand not in text
        case "$regex":
            return re.search(operand, text) is not None
        case "$not_regex":
            return re.search(operand, text) is None
    raise ValueError(
        f"{sign} is no operator that can be evaluated here; $contains, $not_contains, $regex, $not_regex, "
        "$and and $or are"
    )


def _equal(value: Any, wanted: Any) -> bool:
    return type(value) is type(wanted) and bool(value == wanted)
