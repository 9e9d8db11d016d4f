"""Word documents as Markdown."""

from __future__ import annotations

import io
import json
import random
import re
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quincunx.retrieval.passages import Document
from quincunx.retrieval.text.readers.docx.docx_file import DocxReader
from quincunx.retrieval.text.readers.docx.numbering import Numbering
from quincunx.retrieval.text.readers.field_map import FieldMap
from quincunx.retrieval.text.readers.reader import SourceFile, UnreadableFileError

DOCUMENTS = Path(__file__).parents[1] / "documents"
LISTED: list[dict[str, Any]] = json.loads((DOCUMENTS / "docx.json").read_text(encoding="utf-8"))
READABLE = [entry for entry in LISTED if "answer" in entry]
LEFT_OUT = [entry for entry in LISTED if "reason" in entry and entry["reason"] != "empty"]
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
FORMULA_TEXT = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
SHOWN_WITHOUT_TEXT = {"", "a", "planoftheupperdeck"}
"""Letters of labels and of pictures, which stand in no text of the file."""


def source(name: str, **more: Any) -> SourceFile:
    return SourceFile(DOCUMENTS / name, id="x", **more)


def read(name: str, **more: Any) -> Document:
    (document,) = DocxReader().read(source(name, **more))
    return document


def packed(tmp_path: Path, body: str, **parts: str) -> SourceFile:
    path = tmp_path / "made.docx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "word/document.xml", f'<w:document xmlns:w="{W[1:-1]}"><w:body>{body}</w:body></w:document>'
        )
        for name, content in parts.items():
            archive.writestr(f"word/{name}.xml", f'<w:{name} xmlns:w="{W[1:-1]}">{content}</w:{name}>')
    return SourceFile(path, id="x")


