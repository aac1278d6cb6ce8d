"""Documents that are easily mangled: every kind of text and metadata that a server accepts."""

from __future__ import annotations

from dataclasses import replace

from ..documents import Document, Value, embed

MEGABYTE = 1_000_000

_TEXTS = {
    "german": "Größenmaßstäbe: äöüß ÄÖÜẞ",
    "chinese": "分布式数据库的一致性",
    "arabic": "قاعدة بيانات موزعة",
    "emoji": "👩‍🚀 family 👨‍👩‍👧‍👦 flag 🇪🇺",
    "composed": "é is not e\u0301",
    "quotes": "\"double\" 'single' `back` \\backslash\\",
    "lines": "first\nsecond\r\nthird\tand a tab",
    "markup": "<script>alert('x')</script> &amp; %20 ${NAME} {{name}}",
    "sql": "'; DROP TABLE unified_wal_writes; --",
    "json": '{"ids": ["a"], "null": null}',
    "spaces": "  leading and trailing  ",
    "number": "12345678901234567890",
    "separators": "line\u2028paragraph\u2029zero\u200bwidth",
}
# Lists are left out. Chroma 1.5.9 was seen to keep them when their collection is deleted, and to show them with
# documents that were stored later in another collection: a test would change what belongs to others.
_METADATA: dict[str, Value] = {
    "text": "a text",
    "empty": "",
    "unicode": "日本語 ✓",
    "whole": 42,
    "zero": 0,
    "negative": -7,
    "large": 9_007_199_254_740_993,
    "fraction": 0.1,
    "whole fraction": 3.0,
    "tiny": 1e-300,
    "yes": True,
    "no": False,
    "looks like a number": "1",
    "looks like a bool": "true",
}


_URIS = {
    "plain": "https://example.com/a/b.pdf",
    "query": "s3://bucket/key?version=1&part=%20#fragment",
    "unicode": "file:///Größe/日本語.txt",
}
_REMOVED = "metadata removed"


def unusual_documents() -> list[Document]:
    """Return one document for each kind of text, of metadata and of URI, and one with a megabyte of text."""
    texts = [_document(f"text {name}", text, {"kind": name}) for name, text in _TEXTS.items()]
    values = [_document(f"metadata {name}", f"Metadata {name}", {"value": value}) for name, value in _METADATA.items()]
    together = _document("metadata all", "All kinds of metadata", dict(_METADATA))
    none = Document("metadata none", "No metadata", None, embed("No metadata"))
    sentence = "A megabyte of text, in which every sentence has its number. "
    count = MEGABYTE // (len(sentence) + 7) + 1
    megabyte = "".join(f"{number:06} {sentence}" for number in range(count))[:MEGABYTE]
    ids = [_document(id, f"Id {id!r}", {"kind": "id"}) for id in ("id/with/slashes", "id with spaces", "id-ünicode-✓")]
    places = [
        replace(_document(f"uri {name}", f"Kept at {uri}", {"kind": "uri"}), uri=uri) for name, uri in _URIS.items()
    ]
    removed = _document(_REMOVED, "One value is removed afterwards", {"kept": "kept", "gone": "gone"})
    return [
        *texts,
        *values,
        together,
        none,
        *places,
        removed,
        _document("text megabyte", megabyte, {"kind": "megabyte"}),
        *ids,
    ]


def unusual_updates() -> list[Document]:
    """Return updates of these documents that are easily mangled: one removes a value of the metadata, by None."""
    return [_document(_REMOVED, "One value was removed", {"gone": None})]


CONDITIONS: tuple[dict[str, object], ...] = (
    {"kind": "german"},
    {"value": True},
    {"value": 42},
    {"value": {"$ne": 42}},
    {"value": {"$in": ["a text", "1"]}},
    {"value": {"$nin": ["a text", "1"]}},
    {"value": {"$gt": -8}},
    {"fraction": {"$lte": 0.1}},
    {"$and": [{"whole": {"$gte": 42}}, {"$or": [{"no": True}, {"$and": [{"yes": True}, {"zero": {"$lt": 1}}]}]}]},
    {"$or": [{"kind": "emoji"}, {"kind": "sql"}, {"$and": [{"kind": "id"}, {"kind": {"$ne": "json"}}]}]},
)
"""Conditions over these documents' metadata, from plain to nested."""

TEXT_CONDITIONS: tuple[dict[str, object], ...] = (
    {"$contains": "DROP TABLE"},
    {"$contains": "一致性"},
    {"$not_contains": "Metadata"},
    {"$regex": "^Id .*slashes"},
    {"$not_regex": "[0-9]{6}"},
    {"$and": [{"$contains": "Metadata"}, {"$or": [{"$contains": "whole"}, {"$contains": "tiny"}]}]},
    {"$or": [{"$contains": "trailing"}, {"$and": [{"$contains": "Kept at"}, {"$not_contains": "s3"}]}]},
)
"""Conditions over their texts."""


def _document(id: str, text: str, metadata: dict[str, Value]) -> Document:
    return Document(id, text, metadata, embed(f"{id} {text[:100]}"))
