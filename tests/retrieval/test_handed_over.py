"""Documents of other libraries and rows of datasets, indexed as they are handed over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import datasets
import dspy
import pytest
from dspy.experimental import Document as DspyDocument
from gold_sets import hashing_profile
from langchain_core.documents import Document as LangChainDocument
from llama_index.core.schema import Document as LlamaDocument
from llama_index.core.schema import TextNode

import quincunx
from quincunx.retrieval.corpus.handed_over import documents_of
from quincunx.retrieval.passages import Document

OWN = Document("own", "Own", "As it is.", {"a": 1}, headed=True)


@pytest.mark.parametrize(
    ("item", "document"),
    [
        (OWN, OWN),
        ({"id": "a", "text": "Tea.", "title": "T", "n": 3}, Document("a", "T", "Tea.", {"n": 3})),
        ({"_id": 7, "Body": "Tea."}, Document("7", "", "Tea.")),
        ({"text": "Tea."}, Document("record-1", "", "Tea.")),
        (LangChainDocument("Tea.", metadata={"title": "T", "n": 3}, id="l"), Document("l", "T", "Tea.", {"n": 3})),
        (LlamaDocument(text="Tea.", metadata={"n": 3}, id_="x"), Document("x", "", "Tea.", {"n": 3})),
        (TextNode(text="Tea.", id_="node"), Document("node", "", "Tea.")),
        (DspyDocument(data="Tea.", title="T"), Document("record-1", "T", "Tea.")),
        (dspy.Example(text="Tea.", n=3).with_inputs("text"), Document("record-1", "", "Tea.", {"n": 3})),
        ({"text": "Tea.", "day": date(2026, 3, 1)}, Document("record-1", "", "Tea.", {"day": "2026-03-01"})),
    ],
    ids=str,
)  # fmt: skip
def test_documents_are_taken_as_they_are(item: Any, document: Document) -> None:
    assert list(documents_of([item])) == [document]


def test_fields_say_what_is_what() -> None:
    row = {"q": "When?", "a": "At four.", "sku": "x1", "kind": "tea"}
    (document,) = documents_of([row], ["text=a", "title=q", "id=sku", "origin='menu'"])
    assert document == Document("x1", "When?", "At four.", {"kind": "tea", "origin": "menu"})


def test_a_dataset_is_a_list_of_documents(home: Path) -> None:
    rows = datasets.Dataset.from_dict({"context": ["Tea.", "Rum."], "id": ["a", "b"]})
    built = quincunx.build_index("kb", rows, fields={"text": "context"}, profile=hashing_profile())
    assert built.changes.added == ("a", "b")


def test_any_iterable_is_read_once(home: Path) -> None:
    def rows() -> Iterator[dict[str, str]]:
        yield {"id": "a", "text": "Tea."}
        yield {"id": "b", "text": "Rum."}

    assert quincunx.build_index("kb", rows(), profile=hashing_profile()).added == 2
    assert quincunx.update_index("kb", [{"id": "b", "text": "Gin."}], profile=hashing_profile()).changed == 1


def test_an_iterable_of_paths_is_one_of_files(home: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Tea.")
    built = quincunx.build_index("kb", iter([tmp_path / "a.txt"]), profile=hashing_profile())
    assert built.changes.added == ("a.txt",)


@pytest.mark.parametrize(
    ("items", "error", "said"),
    [
        ([{"n": 3}], quincunx.CorpusError, r"entry 1 has no text \(it has n\)"),
        ([OWN, 3], quincunx.UsageError, r"entry 2 is no document \(int\)"),
        ([OWN, OWN], quincunx.DuplicateIdError, "'own' stands twice; entry 2"),
        ([{"text": "x", "f": object()}], quincunx.CorpusError, "entry 1: its metadata are no JSON values"),
        (
            [{"text": "x", "f": float("nan")}],
            quincunx.CorpusError,
            "entry 1: its metadata are no JSON values",
        ),
    ],
)
def test_what_is_no_document_is_one_error(items: list[Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        documents_of(items)


def test_patterns_are_for_files(home: Path) -> None:
    with pytest.raises(quincunx.UsageError, match="include and exclude choose files"):
        quincunx.build_index("kb", [OWN], include="*.md", profile=hashing_profile())
