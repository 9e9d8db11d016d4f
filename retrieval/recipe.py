"""How an index was made, as its database remembers it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from .chunking import Chunking
from .embedders import EmbedderIdentity
from .errors import IndexStateError


@dataclass(frozen=True)
class Recipe:
    """How documents became passages, and passages vectors."""

    identity: EmbedderIdentity
    chunking: Chunking

    @classmethod
    def read(cls, meta: Mapping[str, str]) -> Recipe:
        if "identity" not in meta:
            raise IndexStateError("the index was never built; run `quincunx index build` first")
        return cls(EmbedderIdentity(**json.loads(meta["identity"])), Chunking(**json.loads(meta["chunking"])))

    def written(self) -> dict[str, str]:
        return {
            "identity": json.dumps(self.identity.as_dict()),
            "chunking": json.dumps(asdict(self.chunking)),
        }
