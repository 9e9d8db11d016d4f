"""How much of a model's work is begun at once: a request that is given up frees the model soon, and others get in between."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

SLICE_SECONDS = 0.4
"""What a slice of a request is to take, alone on the model; one text may take longer."""
MOST_TEXTS = 256
"""Of one slice."""
_OVERHEAD = 40
"""Characters that each text costs beside its own."""
_TEXTS, _SENTENCES = 8, 6


@dataclass(frozen=True)
class Pace:
    """How fast a model reads, as it was measured when the service was loaded."""

    characters: float
    """That it reads in `SLICE_SECONDS`."""
    longest: int
    """Characters of one text after which a longer one takes no longer, as the model reads no more."""

    def slices(self, texts: Sequence[str], beside: int = 0) -> Iterator[list[int]]:
        """Yield the places of texts in slices; those of like length stand together, which saves padding.

        ``beside`` are characters that are read with each of them.
        """
        slice: list[int] = []
        taken = 0
        for place in sorted(range(len(texts)), key=lambda i: (len(texts[i]), i)):
            cost = min(len(texts[place]) + beside, self.longest) + _OVERHEAD
            if slice and (taken + cost > self.characters or len(slice) == MOST_TEXTS):
                yield slice
                slice, taken = [], 0
            slice.append(place)
            taken += cost
        if slice:
            yield slice


def measure_pace(read: Callable[[list[str]], object], longest: int) -> Pace:
    """Let a model read some texts that it has never met, once to warm it and once for time."""
    read(_unmet()[:1])
    texts = _unmet()
    begun = time.perf_counter()
    read(texts)
    took = time.perf_counter() - begun
    return Pace(sum(len(text) + _OVERHEAD for text in texts) * SLICE_SECONDS / max(took, 1e-6), longest)


def _unmet() -> list[str]:
    def sentence() -> str:
        return f"The one called {secrets.token_hex(3)} is kept on the shelf near the second window."

    return [" ".join(sentence() for _ in range(_SENTENCES)) for _ in range(_TEXTS)]
