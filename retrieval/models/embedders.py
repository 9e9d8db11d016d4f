"""First-stage models: texts in, unit vectors out, with an identity that an index can hold them to."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, get_args

import numpy as np
import numpy.typing as npt

from ..errors import BoundError, ModelOutputError, UnsupportedModelError
from ..processes import Lock, require_own_device, working
from ..quiet import without_bars
from ..text.sentences import Span
from . import weights
from .compute_thread import computing
from .pairs import TokenRun, token_runs
from .precision.formats import Precision, PrecisionChoice

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from transformers import PreTrainedModel

Vectors = npt.NDArray[np.float32]
"""Shape (texts, dims), rows of L2 norm 1."""

Progress = Callable[[int, int], None]
"""Called with (done, total) as work proceeds."""

BATCH = 32

NOT_EMBEDDED_IN: tuple[Precision, ...] = ("int8",)
"""Number formats that lose the order: of 20 best passages int8 kept 16 with all-MiniLM-L6-v2 (`bench/README.md`)."""

UNLIMITED = 1_000_000
"""A tokenizer that states no limit states a huge number instead."""


def no_progress(done: int, total: int) -> None:
    """Report to nobody."""


@dataclass(frozen=True)
class EmbedderIdentity:
    """Everything that changes the vectors. An index is only ever searched by the identity that made it."""

    model: str
    revision: str
    """The commit, digest or sha256 that pins the weights."""
    dims: int
    question_prefix: str
    passage_prefix: str
    pooling: str
    normalised: bool
    max_tokens: int
    library: str
    server_version: str = ""
    """Version of the server that embeds, where there is one: vectors differ across versions."""
    precision: Precision = "fp32"
    """What passages are embedded in; questions are in float32, whatever their passages were in."""

    def as_dict(self) -> dict[str, Any]:
        """Return its fields; without ``precision`` where that is float32, as in indexes that knew no other."""
        told = asdict(self)
        if self.precision == "fp32":
            del told["precision"]
        return told

    def differences(self, other: EmbedderIdentity) -> list[str]:
        """Return one ``field: mine != theirs`` for each field that differs."""
        mine, theirs = asdict(self), asdict(other)
        return [f"{name}: {mine[name]!r} != {theirs[name]!r}" for name in mine if mine[name] != theirs[name]]


MOST_UNREAD = 0.2
"""Share of a question's letters without a token from which on an embedder's opinion of it is none. English questions have
0, Chinese and Thai ones to all-MiniLM-L6-v2 mostly .5 to 1."""


@dataclass(frozen=True)
class NetworkFacts:
    """What the speed and the exactness of a network in another number format depend on."""

    weights: str
    """Digest."""
    device: str
    width: int
    """Of a token's vector."""


class Embedder(Protocol):
    """What retrieval asks of a first-stage model. Implementations are safe to share across threads."""

    @property
    def identity(self) -> EmbedderIdentity: ...

    def offsets(self, text: str) -> Sequence[Span]:
        """Return the character spans of the text's tokens, special tokens left out."""
        ...

    def unread(self, text: str) -> float:
        """Return the share of the text's letters and digits that the model has no token for, 0 to 1; 0 if unknown."""
        ...

    def embed_passages(self, texts: Sequence[str], progress: Progress = no_progress) -> Vectors:
        """Embed texts to be found; raises `BoundError` for a text over the model's token limit."""
        ...

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """Embed texts to search with; raises `BoundError` for a text over the model's token limit."""
        ...


def require_unit(vectors: Vectors, count: int, dims: int, model: str) -> Vectors:
    """Return ``vectors`` when they are ``count`` finite unit rows of ``dims``; raise `ModelOutputError` if not."""
    if vectors.shape != (count, dims):
        raise ModelOutputError(f"{model} returned vectors of shape {vectors.shape}, expected {(count, dims)}")
    norms = np.linalg.norm(vectors, axis=1)
    if not np.all(np.isfinite(norms)) or not np.allclose(norms, 1.0, atol=1e-3):
        worst = int(np.argmax(np.abs(np.nan_to_num(norms, nan=np.inf) - 1.0)))
        raise ModelOutputError(
            f"{model} returned a vector of norm {norms[worst]} for text {worst}, expected 1"
        )
    return vectors


def matryoshka_cut(vectors: Vectors, dims: int) -> Vectors:
    """Cut Matryoshka vectors (texts, full dims) to unit vectors (texts, dims): layer norm, cut, L2.

    Source: the model card of nomic-embed-text-v1.5. The scale of the input does not matter.
    """
    centred = vectors - vectors.mean(axis=1, keepdims=True)
    cut = (centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5))[:, :dims]
    unit: Vectors = (cut / np.linalg.norm(cut, axis=1, keepdims=True).clip(1e-12)).astype(np.float32)
    return unit


