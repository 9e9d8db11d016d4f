"""Readers that users add, and what is said where one does not do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import quincunx
from quincunx.retrieval.corpus.reading import read_corpus
from quincunx.retrieval.text.readers import registry
from quincunx.retrieval.text.readers.reader import Reader


class ShoutingReader:
    name, version = "shouting", 1
    suffixes: tuple[str, ...] = (".shout",)

    def read(self, file: quincunx.SourceFile) -> Iterator[quincunx.Document]:
        text = file.read_text()
        if "damaged" in text:
            raise quincunx.UnreadableFileError("damaged", "it says so")
        if "extra" in text:
            raise quincunx.MissingExtraError("shouter", "shouting")
        yield file.document(file.name, text.upper(), parts=[quincunx.Part(0, "line", 1)])
        if "half" in text:
            raise quincunx.UnreadableFileError("damaged", "the second half")


pytestmark = pytest.mark.usefixtures("forgotten")


def test_an_added_reader_reads_its_files(tmp_path: Path) -> None:
    (tmp_path / "a.SHOUT").write_text("tea")
    assert read_corpus(tmp_path).report.skipped[0].reason == "unknown_kind"
    quincunx.add_reader(ShoutingReader())
    (document,) = read_corpus(tmp_path).documents
    assert (document.id, document.title, document.text) == ("a.SHOUT", "a", "TEA")
    assert document.metadata["file"]["kind"] == "shouting"


@pytest.mark.parametrize(
    ("text", "reason"), [("damaged", "damaged"), ("half", "damaged"), ("extra", "needs_extra")]
)
def test_what_it_cannot_read_is_left_out_whole_and_named(tmp_path: Path, text: str, reason: str) -> None:
    quincunx.add_reader(ShoutingReader())
    (tmp_path / "a.shout").write_text(text)
    (tmp_path / "b.shout").write_text("tea")
    corpus = read_corpus(tmp_path)
    assert [document.id for document in corpus.documents] == ["b.shout"]
    (skip,) = corpus.report.skipped
    assert (Path(skip.path).name, skip.reason) == ("a.shout", reason)


class IdsReader:
    """Gives a document for each line, which is its id; a last one of ``damaged`` is no line."""

    name, version, suffixes = "ids", 1, (".ids",)

    def read(self, file: quincunx.SourceFile) -> Iterator[quincunx.Document]:
        for line in file.read_text().split():
            if line == "damaged":
                raise quincunx.UnreadableFileError("damaged", "after the others")
            yield quincunx.Document(line, "", f"Of {file.name}")


def test_nothing_is_kept_of_a_file_that_fails_halfway(tmp_path: Path) -> None:
    quincunx.add_reader(IdsReader())
    for name, ids in {"a": "1 2", "b": "3 2 4 damaged", "c": "3 5", "d": "6 damaged"}.items():
        (tmp_path / f"{name}.ids").write_text(ids)
    corpus = read_corpus(tmp_path)
    assert [(document.id, document.text) for document in corpus.documents] == [
        ("1", "Of a"), ("2", "Of a"), ("3", "Of c"), ("5", "Of c"),
    ]  # fmt: skip
    assert list(corpus.origin.sources) == ["1", "2", "3", "5"]
    assert len(corpus.documents) == 4
    assert corpus.report.read == {".ids": 4}
    assert [(Path(skip.path).name, skip.reason) for skip in corpus.report.skipped] == [
        ("b.ids", "damaged"),
        ("d.ids", "damaged"),
    ]


def test_an_id_that_stands_twice_names_both_files(tmp_path: Path) -> None:
    quincunx.add_reader(IdsReader())
    (tmp_path / "a.ids").write_text("1 2")
    (tmp_path / "b.ids").write_text("3 2 1 3")
    with pytest.raises(quincunx.DuplicateIdError, match=r"id '2' stands twice: \S+/a\.ids and \S+/b\.ids\."):
        read_corpus(tmp_path)
    (tmp_path / "b.ids").write_text("3 3")
    with pytest.raises(quincunx.DuplicateIdError, match=r"id '3' stands twice: \S+/b\.ids and \S+/b\.ids\."):
        read_corpus(tmp_path)


def test_the_one_added_last_counts(tmp_path: Path) -> None:
    class Twin(ShoutingReader):
        name = "twin"
        suffixes: tuple[str, ...] = (".shout", ".txt")

    (tmp_path / "a.txt").write_text("tea")
    quincunx.add_reader(ShoutingReader())
    quincunx.add_reader(Twin())
    (document,) = read_corpus(tmp_path).documents
    assert (document.text, document.metadata["file"]["kind"]) == ("TEA", "twin")


@pytest.mark.parametrize("suffixes", [(), ".shout", ("shout",), (".SHOUT",)])
def test_what_is_no_reader_is_one_error(suffixes: Any) -> None:
    reader = ShoutingReader()
    reader.suffixes = suffixes
    with pytest.raises(quincunx.UsageError, match="add_reader takes a reader"):
        quincunx.add_reader(reader)
    with pytest.raises(quincunx.UsageError, match="add_reader takes a reader"):
        quincunx.add_reader(object())  # type: ignore[arg-type]


def test_every_kind_that_the_documentation_lists_has_a_reader() -> None:
    said = (Path(__file__).parents[2] / "docs" / "documents.md").read_text()
    assert all(
        f"`{suffix}`" in said
        for suffix in (".md", ".pdf", ".docx", ".html", ".epub", ".csv", ".xlsx", ".eml")
    )
    assert isinstance(registry.reader_of("a.PDF"), Reader)
    assert {
        ".md",
        ".pdf",
        ".docx",
        ".html",
        ".epub",
        ".csv",
        ".xlsx",
        ".json",
        ".eml",
        ".ipynb",
        ".py",
    } <= set(registry.read_suffixes())
