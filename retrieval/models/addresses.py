"""What all clients of a server need: how messages name its address, and what may be sent to it and read of it."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

LONGEST_S = 86_400.0
"""Longest time that a server may be waited for: a day."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def without_secrets(address: str, scheme: str = "http") -> str:
    """Return an address fit for a message: without user, password and query; with ``scheme`` where it has none."""
    own, separator, rest = address.partition("://")
    if not separator:
        own, rest = scheme, address
    shown = rest.rpartition("@")[2].partition("?")[0]
    return f"{own}://{shown}" if own else shown


def is_loopback(address: str) -> bool:
    """Whether an address is of this machine, so that no proxy is to be asked for it."""
    return urlsplit(address).hostname in _LOOPBACK


def can_be_sent(key: str) -> bool:
    """Whether a key can stand in a header."""
    return key.isascii() and key.isprintable()


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of ``Retry-After``, which a server of any kind may send; ``None`` where it gives a date or nothing."""
    text = headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdecimal() else None


def one_line(text: object, most: int = 200) -> str:
    """Return what a server says on one line of at most ``most`` characters."""
    line = " ".join(str(text).split())
    return line if len(line) <= most else line[: most - 1] + "…"
