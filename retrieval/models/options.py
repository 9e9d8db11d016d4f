"""What can be chosen about the models of a profile, as typed arguments or from the environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from ..environment import DEFAULT_OLLAMA_HOST, ollama_host, read_number, read_path, read_text
from ..errors import BoundError
from .nomic import NOMIC_DIMS
from .precision.formats import PrecisionChoice

RerankerSize = Literal["base", "large", "v2-m3", "none"]

VARIABLES: Mapping[str, str] = {
    "nomic_folder": "QUINCUNX_NOMIC_FOLDER",
    "dims": "QUINCUNX_DIMS",
    "reranker": "QUINCUNX_RERANKER",
    "reranker_folder": "QUINCUNX_RERANKER_FOLDER",
    "reranker_max_tokens": "QUINCUNX_RERANKER_MAX_TOKENS",
    "cross_encoder": "QUINCUNX_CROSS_ENCODER",
    "precision": "QUINCUNX_PRECISION",
    "embed_precision": "QUINCUNX_EMBED_PRECISION",
    "token_cache_mb": "QUINCUNX_TOKEN_CACHE_MB",
    "score_cache": "QUINCUNX_SCORE_CACHE",
    "score_file": "QUINCUNX_SCORE_FILE",
}
"""Option → the variable that sets it; ``ollama_host`` is set by OLLAMA_HOST, as for Ollama itself."""

_PATHS = ("nomic_folder", "reranker_folder", "cross_encoder", "score_file")
_CHOICES: Mapping[str, tuple[Any, ...]] = {
    "dims": NOMIC_DIMS,
    "reranker": get_args(RerankerSize),
    "precision": get_args(PrecisionChoice),
    "embed_precision": tuple(name for name in get_args(PrecisionChoice) if name != "int8"),
}
_BOUNDS: Mapping[str, tuple[int, int]] = {
    "reranker_max_tokens": (8, 8192),
    "token_cache_mb": (0, 1_000_000),
    "score_cache": (0, 100_000_000),
}


@dataclass(frozen=True)
class ModelOptions:
    """What can be chosen about the models of a profile; each profile uses those that concern its models.

    Raises:
        BoundError: an option is out of its range; the message names the option, the value and the range.
    """

    nomic_folder: Path | None = None
    """The weights of nomic-embed-text v1.5 on this machine; ``None`` for the hub's, or those in its cache."""
    dims: int = NOMIC_DIMS[0]
    """Length of nomic's vectors: 768, 512, 256, 128 or 64."""
    reranker: RerankerSize = "base"
    """Which bge reranker; ``none`` for no second stage."""
    reranker_folder: Path | None = None
    """Its weights on this machine; ``None`` for the hub's, or those in its cache."""
    reranker_max_tokens: int = 512
    """Most tokens of a question and a passage together, 8 to 512; to 8192 for v2-m3."""
    cross_encoder: Path | None = None
    """The folder of a cross-encoder of your own, such as ``quincunx tune reranker`` makes: it reranks in every profile."""
    precision: PrecisionChoice = "auto"
    """Number format of the cross-encoder; ``auto`` takes the fastest that keeps the order of float32."""
    embed_precision: PrecisionChoice = "auto"
    """Number format in which an index is embedded, ``int8`` excepted; ``auto`` takes for a large new one the fastest that keeps
    the order of float32, and for any other the one that it has."""
    token_cache_mb: int = 128
    """Memory for the token vectors of passages that the embedded profile's reranker keeps, in MiB."""
    score_cache: int = 200_000
    """How many pairs of question and passage keep their rerank score in memory; 0 for none, and no file either."""
    score_file: Path | None = None
    """An SQLite file that keeps rerank scores, and the vectors of questions and of sentences, for all processes that name it."""
    ollama_host: str = field(default=DEFAULT_OLLAMA_HOST, repr=False)  # it may hold a password
    """Address of the Ollama server."""

    def __post_init__(self) -> None:
        for option in fields(self):
            _require(option.name, getattr(self, option.name), option.name)

    @classmethod
    def from_environment(cls) -> ModelOptions:
        """Return the options that the environment sets (`VARIABLES`), and the defaults of the others."""
        found: dict[str, Any] = {"ollama_host": ollama_host()}
        for name, variable in VARIABLES.items():
            value = _reader(name)(variable)
            if value is not None:
                _require(name, value, variable)
                found[name] = value
        return cls(**found)


def _reader(option: str) -> Callable[[str], Any]:
    if option in _PATHS:
        return read_path
    return read_number if option in (*_BOUNDS, "dims") else read_text


def _require(option: str, value: Any, shown: str) -> None:
    """Raise `BoundError` unless the option can have the value; ``shown`` is what the user set it by."""
    if option in _CHOICES and value not in _CHOICES[option]:
        raise BoundError(f"{shown} must be one of {', '.join(map(str, _CHOICES[option]))} (got {value!r})")
    if option in _BOUNDS:
        least, most = _BOUNDS[option]
        if not (type(value) is int and least <= value <= most):
            raise BoundError(f"{shown} must be a whole number from {least} to {most} (got {value!r})")
    if option in _PATHS and not (value is None or isinstance(value, Path)):
        raise BoundError(f"{shown} must be a pathlib.Path (got {value!r}): pass Path({str(value)!r})")
