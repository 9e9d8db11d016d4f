"""Where a model is served and how it is asked; nothing of it is ever saved with a program or an index but its name."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from ...errors import BoundError
from ..addresses import LONGEST_S, can_be_sent, without_secrets

RerankDialect = Literal["cohere", "tei", "vllm", "infinity", "llamacpp", "jina"]
EmbedDialect = Literal["openai", "tei"]
ScoreKind = Literal["logit", "probability"]


@dataclass(frozen=True)
class RemoteServer:
    """Servers that offer the same model, and how long they are waited for.

    Args:
        urls: of servers with the same model and version, such as ``("http://10.0.0.5:8080",)``; what stands before the
            dialect's own path.
        model: as the server calls it; servers of one model take none.
        key: sent as ``Authorization: Bearer``.
        revision: what pins the weights, where the server does not tell; scores and vectors of two revisions never mix.
        tokenizer: the model's ``tokenizer.json``, or the folder that holds it: long texts are cut by it.
        max_tokens: that the model reads.
        deadline_s: seconds within which a call has ended, what is tried again included.
        parallel: requests at a time, to all servers together.

    Raises:
        BoundError: an address that is none, or a number out of its range.
    """

    urls: tuple[str, ...] = field(repr=False)  # they may hold passwords
    model: str = ""
    key: str | None = field(default=None, repr=False)
    revision: str = ""
    tokenizer: Path | None = None
    max_tokens: int | None = None
    deadline_s: float = 60.0
    parallel: int = 4

    def __post_init__(self) -> None:
        if not self.urls:
            raise BoundError(
                "a remote model needs the address of at least one server, such as http://10.0.0.5:8080"
            )
        for url in self.urls:
            require_address(url)
        if not 0 < self.deadline_s <= LONGEST_S:
            raise BoundError(
                f"deadline_s must be above 0 and at most {LONGEST_S:g} seconds (got {self.deadline_s})"
            )
        if self.key is not None and not can_be_sent(self.key):
            raise BoundError("a key is of printable ASCII characters: correct the one that is set")
        if not 1 <= self.parallel <= 1000:
            raise BoundError(f"parallel must be from 1 to 1000 requests (got {self.parallel})")
        if self.max_tokens is not None and self.max_tokens < 8:
            raise BoundError(f"max_tokens must be at least 8 (got {self.max_tokens})")


def require_address(url: str) -> None:
    """Raise `BoundError` for what is no address of a server."""
    shown = without_secrets(url, scheme="")
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fits = False
    if not fits or parts.query or parts.fragment:
        raise BoundError(
            f"the address of a server is such as http://10.0.0.5:8080, without a query (got {shown!r:.200})"
        )
