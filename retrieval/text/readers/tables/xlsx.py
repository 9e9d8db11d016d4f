"""Workbooks of Excel: a document for each row of their sheets, under the head of its sheet.

Cells are read with the values that Excel last saved: numbers and dates are what they are, formulas their results, and
formats of numbers (percent, currency) are not shown. Sheets of charts are passed over.
"""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import IO, Any
from xml.etree.ElementTree import ParseError

from ....errors import MissingExtraError
from ....passages import Document
from ...file_names import readable
from ..reader import MOST_TEXT, BoundedZip, SourceFile, UnreadableFileError
from .table_rows import MOST_CAPTION_LINES, Cell, Sheet, Table, is_empty, read_head, require_texts

MOST_CELLS = 2_000_000
"""Most cells of a workbook, empty ones between others too."""
MOST_TAGS = 6 * MOST_CELLS
"""Most tags of one part of a workbook, some 80 bytes of memory each; a cell with a formula has six."""
MOST_TAGS_AT_ONCE = 1_000_000
"""Most tags of a part that is read at once, such as the styles."""
MOST_ROWS = 1_048_576
"""Rows of a sheet of Excel; a row below them is none."""

_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_VALUE = re.compile(rb"<(?:\w{1,9}:)?(?:v|is)[\s>]")
_STRICT = b'="http://purl.oclc.org/ooxml/spreadsheetml/main"'
_DOCTYPE = re.compile(rb"<\0?!\0?D\0?O\0?C\0?T\0?Y\0?P\0?E")
"""In UTF-8 and in UTF-16."""
_OTHER_ENCODING = re.compile(
    rb"\s*<\?xml[^>]{0,100}?encoding\s*=\s*[\"'](?!utf-8|utf-16|us-ascii|iso-8859-|windows-125)",
    re.IGNORECASE,
)
"""In which a parser could read what is not looked for here."""
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]{0,200}?\bref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
_UNSAVED = re.compile(
    rb'<(?:\w+:)?c(?:\s(?![^>]{0,200}t="str")[^>]{0,200})?><f(?:[^>]*/>|[^>]*>[^<]*</f>)(?:<v\s*/>|<v></v>)?</c>'
)
"""A formula without a result: other programs than Excel save such; one whose result is an empty text is none."""
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_CORRUPT = (
    KeyError, ValueError, TypeError, AttributeError, IndexError, OverflowError, NotImplementedError, AssertionError,
    SyntaxError, ParseError, RecursionError, EOFError, OSError, zlib.error, zipfile.BadZipFile, zipfile.LargeZipFile,
)  # fmt: skip
"""What openpyxl, and the parsers that it uses, raise for a file that is no workbook; lxml's errors are SyntaxErrors."""

_Rows = list[tuple[int, list[Cell]]]


class XlsxReader:
    """Reads ``.xlsx`` and ``.xlsm``; nothing in a workbook is run or calculated."""

    name = "xlsx"
    version = 1
    suffixes = (".xlsx", ".xlsm")

    def read(self, file: SourceFile) -> Iterator[Document]:
        _require_workbook(file)
        book = _Workbook(file)
        tables = []
        for title, rows in book.sheets():
            table, rows = _table(file, Sheet(title, book.has_several), rows)
            tables.append(table)
            for number, row in rows:
                file.require_time()
                document = table.document(number, row)
                if document is not None:
                    yield document
            table.finish()
        require_texts(file, tables)


def _table(file: SourceFile, sheet: Sheet, rows: _Rows) -> tuple[Table, _Rows]:
    """Return what a sheet's rows are rows of, and those that are not its head."""
    head = read_head([row for _, row in rows[: MOST_CAPTION_LINES + 1]])
    table = Table(file, head, sheet=sheet, convert=False)
    for number, row in rows[head.rows :]:
        table.learn(number, row)
    table.settle()
    if len(rows) == head.rows:
        file.notices.append(f"a head without rows: {', '.join(table.names)[:200]}")
    return table, rows[head.rows :]


