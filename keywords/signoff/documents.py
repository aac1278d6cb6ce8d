"""Documents as a test knows them: made deterministically, and compared by id and by content, never by count."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .verdict import CouldNotObserve
from .words import shortened

Scalar = str | int | float | bool
Value = Scalar | Sequence[Scalar] | None
"""A value of metadata. None is none that a document can have: it is what an update removes one with."""
Metadata = Mapping[str, Value]
Embedding = tuple[float, ...]

DIMENSIONS = 16
TOLERANCE = 1e-6
LISTS_DIFFER = "lists of different lengths"
"""What is wrong with an answer whose columns don't fit together, in words."""


@dataclass(frozen=True)
class Document:
    """One document, whole.

    Attributes:
        text: its content; None if it has none.
        metadata: its metadata; None if it has none.
        embedding: its vector, of float32-exact values; empty in an update that leaves it as it is.
        uri: where its content is kept, as Chroma stores it; None if it has none.
    """

    id: str
    text: str | None
    metadata: Metadata | None
    embedding: Embedding = field(repr=False)
    uri: str | None = None


def embed(text: str, dimensions: int = DIMENSIONS) -> Embedding:
    """Return a small deterministic embedding: the same text gives the same vector, on every machine.

    Args:
        text: any text.
        dimensions: length of the vector.

    The values are multiples of 2^-15 in [-1, 1), so float32 holds them exactly. They come from a hash, so the
    nearest neighbour of a text's vector is that text itself.
    """
    stream = hashlib.shake_128(text.encode("utf-8", "surrogatepass")).digest(2 * dimensions)
    return tuple(value / 32768.0 for value in struct.unpack(f"<{dimensions}h", stream))


def embed_with_default_model(texts: Sequence[str]) -> list[Embedding]:
    """Return embeddings by Chroma's default model (384 dimensions); it is downloaded when it is used first.

    Raises:
        CouldNotObserve: if the model can't be had.
    """
    from chromadb.utils.embedding_functions import DefaultEmbeddingFunction

    try:
        vectors = DefaultEmbeddingFunction()(list(texts))
    except (OSError, ValueError, RuntimeError) as error:
        raise CouldNotObserve(f"Chroma's default model can't be loaded: {shortened(str(error))}") from None
    return [tuple(float(value) for value in vector) for vector in vectors]


def make_documents(
    prefix: str,
    number: int,
    *,
    start: int = 1,
    token: str = "",
    metadata: Metadata | None = None,
) -> list[Document]:
    """Return documents whose every field tells which write it came from.

    Args:
        prefix: begins each id: ``prefix-0001``.
        number: how many.
        start: the first one's number.
        token: names the write. It stands in the text and in the metadata, and the embedding is made from the text, so
            that a mixed-up field shows.
        metadata: more metadata, the same for all.
    """
    documents = []
    for index in range(start, start + number):
        identity = f"{prefix}-{index:04}"
        text = f"Document {identity} {token}".rstrip()
        own: dict[str, Value] = {"token": token or identity, "number": index}
        documents.append(Document(identity, text, own | dict(metadata or {}), embed(text)))
    return documents


def rewritten(document: Document, token: str) -> Document:
    """Return the same document as another write leaves it: new text, token and embedding, all else kept."""
    text = f"Document {document.id} {token}"
    return replace(document, text=text, metadata={**(document.metadata or {}), "token": token}, embedding=embed(text))


def payload(documents: Sequence[Document]) -> dict[str, Any]:
    """Return the JSON body that adds, updates or upserts the documents over REST."""
    body: dict[str, Any] = {
        "ids": [document.id for document in documents],
        "embeddings": [list(document.embedding) or None for document in documents],
        "documents": [document.text for document in documents],
        "metadatas": [dict(document.metadata) if document.metadata is not None else None for document in documents],
    }
    if any(document.uri is not None for document in documents):
        body["uris"] = [document.uri for document in documents]
    return body


def documents_from(answer: object, who: str) -> list[Document]:
    """Return the documents in a ``get`` answer of Chroma.

    Args:
        answer: the JSON, with ids, documents, metadatas and embeddings, and with uris if there are any.
        who: who gave it, for the message.

    Raises:
        CouldNotObserve: if it is not such an answer, or its lists don't fit together.
    """
    columns: list[list[Any]] = []
    for name in ("ids", "documents", "metadatas", "embeddings"):
        column = answer.get(name) if isinstance(answer, dict) else None
        if not isinstance(column, list):
            raise CouldNotObserve(f"{who} answered a read without a list of {name}: {_show(answer)}")
        columns.append(column)
    uris = answer.get("uris") if isinstance(answer, dict) else None
    columns.append(uris if isinstance(uris, list) else [None] * len(columns[0]))
    if len({len(column) for column in columns}) != 1:
        lengths = ", ".join(str(len(column)) for column in columns)
        raise CouldNotObserve(f"{who} answered a read with {LISTS_DIFFER} ({lengths})")
    try:
        return [
            Document(_text(id), _text_or_none(text), _metadata(metadata), _vector(vector), _text_or_none(uri))
            for id, text, metadata, vector, uri in zip(*columns, strict=True)
        ]
    except (TypeError, ValueError) as error:
        raise CouldNotObserve(f"{who} answered a read with a document that has no sense: {error}") from None


