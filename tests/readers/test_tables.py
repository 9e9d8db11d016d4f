"""Tables and records as documents, over the files of ``tests/documents/tables``."""

from __future__ import annotations

import csv
import json
import random
import re
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from table_files import DOCUMENTS, READERS, TABLES, read, written

from quincunx.retrieval.passages import Document
from quincunx.retrieval.text.markdown import read_blocks
from quincunx.retrieval.text.readers.reader import Reader, SourceFile, UnreadableFileError

LISTED: list[dict[str, Any]] = json.loads((DOCUMENTS / "tables.json").read_text())
READABLE = [entry for entry in LISTED if "answer" in entry]
REFUSED = [entry for entry in LISTED if entry.get("reason", "empty") != "empty"]
EMPTY = [entry for entry in LISTED if entry.get("reason") == "empty"]


def words(text: str) -> set[str]:
    """Return the words of a text, without the marks of Markdown tables."""
    return set(re.findall(r"\w+", text))


def shown_words(path: Path) -> set[str]:
    """Return the words of a file as another parser sees its cells, or its strings."""
    if path.suffix == ".xlsx":
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if re.search("sharedStrings|worksheets/sheet", name)]
            strings = [
                si
                for name in names
                for si in ElementTree.fromstring(archive.read(name)).iter()
                if si.tag[-2:] in ("is", "si")
            ]
            return words(" ".join("".join(si.itertext()) for si in strings).replace("_x000D_", ""))
    if path.suffix in (".csv", ".tsv"):
        text = path.read_bytes().decode("cp1252" if path.name == "cafe.csv" else "utf-8-sig")
        # One cell more where a cell of sentences holds the sign is no harm: words are compared.
        delimiter = {"screws.csv": ";", "rooms.tsv": "\t"}.get(path.name, ",")
        return words(
            " ".join(cell for row in csv.reader(text.splitlines(True), delimiter=delimiter) for cell in row)
        )
    return set()


def in_a_line(document: Document, answer: str) -> bool:
    return " ".join(answer.split()) in " ".join(document.text.split())


def test_every_file_is_listed() -> None:
    assert {entry["file"] for entry in LISTED} == {f"tables/{path.name}" for path in TABLES.iterdir()}
    assert {reader.name for reader in READERS.values()} == {"csv", "xlsx", "json"}
    assert all(isinstance(reader, Reader) for reader in READERS.values())


@pytest.mark.parametrize("entry", READABLE, ids=lambda entry: entry["file"])
def test_the_answer_stands_in_one_document_at_its_place(entry: dict[str, Any]) -> None:
    documents, _ = read(DOCUMENTS / entry["file"])
    found = [document for document in documents if in_a_line(document, entry["answer"])]
    assert [[str(part) for part in document.parts] for document in found] == [
        [entry["place"]] if entry["place"] else []
    ]


@pytest.mark.parametrize("entry", READABLE, ids=lambda entry: entry["file"])
def test_documents_are_sound(entry: dict[str, Any]) -> None:
    documents, file = read(DOCUMENTS / entry["file"])
    assert len({document.id for document in documents}) == len(documents)
    assert all(document.headed and document.title and document.text.strip() for document in documents)
    assert all(part.start == 0 for document in documents for part in document.parts)
    assert json.loads(json.dumps([document.metadata for document in documents], allow_nan=False)) == [
        document.metadata for document in documents
    ]
    assert not any(file.path.name in notice for notice in file.notices)


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(TABLES.iterdir()) if path.suffix in (".csv", ".tsv", ".xlsx")],
    ids=lambda path: path.name,
)
def test_no_word_of_a_table_is_lost(path: Path) -> None:
    """Every word of the cells (the csv module's, or the shared strings of a workbook) stands in a document's text."""
    try:
        documents, _ = read(path)
    except UnreadableFileError:
        documents = []
    lost = (
        shown_words(path) - words(" ".join(document.text for document in documents)) if documents else set()
    )
    assert not lost


@pytest.mark.parametrize("entry", REFUSED, ids=lambda entry: entry["file"])
def test_what_cannot_be_read_says_why(entry: dict[str, Any]) -> None:
    with pytest.raises(UnreadableFileError) as caught:
        read(DOCUMENTS / entry["file"])
    assert caught.value.reason == entry["reason"]
    assert caught.value.detail
    assert "\n" not in caught.value.detail


@pytest.mark.parametrize("entry", EMPTY, ids=lambda entry: entry["file"])
def test_what_says_nothing_yields_nothing(entry: dict[str, Any]) -> None:
    documents, file = read(DOCUMENTS / entry["file"])
    assert documents == []
    assert file.notices == []


@pytest.mark.parametrize("entry", READABLE, ids=lambda entry: entry["file"])
def test_the_head_of_a_table_stands_above_its_row(entry: dict[str, Any]) -> None:
    """A document whose text is a table is one head and one row to the parser that cuts passages."""
    documents, _ = read(DOCUMENTS / entry["file"])
    kinds = [[block.kind for block in read_blocks(document.text)] for document in documents]
    assert all(kind[-2:] == ["head", "row"] for kind in kinds if "head" in kind)


def outcome(path: Path) -> str:
    """Return ``read``, or the reason for which a file is refused; any other error is one of the reader's."""
    try:
        list(READERS[path.suffix].read(SourceFile(path, id="x")))
    except UnreadableFileError as error:
        return error.reason
    return "read"


def damaged(data: bytes, dice: random.Random) -> list[bytes]:
    """Return a file cut off at every twentieth of its length, and with bytes that were changed."""
    cut = [data[: len(data) * part // 20] for part in range(20)]
    for changes in (1, 3, 10, 50):
        flipped = bytearray(data)
        for _ in range(changes):
            flipped[dice.randrange(len(flipped))] = dice.randrange(256)
        cut.append(bytes(flipped))
    return cut


SMALL = [path for path in sorted(TABLES.iterdir()) if 0 < path.stat().st_size < 20_000]


@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.name)
def test_damage_ends_as_documents_or_one_error(path: Path, tmp_path: Path) -> None:
    ends = {
        outcome(written(tmp_path, f"damaged{path.suffix}", data))
        for data in damaged(path.read_bytes(), random.Random(path.name))
    }
    assert ends <= {"read", "damaged", "binary", "unmapped", "encrypted", "too_large"}


@pytest.mark.parametrize("name", ["prices.xlsx", "merged.xlsx"])
def test_damage_within_the_parts_of_a_workbook_ends_as_documents_or_one_error(
    name: str, tmp_path: Path
) -> None:
    dice = random.Random(name)
    with zipfile.ZipFile(TABLES / name) as archive:
        parts = {entry: archive.read(entry) for entry in archive.namelist()}
    ends = set()
    for entry, data in parts.items():
        for changed in damaged(data, dice)[::3]:
            path = tmp_path / "damaged.xlsx"
            with zipfile.ZipFile(path, "w") as archive:
                for other, content in parts.items():
                    archive.writestr(other, changed if other == entry else content)
            ends.add(outcome(path))
    assert ends == {"read", "damaged"}


@pytest.mark.parametrize("suffix", sorted(READERS))
@pytest.mark.parametrize("name", ["prices.xlsx", "screws.csv", "tickets.jsonl", "birds.json", "nothing.csv"])
def test_a_file_under_the_wrong_ending_ends_as_documents_or_one_error(
    suffix: str, name: str, tmp_path: Path
) -> None:
    ended = outcome(written(tmp_path, f"wrong{suffix}", (TABLES / name).read_bytes()))
    assert ended in {"read", "damaged", "binary", "unmapped"}
