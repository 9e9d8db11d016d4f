"""How an index was made, as its database remembers it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ..errors import IdentityMismatchError, IndexStateError
from ..models.embedders import EmbedderIdentity
from ..text.chunk_size import Chunking


@dataclass(frozen=True)
class IndexRecipe:
    """How documents became passages, and passages vectors."""

    identity: EmbedderIdentity
    chunking: Chunking

    @classmethod
    def read(cls, meta: Mapping[str, str]) -> IndexRecipe:
        if "identity" not in meta:
            raise IndexStateError("the index was never built; run `quincunx index build` first")
        chunking = json.loads(meta["chunking"])
        # Indexes of version 0.1 call the tokens of a chunk its size.
        tokens = chunking["tokens"] if "tokens" in chunking else chunking["size"]
        return cls(EmbedderIdentity(**json.loads(meta["identity"])), Chunking(tokens, chunking["overlap"]))

    def written(self) -> dict[str, str]:
        return {
            "identity": json.dumps(self.identity.as_dict()),
            "chunking": json.dumps(asdict(self.chunking)),
        }


def require_identity(name: str, made_by: EmbedderIdentity, asked: EmbedderIdentity) -> None:
    """Raise `IdentityMismatchError` unless an index was made by the embedder that is to search or extend it."""
    differences = made_by.differences(asked)
    if differences:
        raise IdentityMismatchError(
            f"index {name!r} was made by another embedder ({'; '.join(differences)}): use it with the profile that "
            f"built it, or rebuild it with `quincunx index build {name} PATH…`"
        )
