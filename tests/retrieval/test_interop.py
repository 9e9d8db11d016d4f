"""The adapters, each inside the library that it is for."""

from __future__ import annotations

import asyncio
import importlib
import json
import pickle
import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from langchain_core.documents import Document
from langchain_core.runnables import ConfigurableField, Runnable, RunnableLambda
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.retrievers.fusion_retriever import FUSION_MODES
from llama_index.core.schema import MetadataMode, NodeWithScore, TextNode
from parts import Shortest

from quincunx.retrieval import handle
from quincunx.retrieval.errors import (
    BoundError,
    EmptyQuestionError,
    MissingExtraError,
    ModelOutputError,
    UnknownIndexError,
    UnknownProfileError,
)
from quincunx.retrieval.filter_text import parse_filter
from quincunx.retrieval.index.manage import build_index
from quincunx.retrieval.interop import candidates, langchain, llama_index
from quincunx.retrieval.models import profiles
from quincunx.retrieval.models.embedders import load_minilm
from quincunx.retrieval.models.profiles import Profile
from quincunx.retrieval.models.rerankers import Scores
from quincunx.retrieval.passages import Candidate, Passage
from quincunx.retrieval.retriever import Retriever
from quincunx.retrieval.settings import SearchSettings

QUESTION = "What is Sage Daily?"
ALL_SETTINGS = [
    SearchSettings(),
    SearchSettings(final="reranked"),
    SearchSettings(rerank=False),
    SearchSettings(n=3, where=parse_filter("kind = 'resource'")),
]


class Recording:
    """Finds every passage equally good, and keeps what it was asked."""

    name = "recording"

    def __init__(self, verdict: float = 0.0) -> None:
        self.verdict = verdict
        self.read: list[str] = []

    def score(self, question: str, passages: Sequence[str]) -> Scores:
        self.read += passages
        return np.full(len(passages), self.verdict, dtype=np.float32)


def expected(settings: SearchSettings) -> list[Candidate]:
    """Return the candidates of the passages that DSPy programs get."""
    found = Retriever("builddaily", settings=settings)(question=QUESTION)
    kept: list[Candidate] = found.candidates[: len(found.passages)]
    return kept


def named(documents: list[Document]) -> list[str | None]:
    return [document.id for document in documents]


def ids(nodes: Sequence[NodeWithScore]) -> list[str]:
    return [item.node.node_id for item in nodes]


@pytest.mark.parametrize("settings", ALL_SETTINGS)
def test_a_llama_index_retriever_finds_what_programs_get(canons: Path, settings: SearchSettings) -> None:
    nodes = llama_index.QuincunxRetriever("builddaily", settings=settings).retrieve(QUESTION)
    wanted = expected(settings)
    assert len(wanted) == settings.n
    assert ids(nodes) == [candidate.passage.id for candidate in wanted]
    for item, candidate in zip(nodes, wanted, strict=True):
        assert isinstance(item.node, TextNode)
        assert (item.node.text, item.node.ref_doc_id) == (
            candidate.passage.text,
            candidate.passage.document_id,
        )
        assert item.node.get_node_info() == {"start": candidate.passage.start, "end": candidate.passage.end}
        assert item.node.metadata == candidates.metadata(candidate)
    scores = [item.score or 0.0 for item in nodes]
    assert scores == [1 / rank for rank in range(1, settings.n + 1)]


@pytest.mark.parametrize("settings", ALL_SETTINGS)
def test_a_langchain_retriever_finds_what_programs_get(canons: Path, settings: SearchSettings) -> None:
    documents = langchain.QuincunxRetriever("builddaily", settings=settings).invoke(QUESTION)
    assert documents == [
        Document(id=found.passage.id, page_content=found.passage.text, metadata=candidates.metadata(found))
        for found in expected(settings)
    ]
    scores = [document.metadata["quincunx"]["score"] for document in documents]
    assert all(above > below for above, below in pairwise(scores))