def first_of_each(answer: object) -> dict[str, object]:
    """Return a query's answer in the shape of a ``get`` answer.

    It has a list for each of its questions, and ours have one question.
    """
    return {
        str(name): column[0] if isinstance(column, list) and len(column) == 1 else column
        for name, column in (answer.items() if isinstance(answer, dict) else ())
    }


def differences(expected: Mapping[str, Document], seen: Mapping[str, Document], where: str = "") -> list[str]:
    """Return in plain words how two sets of documents differ; nothing if they are the same.

    Args:
        expected: what should be there, by id.
        seen: what is there, by id.
        where: the place, for the words: "on the replica".
    """
    place = f" {where}" if where else ""
    found = []
    for id in sorted(expected.keys() - seen.keys()):
        found.append(f"document {id} is missing{place}")
    for id in sorted(seen.keys() - expected.keys()):
        found.append(f"document {id} is present{place} and should not be")
    for id in sorted(expected.keys() & seen.keys()):
        fields = differing_fields(expected[id], seen[id])
        if fields:
            found.append(f"document {id} differs{place}: {', '.join(fields)}")
    return found


def same(one: Document | None, other: Document | None) -> bool:
    """Whether two documents are the same in id and content; None is "not there"."""
    if one is None or other is None:
        return one is other
    return one.id == other.id and not differing_fields(one, other)


def differing_fields(expected: Document, seen: Document) -> list[str]:
    """Return what differs between two documents of one id, in words; nothing if they are the same.

    Texts and metadata must be identical, including the types (1, 1.0 and True are three values). Embeddings may
    differ by 1e-6 in each value, since they travel as float32.
    """
    found = []
    if expected.text != seen.text:
        found.append(f"text is {_show(seen.text)} instead of {_show(expected.text)}")
    if _typed(expected.metadata) != _typed(seen.metadata):
        found.append(_metadata_difference(expected.metadata, seen.metadata))
    if expected.uri != seen.uri:
        found.append(f"uri is {_show(seen.uri)} instead of {_show(expected.uri)}")
    if len(expected.embedding) != len(seen.embedding):
        found.append(f"embedding has {len(seen.embedding)} values instead of {len(expected.embedding)}")
    elif wrong := _differing_values(expected.embedding, seen.embedding):
        found.append(f"embedding differs in {wrong} of {len(seen.embedding)} values")
    return found


def near(one: Embedding, other: Embedding) -> bool:
    """Whether two embeddings are the same within what float32 and its decimal form lose."""
    return len(one) == len(other) and not _differing_values(one, other)


def _differing_values(one: Embedding, other: Embedding) -> int:
    return sum(not abs(first - second) <= TOLERANCE for first, second in zip(one, other, strict=True))


def digest(document: Document) -> int:
    """Return a number of 128 bits that tells a document, with all its fields and their types, from others."""
    metadata = json.dumps(document.metadata, sort_keys=True, ensure_ascii=False)
    # repr tells 1 from 1.0 and True; a float32 has one repr.
    whole = repr((document.id, document.text, metadata, document.embedding, document.uri))
    return int.from_bytes(hashlib.blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=16).digest())


def by_id(documents: Iterable[Document]) -> dict[str, Document]:
    """Return the documents by their ids."""
    return {document.id: document for document in documents}


def _metadata_difference(expected: Metadata | None, seen: Metadata | None) -> str:
    if expected is None or seen is None:
        return f"metadata is {_show(seen)} instead of {_show(expected)}"
    one, other = _typed(expected), _typed(seen)
    assert one is not None
    assert other is not None
    keys = sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))
    words = [f"{key} is {_show(seen.get(key))} instead of {_show(expected.get(key))}" for key in keys[:3]]
    return f"metadata {', '.join(words)}"


def _typed(metadata: Metadata | None) -> dict[str, object] | None:
    # Python holds True == 1 == 1.0; a deployment that turns one into another has changed the data.
    if metadata is None:
        return None
    return {
        key: (list, [(type(item), item) for item in value]) if isinstance(value, list) else (type(value), value)
        for key, value in metadata.items()
    }


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{_show(value)} is not a text")
    return value


def _text_or_none(value: object) -> str | None:
    return None if value is None else _text(value)


def _metadata(value: object) -> dict[str, Value] | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise TypeError(f"{_show(value)} is not metadata")
    return value


def _vector(value: object) -> Embedding:
    # A server may send vectors as base64 of little-endian float32, if the client said that it can read them.
    if isinstance(value, str):
        raw = base64.b64decode(value, validate=True)
        return struct.unpack(f"<{len(raw) // 4}f", raw)
    if not isinstance(value, list) or not all(type(item) in (int, float) for item in value):
        raise TypeError(f"{_show(value)} is not an embedding")
    return tuple(float(item) for item in value)


def _show(value: object) -> str:
    return shortened(json.dumps(value, ensure_ascii=False, default=str), 80)
