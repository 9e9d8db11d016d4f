"""One name chooses the models; each is loaded once in a process and shared."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .embedders import Embedder, load_minilm
from .errors import UnknownProfileError
from .rerankers import Reranker, load_minilm_late_interaction


@dataclass(frozen=True)
class Profile:
    """Which models embed and rerank."""

    name: str
    load_embedder: Callable[[], Embedder]
    load_reranker: Callable[[], Reranker]


PROFILES = {
    profile.name: profile for profile in (Profile("embedded", load_minilm, load_minilm_late_interaction),)
}
DEFAULT_PROFILE = "embedded"

_lock = threading.Lock()
_loaded: dict[Callable[[], Any], Any] = {}


def profile(name: str) -> Profile:
    """Return the profile of that name, or raise `UnknownProfileError`."""
    if name not in PROFILES:
        raise UnknownProfileError(name, PROFILES)
    return PROFILES[name]


def shared_embedder(name: str) -> Embedder:
    """Return the profile's embedder, loaded at most once in this process."""
    embedder: Embedder = _once(profile(name).load_embedder)
    return embedder


def shared_reranker(name: str) -> Reranker:
    """Return the profile's reranker, loaded at most once in this process."""
    reranker: Reranker = _once(profile(name).load_reranker)
    return reranker


def _once(load: Callable[[], Any]) -> Any:
    with _lock:
        if load not in _loaded:
            _loaded[load] = load()
        return _loaded[load]
