"""Which demos a prompt shows, where a program has more of them: those whose question is nearest to what is asked.

A small model follows what it is shown, so demos like the question at hand teach it more than the same few for all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...retrieval.handle import SearchHandle
from ...retrieval.processes import working
from .citing import asked_text


@dataclass(frozen=True)
class DemoChoice:
    """Chooses the ``most`` demos that are nearest to what is asked."""

    handle: SearchHandle
    """Of the index whose embedder tells what is near; it is loaded only where there is something to choose."""
    most: int

    def __call__(self, inputs: Mapping[str, Any], demos: Sequence[Any]) -> list[Any]:
        """Return the demos to be shown, the nearest last: next to the question."""
        if len(demos) <= self.most:
            return list(demos)
        asked = [asked_text({name: demo[name] for name in inputs if name in demo}) for demo in demos]
        vectors = self.handle.embedder.embed_questions([asked_text(inputs), *asked])
        with working():
            likeness: list[float] = (vectors[1:] @ vectors[0]).tolist()
        nearest = sorted(range(len(demos)), key=lambda at: -likeness[at])[: self.most]
        return [demos[at] for at in reversed(nearest)]
