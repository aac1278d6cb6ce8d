"""Keeps credentials out of messages, logs and files: passwords in URLs, bearer keys, webhook addresses."""

from __future__ import annotations

import re

MASK = "***"

_PATTERNS = (
    # The password of a URL, and of a DSN in words. A password may hold an "@", the host can't: so up to the last one.
    (re.compile(r"(?P<keep>[a-zA-Z][a-zA-Z0-9+.-]*://[^\s:/@]*:)[^\s/]+(?=@)"), rf"\g<keep>{MASK}"),
    (re.compile(r"(?P<keep>\bpassword\s*=\s*)('[^']*'|[^\s'\";,&]+)", re.IGNORECASE), rf"\g<keep>{MASK}"),
    (re.compile(r"(?P<keep>\bBearer\s+)[A-Za-z0-9._~+/=-]+", re.IGNORECASE), rf"\g<keep>{MASK}"),
    (re.compile(r"\brnd_[A-Za-z0-9]{8,}"), f"rnd_{MASK}"),
    # Slack's webhooks, and any service that imitates them: the path is the credential.
    (re.compile(r"(?P<keep>/services/)T\w+/B\w+/\w+"), rf"\g<keep>{MASK}"),
)
_known: set[str] = set()


def remember(secret: str) -> None:
    """Have a value masked wherever it appears, from now on and in this process.

    Args:
        secret: a credential. Values shorter than six characters are not remembered: they would mask ordinary words.
    """
    if len(secret) >= 6:
        _known.add(secret)


def redact(text: str) -> str:
    """Return the text with every credential in it replaced by ``***``.

    Args:
        text: a message, a URL, a whole page.
    """
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text
