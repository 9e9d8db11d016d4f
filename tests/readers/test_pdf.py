"""Reading PDF files: their text, where their pages begin, and what is said of those that cannot be read."""

from __future__ import annotations

import json
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
from documents import make_pdf
from hypothesis import given, settings
from hypothesis import strategies as st

from quincunx.retrieval.errors import MissingExtraError
from quincunx.retrieval.passages import Document
from quincunx.retrieval.text.markdown import read_blocks as read_markdown
from quincunx.retrieval.text.readers import pdf
from quincunx.retrieval.text.readers.field_map import FieldMap
from quincunx.retrieval.text.readers.pdf import PdfReader
from quincunx.retrieval.text.readers.pdf_hyphens import LineJoiner
from quincunx.retrieval.text.readers.pdf_layout import lay_out
from quincunx.retrieval.text.readers.pdf_markdown import write_markdown
from quincunx.retrieval.text.readers.pdf_page import PageWord
from quincunx.retrieval.text.readers.pdf_properties import iso_date, read_title
from quincunx.retrieval.text.readers.pdf_rows import read_columns, read_rows
from quincunx.retrieval.text.readers.reader import Reader, SourceFile, UnreadableFileError

DOCUMENTS = Path(make_pdf.__file__).parent
ENTRIES: list[dict[str, Any]] = json.loads((DOCUMENTS / "pdf.json").read_text(encoding="utf-8"))
READABLE = [entry for entry in ENTRIES if "answer" in entry]
LEFT_OUT = [entry for entry in ENTRIES if "reason" in entry]

# What the pages show beside what is read: running heads and page numbers.
RUNNING = {
    "report.pdf": [
        f"{head} {n + 16} Page {n} of 7"
        for n, head in enumerate(["Society of Joiners", "Yearly Report 2025"] * 4, start=1)
    ]
}
# What is read beside what PDFium gives as the page's text: forms.
FILLED_IN = {"form.pdf": "Cormorant Vigsund on Tarn"}


def source(name: str) -> SourceFile:
    return SourceFile(DOCUMENTS / "pdf" / name, id="x")


def read(name: str) -> Document:
    (document,) = PdfReader().read(source(name))
    return document


def read_data(data: bytes, folder: Path, **more: Any) -> tuple[list[Document], SourceFile]:
    path = folder / "made.pdf"
    path.write_bytes(data)
    file = SourceFile(path, id="x", **more)
    return list(PdfReader().read(file)), file


def name_of(entry: dict[str, Any]) -> str:
    return Path(entry["file"]).name


def part_texts(document: Document) -> dict[int, str]:
    starts = [part.start for part in document.parts]
    return {
        part.number: document.text[start:end]
        for part, start, end in zip(document.parts, starts, [*starts[1:], len(document.text)], strict=True)
    }


def letters(text: str) -> Counter[str]:
    """Count the letters and digits of a text, ligatures spelled out."""
    for ligature, spelled in (("\ufb00", "ff"), ("\ufb01", "fi"), ("\ufb02", "fl")):
        text = text.replace(ligature, spelled)
    return Counter(char for char in text if char.isalnum())


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


def test_headings_are_ranked_by_size() -> None:
    headings = [
        (block.level, block.name)
        for block in read_markdown(read("letter.pdf").text)
        if block.kind == "heading"
    ]
    assert headings == [
        (1, "Notice to All Tenants of Alder Court"), (2, "Water"), (2, "Lifts"), (2, "What you need to do"),
    ]  # fmt: skip


def test_a_paragraph_goes_on_over_a_page_break() -> None:
    document = read("letter.pdf")
    second = document.parts[1].start
    assert document.text[second - 17 : second + 13] == "h sends somebody who carries their"[4:]


def test_lists_are_lists() -> None:
    assert (
        "\n\n- Move everything that stands in the cellar corridor, above all the bicycles near the main pipe and the old shelves.\n- Send in the yellow form.\n- Tell your neighbours.\n\n"
        in read("letter.pdf").text
    )
    assert "\n\n1. Wer allein arbeitet, meldet sich an.\n2. Wer geht" in read("german.pdf").text


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
    assert iso_date(date) == iso


