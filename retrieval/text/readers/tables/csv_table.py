"""Tables as text: a document for each row of a CSV file, whatever stands between its cells."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Generator, Iterator
from itertools import islice

from ....passages import Document
from ..reader import MOST_DOCUMENTS, MOST_LINE, SourceFile, UnreadableFileError
from .table_rows import MOST_CAPTION_LINES, Table, is_empty, read_head, require_texts, width_of
from .text_lines import encoding_of, read_lines

MOST_CELLS = 20_000_000
"""Most cells of a file; each is looked at twice."""
DELIMITERS = ("\t", ";", "|", ",")
_TOLD = re.compile(r"sep=([,;\t|])")
_SAMPLE_LINES, _SAMPLE_CHARACTERS = 200, 1024 * 1024


class CsvReader:
    """Reads ``.csv``, ``.tsv`` and ``.tab`` twice: once to see what its columns are, once for its rows."""

    name = "csv"
    version = 1
    suffixes = (".csv", ".tsv", ".tab")

    def read(self, file: SourceFile) -> Iterator[Document]:
        encoding = encoding_of(file)
        delimiter = delimiter_of(list(_sample(read_lines(file, encoding))), file.path.suffix.lower())
        rows = _rows(file, encoding, delimiter)
        first = [row for _, row in islice(rows, MOST_CAPTION_LINES + 1)]
        rows.close()
        if not first:
            return
        head = read_head(first)
        table = Table(file, head)
        count = cells = 0
        for number, row in islice(_rows(file, encoding, delimiter), head.rows, None):
            table.learn(number, row)
            count, cells = count + 1, cells + len(row)
            if count > MOST_DOCUMENTS or cells > MOST_CELLS:
                raise UnreadableFileError(
                    "too_large",
                    f"more than {MOST_DOCUMENTS:,} rows or {MOST_CELLS:,} cells: split it into several files",
                )
        table.settle()
        if not count:
            file.notices.append(f"a head without rows: {', '.join(table.names)[:200]}")
        for number, row in islice(_rows(file, encoding, delimiter), head.rows, None):
            document = table.document(number, row)
            if document is not None:
                yield document
        require_texts(file, [table])
        table.finish()


def delimiter_of(lines: list[str], suffix: str = ".csv") -> str:
    """Return what stands between cells: of ``, ; tab |`` the one that cuts most lines.

    It must cut at least half of the lines. Of those that cut equally many, the one is taken that cuts most lines into
    the same number of cells, then one that mostly stands before no space, then the one that makes more cells, then the
    first of `DELIMITERS`. Quotes are heeded. Where the first line is not cut, it may be a title, or the head of a column
    of sentences: then what mostly stands before a space is none. Where none is left, the file has one column. A file
    named ``.tsv`` or ``.tab`` has tabs, if any; and a first line such as ``sep=;``, as Excel heeds it, says it.
    """
    told = _TOLD.fullmatch(lines[0].rstrip("\r\n")) if lines else None
    if told is not None:
        return told[1]
    if suffix != ".csv" and any("\t" in line for line in lines):
        return "\t"
    best, most = _UNUSED, (0, 0, False, 0)
    for delimiter in DELIMITERS:
        widths = _widths(lines, delimiter)
        counted = Counter(width for width in widths if width > 1)
        width, count = max(counted.items(), key=lambda item: (item[1], item[0]), default=(0, 0))
        is_prose = _is_prose(lines, delimiter)
        fit = (counted.total(), count, not is_prose, width)
        if not counted or counted.total() * 2 < len(widths) or (widths[0] == 1 and is_prose):
            continue
        if fit > most:
            best, most = delimiter, fit
    return best


def _widths(lines: list[str], delimiter: str) -> list[int]:
    """Return the number of cells of each row that is not empty, up to one whose quotes are not closed."""
    widths = []
    try:
        for row in csv.reader(lines, delimiter=delimiter):
            if not all(map(is_empty, row)):
                widths.append(len(row))
    except csv.Error:
        pass
    return widths


def _is_prose(lines: list[str], delimiter: str) -> bool:
    spaced = sum(line.count(f"{delimiter} ") for line in lines)
    return spaced * 2 > sum(line.count(delimiter) for line in lines)


_UNUSED = "\x1f"
"""What is taken to stand between the cells of a file of one column: a sign that no text has."""


def _sample(lines: Iterator[str]) -> Iterator[str]:
    """Yield the first lines, which say what stands between cells."""
    length = 0
    for line in islice(lines, _SAMPLE_LINES):
        length += len(line)
        if length > _SAMPLE_CHARACTERS:
            return
        yield line


def _rows(file: SourceFile, encoding: str, delimiter: str) -> Generator[tuple[int, list[str]], None, None]:
    """Yield each row that is not empty, with the number of the line where it begins."""
    lines = _Lines(read_lines(file, encoding))
    reader = csv.reader(lines, delimiter=delimiter)
    number = 1
    try:
        for row in reader:
            if lines.is_open:
                raise _unclosed(number)
            if not (number == 1 and row == ["sep=", ""]) and (width := width_of(row)):
                yield number, row[:width]
            number = reader.line_num + 1
            lines.quotes = lines.length = 0
    except csv.Error as error:
        if "field larger" in str(error):
            most = f"{csv.field_size_limit():,} characters"
            if lines.quotes % 2:
                raise _unclosed(number, f" within {most}") from error
            raise UnreadableFileError("too_large", f"line {number}: a cell is longer than {most}") from error
        raise UnreadableFileError("damaged", f"line {number}: {error}") from error


class _Lines:
    """The lines of a table, and how many quotes and characters stand in those of the row that is being read."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.quotes = self.length = 0
        self._lines = lines
        self._ended = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        try:
            line = next(self._lines)
        except StopIteration:
            self._ended = True
            raise
        self.quotes += line.count('"')
        self.length += len(line)
        if self.length > 2 * MOST_LINE:
            raise UnreadableFileError("too_large", f"a row is longer than {2 * MOST_LINE:,} characters")
        return line

    @property
    def is_open(self) -> bool:
        """Whether the file ended within quotes: a row took its last line and asked for one more."""
        return self._ended and self.quotes % 2 == 1


def _unclosed(number: int, within: str = "") -> UnreadableFileError:
    return UnreadableFileError(
        "damaged", f"line {number}: a quote opens that is not closed{within}: close or remove it"
    )
