"""One name chooses the models; each is loaded once in a process and shared.

Knobs, all with defaults, come from the environment of the app: ``QUINCUNX_NOMIC_FOLDER`` and
``QUINCUNX_RERANKER_FOLDER`` (weights on this machine instead of the hub's), ``QUINCUNX_RERANKER`` (``base``,
``large``, ``v2-m3``, ``none``), ``QUINCUNX_CROSS_ENCODER`` (the folder of a cross-encoder of your own, such as
``quincunx tune reranker`` makes: it reranks in every profile of this package), ``QUINCUNX_RERANKER_MAX_TOKENS`` (of a pair; up to 8192 for v2-m3), ``QUINCUNX_PRECISION`` of the cross-encoder (``auto``,
``fp32``, ``bf16``, ``fp16``, ``int8``), ``QUINCUNX_DIMS``
(a Matryoshka size of nomic), ``QUINCUNX_TOKEN_CACHE_MB`` (memory for the token vectors that the embedded profile's
reranker keeps; by default 128), ``QUINCUNX_SCORE_CACHE`` (pairs whose score is remembered; by default 200000, 0 for
none), ``QUINCUNX_SCORE_FILE`` (an SQLite file that keeps scores for all processes) and ``OLLAMA_HOST``.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BoundError, UnknownProfileError
from .cache import RememberingEmbedder, RememberingReranker, ScoreFile
from .embedders import Embedder, load_minilm
from .late_interaction import load_minilm_late_interaction
from .queue import PairReranker, PooledReranker
from .rerankers import Reranker

if TYPE_CHECKING:
    from .precision import Choice


@dataclass(frozen=True)
class Profile:
    """Which models embed and rerank."""

    name: str
    load_embedder: Callable[[], Embedder]
    load_reranker: Callable[[], Reranker | None]
    """Returns ``None`` for no second stage."""


def _number(variable: str, default: int) -> int:
    chosen = os.environ.get(variable) or str(default)
    if not chosen.isdecimal():
        raise BoundError(f"{variable} must be a whole number such as {default} (got {chosen!r})")
    return int(chosen)


def _own() -> Reranker | None:
    """Return the cross-encoder that the app has named; ``None`` where it has not."""
    folder = _folder("QUINCUNX_CROSS_ENCODER")
    if folder is None:
        return None
    from .bge import load_cross_encoder

    return load_cross_encoder(folder, _number("QUINCUNX_RERANKER_MAX_TOKENS", 512), _precision())


def _precision() -> Choice:
    from .precision import require_choice

    return require_choice(os.environ.get("QUINCUNX_PRECISION") or "auto")


def _late_interaction() -> Reranker:
    return _own() or load_minilm_late_interaction(_number("QUINCUNX_TOKEN_CACHE_MB", 128) * 2**20)


def _folder(variable: str) -> Path | None:
    chosen = os.environ.get(variable)
    return Path(chosen) if chosen else None


def _nomic() -> Embedder:
    from .nomic import load_nomic

    return load_nomic(_folder("QUINCUNX_NOMIC_FOLDER"), _number("QUINCUNX_DIMS", 768))


def _ollama() -> Embedder:
    from .ollama import OllamaEmbedder

    return OllamaEmbedder(dims=_number("QUINCUNX_DIMS", 768))


def _bge() -> Reranker | None:
    from .bge import load_bge

    if own := _own():
        return own
    size = os.environ.get("QUINCUNX_RERANKER", "base")
    if size == "none":
        return None
    if size not in ("base", "large", "v2-m3"):
        raise BoundError(f"QUINCUNX_RERANKER must be base, large, v2-m3 or none (got {size!r})")
    most = _number("QUINCUNX_RERANKER_MAX_TOKENS", 512)
    return load_bge(size, _folder("QUINCUNX_RERANKER_FOLDER"), most, _precision())  # type: ignore[arg-type]


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("embedded", load_minilm, _late_interaction),
        Profile("local", _nomic, _bge),
        Profile("ollama", _ollama, _bge),
    )
}
DEFAULT_PROFILE = "embedded"

_lock = threading.RLock()  # a loader may ask for another profile's model
_loaded: dict[Callable[[], Any], Any] = {}


def add_profile(profile: Profile) -> None:
    """Make a profile of one's own known by its name, for models that the others lack."""
    if profile.name in PROFILES:
        raise BoundError(f"profile {profile.name!r} is there already: choose another name")
    PROFILES[profile.name] = profile


def profile(name: str) -> Profile:
    """Return the profile of that name, or raise `UnknownProfileError`."""
    if name not in PROFILES:
        raise UnknownProfileError(name, PROFILES)
    return PROFILES[name]


def shared_embedder(name: str) -> Embedder:
    """Return the profile's embedder, loaded at most once in this process; it embeds each question once."""
    embedder: Embedder = _once(profile(name).load_embedder, RememberingEmbedder)
    return embedder


def shared_reranker(name: str) -> Reranker | None:
    """Return the profile's reranker, loaded at most once in this process; ``None`` for no second stage.

    All callers share its passes, and each pair is scored once, as far as the settings let it remember.
    """
    reranker: Reranker | None = _once(profile(name).load_reranker, _shared)
    return reranker


def _shared(reranker: Reranker | None) -> Reranker | None:
    if reranker is None:
        return None
    if isinstance(reranker, PairReranker):
        reranker = PooledReranker(reranker)
    most = _number("QUINCUNX_SCORE_CACHE", 200_000)
    if not most:
        return reranker
    file = _folder("QUINCUNX_SCORE_FILE")
    return RememberingReranker(reranker, most, ScoreFile(file) if file else None)


def _once(load: Callable[[], Any], share: Callable[[Any], Any]) -> Any:
    with _lock:
        if load not in _loaded:
            _loaded[load] = share(load())
        return _loaded[load]
