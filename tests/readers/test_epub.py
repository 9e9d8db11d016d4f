"""E-books: their chapters in order, whatever the archive's names; what is encrypted or damaged is said to be."""

from __future__ import annotations

import json
import random
import re
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from quincunx.retrieval.passages import Document
from quincunx.retrieval.text.readers.field_map import FieldMap
from quincunx.retrieval.text.readers.html.epub import EpubReader
from quincunx.retrieval.text.readers.reader import SourceFile, UnreadableFileError

DOCUMENTS = Path(__file__).parent.parent / "documents"
LISTED: list[dict[str, Any]] = json.loads((DOCUMENTS / "epub.json").read_text("utf-8"))
REASONS = ("", "damaged", "encrypted", "no_text", "too_large", "unreadable")
READABLE = [entry for entry in LISTED if "answer" in entry]


def the_document(file: SourceFile) -> Document:
    (document,) = EpubReader().read(file)
    return document


def outcome(path: Path) -> str:
    """Return why a file cannot be read, and nothing where it can."""
    try:
        the_document(SourceFile(path, "x"))
    except UnreadableFileError as error:
        return error.reason
    return ""


def read(name: str) -> Document:
    return the_document(SourceFile(DOCUMENTS / name, "x"))


def chapters(document: Document) -> list[str]:
    ends = [part.start for part in document.parts[1:]] + [len(document.text)]
    return [document.text[part.start : end] for part, end in zip(document.parts, ends, strict=True)]


def words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text))


def pages(path: Path) -> list[Counter[str]]:
    """The words of each page of a book that holds some, tables of contents aside, by Python's own XML parser."""
    found = []
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith(("html",)) and not re.search(r"nav|toc", name):
                text = re.sub(rb"&mdash;|<!DOCTYPE html>", b"-", archive.read(name))
                body = ElementTree.fromstring(text.replace(b"?>\n-", b"?>\n")).find("{*}body")
                assert body is not None
                found.append(words(" ".join(body.itertext())))
    return [page for page in found if page]


@pytest.mark.parametrize("entry", READABLE, ids=lambda entry: entry["file"])
def test_the_answer_stands_in_its_chapter(entry: dict[str, Any]) -> None:
    document = read(entry["file"])
    assert [
        str(part)
        for part, text in zip(document.parts, chapters(document), strict=True)
        if entry["answer"] in text
    ] == [entry["place"]]


@pytest.mark.parametrize("entry", READABLE, ids=lambda entry: entry["file"])
def test_each_chapter_holds_the_words_of_its_page(entry: dict[str, Any]) -> None:
    """The same words, each as often, as the XML of its page holds; the pages lie in the archive in the order of reading."""
    assert [words(text) for text in chapters(read(entry["file"]))] == pages(DOCUMENTS / entry["file"])


@pytest.mark.parametrize(
    "entry", [entry for entry in LISTED if "reason" in entry], ids=lambda entry: entry["file"]
)
def test_what_cannot_be_read_is_left_out_with_its_reason(entry: dict[str, Any]) -> None:
    with pytest.raises(UnreadableFileError) as caught:
        read(entry["file"])
    assert caught.value.reason == entry["reason"]


def test_metadata_is_what_the_book_says() -> None:
    bees = read("epub/plain.epub")
    assert bees.title == "The Bees of Thornby"
    assert bees.metadata == {
        "author": "Maud Ackerley",
        "language": "en",
        "publisher": "Hedge Press",
        "published": "2024-05-01",
        "modified": "2025-02-03T10:00:00+00:00",
        "identifier": "urn:isbn:9780000000017",
    }
    assert read("epub/nested_toc.epub").metadata == {"author": ["A. Rowe", "B. Sand"]}
    assert read("epub/epub2_at_root.epub").metadata == {"author": "Piet Haan"}
    assert read("epub/obfuscated_fonts.epub").title == "Kiln"


def test_fields_are_mapped_from_what_the_book_says() -> None:
    file = SourceFile(DOCUMENTS / "epub/plain.epub", "x", FieldMap.of(["house=publisher", "title=author"]))
    document = the_document(file)
    assert (document.title, document.metadata["house"]) == ("Maud Ackerley", "Hedge Press")


def test_missing_chapters_are_said() -> None:
    file = SourceFile(DOCUMENTS / "epub/odd_paths.epub", "x")
    the_document(file)
    assert file.notices == ["2 of 4 chapters are not in the book"]


def test_entities_are_not_resolved() -> None:
    book = read("epub/entities.epub")
    assert "boom" not in book.title + book.text
    assert "root:" not in book.title + book.text


def test_names_of_entries_that_are_no_text_are_damage(tmp_path: Path) -> None:
    path = tmp_path / "book.epub"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("käse", "")
    path.write_bytes(path.read_bytes().replace("käse".encode(), b"k\xff\xffse"))
    assert outcome(path) == "damaged"


def test_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("an entry was extracted")

    monkeypatch.setattr(zipfile.ZipFile, "extract", refuse)
    monkeypatch.setattr(zipfile.ZipFile, "extractall", refuse)
    monkeypatch.chdir(tmp_path)
    read("epub/odd_paths.epub")
    assert list(tmp_path.iterdir()) == []


def test_a_chapter_of_more_than_32_megabytes_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "large.epub"
    with (
        zipfile.ZipFile(DOCUMENTS / "epub/plain.epub") as whole,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as large,
    ):
        for name in whole.namelist():
            large.writestr(name, whole.read(name) if "two" not in name else b" " * (33 * 1024 * 1024))
    with pytest.raises(UnreadableFileError, match="too_large"):
        the_document(SourceFile(path, "x"))


@pytest.mark.parametrize("name", ["epub/plain.epub", "epub/nested_toc.epub", "epub/encrypted.epub"])
def test_damage_raises_nothing_but_what_is_named(tmp_path: Path, name: str) -> None:
    whole = (DOCUMENTS / name).read_bytes()
    chance = random.Random(11)
    damaged = [whole[: len(whole) * twentieth // 20] for twentieth in range(20)]
    for _ in range(150):
        flipped = bytearray(whole)
        for _ in range(chance.randrange(1, 6)):
            flipped[chance.randrange(len(flipped))] = chance.randrange(256)
        damaged.append(bytes(flipped))
    damaged += [b"", b"<html>", chance.randbytes(300), b"PK\x05\x06" + bytes(18)]
    # The entries themselves, in a whole archive.
    path = tmp_path / "book.epub"
    for data in damaged:
        path.write_bytes(data)
        assert outcome(path) in REASONS
    with zipfile.ZipFile(DOCUMENTS / name) as archive:
        entries = {entry: archive.read(entry) for entry in archive.namelist()}
    for entry, content in entries.items():
        for changed in (
            b"",
            b"\0\xff" * 20,
            content[: len(content) // 2],
            content.replace(b"=", b"", 3),
            b"<a/>",
        ):
            with zipfile.ZipFile(path, "w") as archive:
                for other, data in entries.items():
                    archive.writestr(other, changed if other == entry else data)
            assert outcome(path) in REASONS
