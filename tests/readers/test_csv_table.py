"""CSV as it is found: other signs between cells, other encodings, heads that are missing, and rows that do not fit."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from table_files import TABLES, read, written

from quincunx.retrieval.text.readers import reader
from quincunx.retrieval.text.readers.reader import UnreadableFileError
from quincunx.retrieval.text.readers.tables import text_lines
from quincunx.retrieval.text.readers.tables.csv_table import delimiter_of


def test_cells_are_metadata_with_their_types() -> None:
    documents, _ = read(TABLES / "screws.csv")
    assert documents[0].metadata == {
        "Artikel": "Senkkopfschraube M4", "Preis": 1234.5, "Bestand": "12", "PLZ": "01067", "Geliefert am": "2025-12-31"
    }  # fmt: skip
    assert documents[0].title == "screws › Senkkopfschraube M4"


def test_a_row_is_a_table_under_its_head() -> None:
    documents, _ = read(TABLES / "rooms.tsv")
    assert documents[0].text == "| room | floor | seats |\n| --- | --- | --- |\n| Heron | 2 | 14 |"


def test_long_cells_and_those_of_several_lines_are_paragraphs() -> None:
    documents, _ = read(TABLES / "faq.csv")
    assert documents[0].text == (
        "question: How do I return a rented drill?\n\n"
        "answer: Bring it to the desk at Quay 7 before noon.\n- with its case\n- with both batteries\n\n"
        "A drill that comes back wet is charged 18 crowns."
    )
    assert [str(document.parts[0]) for document in documents] == ["row 2", "row 7"]


def test_what_looks_like_a_heading_in_a_cell_is_none(tmp_path: Path) -> None:
    documents, _ = read(written(tmp_path, "a.csv", 'k,v\nx,"first\n# second\n---\n="\n'))
    assert documents[0].text == "k: x\n\nv: first\n\\# second\n\\---\n\\="


def test_a_mapped_field_is_the_text_alone(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", 'nr,head,body,team\n7,Tea,"# At four\n\nwith cake",HR\n8,Milk,,HR\n')
    documents, file = read(path, "text=body", "title=head", "id=nr", "group=team")
    assert [(document.id, document.title, document.text) for document in documents] == [
        ("a.csv#7", "Tea", "# At four\n\nwith cake")
    ]
    assert documents[0].metadata == {"nr": 7, "head": "Tea", "team": "HR", "group": "HR"}
    assert file.notices == ["rows without a text were passed over: rows 5"]


def test_a_mapped_text_that_no_row_has_is_said_with_the_columns(tmp_path: Path) -> None:
    with pytest.raises(
        UnreadableFileError, match=r"^unmapped: no record has a text in 'bdy' \(it has nr, body\)"
    ):
        read(written(tmp_path, "a.csv", "nr,body\n1,x\n"), "text=bdy")


def test_ids_are_keys_where_they_are_unique(tmp_path: Path) -> None:
    unique, _ = read(written(tmp_path, "a.csv", "sku,n\nA,1\nB,2\n"))
    assert [document.id for document in unique] == ["a.csv#A", "a.csv#B"]
    twice, _ = read(written(tmp_path, "b.csv", "sku,n\nA,1\nA,2\n"))
    assert [document.id for document in twice] == ["b.csv#row-2", "b.csv#row-3"]
    missing, _ = read(written(tmp_path, "c.csv", "sku,n\nA,1\n,2\n"))
    assert [document.id for document in missing] == ["c.csv#row-2", "c.csv#row-3"]
    row, _ = read(written(tmp_path, "d.csv", "sku,n\nrow-3,1\nrow-2,2\n"))
    assert [document.id for document in row] == ["d.csv#row-2", "d.csv#row-3"]
    said, file = read(written(tmp_path, "e.csv", "n,m\nA,1\nA,2\n"), "id=n")
    assert [document.id for document in said] == ["e.csv#A", "e.csv#row-3"]
    assert file.notices == ["their ids stood before, so the numbers of the rows are taken: rows 3"]


def test_rows_that_do_not_fit_the_head() -> None:
    documents, file = read(TABLES / "tours.csv")
    assert [document.metadata.get("column 4") for document in documents] == [
        None,
        "leaves from platform 9",
        None,
        None,
    ]
    assert documents[2].metadata == {"code": "T3", "tour": "Old mint"}
    assert [str(document.parts[0]) for document in documents] == ["row 2", "row 3", "row 4", "row 7"]
    assert file.notices == ["more cells than the head has, named by the number of their column: rows 3"]


def test_without_a_head_columns_are_named_by_number() -> None:
    documents, file = read(TABLES / "readings.csv")
    assert documents[0].metadata == {"column 1": 1, "column 2": 20.5, "column 3": "2026-01-01"}
    assert len(documents) == 3
    assert file.notices == ["no head: its first row holds values, and its columns are named by their numbers"]


def test_lines_above_the_head_are_its_caption() -> None:
    documents, file = read(TABLES / "fares.csv")
    assert documents[0].text.startswith(
        "Fares of the Alder Valley line\n\nvalid from May 2026\n\n| station |"
    )
    assert documents[0].metadata["caption"] == "Fares of the Alder Valley line\nvalid from May 2026"
    assert len(file.notices) == 1


def test_ambiguous_dates_are_said() -> None:
    documents, file = read(TABLES / "visits.csv")
    assert documents[0].metadata["arrives"] == "03/04/2026"
    assert [notice.split()[1] for notice in file.notices] == ["'arrives'", "'leaves'"]


def test_encodings(tmp_path: Path) -> None:
    _, file = read(TABLES / "cafe.csv")
    assert file.encoding == "cp1252"
    documents, file = read(written(tmp_path, "a.csv", "name,ort\nMüller,Köln\n".encode("utf-16")))
    assert documents[0].metadata == {"name": "Müller", "ort": "Köln"}
    assert str(file.encoding).startswith("utf-16")


def test_an_encoding_that_shows_only_after_the_first_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_lines, "_CHUNK", 1024)
    rows = "".join(f"{n},plain\n" for n in range(1000)) + "1000,Käsespätzle und Grüße aus Köln für Jörg\n"
    documents, file = read(written(tmp_path, "a.csv", ("n,dish\n" + rows).encode("cp1252")))
    assert documents[-1].metadata["dish"] == "Käsespätzle und Grüße aus Köln für Jörg"
    assert file.encoding == "cp1252"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7])
def test_characters_that_lie_across_two_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(text_lines, "_CHUNK", size)
    documents, file = read(written(tmp_path, "a.csv", "n,s\n1,日本語€😀é\n"))
    assert documents[0].metadata["s"] == "日本語€😀é"
    assert file.encoding is None


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(tmp_path: Path, end: str) -> None:
    documents, _ = read(written(tmp_path, "a.csv", end.join(["k,v", "a,1", '"b', 'c",2', "d,3"])))
    assert [document.metadata for document in documents] == [
        {"k": "a", "v": 1},
        {"k": "b\nc", "v": 2},
        {"k": "d", "v": 3},
    ]
    assert [document.parts[0].number for document in documents] == [2, 3, 5]


def test_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "a.csv", "k,v\na," + "x" * 5000 + "\n")
    with pytest.raises(UnreadableFileError, match=r"^too_large: 20,000 columns"):
        read(written(tmp_path, "b.csv", "x;" * 19_999 + "x\n"))
    monkeypatch.setattr(text_lines, "MOST_LINE", 1000)
    with pytest.raises(UnreadableFileError, match=r"^too_large: line 2 is longer"):
        read(path)
    monkeypatch.setattr(text_lines, "MOST_STREAMED", 1000)
    with pytest.raises(UnreadableFileError, match=r"^too_large: 5,007 bytes"):
        read(path)


def test_a_file_that_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MOST_SECONDS", -1.0)
    with pytest.raises(UnreadableFileError, match=r"^too_slow"):
        read(written(tmp_path, "a.csv", "k,v\n" + "a,1\n" * 2000))


def test_a_quote_that_is_not_closed_names_its_line_and_leaves_the_csv_module_as_it_was(
    tmp_path: Path,
) -> None:
    most = csv.field_size_limit()
    with pytest.raises(
        UnreadableFileError, match=r"^damaged: line 3: a quote opens that is not closed within"
    ):
        read(written(tmp_path, "a.csv", 'k,v\na,1\nb,"2\n' + "c,3\n" * 50_000))
    assert csv.field_size_limit() == most
    with pytest.raises(
        UnreadableFileError, match=r"^damaged: line 3: a quote opens that is not closed within"
    ):
        read(written(tmp_path, "b.csv", 'k,v\na,1\nb,"2\n' + f"{'c' * 3000},3\n" * 100))
    with pytest.raises(
        UnreadableFileError, match=r"^too_large: line 2: a cell is longer than 131,072 characters"
    ):
        read(written(tmp_path, "c.csv", f"k,v\na,{'c' * 200_000}\n"))
    with pytest.raises(UnreadableFileError, match=r"^damaged: line 2: a quote opens that is not closed: "):
        read(TABLES / "open_quote.csv")


def test_a_head_alone_is_said(tmp_path: Path) -> None:
    assert read(written(tmp_path, "a.csv", "name,price\n"))[1].notices == ["a head without rows: name, price"]


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2,5\n1,7;3,5\n", ";"),
        ("a\tb, c\n1\tx, y\n", "\t"),
        ("a|b|c\n1|2|3\n", "|"),
        ('a;b\n"x,y,z";1\n', ";"),
        ("rule\nLock it, then go.\nSwitch it off, too.\n", "\x1f"),
        ("word\nanother\n", "\x1f"),
        ("Prices of May\na,b,c\n1,2,3\n4,5,6\n", ","),
        ("", "\x1f"),
    ],
)
def test_what_stands_between_cells(text: str, delimiter: str) -> None:
    assert delimiter_of(text.splitlines(keepends=True)) == delimiter


CELLS = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\0\x1c\x1d\x1e\x1f\x85\u2028\u2029"), max_size=20
)


@given(
    st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=8), st.sampled_from([",", ";", "\t", "|"])
)
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]], delimiter: str
) -> None:
    """Each cell that the csv module wrote is a field of its row, or is empty; a column of numbers or dates is left out."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(["first", "second", "third"])
    writer.writerows([tuple(f"x{cell}" for cell in row) for row in rows])
    documents, _ = read(written(tmp_path_factory.mktemp("written"), "a.csv", text.getvalue()))
    assert [list(document.metadata.values()) for document in documents] == [
        [f"x{cell}".strip() for cell in row] for row in rows
    ]


def test_a_first_line_that_says_what_stands_between_cells(tmp_path: Path) -> None:
    documents, file = read(written(tmp_path, "a.csv", "\ufeffsep=|\nk|v\na|1;2\n"))
    assert [document.metadata for document in documents] == [{"k": "a", "v": "1;2"}]
    assert documents[0].parts[0].number == 3
    assert file.notices == []
