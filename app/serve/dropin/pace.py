"""How much of a model's work is begun at once: a request that is given up frees the model soon, and others get in between."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

SLICE_SECONDS = 0.6
"""What a slice of a request is to take, alone on the model; one text may take longer."""
MOST_TEXTS = 256
"""Of one slice."""
_OVERHEAD = 40
"""Characters that each text costs beside its own."""
_TEXTS, _SENTENCES = 8, 6

Sizes = Callable[[list[str]], Sequence[int]]
"""Returns how much each of some texts is to read: tokens, or characters where nobody can tell tokens."""


@dataclass(frozen=True)
class Pace:
    """How fast a model reads, as it was measured when the service was loaded."""

    size: float
    """That it reads in `SLICE_SECONDS`, of all texts together."""

    def slices(self, sizes: Sequence[int]) -> Iterator[list[int]]:
        """Yield the places of texts of these sizes in slices; those of like size stand together, which saves padding."""
        slice: list[int] = []
        taken = 0
        for place in sorted(range(len(sizes)), key=lambda i: (sizes[i], i)):
            if slice and (taken + sizes[place] > self.size or len(slice) == MOST_TEXTS):
                yield slice
                slice, taken = [], 0
            slice.append(place)
            taken += sizes[place]
        if slice:
            yield slice


def characters(texts: Sequence[str], longest: int, beside: int = 0) -> list[int]:
    """Return sizes of texts in characters: each is read with so many ``beside``, of the ``longest`` that is read whole."""
    return [min(len(text) + beside, longest) + _OVERHEAD for text in texts]


def measure_pace(read: Callable[[list[str]], object], sizes: Sizes) -> Pace:
    """Let a model read some texts that it has never met, once to warm it and once for time."""
    read(_unmet()[:1])
    texts = _unmet()
    begun = time.perf_counter()
    read(texts)
    took = time.perf_counter() - begun
    return Pace(sum(sizes(texts)) * SLICE_SECONDS / max(took, 1e-6))


def _unmet() -> list[str]:
    def sentence() -> str:
        return f"The one called {secrets.token_hex(3)} is kept on the shelf near the second window."

    return [" ".join(sentence() for _ in range(_SENTENCES)) for _ in range(_TEXTS)]