def paragraph(text: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


def squeezed(text: str) -> str:
    return re.sub(r"[\s\\|~^>#]", "", text)


def pieces(data: bytes) -> list[str]:
    """Return the texts of a part that are shown, by the standard library: not what was moved away, hidden or there twice."""
    root = ElementTree.fromstring(
        data.replace(b"http://purl.oclc.org/ooxml/wordprocessingml/main", W[1:-1].encode())
    )
    unseen = [
        *root.iter(f"{W}moveFrom"),
        *root.iter("{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"),
    ]
    unseen += [run for run in root.iter(f"{W}r") if run.find(f"{W}rPr/{W}vanish") is not None]
    unseen += list(root.iter(f"{W}rt"))
    gone = {text for element in unseen for text in element.iter(f"{W}t")}
    shown = [
        element for element in root.iter() if element.tag in (f"{W}t", FORMULA_TEXT) and element not in gone
    ]
    return [squeezed(element.text or "") for element in shown]


@pytest.mark.parametrize("name", [entry["file"] for entry in READABLE])
def test_every_shown_word_stands_there_once_and_in_order(name: str) -> None:
    """Both ways: the texts of the main part stand in the document in their order; without them and those of the notes
    nothing is left but marks, digits, and the few words that the file shows and holds as no text."""
    with zipfile.ZipFile(DOCUMENTS / name) as archive:
        parts = {entry: archive.read(entry) for entry in archive.namelist()}
    main = next(data for entry, data in parts.items() if entry.endswith(("document.xml", "main.xml")))
    notes = [piece for entry, data in parts.items() if "notes" in entry for piece in pieces(data)]
    rest = squeezed(read(name).text)
    for note in notes:
        assert rest.count(note) == 1
        rest = rest.replace(note, "")
    left = ""
    for piece in filter(None, pieces(main)):
        before, found, rest = rest.partition(piece)
        assert found, piece
        left += before
    assert re.sub(r"[\W\d_]", "", left + rest) in SHOWN_WITHOUT_TEXT | {"みなと"}


@pytest.mark.parametrize("entry", READABLE, ids=lambda entry: entry["file"])
def test_each_file_holds_its_fact(entry: dict[str, Any]) -> None:
    document = read(entry["file"])
    assert entry["answer"] in document.text
    assert document.headed
    assert document.parts == ()


@pytest.mark.parametrize("entry", LEFT_OUT, ids=lambda entry: entry["file"])
def test_what_cannot_be_read_says_why(entry: dict[str, Any]) -> None:
    with pytest.raises(UnreadableFileError) as raised:
        list(DocxReader().read(source(entry["file"])))
    assert raised.value.reason == entry["reason"]
    assert raised.value.detail


def test_a_document_without_a_word_gives_nothing() -> None:
    assert list(DocxReader().read(source("docx/empty.docx"))) == []


def test_every_file_is_listed() -> None:
    assert {entry["file"] for entry in LISTED} == {
        f"docx/{path.name}" for path in (DOCUMENTS / "docx").iterdir()
    }


def test_headings_and_lists_stand_with_what_word_counts() -> None:
    text = read("docx/handbook.docx").text
    assert "# 1 Leave\n" in text
    assert "## 1.1 Shore leave\n" in text
    assert "- form A for a day off\n  - in summer: form B\n- form C for parental leave" in text
    assert "1. Check the ramp lock.\n2. Sound the horn twice.\n   - a) once in fog" in text
    assert "light.\n\n3. Slip the stern line" in text
    assert "> A calm deck is a safe deck." in text


def test_a_table_stands_a_row_a_line() -> None:
    assert (
        "| Vessel | Fare in crowns |  |\n| --- | --- | --- |\n|  | summer | winter |\n| Bicycle | 17 | 11 |\n"
        "| Lorry over 12 t | 263 | 208 \\| on request |"
    ) in read("docx/fares.docx").text


def test_notes_stand_below_what_refers_to_them() -> None:
    text = read("docx/footnotes.docx").text
    assert "Staff get 26 days[1] a year[2].\n\n[1] Part-time staff" in text
    assert (
        "- Second item[3]\n- Third item\n\n[3] Since the agreement of 3 May 2024.\n\nWhat follows the list."
        in text
    )


def test_insertions_stay_and_deletions_go() -> None:
    text = read("docx/tracked_changes.docx").text
    assert "gives nine weeks" in text
    assert "The purser signs and the mate files it." in text
    assert text.count("Letters go to the purser.") == 1
    assert not any(gone in text for gone in ("six", "Cook", "Is this so"))


def test_a_deleted_paragraph_at_the_end_of_a_cell_stays_in_it(tmp_path: Path) -> None:
    gone = paragraph("still here", '<w:rPr><w:del w:id="1"/></w:rPr>')
    row = f"<w:tr><w:tc>{gone}</w:tc><w:tc>{paragraph('b')}</w:tc></w:tr>"
    (document,) = DocxReader().read(packed(tmp_path, f"<w:tbl>{row}{row}</w:tbl>{paragraph('below')}"))
    assert document.text == "| still here | b |\n| --- | --- |\n| still here | b |\n\nbelow"


def test_headings_and_numbers_in_cells_leave_a_table_one(tmp_path: Path) -> None:
    heading, number = '<w:pStyle w:val="Heading2"/>', '<w:numPr><w:numId w:val="1"/></w:numPr>'
    level = (
        '<w:lvl w:ilvl="0"><w:start w:val="4"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>'
    )
    numbering = f'<w:abstractNum w:abstractNumId="0">{level}</w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
    head = f"<w:tr><w:tc>{paragraph('Step', heading)}</w:tc><w:tc>{paragraph('Who', heading)}</w:tc></w:tr>"
    row = f"<w:tr><w:tc>{paragraph('Cast off', number)}</w:tc><w:tc>{paragraph('mate')}</w:tc></w:tr>"
    (document,) = DocxReader().read(packed(tmp_path, f"<w:tbl>{head}{row}</w:tbl>", numbering=numbering))
    assert document.text == "| Step | Who |\n| --- | --- |\n| 4. Cast off | mate |"


def test_a_heading_in_the_only_cell_of_a_table_stays_one(tmp_path: Path) -> None:
    cell = paragraph("Tides", '<w:outlineLvl w:val="1"/>') + paragraph("High at noon.")
    (document,) = DocxReader().read(packed(tmp_path, f"<w:tbl><w:tr><w:tc>{cell}</w:tc></w:tr></w:tbl>"))
    assert document.text == "## Tides\n\nHigh at noon."


def test_fields_show_their_results_and_not_their_code() -> None:
    text = read("docx/fields.docx").text
    assert "See section 8 of the timetable.\nThe late boat" in text
    assert "REF" not in text
    assert "hidden" not in text
    assert "by e-mail to the harbour master." in text
    for shown in ("v=s/t", "10^6 litres", "☒ ramp tested", "\\# this is no heading"):
        assert shown in text


def field_mark(kind: str) -> str:
    return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (
            "".join(map(field_mark, ("begin", "begin", "separate")))
            + "<w:r><w:t>code</w:t></w:r>"
            + field_mark("end")
            + field_mark("separate")
            + "<w:r><w:t>result</w:t></w:r>"
            + field_mark("end"),
            "result",
        ),
        (f"{field_mark('begin')}<w:r><w:t>no end</w:t></w:r>", "no end"),
        (f"{field_mark('begin') * 500}<w:r><w:t>no end</w:t></w:r>", "no end"),
    ],
    ids=["in the code", "without an end", "very many"],
)
def test_a_field_in_the_code_of_a_field_does_not_show(content: str, shown: str, tmp_path: Path) -> None:
    (document,) = DocxReader().read(packed(tmp_path, f"<w:p>{content}</w:p>"))
    assert document.text == shown