def test_awaited_they_find_the_same(canons: Path) -> None:
    of_llama = llama_index.QuincunxRetriever("builddaily")
    awaited = asyncio.run(of_llama.aretrieve(QUESTION))
    assert [item.to_dict() for item in awaited] == [item.to_dict() for item in of_llama.retrieve(QUESTION)]
    of_langchain = langchain.QuincunxRetriever("builddaily")
    assert asyncio.run(of_langchain.ainvoke(QUESTION)) == of_langchain.invoke(QUESTION)
    reranker = llama_index.QuincunxReranker(top_n=3)
    best = asyncio.run(reranker.apostprocess_nodes(awaited, query_str=QUESTION))
    assert best == reranker.postprocess_nodes(awaited, query_str=QUESTION)


def test_a_filter_holds(canons: Path) -> None:
    settings = SearchSettings(n=20, where=parse_filter("kind = 'resource'"))
    nodes = llama_index.QuincunxRetriever("builddaily", settings=settings).retrieve(QUESTION)
    documents = langchain.QuincunxRetriever("builddaily", settings=settings).invoke(QUESTION)
    assert {item.node.metadata["kind"] for item in nodes} == {"resource"}
    assert {document.metadata["kind"] for document in documents} == {"resource"}
    unfiltered = langchain.QuincunxRetriever("builddaily", settings=SearchSettings(n=20)).invoke(QUESTION)
    assert {document.metadata["kind"] for document in unfiltered} > {"resource"}


def test_everything_is_json(canons: Path) -> None:
    (item,) = llama_index.QuincunxRetriever("builddaily", settings=SearchSettings(n=1)).retrieve(QUESTION)
    (document,) = langchain.QuincunxRetriever("builddaily", settings=SearchSettings(n=1)).invoke(QUESTION)
    assert json.loads(json.dumps(document.metadata)) == document.metadata == item.node.metadata
    stored = json.loads(json.dumps(item.node.to_dict()))
    assert TextNode.from_dict(stored).to_dict() == item.node.to_dict()


def test_own_metadata_of_a_taken_name_is_kept_aside_and_a_copy() -> None:
    own = {"start": "noon", "quincunx": 5, "tags": ["a"]}
    passage = Passage("d#3-7", "d", "", "text", 3, 7, own)
    found = Candidate(passage, 2, 0.5, None, 0.0, 2, 0.1, final_rank=4, duplicates=("e",))
    described = candidates.metadata(found)
    described["tags"].append("b")
    assert own["tags"] == ["a"]
    stages = described.pop("quincunx")
    assert described == {"title": "", "document_id": "d", "start": 3, "end": 7, "tags": ["a", "b"]}
    assert (stages["shadowed"], stages["duplicates"]) == ({"start": "noon", "quincunx": 5}, ["e"])
    assert (stages["dense_rank"], stages["lexical_rank"], stages["score"]) == (2, None, 0.25)


def test_what_models_read_of_a_node(canons: Path) -> None:
    (item,) = llama_index.QuincunxRetriever("builddaily", settings=SearchSettings(n=1)).retrieve(QUESTION)
    text = item.node.get_content()
    assert item.node.get_content(MetadataMode.EMBED) == f"title: Sage Daily\n\n{text}"
    head, body = item.node.get_content(MetadataMode.LLM).split("\n\n", 1)
    assert [line.split(":")[0] for line in head.split("\n")] == ["title", "site", "kind", "updated"]
    assert body == text


