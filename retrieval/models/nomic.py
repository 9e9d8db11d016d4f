"""nomic-embed-text v1.5: 768 dims that can be shortened, prefixes that are part of the model.

Source: the model card of nomic-ai/nomic-embed-text-v1.5 (prefixes, Matryoshka sizes and their recipe),
Nussbaum et al. 2024. It runs in transformers' own NomicBertModel; code from the hub is never run.
"""

from __future__ import annotations

from pathlib import Path

from ..errors import BoundError, UnsupportedModelError
from . import weights
from .embedders import SentenceTransformerEmbedder, load_sentence_transformer
from .precision.formats import PrecisionChoice

NOMIC_ID = "nomic-ai/nomic-embed-text-v1.5"
NOMIC_REVISION = "e5cf08aadaa33385f5990def41f7a23405aec398"
NOMIC_DIMS = (768, 512, 256, 128, 64)
"""Sizes it was trained to be cut to; MTEB 62.28, 61.96, 61.04, 59.34, 56.10."""
NOMIC_MAX_TOKENS = 2048
"""Trained length. Beyond it the native class runs on without scaling and without an error."""
NOMIC_QUESTION_PREFIX = "search_query: "
NOMIC_PASSAGE_PREFIX = "search_document: "

_OLD_NAMES = {
    "n_layer": "num_hidden_layers",
    "n_embd": "hidden_size",
    "n_head": "num_attention_heads",
    "n_inner": "intermediate_size",
}
"""Names in the hub's config.json → names the native class reads; it skips the old ones for its defaults."""


def load_nomic(
    folder: Path | None = None, dims: int = 768, precision: PrecisionChoice = "auto"
) -> SentenceTransformerEmbedder:
    """Load nomic-embed-text v1.5 from ``folder``, else at the pinned revision from the hub or its cache.

    Raises:
        BoundError: ``dims`` is not one of `NOMIC_DIMS`, or ``precision`` none that an embedder computes in.
        MissingWeightsError: no weights in the folder, or the hub's cannot be reached.
        UnsupportedModelError: the folder holds another model.
    """
    if dims not in NOMIC_DIMS:
        raise BoundError(f"dims must be one of {', '.join(map(str, NOMIC_DIMS))} (got {dims})")
    kind = weights.read_config(folder).get("model_type") if folder else None
    if kind not in (None, "nomic_bert"):
        raise UnsupportedModelError(f"{folder} holds a model of type {kind!r}, not {NOMIC_ID} ('nomic_bert')")
    embedder = load_sentence_transformer(
        NOMIC_ID,
        revision=NOMIC_REVISION if folder is None else None,
        folder=folder,
        question_prefix=NOMIC_QUESTION_PREFIX,
        passage_prefix=NOMIC_PASSAGE_PREFIX,
        dims=dims,
        matryoshka=NOMIC_DIMS,
        max_tokens=NOMIC_MAX_TOKENS,
        precision=precision,
    )
    _require_native(embedder)
    return embedder


def _require_native(embedder: SentenceTransformerEmbedder) -> None:
    """Raise unless the encoder is transformers' own class, in the shape that its config.json tells."""
    from transformers import NomicBertModel

    encoder = embedder.encoder
    if type(encoder) is not NomicBertModel:
        name = f"{type(encoder).__module__}.{type(encoder).__qualname__}"
        raise UnsupportedModelError(f"{NOMIC_ID} must load as transformers' NomicBertModel (got {name})")
    for old, new in _OLD_NAMES.items():
        told, built = getattr(encoder.config, old, None), getattr(encoder.config, new)
        if told is not None and told != built:
            raise UnsupportedModelError(
                f"config.json tells {old}={told}, but NomicBertModel was built with {new}={built}: "
                f"the folder holds another model than {NOMIC_ID}"
            )
