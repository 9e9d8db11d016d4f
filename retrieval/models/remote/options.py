"""What the profile ``remote`` asks, and how: as typed arguments or from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from ...environment import read_number, read_path, read_text
from ...errors import BoundError
from .settings import EmbedDialect, RemoteServer, RerankDialect, ScoreKind

VARIABLES: Mapping[str, str] = {
    option: f"QUINCUNX_{option.upper()}"
    for option in (
        "rerank_url", "rerank_dialect", "rerank_model", "rerank_key", "rerank_revision", "rerank_tokenizer",
        "rerank_max_tokens", "rerank_scores", "rerank_seconds", "embed_url", "embed_dialect", "embed_model", "embed_key",
        "embed_revision", "embed_tokenizer", "embed_max_tokens", "embed_dims", "embed_question_prefix",
        "embed_passage_prefix", "embed_seconds",
    )
}  # fmt: skip
"""Option → the variable that sets it. A ``…_url`` may be several addresses, joined by commas; a key stands nowhere else."""


@dataclass(frozen=True)
class RemoteModels:
    """A remote reranker, a remote embedder, or both; a model that is not remote is that of the profile ``embedded``."""

    rerank: RemoteServer | None = None
    rerank_dialect: RerankDialect = "tei"
    rerank_scores: ScoreKind | None = None
    """What the server answers with, where that depends on the model; ``None`` for what the dialect says."""
    embed: RemoteServer | None = None
    embed_dialect: EmbedDialect = "openai"
    embed_dims: int | None = None
    embed_question_prefix: str = ""
    embed_passage_prefix: str = ""

    @classmethod
    def from_environment(cls) -> RemoteModels:
        """Return what the environment sets (`VARIABLES`).

        Raises:
            BoundError: neither model is remote, or a variable is set to what it cannot be.
        """
        rerank, embed = _server("rerank"), _server("embed")
        if rerank is None and embed is None:
            raise BoundError(
                "the profile remote needs the address of a server: set QUINCUNX_RERANK_URL, QUINCUNX_EMBED_URL or both, or "
                "give --rerank-url or --embed-url"
            )
        return cls(
            rerank=rerank,
            rerank_dialect=_choice("rerank_dialect", RerankDialect) or cls.rerank_dialect,
            rerank_scores=_choice("rerank_scores", ScoreKind),
            embed=embed,
            embed_dialect=_choice("embed_dialect", EmbedDialect) or cls.embed_dialect,
            embed_dims=read_number(VARIABLES["embed_dims"]),
            embed_question_prefix=read_text(VARIABLES["embed_question_prefix"]) or "",
            embed_passage_prefix=read_text(VARIABLES["embed_passage_prefix"]) or "",
        )


def _server(which: str) -> RemoteServer | None:
    urls = read_text(VARIABLES[f"{which}_url"])
    if urls is None:
        return None
    seconds = read_number(VARIABLES[f"{which}_seconds"])
    return RemoteServer(
        urls=tuple(url.strip() for url in urls.split(",")),
        model=read_text(VARIABLES[f"{which}_model"]) or "",
        key=read_text(VARIABLES[f"{which}_key"]),
        revision=read_text(VARIABLES[f"{which}_revision"]) or "",
        tokenizer=read_path(VARIABLES[f"{which}_tokenizer"]),
        max_tokens=read_number(VARIABLES[f"{which}_max_tokens"]),
        deadline_s=RemoteServer.deadline_s if seconds is None else float(seconds),
    )


def _choice(option: str, choices: Any) -> Any:
    value = read_text(VARIABLES[option])
    known = get_args(choices)
    if value is not None and value not in known:
        raise BoundError(f"{VARIABLES[option]} must be one of {', '.join(known)} (got {value!r})")
    return value
