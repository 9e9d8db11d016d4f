"""Addresses of servers: how messages name them, and which are of this machine."""

from __future__ import annotations

from urllib.parse import urlsplit

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


def one_line(text: object, most: int = 200) -> str:
    """Return what a server says on one line of at most ``most`` characters."""
    line = " ".join(str(text).split())
    return line if len(line) <= most else line[: most - 1] + "…"