def test_columns_are_read_one_after_the_other() -> None:
    text = read("interleaved_columns.pdf").text
    assert text.index("nobody goes home") < text.index("Visitors are asked") < text.index("Both columns end")
    assert "bring with them the paper" in read("two_columns.pdf").text


def test_a_table_over_a_page_break_has_its_head_once() -> None:
    document = read("table.pdf")
    assert document.text.count("| --- | --- | --- | --- |") == 1
    assert document.text[document.parts[1].start :].startswith("| Shelf no. 35 | 235 cm | pine | 257.50 |\n")


def test_a_head_that_each_page_repeats_is_no_running_head() -> None:
    assert (
        read("repeated_table_head.pdf").text.count("| Room | Seats | Booked by |\n| --- | --- | --- |") == 3
    )


def test_cells_of_several_lines_stay_whole() -> None:
    assert (
        "| Parcels | Mon to Fri 8 to 18 | closed on the first of every month |"
        in read("wrapped_cells.pdf").text
    )


def test_running_heads_and_page_numbers_are_left_out() -> None:
    text = read("report.pdf").text
    assert not re.search(r"Society of Joiners|2025|Page|\b(17|18|19|2\d)\b", text)


def test_running_heads_stay_in_documents_of_two_pages(tmp_path: Path) -> None:
    pages = [make_pdf.Page(), make_pdf.Page()]
    for page in pages:
        page.put(72, 800, "The Running Head")
        page.paragraph(make_pdf.FILLER[0])
    documents, _ = read_data(make_pdf.write(pages), tmp_path)
    assert documents[0].text.count("The Running Head") == 2


def test_hyphens_at_line_ends_are_undone_where_they_are_no_part_of_the_word() -> None:
    text = read("report.pdf").text
    for word in ("committee was", "contents", "retire", "nobody", "well-kept", "well-known", "North-South"):
        assert word in text


@pytest.mark.parametrize(
    ("lines", "joined"),
    [
        (["the com-", "mittee"], "the committee"), (["Nord-", "Ost"], "Nord-Ost"), (["COVID-", "19"], "COVID-19"),
        (["Ein-", "und Ausgang"], "Ein- und Ausgang"), (["state-of-the-", "art"], "state-of-the-art"),
        (["a re-entry,", "no re-", "entry"], "a re-entry, no re-entry"), (["10-", "fold"], "10-fold"), (["737–", "9"], "737–9"),
        (["see https://a.example/b/", "c.html"], "see https://a.example/b/c.html"), (["so –", "or not"], "so – or not"),
        (["sun\xad", "shine and rain\xadbow"], "sunshine and rainbow"), (["中文", "字"], "中文字"), (["-", "a"], "- a"),
    ],
)  # fmt: skip
def test_lines_are_joined(lines: list[str], joined: str) -> None:
    assert LineJoiner(lines).joined(lines) == joined


@given(st.lists(st.text("ab -Ü1\xad中", min_size=1)))
def test_joining_lines_loses_nothing_but_hyphens_and_white_space(lines: list[str]) -> None:
    def bare(text: str) -> str:
        return re.sub(r"[\s\xad-]", "", text)

    assert bare(LineJoiner(lines).joined(lines)) == bare("".join(lines))


