"""How other packages rerank the same pairs with the same weights, each called as its own documentation shows.

Every one keeps its defaults for batching and sorting; all compute in float32, which is the default of each on a CPU.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.checkpoints import MAX_TOKENS, Asked

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else importing rerankers waits for a network

Logits = npt.NDArray[np.float64]
"""Shape (passages,), in the order given."""
Score = Callable[[Asked], Logits]


class Absent(Exception):
    """A peer that cannot run here, and why."""


def load_crossencoder(folder: Path, device: str) -> Score:
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(str(folder), device=device)

    def score(work: Asked) -> Logits:
        return _logit(np.asarray(model.predict(work.pairs, show_progress_bar=False)))

    return score


def load_llamaindex(folder: Path, device: str) -> Score:
    schema = import_module("llama_index.core.schema")
    reranker = llamaindex_reranker(folder, device, keep=1000)

    def score(work: Asked) -> Logits:
        nodes = [
            schema.NodeWithScore(node=schema.TextNode(id_=str(i), text=text))
            for i, text in enumerate(work.passages)
        ]
        found = reranker.postprocess_nodes(nodes, query_str=work.question)
        scores = np.empty(len(nodes))
        scores[[int(node.node.node_id) for node in found]] = [node.score for node in found]
        return _logit(scores)

    return score


def llamaindex_reranker(folder: Path, device: str, keep: int) -> Any:
    """Return LlamaIndex's reranker, of its own package where there is one: the core holds an older copy."""
    try:
        maker: Any = import_module("llama_index.postprocessor.sbert_rerank").SentenceTransformerRerank
    except ImportError:
        maker = import_module("llama_index.core.postprocessor").SentenceTransformerRerank
    return maker(model=str(folder), top_n=keep, device=device)


def load_rerankers(folder: Path, device: str) -> Score:
    ranker: Any = import_module("rerankers.models.transformer_ranker").TransformerRanker(
        str(folder), device=device, verbose=0
    )

    def score(work: Asked) -> Logits:
        found = ranker.rank(work.question, list(work.passages))
        scores = np.empty(len(work.passages))
        scores[[result.document.doc_id for result in found.results]] = [r.score for r in found.results]
        return scores

    return score


def load_flagembedding(folder: Path, device: str) -> Score:
    ranker: Any = import_module("FlagEmbedding").FlagReranker(
        str(folder), use_fp16=False, devices=device, max_length=MAX_TOKENS
    )

    def score(work: Asked) -> Logits:
        return np.asarray(ranker.compute_score(work.pairs), dtype=np.float64)

    return score


PEERS: dict[str, tuple[str, str, Callable[[Path, str], Score]]] = {
    "crossencoder": ("CrossEncoder.predict", "sentence-transformers", load_crossencoder),
    "llamaindex": ("LlamaIndex SentenceTransformerRerank", "llama-index-core", load_llamaindex),
    "rerankers": ("rerankers TransformerRanker", "rerankers", load_rerankers),
    "flagembedding": ("FlagEmbedding FlagReranker", "FlagEmbedding", load_flagembedding),
}
"""Key in the results → name, distribution, loader."""


def load_peer(key: str, folder: Path, device: str) -> tuple[str, Score]:
    """Return a peer's name with its version, and how it scores; raises `Absent`."""
    name, distribution, load = PEERS[key]
    try:
        label = f"{name} {version(distribution)}"
        return label, load(folder, device)
    except (ImportError, ModuleNotFoundError) as error:
        missing = getattr(error, "name", None) or str(error)
        raise Absent(f"{name}: not installed ({missing})") from error
    except Exception as error:  # a peer that fails is a row of the table, not the end of it
        raise Absent(f"{name}: does not run here ({type(error).__name__}: {error})") from error


def _logit(probabilities: npt.NDArray[Any]) -> Logits:
    """Undo the sigmoid that sentence-transformers puts on a single label, for comparison only."""
    p = np.asarray(probabilities, dtype=np.float64)
    return np.asarray(np.log(p) - np.log1p(-p))
