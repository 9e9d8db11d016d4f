"""An index against a plain dict and NumPy, by rules that change, reopen and interrupt it; and filters drawn at random."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, multiple, rule
from parts import Hashing

from quincunx.retrieval.filters import Filter, field
from quincunx.retrieval.index.build import build, compact, delete, update
from quincunx.retrieval.index.store import Store
from quincunx.retrieval.index.vectors.faiss_part import Kind
from quincunx.retrieval.passages import Document
from quincunx.retrieval.search import Searcher
from quincunx.retrieval.settings import SearchSettings
from quincunx.retrieval.storage.disk import publish_file

WORDS = ["alpha", "beta", "gamma", "delta"]
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
tags = st.sampled_from(["red", "green", 1, 2.5, None, ["red", "blue"]])
wheres = st.one_of(
    st.none(),
    st.sampled_from(["red", "green", "blue", 1]).map(lambda value: field("tag") == value),
    st.sampled_from([1, 2]).map(lambda value: ~(field("tag") >= value)),
)


def brute_force(documents: dict[str, Document], question: str, where: Filter | None) -> dict[str, float]:
    """Return the cosine of every document that the filter accepts, by NumPy."""
    kept = [d for d in documents.values() if where is None or where.matches(d.metadata)]
    if not kept:
        return {}
    embedder = Hashing()
    vectors = embedder.embed_questions([f"{d.title}\n{d.text}" if d.title else d.text for d in kept])
    scores = vectors @ embedder.embed_questions([question])[0]
    return {document.id: float(score) for document, score in zip(kept, scores, strict=True)}


def assert_best(found: list[str], scores: dict[str, float], k: int) -> None:
    """Hold a ranking against the scores of all: the k best in order, exact but where two differ by under 1e-6."""
    expected = sorted(scores, key=lambda id: (-scores[id], id))[:k]
    assert len(found) == len(set(found)) == len(expected)
    assert all(
        mine == theirs or abs(scores[mine] - scores[theirs]) < 1e-6
        for mine, theirs in zip(found, expected, strict=True)
    ), (found, expected)


class Interrupted(BaseException):
    """Stands for a process that ends here."""


class IndexMachine(RuleBasedStateMachine):
    """Rules change the index and the dict alike; every search must agree."""

    ids = Bundle("ids")

    @initialize(target=ids)
    def begin(self) -> Any:
        self.folder = self.place()
        self.model = {"first": Document("first", "", "alpha", {"tag": "red"})}
        build(self.folder, self.model.values(), Hashing())
        self.searcher = Searcher(self.folder, Hashing(), None)
        return multiple()

    def place(self) -> Path:
        return Path(tempfile.mkdtemp(prefix="quincunx-model-"))

    def teardown(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    @rule(target=ids, id=st.uuids().map(str), text=texts, tag=tags)
    def add(self, id: str, text: str, tag: Any) -> str:
        self.put(Document(id, "", text, {"tag": tag}))
        return id

    @rule(id=ids, text=texts, tag=tags)
    def change(self, id: str, text: str, tag: Any) -> None:
        self.put(Document(id, "T", text, {"tag": tag}))

    @rule(id=consumes(ids))
    def remove(self, id: str) -> None:
        report = delete(self.folder, [id])
        del self.model[id]
        assert (report.removed, report.passages, report.embedded) == (1, len(self.model), 0)

    @rule(kind=st.sampled_from(get_args(Kind)))
    def publish(self, kind: Any) -> None:
        compact(self.folder, kind)

    @rule()
    def reopen(self) -> None:
        self.searcher = Searcher(self.folder, Hashing(), None)

    @rule(text=texts)
    def crash_before_the_commit(self, text: str) -> None:
        """The snapshot is written, the process ends: nothing of the change may be seen."""

        def interrupted(path: Path, parts: Sequence[memoryview]) -> None:
            publish_file(path, parts)
            raise Interrupted

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("quincunx.retrieval.index.vectors.snapshot.publish_file", interrupted)
            with pytest.raises(Interrupted):
                update(self.folder, [Document("crashed", "", text + " crash", {})], Hashing())

    @rule(question=texts, where=wheres, k=st.integers(1, 30))
    def search(self, question: str, where: Filter | None, k: int) -> None:
        exact = SearchSettings(k=k, n=1, depth=200, where=where)
        found = self.searcher.search(question, exact)
        with Store(self.folder).read() as reading:
            kind = reading.snapshot.kind
            assert reading.faults() == []
        ids = [passage.id for passage in found.dense[:k]]
        if kind == "flat" or (where is not None and kind not in ("fp16", "int8")):
            assert_best(ids, brute_force(self.model, question, where), k)
        else:
            assert set(ids) <= self.model.keys()
        words = {
            d.id
            for d in self.model.values()
            if set(d.text.split()) & set(question.split()) and (where is None or where.matches(d.metadata))
        }
        lexical = [passage.id for passage in found.lexical]
        assert set(lexical) <= words
        assert len(lexical) == min(200, len(words))

    def put(self, document: Document) -> None:
        unchanged = self.model.get(document.id) == document
        report = update(self.folder, [document], Hashing())
        self.model[document.id] = document
        assert report.passages == len(self.model)
        assert (report.added + report.changed, report.unchanged) == (0, 1) if unchanged else (1, 0)
        assert report.embedded <= 1


def metadata(randomness: random.Random, i: int) -> dict[str, Any]:
    values: dict[str, Any] = {
        "i": i,
        "date": f"2026-{randomness.randrange(1, 13):02}-{randomness.randrange(1, 29):02}",
    }
    if randomness.random() < 0.8:
        values["site"] = randomness.choice(["builddaily", "paiddaily", ["builddaily", "sagedaily"]])
    return values


def random_filter(randomness: random.Random, depth: int = 2) -> Filter:
    match randomness.choice(
        ["and", "or", "not"] if depth and randomness.random() < 0.5 else ["i", "in", "date", "site"]
    ):
        case "and":
            return random_filter(randomness, depth - 1) & random_filter(randomness, depth - 1)
        case "or":
            return random_filter(randomness, depth - 1) | random_filter(randomness, depth - 1)
        case "not":
            return ~random_filter(randomness, depth - 1)
        case "i":
            return field("i") < randomness.randrange(-1, 202)
        case "in":
            return field("i").is_in(randomness.sample(range(210), randomness.randrange(0, 4)))
        case "date":
            return field("date") >= f"2026-{randomness.randrange(1, 13):02}-15"
        case _:
            return field("site") == randomness.choice(["builddaily", "paiddaily", "sagedaily", "nowhere"])
