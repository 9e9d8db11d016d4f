"""Reading PDF files: their text, where their pages begin, and what is said of those that cannot be read."""

from __future__ import annotations

import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pypdfium2  # type: ignore[import-untyped]
import pytest
from documents import make_pdf, pdf_writer
from pdf_files import (
    DOCUMENTS,
    LEFT_OUT,
    READABLE,
    letters,
    name_of,
    part_texts,
    read,
    read_data,
    source,
)

from quincunx.retrieval.errors import MissingExtraError
from quincunx.retrieval.text.readers.field_map import FieldMap
from quincunx.retrieval.text.readers.pdf import pdf_file
from quincunx.retrieval.text.readers.pdf.pdf_file import PdfReader
from quincunx.retrieval.text.readers.pdf.properties import pdf_date, read_title
from quincunx.retrieval.text.readers.reader import Reader, UnreadableFileError

# What the pages show beside what is read: running heads and page numbers.
RUNNING = {
    "report.pdf": [
        f"{head} {n + 16} Page {n} of 7"
        for n, head in enumerate(["Society of Joiners", "Yearly Report 2025"] * 4, start=1)
    ]
}
# What is read beside what PDFium gives as the page's text: forms.
FILLED_IN = {"form.pdf": "Cormorant Vigsund on Tarn"}


def test_reader_is_one() -> None:
    assert isinstance(PdfReader(), Reader)


@pytest.mark.parametrize("entry", READABLE, ids=name_of)
def test_every_letter_of_a_page_stands_once_in_its_part(entry: dict[str, Any]) -> None:
    """The letters and digits of each part are those of PDFium's own text of the page that it names.

    Counted, whatever their order; running heads are added to the part, and what was filled in to the page.
    """
    name = name_of(entry)
    document = read(name)
    parts = part_texts(document)
    with pypdfium2.PdfDocument(DOCUMENTS / "pdf" / name) as file:
        for number, page in enumerate(file, start=1):
            shown = letters(page.get_textpage().get_text_range()) + letters(FILLED_IN.get(name, ""))
            running = RUNNING[name][number - 1] if name in RUNNING else ""
            assert letters(parts.get(number, "")) + letters(running) == shown


@pytest.mark.parametrize(
    "name", ["letter.pdf", "table.pdf", "small_pages.pdf", "german.pdf", "rotated.pdf", "two_columns.pdf"]
)
def test_words_stand_in_the_order_of_a_file_that_was_written_in_reading_order(name: str) -> None:
    """White space, hyphens and marks of Markdown left out, the text is PDFium's own, character by character."""

    def bare(text: str) -> str:
        return re.sub(r"[\s\-\ufffe|#\u2022]", "", text)

    with pypdfium2.PdfDocument(DOCUMENTS / "pdf" / name) as file:
        assert bare(read(name).text) == bare("".join(page.get_textpage().get_text_range() for page in file))


@pytest.mark.parametrize("entry", READABLE, ids=name_of)
def test_the_answer_stands_on_its_page(entry: dict[str, Any]) -> None:
    document = read(name_of(entry))
    begin = document.text.index(entry["answer"])
    on = [str(part) for part in document.parts if part.start <= begin]
    assert document.text.count(entry["answer"]) == 1
    assert on[-1] == entry["place"]


@pytest.mark.parametrize("entry", READABLE, ids=name_of)
def test_parts_begin_at_the_first_character_and_ascend(entry: dict[str, Any]) -> None:
    starts = [part.start for part in read(name_of(entry)).parts]
    assert starts[0] == 0
    assert starts == sorted(set(starts))


@pytest.mark.parametrize("entry", [e for e in LEFT_OUT if e["reason"] != "empty"], ids=name_of)
def test_what_cannot_be_read_says_why(entry: dict[str, Any]) -> None:
    with pytest.raises(UnreadableFileError) as raised:
        list(PdfReader().read(source(name_of(entry))))
    assert raised.value.reason == entry["reason"]
    assert raised.value.detail


@pytest.mark.parametrize("entry", [e for e in LEFT_OUT if e["reason"] == "empty"], ids=name_of)
def test_what_says_nothing_yields_nothing(entry: dict[str, Any]) -> None:
    assert list(PdfReader().read(source(name_of(entry)))) == []


def test_properties_become_metadata() -> None:
    document = read("letter.pdf")
    assert document.title == "Building works at Alder Court"
    assert document.metadata == {
        "author": "Ottilie Brandt", "subject": "Works in summer", "keywords": "water, lifts",
        "created": "2026-03-01T08:30:00+01:00", "modified": "2026-03-02", "pages": 2,
    }  # fmt: skip


def test_mapped_properties_are_added() -> None:
    file = source("letter.pdf")
    file.fields = FieldMap.of(["by=author", "title=subject", "team='HR'"])
    (document,) = PdfReader().read(file)
    assert (document.title, document.metadata["by"], document.metadata["team"]) == (
        "Works in summer",
        "Ottilie Brandt",
        "HR",
    )


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("table.pdf", "Price list of Thornquist Joinery"), ("two_columns.pdf", "The Brackwater Messenger"),
        ("interleaved_columns.pdf", "interleaved columns"), ("owner_only.pdf", "owner only"),
    ],
)  # fmt: skip
def test_a_title_that_is_none_gives_way(name: str, title: str) -> None:
    assert read(name).title.replace("_", " ") == title