_place = st.integers(0, 40).map(lambda step: step * 14.0)
_words = st.lists(
    st.builds(
        lambda text, left, base, size: PageWord(text, left, left + len(text) * size * 0.5, base, size),
        st.text("abcdeé•1.", min_size=1, max_size=12), _place, st.integers(0, 30).map(lambda step: step * 11.0),
        st.sampled_from([7.0, 10.0, 10.0, 10.0, 18.0]),
    ),
    max_size=80,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(_words)
def test_layout_loses_no_word_and_invents_none(words: list[PageWord]) -> None:
    blocks = [
        block
        for index, column in enumerate(read_columns(read_rows(words)))
        for block in lay_out(column, index)
    ]
    text = write_markdown([(1, blocks)]).text
    assert letters(text) == letters("".join(word.text for word in words))


def test_ligatures_and_soft_hyphens_are_spelled_out() -> None:
    assert "The office staff files its flyers in the fifth drawer of the coffee" in read("ligatures.pdf").text
    assert "on Saturdays by the sexton" in read("soft_hyphens.pdf").text


def test_scanned_pages_are_named() -> None:
    file = source("mixed.pdf")
    (document,) = PdfReader().read(file)
    assert file.notices == ["pages 2, 5-7 hold pictures of text alone, and were not read"]
    assert [part.number for part in document.parts] == [1, 3, 4]


def test_a_scanned_page_with_a_running_head_is_named(tmp_path: Path) -> None:
    pages = [make_pdf.Page() for _ in range(4)]
    for number, page in enumerate(pages):
        page.put(72, 800, "Town Archive")
        page.put(300, 30, str(number + 1))
        page.paragraph(make_pdf.FILLER[number]) if number != 2 else page.image()
    _, file = read_data(make_pdf.write(pages), tmp_path)
    assert file.notices == ["page 3 holds pictures of text alone, and was not read"]


def test_scans_with_page_numbers_alone_have_no_text(tmp_path: Path) -> None:
    pages = [make_pdf.Page() for _ in range(4)]
    for number, page in enumerate(pages, start=1):
        page.put(300, 30, str(number))
        page.image()
    with pytest.raises(UnreadableFileError) as raised:
        read_data(make_pdf.write(pages), tmp_path)
    assert raised.value.reason == "no_text"


def test_pages_that_all_say_the_same_and_nothing_else_are_kept(tmp_path: Path) -> None:
    pages = [make_pdf.Page() for _ in range(4)]
    for page in pages:
        page.put(72, 800, "Reserved for the mayor")
    documents, _ = read_data(make_pdf.write(pages), tmp_path)
    assert documents[0].text.count("Reserved for the mayor") == 4


def test_numbers_at_the_edge_of_pages_that_do_not_count_up_stay(tmp_path: Path) -> None:
    pages = [make_pdf.Page() for _ in range(4)]
    for page, text, number in zip(pages, make_pdf.FILLER[:4], (310, 47, 512, 98), strict=True):
        page.paragraph(text)
        page.put(300, 30, str(number))
    documents, _ = read_data(make_pdf.write(pages), tmp_path)
    for number in ("310", "47", "512", "98"):
        assert f"\n\n{number}" in documents[0].text


def test_what_looks_like_markdown_is_escaped() -> None:
    text = read("margin_note.pdf").text
    assert "\n\n\\# 4 is the mooring of the commodore.\n\n\\---\n\n" in text
    assert text.endswith("\n\nApproved on 3 April by the warden")


def test_turned_pages_are_read_alike(tmp_path: Path) -> None:
    texts = set()
    for rotate, size, matrix in (
        (0, 11, "1 0 0 1 50 %d"),
        (90, 11, "0 1 -1 0 %d 50"),
        (180, 11, "-1 0 0 -1 500 %d"),
        (270, 11, "0 -1 1 0 %d 700"),
        (0, -11, "-1 0 0 -1 50 %d"),  # letters of a negative size, turned about: they stand upright
    ):
        page = make_pdf.Page(rotate=rotate)
        for index, line in enumerate(make_pdf.wrapped(" ".join(make_pdf.FILLER[:3]), 11, 400)):
            at = 700 - index * 14 if rotate in (0, 270) else 100 + index * 14
            page.raw(b"BT /F1 %d Tf %s Tm (%s) Tj ET" % (size, (matrix % at).encode(), line.encode()))
        documents, _ = read_data(make_pdf.write([page]), tmp_path)
        texts.add(documents[0].text)
    assert texts == {" ".join(make_pdf.FILLER[:3])}


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
            patch.setattr(pdf, bound, 3)
            with pytest.raises(UnreadableFileError) as raised:
                read_data(make_pdf.small_pages(), tmp_path)
            assert raised.value.reason == "too_large"


def test_what_takes_too_long_is_left_off() -> None:
    file = source("small_pages.pdf")
    file.began = time.monotonic() - 1000
    with pytest.raises(UnreadableFileError) as raised:
        list(PdfReader().read(file))
    assert raised.value.reason == "too_slow"


def test_many_pages_are_read_within_seconds(tmp_path: Path) -> None:
    pages = []
    for _ in range(100):
        page = make_pdf.Page()
        for text in make_pdf.FILLER * 2:
            page.paragraph(text)
        pages.append(page)
    began = time.perf_counter()
    documents, _ = read_data(make_pdf.write(pages), tmp_path)
    assert len(documents[0].parts) == 100
    assert time.perf_counter() - began < 15


def test_three_columns_are_read_one_after_the_other(tmp_path: Path) -> None:
    page = make_pdf.Page()
    columns = [make_pdf.wrapped(" ".join(make_pdf.FILLER[at : at + 2]), 9, 150) for at in (0, 2, 4)]
    for x, drift, lines in zip((45, 222, 399), (0, 4, 1), columns, strict=True):
        for index, line in enumerate(lines):
            page.put(x, 700 - drift - index * 11, line, 9)
    documents, _ = read_data(make_pdf.write([page]), tmp_path)
    assert documents[0].text.replace("\n\n", " ") == " ".join(make_pdf.FILLER)


def test_rows_that_stand_close_stay_rows(tmp_path: Path) -> None:
    page = make_pdf.Page()
    page.row(("Number", "Hall", "Price"), (72, 200, 300))
    for row in (("1", "east", "4.10"), ("2", "west", "5.20"), ("3", "north", "6.30")):
        page.row(row, (72, 200, 300))
        page.y += 6
    documents, _ = read_data(make_pdf.write([page]), tmp_path)
    assert documents[0].text == (
        "| Number | Hall | Price |\n| --- | --- | --- |\n| 1 | east | 4.10 |\n| 2 | west | 5.20 |\n| 3 | north | 6.30 |"
    )


def test_lines_far_apart_are_paragraphs_and_a_wide_spacing_is_none(tmp_path: Path) -> None:
    page = make_pdf.Page()
    for line in make_pdf.wrapped(make_pdf.FILLER[2] + " " + make_pdf.FILLER[4], 11, 300):
        page.put(72, page.y, line)
        page.y -= 24
    apart = make_pdf.Page()
    for at, line in enumerate(("A first line that is alone", "A second one", "The third of them")):
        apart.put(72, 700 - at * 30, line)
    documents, _ = read_data(make_pdf.write([page, apart]), tmp_path)
    texts = part_texts(documents[0])
    assert texts[1].strip() == f"{make_pdf.FILLER[2]} {make_pdf.FILLER[4]}"
    assert texts[2] == "A first line that is alone\n\nA second one\n\nThe third of them"


def test_paragraphs_that_begin_indented_are_told_apart(tmp_path: Path) -> None:
    page = make_pdf.Page()
    for text in make_pdf.FILLER[:3]:
        first, *others = make_pdf.wrapped(f"_____{text}", 11, 300)
        page.put(87, page.y, first.removeprefix("_____"))
        page.y -= 13
        for line in others:
            page.put(72, page.y, line)
            page.y -= 13
    documents, _ = read_data(make_pdf.write([page]), tmp_path)
    assert documents[0].text == "\n\n".join(make_pdf.FILLER[:3])


def test_properties_with_halves_of_characters_are_read(tmp_path: Path) -> None:
    page = make_pdf.Page()
    page.paragraph(make_pdf.FILLER[0])
    data = make_pdf.write([page], {"Author": "Ada"}).replace(b"<feff004100640061>", b"<feffd80000640061>")
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
