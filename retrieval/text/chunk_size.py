"""How long the passages are that documents are cut into; no library is loaded to know it."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import BoundError


@dataclass(frozen=True)
class Chunking:
    """How documents are cut into passages, in tokens of the embedder.

    Raises:
        BoundError: fewer than 8 ``tokens``, or an ``overlap`` that is not from 0 to ``tokens`` - 1.
    """

    tokens: int = 200
    """Most tokens of text in one passage; the title comes on top."""
    overlap: int = 40
    """Most tokens that a passage repeats of the one before it, in whole sentences."""

    def __post_init__(self) -> None:
        if self.tokens < 8:
            raise BoundError(f"chunk tokens must be at least 8 (got {self.tokens})")
        if not 0 <= self.overlap < self.tokens:
            raise BoundError(
                f"chunk overlap must be from 0 to {self.tokens - 1}, less than the chunk's tokens (got {self.overlap})"
            )
