"""Profiles: which models embed and rerank. Each model is loaded once in a process and shared.

A profile is made from typed options (`ModelOptions`) or from functions of one's own that load models. Four names are
known from the start, ``embedded``, ``local``, ``ollama`` and ``remote``; their options come from the environment, read
when the name is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from ..arguments import require_type
from ..errors import BoundError, UnknownProfileError
from ..processes import Lock
from .cache import CachedEmbedder, CachedReranker, RowFile
from .embedders import Embedder, load_minilm
from .late_interaction import load_minilm_late_interaction
from .options import ModelOptions
from .precision.formats import PrecisionChoice
from .queue import PairReranker, PooledReranker
from .remote.options import RemoteModels
from .remote.settings import RemoteServer, RerankDialect, ScoreKind
from .rerankers import Reranker

LoadEmbedder = Callable[[], Embedder]
LoadReranker = Callable[[], Reranker | None]

DEFAULT_PROFILE = "embedded"
DEFAULT_OPTIONS = ModelOptions()


@dataclass(frozen=True)
class Profile:
    """Which models embed and rerank, and how many rerank scores are remembered.

    Wherever a profile is asked for, its name or the profile itself can be given. Made from the same options, or with the
    same loaders, two profiles share the loaded models; copies share the profile (``copy.deepcopy`` returns it).

    Args:
        name: in an index's or a saved program's record, and for `add_profile`.
        load_embedder: called once in a process, at the first search or build.
        load_reranker: likewise; returns ``None`` for no second stage.
        score_cache: pairs of question and passage whose rerank score is remembered; 0 for none.
        score_file: an SQLite file that keeps those scores, and the vectors of questions and of sentences, beyond the process.

    Example:
        >>> from quincunx import open_index
        >>> from quincunx.retrieval.models.embedders import load_minilm
        >>> from quincunx import Profile
        >>> fast = Profile("fast", load_embedder=load_minilm, load_reranker=lambda: None)
        >>> found = open_index("builddaily", profile=fast).search("What is Sage Daily?")
        >>> found.passages[0].id, found.candidates[0].rerank_score
        ('bd-sage-daily', None)

        The profiles of this package take typed options:

        >>> from quincunx.retrieval.models.options import ModelOptions
        >>> from quincunx.retrieval.models.profiles import local_profile
        >>> local_profile(ModelOptions(dims=256, reranker="large", reranker_max_tokens=400)).name
        'local'
    """

    name: str
    load_embedder: LoadEmbedder
    load_reranker: LoadReranker
    score_cache: int = DEFAULT_OPTIONS.score_cache
    score_file: Path | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> Profile:
        return self


def embedded_profile(options: ModelOptions = DEFAULT_OPTIONS) -> Profile:
    """Return all-MiniLM-L6-v2 from the ``embedded`` extra, with late interaction over the same weights to rerank."""
    reranker = _own_cross_encoder(options) or _late_interaction(options.token_cache_mb)
    return _profile("embedded", _minilm(options.embed_precision), reranker, options)


def local_profile(options: ModelOptions = DEFAULT_OPTIONS) -> Profile:
    """Return nomic-embed-text v1.5 and a bge reranker, both on this machine."""
    return _profile(
        "local",
        _nomic(options.nomic_folder, options.dims, options.embed_precision),
        _bge_or_own(options),
        options,
    )


def ollama_profile(options: ModelOptions = DEFAULT_OPTIONS) -> Profile:
    """Return nomic-embed-text v1.5 on an Ollama server, and a bge reranker on this machine."""
    return _profile("ollama", _ollama(options.ollama_host, options.dims), _bge_or_own(options), options)


def remote_profile(models: RemoteModels, options: ModelOptions = DEFAULT_OPTIONS) -> Profile:
    """Return models on servers that others run; the one that is not remote is that of the profile ``embedded``."""
    return _profile(
        "remote",
        _remote_embedder(models, options.embed_precision),
        _remote_reranker(models, options),
        options,
    )


_BUILT_IN: Mapping[str, Callable[[ModelOptions], Profile]] = {
    "embedded": embedded_profile,
    "local": local_profile,
    "ollama": ollama_profile,
    "remote": lambda options: remote_profile(RemoteModels.from_environment(), options),
}
_added: dict[str, Profile] = {}

_lock = Lock()  # a loader may ask for another profile's model
_loaded: dict[Any, Any] = {}
"""What was loaded, by what loaded it."""


def profile_names() -> list[str]:
    """Return the names of the known profiles, sorted."""
    return sorted([*_BUILT_IN, *_added])


def add_profile(profile: Profile) -> None:
    """Make a profile of one's own known by its name, on the command line and to saved programs too.

    Raises:
        BoundError: a profile of that name is known already.

    Example:
        >>> from quincunx import open_index
        >>> from quincunx.retrieval.models.embedders import load_minilm
        >>> from quincunx import Profile, add_profile
        >>> add_profile(Profile("unranked", load_embedder=load_minilm, load_reranker=lambda: None))
        >>> open_index("builddaily", profile="unranked").search("What is Sage Daily?").passages[0].id
        'bd-sage-daily'
    """
    if profile.name in profile_names():
        raise BoundError(f"profile {profile.name!r} is there already: choose another name")
    _added[profile.name] = profile


def find_profile(profile: str | Profile) -> Profile:
    """Return the profile of that name, or the profile itself.

    Raises:
        UnknownProfileError: no profile of that name.
        BoundError: the environment sets an option of it to what it cannot be.
    """
    if isinstance(profile, Profile):
        return profile
    require_type("profile", profile, str, "the name of a profile, such as 'embedded', or a Profile")
    if profile in _BUILT_IN:
        return _BUILT_IN[profile](ModelOptions.from_environment())
    if profile not in _added:
        raise UnknownProfileError(profile, profile_names())
    return _added[profile]


def shared_embedder(profile: str | Profile) -> Embedder:
    """Return the profile's embedder, loaded at most once in this process; it embeds each question once."""
    found = find_profile(profile)
    loaded: Embedder = _once(found.load_embedder, found.load_embedder)
    remembering: Embedder = _once(
        (found.load_embedder, found.score_file),
        lambda: CachedEmbedder(loaded, file=_row_file(found.score_file)),
    )
    return remembering