class SentenceTransformerEmbedder:
    """A sentence-transformers model on this machine, on the device that the library chooses.

    An encoder of BERT's, RoBERTa's or nomic's kind reads texts without padding (`passes.text_passes`); others are read
    by the library in batches. ``precision`` is what an index is built in, see `passage_precision`.

    ``matryoshka`` names the sizes that the model was trained to be cut to, ``dims`` the one wanted (None
    for the full size). ``max_tokens`` lowers the limit that the model states, or gives one where it states
    none. Code that comes with a model is never run.

    Raises:
        BoundError: ``dims`` is neither the full size nor one of ``matryoshka``, or no token limit is known.
    """

    @computing
    def __init__(
        self,
        folder: Path,
        *,
        model: str,
        revision: str,
        question_prefix: str = "",
        passage_prefix: str = "",
        dims: int | None = None,
        matryoshka: Sequence[int] = (),
        max_tokens: int | None = None,
        precision: PrecisionChoice = "auto",
    ) -> None:
        import sentence_transformers

        from .passes.text_passes import TextPasses, can_pack

        with without_bars():
            self._model: SentenceTransformer = sentence_transformers.SentenceTransformer(
                str(folder),
                trust_remote_code=False,
                local_files_only=True,
                model_kwargs={"dtype": "float32"},  # whatever precision the checkpoint was stored in
            )
        # The tokenizer keeps its truncation settings as state: one call at a time.
        self._lock = Lock()
        self._process = os.getpid()
        self._passes = TextPasses(self._model) if can_pack(self._model) else None
        self.wanted_precision = _embedding_precision(precision, model, can_reduce=self._passes is not None)
        """What passages are embedded in when an index is built; ``auto`` leaves it to `passage_precision`."""
        self._weights = weights.pinning_digest(folder, revision)
        self._full_dims = int(self._model.get_embedding_dimension() or 0)
        self.shorter = _shorter(dims, self._full_dims, matryoshka)
        """Dims that its vectors may be cut to by `matryoshka_cut`, the largest first."""
        self._model.max_seq_length = _token_limit(self._model.max_seq_length, max_tokens, model)
        self.identity = EmbedderIdentity(
            model=model,
            revision=revision,
            dims=_dims(dims, self._full_dims, matryoshka, model),
            question_prefix=question_prefix,
            passage_prefix=passage_prefix,
            pooling=_pooling(self._model),
            normalised=True,
            max_tokens=self._model.max_seq_length,
            library=f"sentence-transformers {sentence_transformers.__version__.split('.')[0]}",
        )

    @property
    def encoder(self) -> PreTrainedModel:
        """The transformers model inside."""
        encoder = self._model.transformers_model
        if encoder is None:
            raise UnsupportedModelError(f"{self.identity.model} holds no transformers model")
        return encoder

    def offsets(self, text: str) -> Sequence[Span]:
        with self._lock:
            return self._offsets(text)

    def unread(self, text: str) -> float:
        with self._lock:
            encoding, unknown_id = self._tokens(text), self._model.tokenizer.unk_token_id
        spans = zip(encoding["input_ids"], encoding["offset_mapping"], strict=True)
        unknown = sum(_letters(text[start:end]) for id, (start, end) in spans if id == unknown_id)
        return unknown / max(1, _letters(text))

    def embed_passages(self, texts: Sequence[str], progress: Progress = no_progress) -> Vectors:
        return self.embed_in("fp32", texts, progress)

    def embed_in(
        self, precision: Precision, texts: Sequence[str], progress: Progress = no_progress
    ) -> Vectors:
        """Embed texts to be found as `embed_passages` does, in this number format."""
        return self._embed([self.identity.passage_prefix + text for text in texts], progress, precision)

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        return self._embed([self.identity.question_prefix + text for text in texts], no_progress, "fp32")

    @property
    def network(self) -> NetworkFacts | None:
        """What a probe of number formats must know of it; ``None`` where it reads in float32 alone."""
        if self._passes is None:
            return None
        return NetworkFacts(self._weights, self._model.device.type, int(self.encoder.config.hidden_size))

    def _offsets(self, text: str) -> list[Span]:
        found: list[Span] = self._tokens(text)["offset_mapping"]
        return found

    def _tokens(self, text: str) -> Any:
        with working(for_other=True):  # the tokenizer has a lock of its own, which no fork may copy held
            return self._model.tokenizer(
                text, add_special_tokens=False, return_offsets_mapping=True, truncation=False, verbose=False
            )

    def _embed(self, texts: list[str], progress: Progress, precision: Precision) -> Vectors:
        identity = self.identity
        vectors = np.empty((len(texts), identity.dims), dtype=np.float32)
        runs = self._runs(texts)
        lengths = [len(run.ids) for run in runs]
        for text, length in zip(texts, lengths, strict=True):
            if length > identity.max_tokens:
                raise BoundError(
                    f"a text of {length} tokens is over the {identity.max_tokens} that {identity.model} reads: "
                    f"{text[:60]!r}…. Shorten it; documents are cut to fit by fewer tokens a chunk"
                )
        done = 0
        for places in self._cut(lengths):
            if self._passes is None:
                full = self._encoded([texts[i] for i in places])
            else:
                full = self._read([runs[i] for i in places], precision)
            vectors[places] = (
                full if identity.dims == self._full_dims else matryoshka_cut(full, identity.dims)
            )
            done += len(places)
            progress(done, len(texts))
        return require_unit(vectors, len(texts), identity.dims, identity.model)

    def _runs(self, texts: list[str]) -> list[TokenRun]:
        """Return what the encoder reads of each text, uncut, special tokens included."""
        if not texts:
            return []
        with self._lock, working(for_other=True):
            told = self._model.tokenizer(texts, truncation=False, padding=False, verbose=False)
        return token_runs(told)

    def _cut(self, lengths: list[int]) -> list[list[int]]:
        """Return the places of the texts (of so many tokens), those of one pass together."""
        if self._passes is not None:
            return self._passes.cut(lengths)
        # Texts of like length share a batch, so that little of it is padding.
        order = sorted(range(len(lengths)), key=lambda i: (lengths[i], i))
        return [order[begin : begin + BATCH] for begin in range(0, len(order), BATCH)]

    @computing
    def _read(self, runs: list[TokenRun], precision: Precision) -> Vectors:
        """Return unit vectors (texts, full dims) of one pass."""
        require_own_device(self._model.device.type, self._process)
        assert self._passes is not None
        return self._passes.vectors(runs, precision)

    @computing
    def _encoded(self, texts: list[str]) -> Vectors:
        """Return unit vectors (texts, full dims) as the library makes them."""
        require_own_device(self._model.device.type, self._process)
        vectors: Vectors = self._model.encode(
            texts,
            prompt="",  # else a default prompt in the model's own settings would come on top of ours
            batch_size=BATCH,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return vectors


def _letters(text: str) -> int:
    return sum(map(str.isalnum, text))


def _embedding_precision(wanted: str, model: str, *, can_reduce: bool) -> PrecisionChoice:
    allowed = [name for name in get_args(PrecisionChoice) if name not in NOT_EMBEDDED_IN]
    if wanted not in allowed:
        raise BoundError(f"the precision of an embedder must be one of {', '.join(allowed)} (got {wanted!r})")
    if wanted not in ("auto", "fp32") and not can_reduce:
        raise BoundError(
            f"{model} embeds in fp32 alone: it is none of the encoders that can be read in {wanted}"
        )
    return wanted  # type: ignore[return-value]


def _pooling(model: SentenceTransformer) -> str:
    for module in model:
        mode = getattr(module, "pooling_mode", None)
        if mode is not None:
            return str(mode)
    return "none"


def _token_limit(stated: int | None, wanted: int | None, model: str) -> int:
    known = [limit for limit in (stated, wanted) if limit is not None and limit < UNLIMITED]
    if not known:
        raise BoundError(f"{model} states no token limit: pass max_tokens, the length it was trained at")
    return min(known)


def _dims(wanted: int | None, full: int, matryoshka: Sequence[int], model: str) -> int:
    allowed = sorted({full, *(size for size in matryoshka if size < full)}, reverse=True)
    if wanted is not None and wanted not in allowed:
        raise BoundError(f"{model} has vectors of {', '.join(map(str, allowed))} dims (got {wanted})")
    return full if wanted is None else wanted


def _shorter(wanted: int | None, full: int, matryoshka: Sequence[int]) -> tuple[int, ...]:
    """Return the sizes that a vector may be cut to; none of one that was cut already, for the recipe wants it whole."""
    whole = wanted is None or wanted == full
    return tuple(sorted((size for size in matryoshka if size < full and whole), reverse=True))


def load_sentence_transformer(
    model: str,
    *,
    revision: str | None = None,
    folder: Path | None = None,
    question_prefix: str = "",
    passage_prefix: str = "",
    dims: int | None = None,
    matryoshka: Sequence[int] = (),
    max_tokens: int | None = None,
    precision: PrecisionChoice = "auto",
) -> SentenceTransformerEmbedder:
    """Load any sentence-transformers model: a hub id at a commit, or a folder that holds it.

    Prefixes are part of a model: take them from its card, with their trailing space. ``model`` is what the
    identity calls it; a folder's revision is the digest of its weights.

    Raises:
        BoundError, MissingWeightsError, UnsupportedModelError, UsageError: as `SentenceTransformerEmbedder`
            and `weights.locate` say.
    """
    found, pinned = weights.locate(model, revision=revision, folder=folder)
    return SentenceTransformerEmbedder(
        found,
        model=model,
        revision=pinned,
        question_prefix=question_prefix,
        passage_prefix=passage_prefix,
        dims=dims,
        matryoshka=matryoshka,
        max_tokens=max_tokens,
        precision=precision,
    )


def load_minilm(precision: PrecisionChoice = "auto") -> SentenceTransformerEmbedder:
    """Load all-MiniLM-L6-v2 from the ``embedded`` extra: 384 dims, 256 tokens, no prefixes."""
    return SentenceTransformerEmbedder(
        weights.minilm_folder(),
        model=weights.MINILM_ID,
        revision=f"sha256:{weights.MINILM_SHA256}",
        precision=precision,
    )
