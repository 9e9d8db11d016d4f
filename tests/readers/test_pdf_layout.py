"""Layout of PDF pages: columns, paragraphs, headings, lists, tables, running heads and hyphens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from documents import make_pdf, pdf_writer
from hypothesis import given
from hypothesis import strategies as st
from pdf_files import (
    letters,
    part_texts,
    read,
    read_data,
)

from quincunx.retrieval.text.markdown import read_blocks as read_markdown
from quincunx.retrieval.text.readers.pdf.hyphens import LineJoiner
from quincunx.retrieval.text.readers.pdf.layout import lay_out
from quincunx.retrieval.text.readers.pdf.markdown import write_markdown
from quincunx.retrieval.text.readers.pdf.page import PageWord
from quincunx.retrieval.text.readers.pdf.rows import read_columns, read_rows


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


def test_words_that_are_divided_between_pages_are_joined(tmp_path: Path) -> None:
    pages = [pdf_writer.Page() for _ in range(4)]
    for page, line, font in zip(
        pages,
        (
            b"The bridge is closed on Satur\x01",
            b"days and whenever the com-",
            b"mittee so decides. It is North-",
            b"South.",
        ),
        ("F5", "F5", "F1", "F1"),
        strict=True,
    ):
        page.put(72, 400, line, 11, font)
    documents, _ = read_data(pdf_writer.write(pages), tmp_path)
    assert documents[0].text == (
        "The bridge is closed on Saturdays and whenever the committee so decides. It is North-South."
    )
    assert [part_texts(documents[0])[number].split()[0] for number in (2, 3, 4)] == [
        "days",
        "mittee",
        "South.",
    ]


def test_lists_are_lists() -> None:
    assert (
        "\n\n- Move everything that stands in the cellar corridor, above all the bicycles near the main pipe and the old shelves.\n- Send in the yellow form.\n- Tell your neighbours.\n\n"
        in read("letter.pdf").text
    )
    assert "\n\n1. Wer allein arbeitet, meldet sich an.\n2. Wer geht" in read("german.pdf").text


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
    pages = [pdf_writer.Page(), pdf_writer.Page()]
    for page in pages:
        page.put(72, 800, "The Running Head")
        page.paragraph(make_pdf.FILLER[0])
    documents, _ = read_data(pdf_writer.write(pages), tmp_path)
    assert documents[0].text.count("The Running Head") == 2


def test_hyphens_at_line_ends_are_undone_where_they_are_no_part_of_the_word() -> None:
    text = read("report.pdf").text
    for word in ("committee was", "contents", "retire", "nobody", "well-kept", "well-known", "North-South"):
        assert word in text


@pytest.mark.parametrize(
    ("lines", "joined"),
    [
        (["the com-", "mittee"], "the committee"), (["Nord-", "Ost"], "Nord-Ost"), (["COVID-", "19"], "COVID-19"),
        (["Ein-", "und Ausgang"], "Ein- und Ausgang"), (["black-", "and-white"], "black-and-white"), (["state-of-the-", "art"], "state-of-the-art"),
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


def test_pages_that_all_say_the_same_and_nothing_else_are_kept(tmp_path: Path) -> None:
    pages = [pdf_writer.Page() for _ in range(4)]
    for page in pages:
        page.put(72, 800, "Reserved for the mayor")
    documents, _ = read_data(pdf_writer.write(pages), tmp_path)
    assert documents[0].text.count("Reserved for the mayor") == 4


def test_numbers_at_the_edge_of_pages_that_do_not_count_up_stay(tmp_path: Path) -> None:
    pages = [pdf_writer.Page() for _ in range(4)]
    for page, text, number in zip(pages, make_pdf.FILLER[:4], (310, 47, 512, 98), strict=True):
        page.paragraph(text)
        page.put(300, 30, str(number))
    documents, _ = read_data(pdf_writer.write(pages), tmp_path)
    for shown in ("310", "47", "512", "98"):
        assert f"\n\n{shown}" in documents[0].text


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
        page = pdf_writer.Page(rotate=rotate)
        for index, line in enumerate(pdf_writer.wrapped(" ".join(make_pdf.FILLER[:3]), 11, 400)):
            at = 700 - index * 14 if rotate in (0, 270) else 100 + index * 14
            page.raw(b"BT /F1 %d Tf %s Tm (%s) Tj ET" % (size, (matrix % at).encode(), line.encode()))
        documents, _ = read_data(pdf_writer.write([page]), tmp_path)
        texts.add(documents[0].text)
    assert texts == {" ".join(make_pdf.FILLER[:3])}


def test_three_columns_are_read_one_after_the_other(tmp_path: Path) -> None:
    page = pdf_writer.Page()
    columns = [pdf_writer.wrapped(" ".join(make_pdf.FILLER[at : at + 2]), 9, 150) for at in (0, 2, 4)]
    for x, drift, lines in zip((45, 222, 399), (0, 4, 1), columns, strict=True):
        for index, line in enumerate(lines):
            page.put(x, 700 - drift - index * 11, line, 9)
    documents, _ = read_data(pdf_writer.write([page]), tmp_path)
    assert documents[0].text.replace("\n\n", " ") == " ".join(make_pdf.FILLER)


def test_rows_that_stand_close_stay_rows(tmp_path: Path) -> None:
    page = pdf_writer.Page()
    page.row(("Number", "Hall", "Price"), (72, 200, 300))
    for row in (("1", "east", "4.10"), ("2", "west", "5.20"), ("3", "north", "6.30")):
        page.row(row, (72, 200, 300))
        page.y += 6
    documents, _ = read_data(pdf_writer.write([page]), tmp_path)
    assert documents[0].text == (
        "| Number | Hall | Price |\n| --- | --- | --- |\n| 1 | east | 4.10 |\n| 2 | west | 5.20 |\n| 3 | north | 6.30 |"
    )


def test_lines_far_apart_are_paragraphs_and_a_wide_spacing_is_none(tmp_path: Path) -> None:
    page = pdf_writer.Page()
    for line in pdf_writer.wrapped(make_pdf.FILLER[2] + " " + make_pdf.FILLER[4], 11, 300):
        page.put(72, page.y, line)
        page.y -= 24
    apart = pdf_writer.Page()
    for at, line in enumerate(("A first line that is alone", "A second one", "The third of them")):
        apart.put(72, 700 - at * 30, line)
    documents, _ = read_data(pdf_writer.write([page, apart]), tmp_path)
    texts = part_texts(documents[0])
    assert texts[1].strip() == f"{make_pdf.FILLER[2]} {make_pdf.FILLER[4]}"
    assert texts[2] == "A first line that is alone\n\nA second one\n\nThe third of them"


def test_paragraphs_that_begin_indented_are_told_apart(tmp_path: Path) -> None:
    page = pdf_writer.Page()
    for text in make_pdf.FILLER[:3]:
        first, *others = pdf_writer.wrapped(f"_____{text}", 11, 300)
        page.put(87, page.y, first.removeprefix("_____"))
        page.y -= 13
        for line in others:
            page.put(72, page.y, line)
            page.y -= 13
    documents, _ = read_data(pdf_writer.write([page]), tmp_path)
    assert documents[0].text == "\n\n".join(make_pdf.FILLER[:3])
