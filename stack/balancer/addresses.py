"""Addresses that services are given: what is one, and how one is shown without the password that may be in it."""

from __future__ import annotations

from urllib.parse import SplitResult, parse_qs, urlsplit

HTTP_URL = "an http:// or https:// URL with a host, and with a port from 1 to 65535 if it has one"
POSTGRES_URL = (
    "a postgresql:// URL with a host, and with a port from 1 to 65535 if it has one; special characters of a password "
    "are written as %XX"
)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LONGEST_HOST, _LONGEST_LABEL = 253, 63


def http_url(value: str) -> str:
    """Return an http or https URL without a slash at its end.

    Raises:
        ValueError: if it is none; says what is allowed, and never the value.
    """
    if not value.startswith(("http://", "https://")) or not _has_endpoints(value):
        raise ValueError(HTTP_URL)
    return value.rstrip("/")


def postgres_url(value: str) -> str:
    """Return a PostgreSQL URL; it may name several hosts, or one in its query.

    Raises:
        ValueError: if it is none; says what is allowed, and never the value.
    """
    if not value.startswith(("postgresql://", "postgres://")) or not _has_endpoints(value):
        raise ValueError(POSTGRES_URL)
    return value


def same_endpoint(one: str, other: str) -> bool:
    """Whether two URLs that are ones lead to the same place, as far as their texts tell."""
    return _endpoint(one) == _endpoint(other)


def masked(value: str) -> str:
    """Return a text without what stands before the host of an address: a name, and a password with any characters."""
    scheme, separator, rest = value.partition("://")
    if not separator:
        scheme, rest = "", value
    return f"{scheme}{separator}…@{rest.rpartition('@')[2]}" if "@" in rest else value


def _has_endpoints(value: str) -> bool:
    """Whether there is a host, and each host and port can be one."""
    try:
        parts = urlsplit(value)
        # A password that is not quoted ends the host early, and the rest of it is taken for a path.
        if not value.isprintable() or " " in value or "@" in parts.path + parts.fragment:
            return False
        hosts = [_split(place) for place in parts.netloc.rpartition("@")[2].split(",")]
        if not any(host.hostname for host in hosts) and parts.scheme.startswith("postgres"):
            return bool(parse_qs(parts.query).get("host"))
        return all(_is_host(host.hostname) and host.port != 0 for host in hosts)
    except ValueError:
        return False


def _split(place: str) -> SplitResult:
    return urlsplit(f"//{place}")


def _is_host(name: str | None) -> bool:
    if not name or len(name) > _LONGEST_HOST:
        return False
    # Only the very last label may be empty: that is the root of all names.
    return all(0 < len(label.encode("idna")) <= _LONGEST_LABEL for label in name.removesuffix(".").split("."))


def _endpoint(url: str) -> tuple[str, str | None, int | None, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme), parts.path.rstrip("/")
