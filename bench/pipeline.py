"""Whole retrieval, question in and five passages out, against LlamaIndex with the same models and passages.

Run: ``python bench/pipeline.py [--questions N] [--size base|tiny] [--out FILE]``. Both embed with the real
all-MiniLM-L6-v2 and rerank 20 candidates with the same checkpoint; ours also searches by words and fuses, which
LlamaIndex's vector index does not. Passages are embedded beforehand, and no question is asked twice.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))  # `bench` itself, when this file is run by its path

from bench.checkpoints import Size, add_size, cross_encoder, words_of
from bench.corpora import make_up, passages_in, read_tatqa
from bench.measuring import (
    device,
    machine,
    options,
    percentile_ms,
    print_table,
    ratio,
    record,
    take_turns,
)
from bench.peers import llamaindex_reranker
from quincunx.retrieval.index.build import build
from quincunx.retrieval.models.compute_thread import computing
from quincunx.retrieval.models.cross_encoder import CrossEncoderReranker
from quincunx.retrieval.models.embedders import load_minilm
from quincunx.retrieval.models.weights import minilm_folder
from quincunx.retrieval.passages import Passage
from quincunx.retrieval.search import Searcher
from quincunx.retrieval.settings import SearchSettings

K, N = 20, 5
Ask = Callable[[str], object]


@computing  # where ours computes too: a second thread that does would slow both down
def load_llamaindex(passages: list[Passage], folder: Path, device: str) -> tuple[Ask, Ask, str]:
    """Return LlamaIndex's search with and without its reranker, and what embeds for it; raises ImportError."""
    core = import_module("llama_index.core")
    schema = import_module("llama_index.core.schema")
    embedder, how = _embedder(device)
    nodes = [schema.TextNode(id_=passage.id, text=passage.reading) for passage in passages]
    retriever = core.VectorStoreIndex(nodes, embed_model=embedder).as_retriever(similarity_top_k=K)
    reranker = llamaindex_reranker(folder, device, keep=N)

    def whole(question: str) -> object:
        return reranker.postprocess_nodes(retriever.retrieve(question), query_str=question)

    return computing(whole), computing(retriever.retrieve), how


def _embedder(device: str) -> tuple[Any, str]:
    try:
        maker: Any = import_module("llama_index.embeddings.huggingface").HuggingFaceEmbedding
        return maker(model_name=str(minilm_folder()), device=device), "HuggingFaceEmbedding"
    except ImportError:
        return _own_embedding(device), "BaseEmbedding around SentenceTransformer"


def _own_embedding(device: str) -> Any:
    """Return the least that LlamaIndex needs to embed with sentence-transformers."""
    from sentence_transformers import SentenceTransformer

    base: Any = import_module("llama_index.core.embeddings").BaseEmbedding
    model = SentenceTransformer(str(minilm_folder()), device=device)

    def embed(_: Any, text: str) -> Any:
        return model.encode(text, normalize_embeddings=True, show_progress_bar=False).tolist()

    def embed_all(_: Any, texts: list[str]) -> Any:
        return model.encode(texts, normalize_embeddings=True, show_progress_bar=False).tolist()

    async def embed_later(self: Any, text: str) -> Any:
        return embed(self, text)

    methods = {
        "_get_query_embedding": embed,
        "_get_text_embedding": embed,
        "_get_text_embeddings": embed_all,
        "_aget_query_embedding": embed_later,
    }
    return type("MiniLMEmbedding", (base,), methods)()


def main(arguments: list[str] | None = None) -> None:
    parser = options(__doc__)
    add_size(parser)
    parser.add_argument("--questions", type=int, default=20)
    chosen = parser.parse_args(arguments)
    size: Size = chosen.size
    facts = machine()
    corpus = read_tatqa() or make_up()
    folder = cross_encoder(size, words_of(document.text for document in corpus.documents))
    embedder = load_minilm()
    default = CrossEncoderReranker(folder, model="bge-base architecture", revision="random")
    exact = CrossEncoderReranker(folder, model="bge-base architecture", revision="random", precision="fp32")
    with tempfile.TemporaryDirectory() as name:
        index = Path(name) / "index"
        build(index, corpus.documents, embedder)
        passages = passages_in(index)
        settings, bare = SearchSettings(k=K, n=N), SearchSettings(k=K, n=N, rerank=False)
        searchers = {"default": Searcher(index, embedder, default), "fp32": Searcher(index, embedder, exact)}
        asking: dict[str, Ask] = {
            "default": lambda question: searchers["default"].search(question, settings),
            "fp32": lambda question: searchers["fp32"].search(question, settings),
            "without_rerank": lambda question: searchers["fp32"].search(question, bare),
        }
        how = ""
        try:
            asking["llamaindex"], asking["llamaindex_without_rerank"], how = load_llamaindex(
                passages, folder, device()
            )
        except ImportError as error:
            print(f"LlamaIndex: not installed ({error.name})")
        questions = list(corpus.questions[: 1 + chosen.questions])
        seconds = take_turns(asking, questions[0], questions[1:])

    against = {"default": "llamaindex", "fp32": "llamaindex", "without_rerank": "llamaindex_without_rerank"}
    figures: dict[str, Any] = {
        name: {"p50_ms": percentile_ms(spent, 0.5), "p95_ms": percentile_ms(spent, 0.95)}
        for name, spent in seconds.items()
    }
    for ours, theirs in against.items():
        if theirs in seconds:
            figures[ours]["ratio_vs_llamaindex"] = ratio(seconds[theirs], seconds[ours])
    rows = [
        [
            name.replace("_", " "),
            f"{row['p50_ms']:.1f}",
            f"{row['p95_ms']:.1f}",
            f"{row['ratio_vs_llamaindex']:.2f}×" if "ratio_vs_llamaindex" in row else "–",
        ]
        for name, row in figures.items()
    ]
    title = f"**retrieval**, {corpus.name}, {len(passages)} passages, {len(questions) - 1} questions"
    title += f"; default precision {default.identity.precision}" + (f"; LlamaIndex with {how}" if how else "")
    print_table(title, ["what", "p50 ms", "p95 ms", "LlamaIndex takes"], rows)
    headline = {key: figures["default"][key] for key in ("ratio_vs_llamaindex",) if key in figures["default"]}
    about = {"corpus": corpus.name, "passages": len(passages), "precision": default.identity.precision}
    record(chosen.out, "retrieval", {**headline, **about, **figures}, facts)


if __name__ == "__main__":
    main()
