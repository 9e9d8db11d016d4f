"""A server of the loopback that answers each request with the next of the replies that it was given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from loopback_server import JsonHandler, loopback_server


@dataclass(frozen=True)
class Reply:
    """One reply."""

    status: int
    body: object = None
    """JSON values, or bytes that are sent as they are."""
    headers: Mapping[str, str] = field(default_factory=dict)
    breaks_off: bool = False
    """Whether more is announced than is sent."""


@dataclass
class Misbehaving:
    """A server that runs."""

    address: str
    requests: list[tuple[str, Mapping[str, str], bytes]]
    """Path, headers and body of each request so far."""


@contextmanager
def misbehaving(*replies: Reply) -> Iterator[Misbehaving]:
    """Serve these replies in turn, the last again and again."""
    seen: list[tuple[str, Mapping[str, str], bytes]] = []

    class Handler(JsonHandler):
        def answer(self) -> None:
            sent = self.read_body()
            seen.append((self.path, dict(self.headers), sent))
            reply = replies[min(len(seen), len(replies)) - 1]
            self.send_json(reply.status, reply.body, reply.headers, missing=100 * reply.breaks_off)

        do_GET = do_POST = answer

    with loopback_server(Handler) as address:
        yield Misbehaving(address, seen)
