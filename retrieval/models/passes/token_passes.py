"""Forward passes that give the vector of each token, over texts that lie end to end in one row; no padding is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import normalize

from ...errors import UnsupportedModelError
from .cutting import parts, pass_tokens
from .packed import PackedNetwork, packable

if TYPE_CHECKING:
    from sentence_transformers.base.modules import Transformer

    from ..pairs import TokenRun


class TokenPasses:
    """An encoder of BERT's, RoBERTa's or nomic's kind; raises `UnsupportedModelError` for any other."""

    def __init__(self, encoder: Transformer) -> None:
        self._network = encoder.model
        if not packable(self._network):
            raise UnsupportedModelError(
                f"{type(self._network).__name__} is no encoder whose texts can be read end to end"
            )
        tokenizer: Any = encoder.tokenizer
        segments = "token_type_ids" in tokenizer.model_input_names
        self._packed = PackedNetwork(self._network, segments=segments, first_only=False)

    @property
    def device(self) -> str:
        """The kind of device that it reads on, such as ``cpu``."""
        return self._network.device.type

    def vectors(self, runs: Sequence[TokenRun]) -> list[npt.NDArray[np.float32]]:
        """Return the unit vectors of each run's tokens, (tokens, dims), in as few passes as are fast."""
        found: dict[int, npt.NDArray[np.float32]] = {}
        for places in parts([len(run.ids) for run in runs], pass_tokens(self.device)):
            with torch.inference_mode():
                output, ends = self._packed.read([runs[place] for place in places], "fp32")
                rows = normalize(output.last_hidden_state[0], dim=-1).cpu().numpy()  # (tokens, dims)
            bounds = ends.tolist()
            # Copies: a view would keep the rows of the whole pass for as long as one text's are kept.
            for place, start, end in zip(places, bounds, bounds[1:], strict=False):
                found[place] = rows[start:end].copy()
        return [found[place] for place in range(len(runs))]