def test_a_passage_without_a_title_reads_as_its_text(home: Path, tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text(json.dumps({"_id": "d", "text": "A moon trine."}))
    build_index("bare", [tmp_path / "corpus.jsonl"])
    (item,) = llama_index.QuincunxRetriever("bare").retrieve("moon")
    assert [item.node.get_content(mode) for mode in (MetadataMode.EMBED, MetadataMode.LLM)] == [
        "A moon trine."
    ] * 2
    recording = Recording()
    llama_index.QuincunxReranker(recording).postprocess_nodes([item], query_str="moon")
    assert recording.read == ["A moon trine."]


def test_a_query_engine_answers_from_reranked_passages(canons: Path) -> None:
    first_stage = SearchSettings(k=20, n=20, rerank=False)
    engine = RetrieverQueryEngine.from_args(
        llama_index.QuincunxRetriever("builddaily", settings=first_stage),
        llm=MockLLM(),
        node_postprocessors=[llama_index.QuincunxReranker()],
    )
    response = engine.query(QUESTION)
    wanted = expected(SearchSettings(final="reranked"))
    assert ids(response.source_nodes) == [candidate.passage.id for candidate in wanted]
    scores = [item.score for item in response.source_nodes]
    assert scores == pytest.approx([candidate.rerank_score for candidate in wanted], abs=1e-4)
    for item, candidate in zip(response.source_nodes, wanted, strict=True):
        (step,) = item.node.metadata["quincunx"]["reranked"]
        assert step["rank_before"] == candidate.fused_rank
        assert step["score_before"] == 1 / candidate.fused_rank
    # The stand-in language model repeats its prompt.
    prompt = str(response)
    assert all(candidate.passage.text in prompt for candidate in wanted)
    assert "fused_rank" not in prompt


def test_a_passage_that_two_retrievers_find_is_one_to_llama_index(canons: Path) -> None:
    fusion = QueryFusionRetriever(
        [
            llama_index.QuincunxRetriever("builddaily", settings=SearchSettings(rerank=rerank))
            for rerank in (True, False)
        ],
        llm=MockLLM(),
        mode=FUSION_MODES.RECIPROCAL_RANK,
        num_queries=1,
        use_async=False,
        similarity_top_k=20,
    )
    nodes = fusion.retrieve(QUESTION)
    assert nodes[0].node.node_id == "bd-sage-daily"
    assert nodes[0].score == pytest.approx(2 / 60)  # first in both


def test_a_reranker_leaves_the_nodes_it_got_and_remembers_each_step(canons: Path) -> None:
    nodes = llama_index.QuincunxRetriever("builddaily").retrieve(QUESTION)
    before = [item.to_dict() for item in nodes]
    once = llama_index.QuincunxReranker(Shortest(), top_n=4).postprocess_nodes(nodes, query_str=QUESTION)
    twice = llama_index.QuincunxReranker(top_n=1).postprocess_nodes(once, query_str=QUESTION)
    assert [item.to_dict() for item in nodes] == before
    lengths = [len(f"{item.node.metadata['title']}\n{item.node.get_content()}") for item in once]
    assert [item.score for item in once] == [-length for length in sorted(lengths)]
    first, second = twice[0].node.metadata["quincunx"]["reranked"]
    assert (first["by"], first["score_before"]) == ("shortest", nodes[first["rank_before"] - 1].score)
    assert second["by"].startswith("maxsim")
    assert second["score_before"] == once[second["rank_before"] - 1].score
    assert twice[0].node.metadata["quincunx"]["final_rank"] == first["rank_before"]


def test_nodes_of_other_origin_are_read_by_their_embed_text_and_ties_go_by_id() -> None:
    node = {"metadata": {"author": "Ann", "path": "/x"}, "excluded_embed_metadata_keys": ["path"]}
    nodes = [NodeWithScore(node=TextNode(id_=id, text=f"text {id}", **node), score=None) for id in "bca"]
    recording = Recording()
    best = llama_index.QuincunxReranker(recording, top_n=2).postprocess_nodes(nodes, query_str="?")
    assert recording.read == [f"author: Ann\n\ntext {id}" for id in "bca"]
    assert ids(best) == ["a", "b"]
    step = {"by": "recording", "rank_before": 3, "score_before": None}
    assert best[0].node.metadata == {"author": "Ann", "path": "/x", "quincunx": {"reranked": [step]}}
    # A second look reads the same: what the first wrote down is not text.
    llama_index.QuincunxReranker(recording).postprocess_nodes(best, query_str="?")
    assert recording.read[3:] == ["author: Ann\n\ntext a", "author: Ann\n\ntext b"]
    assert "reranked" not in best[0].node.get_content(MetadataMode.LLM)


def test_what_a_reranker_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [NodeWithScore(node=TextNode(text="text"))]
    reranker = llama_index.QuincunxReranker(Recording())
    for question in (None, " "):
        with pytest.raises(EmptyQuestionError):
            reranker.postprocess_nodes(nodes, query_str=question)
    assert reranker.postprocess_nodes([], query_str="?") == []
    with pytest.raises(ModelOutputError, match="not finite"):
        llama_index.QuincunxReranker(Recording(float("nan"))).postprocess_nodes(nodes, query_str="?")
    with pytest.raises(BoundError, match=r"top_n .*got 0"):
        llama_index.QuincunxReranker(top_n=0)
    with pytest.raises(UnknownProfileError):
        llama_index.QuincunxReranker(profile="nope")
    monkeypatch.setitem(profiles._added, "bare", Profile("bare", load_minilm, lambda: None))
    with pytest.raises(BoundError, match="'bare' has no reranker"):
        llama_index.QuincunxReranker(profile="bare").postprocess_nodes(nodes, query_str="?")


def test_a_pickled_reranker_is_the_same() -> None:
    again = pickle.loads(pickle.dumps(llama_index.QuincunxReranker(Shortest(), top_n=2)))
    assert (type(again.reranker), again.top_n, again.profile) == (Shortest, 2, "embedded")
    assert again.to_dict() == {"top_n": 2, "profile": "embedded", "class_name": "QuincunxReranker"}


def test_a_langchain_chain(canons: Path) -> None:
    retriever = langchain.QuincunxRetriever("builddaily", name="canon")
    chain: Runnable[str, list[str | None]] = retriever | RunnableLambda(named)
    wanted = [candidate.passage.id for candidate in expected(SearchSettings())]
    assert chain.invoke(QUESTION) == wanted
    assert asyncio.run(chain.ainvoke(QUESTION)) == wanted
    assert chain.batch([QUESTION, "What is SQLite?"])[0] == wanted


def test_a_langchain_retriever_configured_anew_loads_nothing_anew(
    canons: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    retriever = langchain.QuincunxRetriever("builddaily")
    found = retriever.invoke(QUESTION)
    monkeypatch.setattr(handle, "require_index", lambda name: pytest.fail(f"looked for {name} again"))
    configurable = retriever.configurable_fields(settings=ConfigurableField(id="settings"))
    two = configurable.with_config(configurable={"settings": SearchSettings(n=2)})
    assert two.invoke(QUESTION) == found[:2]


def test_of_several_indexes_ids_name_the_index(canons: Path) -> None:
    indexes = ["builddaily", "sagedaily"]
    (item, *_) = llama_index.QuincunxRetriever(indexes).retrieve(QUESTION)
    (document, *_) = langchain.QuincunxRetriever(indexes).invoke(QUESTION)
    assert item.node.node_id == document.id
    assert item.node.node_id.split("/")[0] in indexes


@pytest.mark.parametrize("question", ["", " \n"])
def test_an_empty_question_is_refused(canons: Path, question: str) -> None:
    with pytest.raises(EmptyQuestionError):
        llama_index.QuincunxRetriever("builddaily").retrieve(question)
    with pytest.raises(EmptyQuestionError):
        langchain.QuincunxRetriever("builddaily").invoke(question)


def test_an_unknown_index_is_refused_at_once(canons: Path) -> None:
    with pytest.raises(UnknownIndexError):
        llama_index.QuincunxRetriever("nope")
    with pytest.raises(UnknownIndexError):
        langchain.QuincunxRetriever("nope")


@pytest.mark.parametrize(
    ("adapter", "library", "extra"),
    [
        ("llama_index", "llama_index.core.schema", "llama-index"),
        ("langchain", "langchain_core.retrievers", "langchain"),
    ],
)
def test_a_missing_library_names_its_extra(
    monkeypatch: pytest.MonkeyPatch, adapter: str, library: str, extra: str
) -> None:
    name = f"quincunx.retrieval.interop.{adapter}"
    monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=rf"pip install 'quincunx\[{extra}\]'"):
        importlib.import_module(name)


def test_importing_the_package_needs_neither_library() -> None:
    code = (
        "import sys, quincunx.retrieval.interop; "
        "print({'llama_index', 'langchain_core', 'torch', 'faiss', 'dspy', 'numpy'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
