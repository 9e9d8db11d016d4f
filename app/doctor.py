"""Whether a profile can do its work on this machine, line by line, each failing line with what mends it."""

from __future__ import annotations

import importlib.metadata
import platform
import sqlite3
import time
from collections.abc import Callable, Iterator

import numpy as np

from ..retrieval.errors import QuincunxError
from ..retrieval.index.contents import verify_index
from ..retrieval.models import weights
from ..retrieval.models.cache import unwrapped
from ..retrieval.models.embedders import Embedder
from ..retrieval.models.findings import Finding
from ..retrieval.models.profiles import find_profile, shared_embedder, shared_reranker
from ..retrieval.models.remote.embedder import RemoteEmbedder
from ..retrieval.models.remote.reranker import RemoteReranker
from ..retrieval.models.remote.self_test import try_embedder, try_reranker
from ..retrieval.models.rerankers import Reranker
from ..retrieval.storage.home import home, index_names
from .remedies import INSTALL_EMBEDDED, fetch_weights, remedy_for

PACKAGES = ("quincunx", "dspy", "torch", "sentence-transformers", "transformers", "faiss-cpu", "ollama")
PASSAGES = [
    f"Passage number {i} says what a passage of some twenty words might say about its subject."
    for i in range(20)
]


def examine(profile_name: str) -> Iterator[Finding]:
    """Yield the findings for a profile, as they are made."""
    find_profile(profile_name)
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    yield Finding(
        "versions", True, f"Python {platform.python_version()}, {versions}, SQLite {sqlite3.sqlite_version}"
    )
    yield Finding("home", True, str(home()))
    if profile_name == "embedded":
        yield _trying(
            "weights of the embedded extra", lambda: f"sha256 as pinned, {weights.minilm_folder().name}"
        )
    embedder: Embedder | None = None
    try:
        embedder = shared_embedder(profile_name)
    except QuincunxError as error:
        yield Finding("embedder", False, str(error), remedy_for(error, profile_name, "embedder"))
    if embedder is not None:
        yield from _probing("embedder", _embedder(embedder, fetch_weights(profile_name, "embedder")))
    try:
        reranker = shared_reranker(profile_name)
    except QuincunxError as error:
        yield Finding("reranker", False, str(error), remedy_for(error, profile_name, "reranker"))
    else:
        yield from _probing("reranker", _reranker(reranker, fetch_weights(profile_name, "reranker")))
    for name in index_names():
        yield _index(name, embedder)


def _embedder(embedder: Embedder, weights_remedy: str) -> Iterator[Finding]:
    identity = embedder.identity
    server = f", server {identity.server_version}" if identity.server_version else ""
    yield Finding(
        "embedder",
        True,
        f"{identity.model} at {identity.revision}, {identity.dims} dims, {identity.max_tokens} tokens{server}",
    )
    begin = time.perf_counter()
    vectors = np.concatenate(
        [embedder.embed_questions(["what is it"]), embedder.embed_passages(["what is it"])]
    )
    seconds = time.perf_counter() - begin
    norms = np.linalg.norm(vectors, axis=1)
    yield Finding(
        "embedder: norms",
        bool(np.allclose(norms, 1, atol=1e-3)),
        f"{norms[0]:.5f} and {norms[1]:.5f}",
        weights_remedy,
    )
    if identity.question_prefix != identity.passage_prefix:
        cosine = float(vectors[0] @ vectors[1])
        yield Finding(
            "embedder: prefixes",
            cosine < 0.9999,
            f"{identity.question_prefix!r} and {identity.passage_prefix!r} make different vectors (cosine {cosine:.4f})",
            weights_remedy,
        )
    model = unwrapped(embedder)
    if isinstance(model, RemoteEmbedder):
        yield from _tried("embedder", try_embedder(model))
    yield Finding("embedder: time", True, f"{500 * seconds:.0f} ms a text")


def _reranker(reranker: Reranker | None, weights_remedy: str) -> Iterator[Finding]:
    if reranker is None:
        yield Finding("reranker", True, "none: the fused order is the final one")
        return
    from ..retrieval.models.bge import known_answer
    from ..retrieval.models.cross_encoder import CrossEncoderReranker

    model = unwrapped(reranker)
    precision = "fp32"
    yield Finding("reranker", True, reranker.name)
    if isinstance(model, CrossEncoderReranker):
        precision = model.precision.precision
        yield Finding("reranker: number format", True, str(model.precision))
    if isinstance(model, RemoteReranker):
        yield from _tried("reranker", try_reranker(model))
    reranker.score("warm up", PASSAGES[:1])
    begin = time.perf_counter()
    model.score("what might a passage say", PASSAGES)
    yield Finding(
        "reranker: time", True, f"{1000 * (time.perf_counter() - begin):.0f} ms for 20 short pairs, warm"
    )
    if isinstance(model, CrossEncoderReranker) and model.identity.model == "BAAI/bge-reranker-base":
        answers = known_answer(reranker)
        yield Finding(
            "reranker: known answer",
            all(abs(expected - got) < (0.01 if precision == "fp32" else 0.3) for expected, got in answers),
            ", ".join(f"{got:.3f} (expected {expected:.3f})" for expected, got in answers),
            weights_remedy,
        )


def _tried(part: str, checks: Iterator[Finding]) -> Iterator[Finding]:
    for check in checks:
        yield Finding(f"{part}: {check.what}", check.ok, check.detail, "" if check.ok else check.remedy)


def _index(name: str, embedder: Embedder | None) -> Finding:
    from ..retrieval.index.contents import index_info

    try:
        faults = verify_index(name)
        identity = index_info(name).identity
    except QuincunxError as error:
        return Finding(f"index {name}", False, str(error), f"quincunx index build {name} PATH… --fresh")
    if faults:
        return Finding(
            f"index {name}",
            False,
            faults[0],
            f"quincunx index compact {name}\nquincunx index build {name} PATH… --fresh   # where that is not enough",
        )
    if embedder is None:
        return Finding(f"index {name}", True, f"sound; made by {identity['model']}")
    if {**identity, "precision": "fp32"} != {**embedder.identity.as_dict(), "precision": "fp32"}:
        return Finding(
            f"index {name}", True, f"sound; made by {identity['model']}, so another profile searches it"
        )
    return Finding(f"index {name}", True, "sound, and made by this profile's embedder")


def _probing(what: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """Pass findings on; a probe that fails is one, too."""
    try:
        yield from findings
    except QuincunxError as error:
        yield Finding(what, False, str(error), "see the message")


def _trying(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, True, look())
    except QuincunxError as error:
        return Finding(what, False, str(error), INSTALL_EMBEDDED)
