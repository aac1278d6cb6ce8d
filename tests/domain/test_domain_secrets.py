"""No credential is left in a text, and nothing else is changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff.secrets import redact, remember

password = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=8, max_size=30)


@given(password)
def test_the_password_of_a_dsn_is_masked(secret: str) -> None:
    text = redact(f"could not connect to postgresql://postgres:{secret}xQ7@db.example:5432/chroma?sslmode=require")
    assert text == "could not connect to postgresql://postgres:***@db.example:5432/chroma?sslmode=require"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("postgres://u:p@ss:w@host/db", "postgres://u:***@host/db"),
        ("host=h password=geheim user=u", "host=h password=*** user=u"),
        ("password='two words' x", "password=*** x"),
        ("Authorization: Bearer abc.DEF-123", "Authorization: Bearer ***"),
        ("key rnd_0123456789abcdefABCDEF", "key rnd_***"),
        ("https://hooks.slack.com/services/T0123/B456/XyZ789", "https://hooks.slack.com/services/***"),
        ("http://127.0.0.1:8000/api/v2/heartbeat at 10:02:03", "http://127.0.0.1:8000/api/v2/heartbeat at 10:02:03"),
        ("Not met: 3 of 20 documents are missing", "Not met: 3 of 20 documents are missing"),
    ],
)
def test_credentials_are_masked_and_all_else_is_kept(text: str, masked: str) -> None:
    assert redact(text) == masked


def test_a_remembered_credential_is_masked_wherever_it_stands() -> None:
    remember("qZ8-unheard-of")
    assert redact("x=qZ8-unheard-of;") == "x=***;"


def test_a_short_value_is_not_remembered_since_it_would_mask_words() -> None:
    remember("test")
    assert redact("a test") == "a test"