def _require_workbook(file: SourceFile) -> None:
    """Raise for a file that another program than openpyxl would have to read, saying what to do."""
    try:
        with file.path.open("rb") as source:
            is_ole = source.read(len(_OLE)) == _OLE
    except OSError as error:
        raise UnreadableFileError("unreadable", error.strerror or str(error)) from error
    if is_ole and "EncryptedPackage".encode("utf-16-le") in file.read_bytes():
        raise UnreadableFileError("encrypted", "open it in Excel and save it without a password")
    if is_ole:
        raise UnreadableFileError(
            "damaged", "an old workbook (.xls) under this name: open it in Excel and save it as .xlsx"
        )
    with file.unpacked() as archive:
        for entry in archive.infolist():
            name = repr(readable(entry.filename[:100]))
            try:
                with archive.open(entry) as part:
                    _require_harmless(part, name)
            except (zlib.error, RuntimeError) as error:
                raise UnreadableFileError("damaged", f"its part {name}: {error}") from error


def _require_harmless(part: IO[bytes], name: str) -> None:
    """Raise for XML that would make its parser fill the memory."""
    tags, before = 0, b""
    while piece := part.read(1024 * 1024):
        if tags == 0 and _STRICT in piece:
            raise UnreadableFileError(
                "damaged", "saved as Strict Open XML: save it as an Excel workbook (.xlsx)"
            )
        if _DOCTYPE.search(before + piece) or (not before and _OTHER_ENCODING.match(piece)):
            raise UnreadableFileError("damaged", f"its part {name} declares entities, as no workbook does")
        before = piece[-40:]
        tags += piece.count(b"<")
        if tags > MOST_TAGS:
            raise UnreadableFileError(
                "too_large", f"its part {name} has more than {MOST_TAGS:,} tags: save it as CSV"
            )


class _Parts(BoundedZip):
    """The parts of a workbook: openpyxl reads sheets and texts piece by piece, and makes a tree of what it reads at once."""

    def read(self, name: str | zipfile.ZipInfo, pwd: bytes | None = None) -> bytes:
        data = super().read(name, pwd)
        if data.count(b"<") > MOST_TAGS_AT_ONCE:
            raise UnreadableFileError(
                "too_large",
                f"a part beside its sheets has more than {MOST_TAGS_AT_ONCE:,} tags: save it as CSV",
            )
        return data


