"""All test documents in one index: each answers what only it can answer, with its place; each that cannot is named.

The round trip of every passage: it is its span of its document's text, and what a citation of it points to is a part of that,
in the part of the document that it names. That the text is what the file shows is held by the tests of each reader.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import quincunx
from quincunx.programs.call.steps import evidence
from quincunx.programs.check.places import with_place
from quincunx.retrieval.corpus.read_report import REASONS
from quincunx.retrieval.index.changes import BuildReport
from quincunx.retrieval.index.contents import read_index
from quincunx.retrieval.passages import Document, Passage
from quincunx.retrieval.text.normal_form import normal_text

DOCUMENTS = Path(__file__).parents[1] / "documents"
LISTED: list[dict[str, Any]] = [
    entry for path in sorted(DOCUMENTS.glob("*.json")) for entry in json.loads(path.read_text())
]
READABLE = [entry for entry in LISTED if "question" in entry]
LEFT_OUT = [entry for entry in LISTED if "reason" in entry]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, BuildReport]]:
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        patch.setenv("QUINCUNX_HOME", str(home))
        folders = {
            path.name: path
            for path in sorted(DOCUMENTS.iterdir())
            if path.is_dir() and path.name[0].isalpha()
        }
        yield home, quincunx.build_index("all", folders)


@pytest.fixture(scope="module")
def cut(built: tuple[Path, BuildReport]) -> Sequence[tuple[Document, list[Passage]]]:
    def read(reading: Any) -> list[tuple[Document, list[Passage]]]:
        documents = list(reading.documents())
        passages = reading.passages_of([document.id for document in documents])
        return [(document, passages[document.id]) for document in documents]

    return read_index(built[0] / "indexes" / "all", read)


def test_there_are_documents_of_every_kind(built: tuple[Path, BuildReport]) -> None:
    assert len(LISTED) >= 60
    kinds = {field.name: field for field in quincunx.index_fields("all")}["file.kind"]
    assert kinds.documents == built[1].added


def test_every_file_is_read_or_named_with_its_reason(built: tuple[Path, BuildReport]) -> None:
    report = built[1].reading
    skipped = {str(Path(skip.path).relative_to(DOCUMENTS)): skip.reason for skip in report.skipped}
    assert skipped == {entry["file"]: entry["reason"] for entry in LEFT_OUT}
    assert set(skipped.values()) <= REASONS.keys()
    assert all(skip.detail or skip.reason == "empty" for skip in report.skipped)


@pytest.mark.parametrize("entry", READABLE, ids=lambda entry: entry["file"])
def test_a_document_answers_what_only_it_can_answer(
    built: tuple[Path, BuildReport], entry: dict[str, Any]
) -> None:
    retriever = quincunx.Retriever("all")
    found = [
        passage
        for passage in retriever(question=entry["question"]).passages
        if passage.metadata["path"] == entry["file"] and plain(entry["answer"]) in plain(passage.text)
    ]
    assert found
    read = evidence(found[0])
    at = next(
        at for at in range(len(read.text)) if plain(read.text[at:]).startswith(plain(entry["answer"])[:12])
    )
    citation = with_place(read.citation(at, len(read.text)), read)
    assert (citation.place or None) == entry["place"]
    assert citation.path == entry["file"]


def test_every_passage_is_its_span_of_its_document(cut: Sequence[tuple[Document, list[Passage]]]) -> None:
    for document, passages in cut:
        assert passages
        for passage in passages:
            assert passage.text == passage.head + document.text[passage.start : passage.end]


def test_no_visible_character_is_in_no_passage(cut: Sequence[tuple[Document, list[Passage]]]) -> None:
    for document, passages in cut:
        held = {at for passage in passages for at in range(passage.start, passage.end)}
        assert all(at in held or char.isspace() for at, char in enumerate(document.text)), document.id


def test_parts_are_where_their_passages_lie(cut: Sequence[tuple[Document, list[Passage]]]) -> None:
    for document, passages in cut:
        starts = [part.start for part in document.parts]
        assert starts == sorted(set(starts))
        assert starts[:1] in ([], [0])
        ends = dict(zip(document.parts, [*starts[1:], len(document.text) + 1], strict=False))
        for passage in passages:
            assert list(passage.parts) == [
                part for part in document.parts if part.start < passage.end and ends[part] > passage.start
            ]


def plain(text: str) -> str:
    """Return a text without the marks of Markdown, white space as one space."""
    return normal_text(text.replace("**", "").replace("`", "").replace("\\", ""))
