"""Forward passes of an embedder over texts of different lengths, end to end in one row; no padding is read."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import torch
from sentence_transformers.base.modules import Dense, Normalize
from sentence_transformers.sentence_transformer.modules import Pooling
from torch.nn.functional import normalize

from ..precision.formats import converted
from .cutting import parts, pass_tokens
from .packed import PackedNetwork, packable

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor
    from transformers import PreTrainedModel

    from ..pairs import TokenRun
    from ..precision.formats import Precision

EVERY = slice(None), slice(None)


def can_pack(model: SentenceTransformer) -> bool:
    """Whether a model is an encoder that reads texts end to end, a pooling, and then only what reads each vector by itself."""
    network, modules = model.transformers_model, list(model)
    return (
        network is not None
        and network is network.base_model  # no head, whose output would be pooled instead
        and packable(network)
        and len(modules) > 1
        and isinstance(modules[1], Pooling)
        and all(isinstance(module, Dense | Normalize) for module in modules[2:])
    )


class TextPasses:
    """A sentence-transformers model that `can_pack`: in float32, and in one other format beside it once that is asked for."""

    def __init__(self, model: SentenceTransformer) -> None:
        self._network = cast("PreTrainedModel", model.transformers_model)
        self._after: list[Any] = list(model)[1:]
        segments = "token_type_ids" in model.tokenizer.model_input_names
        self._takes_first = self._after[0].pooling_mode == "cls"
        self._packed = PackedNetwork(self._network, segments=segments, first_only=self._takes_first)
        self._converted = ExitStack()
        self._other: Precision = "fp32"
        self._reading: Precision = "fp32"

    def cut(self, lengths: Sequence[int]) -> list[list[int]]:
        """Return the places of ``lengths`` (tokens), those of one pass together."""
        return parts(lengths, pass_tokens(self._network.device.type))

    def vectors(self, runs: Sequence[TokenRun], precision: Precision) -> npt.NDArray[np.float32]:
        """Return what one pass makes of the runs, unit vectors (texts, full dims)."""
        if precision not in ("fp32", self._other):
            self._converted.close()
            self._converted.enter_context(converted(self._network, precision, self._exact))
            self._other = precision
        self._reading = precision
        with torch.inference_mode():
            return np.asarray(normalize(self._pooled(runs)).cpu().numpy())

    def _pooled(self, runs: Sequence[TokenRun]) -> Tensor:
        found, ends = self._packed.read(runs, self._reading)
        hidden = found.last_hidden_state  # (1, tokens, width), or (runs, 1, width) of first tokens alone
        features = {"token_embeddings": hidden, "cu_seq_lens_q": ends}
        if self._takes_first and hidden.shape[0] != 1:
            features["cls_token_embeddings"] = hidden[:, 0]
        for module in self._after:
            features = module(features)
        vectors: Tensor = features["sentence_embedding"]
        return vectors.float()

    def _exact(self, given: Tensor) -> tuple[Any, Any] | None:
        """Return the index of what of (1, tokens, width) is computed in float32."""
        if self._reading == "fp32":
            return EVERY
        return self._packed.first_tokens(given) if self._takes_first else None