def _open(file: SourceFile) -> Any:
    """Open a workbook with the values of its cells."""
    try:
        from openpyxl.reader.excel import ExcelReader  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingExtraError("openpyxl", "documents") from error

    class OfCellsAlone(ExcelReader):
        def read_chartsheet(self, sheet: Any, rel: Any) -> None:
            file.notices.append(f"sheet {sheet.name!r} is a chart, and was not read")

        def read_properties(self) -> None:
            """Read nothing that a row does not show: a fault there must not cost the cells."""

        read_custom = read_theme = read_properties

    opened = None
    try:
        opened = OfCellsAlone(file.path, read_only=True, data_only=True, keep_links=False)
        opened.archive.close()
        opened.archive = _Parts(file.path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about extensions of Excel that openpyxl does not know
            opened.read()
    except _CORRUPT as error:
        if opened is not None:
            opened.archive.close()
        raise _damaged(error) from error
    return opened.wb


class _Workbook:
    """The sheets of one file."""

    def __init__(self, file: SourceFile) -> None:
        self._file = file
        self._cells = self._characters = 0
        self._book = _open(file)
        self.has_several = sum(map(self._holds_values, self._book.worksheets)) > 1

    def sheets(self) -> Iterator[tuple[str, _Rows]]:
        """Yield the name and the rows of each sheet that has any, one sheet at a time in memory."""
        try:
            for sheet in self._book.worksheets:
                rows = self._rows(sheet)
                if sheet.sheet_state != "visible":
                    self._file.notices.append(f"sheet {sheet.title!r} is hidden, and was read too")
                if rows:
                    yield str(sheet.title), rows
        finally:
            self._book.close()

    def _holds_values(self, sheet: Any) -> bool:
        """Whether a sheet has a cell that has a value: workbooks have empty sheets, which no one means."""
        before = b""
        try:
            with self._book._archive.open(sheet._worksheet_path) as source:
                while piece := source.read(1024 * 1024):
                    if _VALUE.search(before + piece):
                        return True
                    before = piece[-20:]
        except _CORRUPT as error:
            raise _damaged(error) from error
        return False

    def _rows(self, sheet: Any) -> _Rows:
        rows: _Rows = []
        try:
            sheet.reset_dimensions()  # a sheet may claim more cells than it has
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about dates that are none
                for number, values in enumerate(sheet.iter_rows(values_only=True), start=1):
                    if number > MOST_ROWS:
                        raise UnreadableFileError(
                            "damaged", f"sheet {sheet.title!r} has a row below {MOST_ROWS:,}"
                        )
                    self._count(len(values), sum(len(value) for value in values if isinstance(value, str)))
                    if number % 1000 == 0:
                        self._file.require_time()
                    row = [_cell(value) for value in values]
                    if not all(map(is_empty, row)):
                        rows.append((number, row))
            with self._book._archive.open(sheet._worksheet_path) as source:
                merged, unsaved = _scan(source)
            self._fill_merged(merged, rows)
            if unsaved:
                self._file.notices.append(
                    f"sheet {sheet.title!r}: {unsaved:,} formulas have no saved result, and are empty cells: open it in "
                    "Excel and save it"
                )
        except _CORRUPT as error:
            raise _damaged(error) from error
        return rows

    def _count(self, cells: int, characters: int = 0) -> None:
        """Count cells, and the characters that they show: workbooks keep a text once that stands in many cells."""
        self._cells += cells
        self._characters += characters
        if self._characters > MOST_TEXT:
            raise UnreadableFileError(
                "too_large", f"more than {MOST_TEXT:,} characters in its cells: save its sheets as CSV"
            )
        if self._cells > MOST_CELLS:
            raise UnreadableFileError("too_large", f"more than {MOST_CELLS:,} cells: save its sheets as CSV")

    def _fill_merged(self, merged: list[tuple[int, int, int]], rows: _Rows) -> None:
        """Write the value of cells that were merged into each row that they span, in their first column."""
        by_number = dict(rows)
        bottom = max(by_number, default=0)
        for place, first, last in merged:
            spanned = range(first + 1, min(last, bottom) + 1)
            above = by_number.get(first, [])
            if place >= len(above) or is_empty(above[place]):
                continue
            self._count(len(spanned))
            for row in filter(None, map(by_number.get, spanned)):
                if place >= len(row):
                    row += [None] * (place + 1 - len(row))
                if is_empty(row[place]):
                    row[place] = above[place]


def _scan(source: IO[bytes]) -> tuple[list[tuple[int, int, int]], int]:
    """Return the ranges of merged cells of a sheet that span rows, and how many formulas have no saved result.

    A range is the place of its first column, its first row and its last one.
    """
    merged, unsaved, before = [], 0, b""
    while piece := source.read(1024 * 1024):
        text, end = before + piece, 0
        for found in _MERGED.finditer(text):
            end = found.end()
            if found[2] != found[4]:
                merged.append((_column(found[1]) - 1, int(found[2]), int(found[4])))
        for found in _UNSAVED.finditer(text):
            end = max(end, found.end())
            unsaved += 1
        before = text[max(end, len(text) - 1000) :]
    return merged, unsaved


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _cell(value: Any) -> Cell:
    """Return the value of a cell as JSON holds it: dates as ISO text."""
    match value:
        case None | bool() | int():
            return value if not isinstance(value, int) or abs(value) < 1 << 63 else str(value)
        case float():
            return value if abs(value) < float("inf") else str(value)
        case str():
            return _ESCAPED.sub(_unescaped, value)
        case datetime():
            return value.date().isoformat() if value.time() == time() else value.isoformat(timespec="seconds")
        case date() | time():
            return value.isoformat()
    return str(value)  # a length of time, 1 day, 2:30:00


def _unescaped(found: re.Match[str]) -> str:
    """Return the character that Excel writes as ``_x000D_``, if it is one that text may hold."""
    char = chr(int(found[1], 16))
    return char if char in "\t\n\r_" or (char.isprintable() and char.isascii()) else found[0]


def _damaged(error: Exception) -> UnreadableFileError:
    said = " ".join(str(error).split())[:200]
    return UnreadableFileError(
        "damaged", f"no whole workbook ({type(error).__name__}: {said}): open it in Excel and save it anew"
    )