@pytest.mark.parametrize(
    ("given_title", "title"),
    [
        ("Untitled", None), ("Microsoft Word - x.doc", None), ("report_v3.PDF", None), ("C:\\a b\\c.indd", None), ("", None),
        ("Document1", None), ("Rules", "Rules"), ("What is new in Python 3.11", "What is new in Python 3.11"),
        ("\ud800A\x00b", "\ufffdA b"),
    ],
)  # fmt: skip
def test_titles_of_programs_are_none(given_title: str, title: str | None) -> None:
    assert read_title({"Title": given_title}) == title


@pytest.mark.parametrize(
    ("date", "iso"),
    [
        ("D:20260301083000+01'00'", "2026-03-01T08:30:00+01:00"), ("D:20260301083000Z", "2026-03-01T08:30:00+00:00"),
        ("D:20260301083000-0430", "2026-03-01T08:30:00-04:30"), ("D:202603", "2026-03-01"), ("20260301", "2026-03-01"),
        ("D:20261301", None), ("D:00000101", None), ("D:20260301083000+99'00'", None), ("yesterday", None),
    ],
)  # fmt: skip
def test_dates_are_iso(date: str, iso: str | None) -> None:
    assert pdf_date(date) == iso


def test_scanned_pages_are_named() -> None:
    file = source("mixed.pdf")
    (document,) = PdfReader().read(file)
    assert file.notices == ["pages 2, 5-7 hold pictures of text alone, and were not read"]
    assert [part.number for part in document.parts] == [1, 3, 4]


def test_a_scanned_page_with_a_running_head_is_named(tmp_path: Path) -> None:
    pages = [pdf_writer.Page() for _ in range(4)]
    for number, page in enumerate(pages):
        page.put(72, 800, "Town Archive")
        page.put(300, 30, str(number + 1))
        page.paragraph(make_pdf.FILLER[number]) if number != 2 else page.image()
    _, file = read_data(pdf_writer.write(pages), tmp_path)
    assert file.notices == ["page 3 holds pictures of text alone, and was not read"]


def test_scans_with_page_numbers_alone_have_no_text(tmp_path: Path) -> None:
    pages = [pdf_writer.Page() for _ in range(4)]
    for number, page in enumerate(pages, start=1):
        page.put(300, 30, str(number))
        page.image()
    with pytest.raises(UnreadableFileError) as raised:
        read_data(pdf_writer.write(pages), tmp_path)
    assert raised.value.reason == "no_text"


def test_a_file_that_was_cut_off_but_can_be_read_says_so(tmp_path: Path) -> None:
    whole = make_pdf.small_pages()
    documents, file = read_data(whole[: whole.index(b"startxref")], tmp_path)
    assert len(documents) == 1
    assert file.notices == ["the file ends before its PDF data does: text may be missing"]


def test_too_many_pages_words_or_letters_are_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for bound in ("MOST_PAGES", "MOST_WORDS", "MOST_LETTERS"):
        with monkeypatch.context() as patch:
            patch.setattr(pdf_file, bound, 3)
            with pytest.raises(UnreadableFileError) as raised:
                read_data(make_pdf.small_pages(), tmp_path)
            assert raised.value.reason == "too_large"


def test_what_takes_too_long_is_left_off() -> None:
    file = source("small_pages.pdf")
    file.began = time.monotonic() - 1000
    with pytest.raises(UnreadableFileError) as raised:
        list(PdfReader().read_here(file))
    assert raised.value.reason == "too_slow"


def test_many_pages_are_read_within_seconds(tmp_path: Path) -> None:
    pages = []
    for _ in range(100):
        page = pdf_writer.Page()
        for text in make_pdf.FILLER * 2:
            page.paragraph(text)
        pages.append(page)
    began = time.perf_counter()
    documents, _ = read_data(pdf_writer.write(pages), tmp_path)
    assert len(documents[0].parts) == 100
    assert time.perf_counter() - began < 15


def test_properties_with_halves_of_characters_are_read(tmp_path: Path) -> None:
    page = pdf_writer.Page()
    page.paragraph(make_pdf.FILLER[0])
    data = pdf_writer.write([page], {"Author": "Ada"}).replace(b"<feff004100640061>", b"<feffd80000640061>")
    documents, _ = read_data(data, tmp_path)
    assert documents[0].metadata["author"] == "\ufffdda"


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    with pytest.raises(
        MissingExtraError, match=r"pypdfium2 is not installed: pip install 'quincunx\[documents\]'"
    ):
        read("letter.pdf")


def test_several_threads_read_at_once() -> None:
    names = [name_of(entry) for entry in READABLE] * 2
    with ThreadPoolExecutor(4) as threads:
        assert [document.text for document in threads.map(read, names)] == [read(name).text for name in names]


def damaged_ones() -> Iterator[bytes]:
    """Yield files that are cut off, or in which bytes were changed, as they are packed and unpacked."""
    chance = random.Random(11)
    for name in ("letter", "form", "owner_only", "chinese", "mixed", "table"):
        whole = (DOCUMENTS / "pdf" / f"{name}.pdf").read_bytes()
        yield from (whole[: len(whole) * step // 20] for step in range(20))
        for _ in range(25):
            changed = bytearray(whole)
            for _ in range(chance.choice((1, 5, 40))):
                changed[chance.randrange(len(changed))] = chance.randrange(256)
            yield bytes(changed)


def test_damaged_files_raise_nothing_else(tmp_path: Path) -> None:
    read_or_left_out = Counter[str]()
    for data in damaged_ones():
        try:
            read_data(data, tmp_path)
            read_or_left_out["read"] += 1
        except UnreadableFileError as error:
            read_or_left_out[error.reason] += 1
    assert set(read_or_left_out) <= {"read", "damaged", "encrypted", "no_text"}
    assert read_or_left_out["damaged"] > 30
    assert read_or_left_out["read"] > 30