def test_properties_become_metadata_and_a_title() -> None:
    document = read("docx/properties.docx", fields=FieldMap.of("team=Department"))
    assert document.title == "Fuel plan 2027"
    assert document.metadata == {
        "author": "Tove Aldersund", "subject": "Fuel", "keywords": ["diesel", "bunker", "winter"],
        "created": "2026-01-05T08:00:00Z", "modified": "2026-02-07T10:30:00Z", "Department": "Engine room", "Approved": True,
        "Revision": 4, "team": "Engine room",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "title"),
    [("docx/handbook.docx", "Marlow Ferry handbook"), ("docx/no_styles.docx", "no_styles")],
)
def test_a_document_without_a_title_is_called_by_its_first_heading_else_by_its_file(
    name: str, title: str
) -> None:
    assert read(name).title == title


def test_text_that_was_not_read_is_told(tmp_path: Path) -> None:
    file = packed(tmp_path, f'{paragraph("Above")}<w:altChunk w:id="1"/>')
    assert [document.text for document in DocxReader().read(file)] == ["Above"]
    assert file.notices == ["the text of a file put into it was not read"]


def test_too_many_pieces_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quincunx.retrieval.text.readers.docx.docx_file.MOST_ELEMENTS", 20)
    with pytest.raises(UnreadableFileError, match="too_large"):
        list(DocxReader().read(packed(tmp_path, paragraph("word") * 20)))


def test_tables_too_deep_in_one_another_are_refused(tmp_path: Path) -> None:
    body = f"{'<w:tbl><w:tr><w:tc>' * 75}{paragraph('deep')}{'</w:tc></w:tr></w:tbl>' * 75}"
    with pytest.raises(UnreadableFileError, match="too_large"):
        list(DocxReader().read(packed(tmp_path, body)))


@pytest.mark.parametrize("name", ["docx/handbook.docx", "docx/tracked_changes.docx"])
def test_a_damaged_file_raises_nothing_else(name: str, tmp_path: Path) -> None:
    """Cut off at every twentieth, and with bytes changed: it is read, or refused in the one way."""
    whole = (DOCUMENTS / name).read_bytes()
    chance = random.Random(3)
    damaged = [whole[: len(whole) * part // 20] for part in range(20)]
    for _ in range(40):
        changed = bytearray(whole)
        for _ in range(3):
            changed[chance.randrange(len(whole))] = chance.randrange(256)
        damaged.append(bytes(changed))
    outcomes = [_outcome(data, tmp_path) for data in damaged]
    assert set(outcomes) <= {"read", "damaged", "unreadable", "too_large", "encrypted", "no_text"}
    assert outcomes[0] == "damaged"


def _outcome(data: bytes, folder: Path) -> str:
    path = folder / "damaged.docx"
    path.write_bytes(data)
    try:
        list(DocxReader().read(SourceFile(path, id="x")))
    except UnreadableFileError as error:
        return error.reason
    return "read"


@given(st.integers(min_value=1, max_value=3999))
def test_roman_numbers_read_back(number: int) -> None:
    level = f'<w:lvl w:ilvl="0"><w:start w:val="{number}"/><w:numFmt w:val="upperRoman"/><w:lvlText w:val="%1"/></w:lvl>'
    root = ElementTree.parse(
        io.StringIO(
            f'<w:numbering xmlns:w="{W[1:-1]}"><w:abstractNum w:abstractNumId="0">{level}</w:abstractNum>'
            '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>'
        )
    ).getroot()
    label = Numbering(root).count("1", 0)
    assert label is not None
    values = [
        {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}[letter] for letter in label.text
    ]
    assert number == sum(
        -value if any(value < later for later in values[index + 1 : index + 2]) else value
        for index, value in enumerate(values)
    )