def shared_reranker(profile: str | Profile) -> Reranker | None:
    """Return the profile's reranker, loaded at most once in this process; ``None`` for no second stage.

    All callers share its passes, and each pair is scored once, as far as the profile lets it remember.
    """
    found = find_profile(profile)
    pooled: Reranker | None = _once(found.load_reranker, lambda: _pooled(found.load_reranker()))
    if pooled is None or not found.score_cache:
        return pooled
    remembering: Reranker = _once(
        (found.load_reranker, found.score_cache, found.score_file),
        lambda: CachedReranker(pooled, found.score_cache, _row_file(found.score_file)),
    )
    return remembering


def _row_file(path: Path | None) -> RowFile | None:
    return None if path is None else _once(("file", path), lambda: RowFile(path))


def _pooled(reranker: Reranker | None) -> Reranker | None:
    return PooledReranker(reranker) if isinstance(reranker, PairReranker) else reranker


def _once(key: Any, load: Callable[[], Any]) -> Any:
    with _lock:
        if key not in _loaded:
            _loaded[key] = load()
        return _loaded[key]


def _profile(
    name: str, load_embedder: LoadEmbedder, load_reranker: LoadReranker, options: ModelOptions
) -> Profile:
    return Profile(name, load_embedder, load_reranker, options.score_cache, options.score_file)


def _bge_or_own(options: ModelOptions) -> LoadReranker:
    return _own_cross_encoder(options) or _bge(
        options.reranker, options.reranker_folder, options.reranker_max_tokens, options.precision
    )


def _own_cross_encoder(options: ModelOptions) -> LoadReranker | None:
    if options.cross_encoder is None:
        return None
    return _cross_encoder(options.cross_encoder, options.reranker_max_tokens, options.precision)


# Equal options give the same loader, and the same loader the same loaded model.


@cache
def _minilm(precision: PrecisionChoice) -> LoadEmbedder:
    return partial(load_minilm, precision)


@cache
def _nomic(folder: Path | None, dims: int, precision: PrecisionChoice) -> LoadEmbedder:
    from .nomic import load_nomic

    return partial(load_nomic, folder, dims, precision)


@cache
def _ollama(host: str, dims: int) -> LoadEmbedder:
    from .ollama.embedder import OllamaEmbedder

    return partial(OllamaEmbedder, host=host, dims=dims)


@cache
def _remote_embedder(models: RemoteModels, precision: PrecisionChoice) -> LoadEmbedder:
    if models.embed is None:
        return _minilm(precision)
    from .remote.embedder import RemoteEmbedder

    return partial(
        RemoteEmbedder,
        models.embed,
        models.embed_dialect,
        question_prefix=models.embed_question_prefix,
        passage_prefix=models.embed_passage_prefix,
        dims=models.embed_dims,
    )


def _remote_reranker(models: RemoteModels, options: ModelOptions) -> LoadReranker:
    if models.rerank is None:
        return embedded_profile(options).load_reranker
    return _reranker_of(models.rerank, models.rerank_dialect, models.rerank_scores)


@cache
def _reranker_of(server: RemoteServer, dialect: RerankDialect, scores: ScoreKind | None) -> LoadReranker:
    from .remote.reranker import RemoteReranker

    return partial(RemoteReranker, server, dialect, scores)


@cache
def _late_interaction(cache_mb: int) -> LoadReranker:
    return partial(load_minilm_late_interaction, cache_mb * 2**20)


@cache
def _bge(size: Any, folder: Path | None, max_tokens: int, precision: PrecisionChoice) -> LoadReranker:
    from .bge import load_bge

    return (lambda: None) if size == "none" else partial(load_bge, size, folder, max_tokens, precision)


@cache
def _cross_encoder(folder: Path, max_tokens: int, precision: PrecisionChoice) -> LoadReranker:
    from .bge import load_cross_encoder

    return partial(load_cross_encoder, folder, max_tokens, precision)
