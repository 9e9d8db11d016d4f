"""Who embeds the texts of an index that have no vector yet: this process, or others that it hands them to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..models.embedders import Embedder, Progress, Vectors


@dataclass(frozen=True)
class TextGroup:
    """Texts that are embedded together, so that whoever does it makes the same vectors."""

    keys: Sequence[str]
    """Of their vectors."""
    texts: Sequence[str]


class EmbeddingEngine(Protocol):
    """Embeds groups of texts as an embedder of this process would."""

    def embed(
        self, embedder: Embedder, groups: Iterable[TextGroup], progress: Callable[[int], None]
    ) -> Iterator[tuple[TextGroup, Vectors]]:
        """Yield each group with its vectors, shape (texts, dims), in whatever order they are done.

        ``progress`` is called with how many texts are done.
        """
        ...


class InThisProcess:
    """Embeds one group after another, here."""

    def embed(
        self, embedder: Embedder, groups: Iterable[TextGroup], progress: Callable[[int], None]
    ) -> Iterator[tuple[TextGroup, Vectors]]:
        """See `EmbeddingEngine`."""
        before = 0
        for group in groups:
            yield group, embedder.embed_passages(group.texts, _after(before, progress))
            before += len(group.texts)


def _after(before: int, progress: Callable[[int], None]) -> Progress:
    """Count a group's progress on top of what was done before it."""
    return lambda done, _: progress(before + done)
