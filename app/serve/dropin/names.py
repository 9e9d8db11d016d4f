"""The names under which a model may be asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..problems import Problem


def model_not_found(asked: str, kind: str, served: Iterable[str]) -> Problem:
    """Return the problem of a model that is not served, which names what is."""
    there = ", ".join(map(repr, served)) or "none"
    return Problem(
        404, "model_not_found", f"no {kind} {asked[:200]!r} is served here: ask for {there}", param="model"
    )


@dataclass(frozen=True)
class ModelNames:
    """One model's own name, and others for it."""

    kind: str
    """``reranker`` or ``embedder``."""
    name: str
    others: tuple[str, ...] = ()

    def require(self, asked: str | None) -> None:
        """Raise a `Problem` for a name that is none of the model's; a request that names none takes what is there."""
        if asked is not None and asked not in (self.name, *self.others):
            raise model_not_found(asked, self.kind, (self.name, *self.others))
