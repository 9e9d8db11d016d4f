"""Workbooks: cells as they are, sheets that lie about themselves, and files that are none."""

from __future__ import annotations

import sys
import time
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest
from table_files import TABLES, read

from quincunx.retrieval.errors import MissingExtraError
from quincunx.retrieval.text.readers.reader import UnreadableFileError
from quincunx.retrieval.text.readers.tables import xlsx


def book(path: Path, *rows: list[Any], name: str = "Sheet") -> Path:
    """Write a workbook of one sheet."""
    made = openpyxl.Workbook()
    sheet: Any = made.active
    sheet.title = name
    for row in rows:
        sheet.append(row)
    made.save(path)
    return path


def changed(path: Path, old: str, new: str, part: str = "xl/worksheets/sheet1.xml") -> Path:
    """Write a workbook again with another text in one of its parts."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert old.encode() in parts[part]
    parts[part] = parts[part].replace(old.encode(), new.encode())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


def test_cells_are_taken_as_they_are() -> None:
    documents, file = read(TABLES / "prices.xlsx")
    assert [document.id for document in documents] == [
        "prices.xlsx#Prices/H-10", "prices.xlsx#Prices/H-11", "prices.xlsx#Prices/007", "prices.xlsx#Depots/row-4"
    ]  # fmt: skip
    assert documents[1].metadata == {
        "sheet": "Prices", "sku": "H-11", "Tool": "Jeweller's saw", "Price": 61, "In stock": False,
        "Since": "2026-01-15T08:30:00", "Gross": "#DIV/0!",
    }  # fmt: skip
    assert documents[2].metadata["sku"] == "007"
    assert documents[2].metadata["Since"] == "2024-11-05"
    assert documents[0].title == "prices › Prices › Claw hammer"
    assert file.notices == [
        "sheet 'Chart' is a chart, and was not read",
        "sheet 'Depots' is hidden, and was read too",
    ]


def test_numbers_are_shown_as_excel_shows_them(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", ["k", "n", "t", "d"], ["a", 0.1 + 0.2, "1.234,50", timedelta(hours=26)])
    [document], _ = read(path)
    assert document.text.splitlines()[2] == "| a | 0.3 | 1.234,50 | 1 day, 2:00:00 |"
    assert document.metadata["t"] == "1.234,50"


def test_merged_cells_stand_in_each_row() -> None:
    documents, _ = read(TABLES / "merged.xlsx")
    assert [document.metadata["Hall"] for document in documents] == ["Foundry", "Foundry", "Paint shop"]
    assert [document.metadata["Foreman"] for document in documents] == [
        "Aino Lahde",
        "Bram Oyelaran",
        "Celia Nunes",
    ]
    assert {document.metadata["caption"] for document in documents} == {
        "Shifts at the Sandgate works, summer 2026"
    }


def test_a_sheet_of_one_row_far_below(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", ["k", "v"], ["a", "here"])
    changed(path, '<row r="2"><c r="A2"', '<row r="1048576"><c r="A1048576"')
    changed(path, 'r="B2"', 'r="B1048576"')
    began = time.monotonic()
    [document], _ = read(path)
    assert str(document.parts[0]) == "row 1048576"
    assert time.monotonic() - began < 10


def test_a_size_that_lies_costs_nothing() -> None:
    began = time.monotonic()
    documents, _ = read(TABLES / "lying_size.xlsx")
    assert len(documents) == 1
    assert time.monotonic() - began < 5


def test_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = book(tmp_path / "a.xlsx", ["k", "v"], *([f"a{n}", n] for n in range(100)))
    with monkeypatch.context() as patch:
        patch.setattr(xlsx, "MOST_CELLS", 100)
        with pytest.raises(UnreadableFileError, match=r"^too_large: more than 100 cells"):
            read(path)
    with monkeypatch.context() as patch:
        patch.setattr(xlsx, "MOST_TAGS", 100)
        with pytest.raises(UnreadableFileError, match=r"^too_large: its part '.*' has more than 100 tags"):
            read(path)
    changed(path, '<row r="101">', '<row r="1048577">')
    with pytest.raises(UnreadableFileError, match=r"^damaged: sheet 'Sheet' has a row below 1,048,576"):
        read(path)


def test_entities_are_refused(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", ["k", "v"], ["a", "b"])
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><worksheet'
    with pytest.raises(
        UnreadableFileError, match=r"^damaged: its part 'xl/worksheets/sheet1.xml' declares entities"
    ):
        read(changed(path, "<worksheet", bomb))


def test_faults_beside_the_cells_cost_nothing(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", ["k", "v"], ["a", "b"])
    documents, _ = read(changed(path, "<dc:creator", "<unknown/><dc:creator", "docProps/core.xml"))
    assert len(documents) == 1


def test_a_workbook_without_cells_yields_nothing(tmp_path: Path) -> None:
    assert read(book(tmp_path / "a.xlsx"))[0] == []


def test_a_head_alone_is_said(tmp_path: Path) -> None:
    documents, file = read(book(tmp_path / "a.xlsx", ["Name", "Price"]))
    assert (documents, file.notices) == ([], ["a head without rows: Name, Price"])


def test_a_mapped_field_is_the_text(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", ["nr", "body"], [1, "# Tea\n\nat four"], [2, None], [3, 4.5])
    documents, file = read(path, "text=body", "id=nr")
    assert [(document.id, document.text) for document in documents] == [
        ("a.xlsx#1", "# Tea\n\nat four"),
        ("a.xlsx#3", "4.5"),
    ]
    assert file.notices == ["rows without a text were passed over: rows 3"]
    with pytest.raises(
        UnreadableFileError, match=r"^unmapped: no record has a text in 'x' \(it has nr, body\)"
    ):
        read(path, "text=x")


def test_escaped_characters(tmp_path: Path) -> None:
    [document], _ = read(book(tmp_path / "a.xlsx", ["k", "v"], ["a", "one_x000D_\ntwo_x005F_x0041_ _x0007_"]))
    assert document.metadata["v"] == "one\ntwo_x0041_ _x0007_"


def test_openpyxl_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl.reader.excel", None)
    with pytest.raises(
        MissingExtraError, match=r"openpyxl is not installed: pip install 'quincunx\[documents\]'"
    ):
        read(TABLES / "prices.xlsx")


def test_formulas_without_a_result_are_said(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", ["k", "v", "w"], ["a", "=1+1", "=A2"], ["b", 5, None])
    documents, file = read(changed(path, '<c r="C2">', '<c r="C2" t="str">'))
    assert [list(document.metadata.values())[1:] for document in documents] == [["a"], ["b", 5]]
    assert file.notices == [
        "sheet 'Sheet': 1 formulas have no saved result, and are empty cells: open it in Excel and save it"
    ]


def test_strict_workbooks_are_refused_with_the_remedy(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", ["k", "v"], ["a", "b"])
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    with pytest.raises(UnreadableFileError, match=r"^damaged: saved as Strict Open XML"):
        read(changed(path, main, "http://purl.oclc.org/ooxml/spreadsheetml/main", "xl/workbook.xml"))


def test_empty_sheets_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    made = openpyxl.Workbook()
    made.create_sheet("Empty")
    sheet: Any = made.active
    sheet.append(["k", "v"])
    sheet.append(["a", 1])
    made.save(path)
    [document], _ = read(path)
    assert (document.id, document.title, document.metadata["sheet"]) == ("a.xlsx#row-2", "a › a", "Sheet")
