"""The rows of a table as documents: each stands under the head of its table, and its cells are metadata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ....passages import Document, Metadata, Part
from ..as_markdown import as_paragraph, as_table
from ..field_map import ID, TEXT, TITLE
from ..reader import SourceFile, UnreadableFileError
from .column_types import ColumnType, looks_typed
from .records import Keys, Tally, as_title, text_of, unmapped

Cell = str | int | float | bool | None
"""What stands in a cell; a cell of white space is empty."""

LONG_CELL = 200
"""Longest cell, in characters, that stands in a row of a Markdown table."""
MOST_CAPTION_LINES = 5
MOST_COLUMNS = 16_384
"""Most columns of a table, which are as many as a sheet of Excel has."""
_FIRST = 100
"""Rows by whose values the column of names is chosen."""
_KEYS = ("_id", "id", "key", "sku", "uuid", "uid", "code")
"""Names of columns whose values, if they are unique, are the keys of rows; the first that is there counts."""


@dataclass(frozen=True)
class Head:
    """What stands above the rows of a table."""

    caption: tuple[str, ...]
    """Lines of one cell above the head."""
    names: tuple[str, ...]
    """Of the columns, unique; none where the first row is one of values."""
    rows: int
    """How many rows that are not empty it takes."""


def read_head(first: Sequence[Sequence[Cell]]) -> Head:
    """Return the head of a table, of which ``first`` are the first rows that are not empty.

    The head is the first row that has more than one cell, if at most `MOST_CAPTION_LINES` lines of one cell stand above
    it, which are the table's caption; else the first row. A row of numbers, dates and truth values alone is no head.
    """
    widths = [sum(not is_empty(cell) for cell in row) for row in first[: MOST_CAPTION_LINES + 1]]
    at = next((place for place, width in enumerate(widths) if width > 1), 0)
    caption = tuple(" ".join(shown(cell) for cell in row if not is_empty(cell)) for row in first[:at])
    cells = [cell for cell in first[at] if not is_empty(cell)]
    if all(not isinstance(cell, str) or looks_typed(cell) for cell in cells):
        return Head(caption, (), at)
    names: dict[str, int] = {}
    for place, cell in enumerate(first[at][: width_of(first[at])]):
        _take_name(" ".join(shown(cell).split()) or _unnamed(place), names)
    return Head(caption, tuple(names), at + 1)


@dataclass(frozen=True)
class Sheet:
    """What a table is on."""

    name: str
    is_one_of_several: bool
    """Whether the file has others with cells: then the name stands before the keys and the titles of rows."""


class Table:
    """A table of one file: `learn` takes every row once, `settle` ends that, and `document` makes each a document."""

    def __init__(
        self, file: SourceFile, head: Head, *, sheet: Sheet | None = None, convert: bool = True
    ) -> None:
        """Take the sheet that the table is on, if any, and whether texts are read as numbers and dates."""
        self.given = 0
        self._file, self._head, self._convert = file, head, convert
        self._metadata: Metadata = {"sheet": sheet.name} if sheet is not None else {}
        self._sheet = sheet.name if sheet is not None and sheet.is_one_of_several else ""
        self._columns: list[_Column] = []
        self._taken = dict.fromkeys(head.names, 1)
        for name in head.names:
            self._add_column(name)
        self._wide = Tally("more cells than the head has, named by the number of their column")
        self._textless = Tally("rows without a text were passed over")
        self._keys = Keys()
        self._headed = {place for place, name in enumerate(head.names) if name != _unnamed(place)}
        self._key: int | None = None
        self._name: str | None = None

    @property
    def names(self) -> list[str]:
        """The names of its columns."""
        return [column.name for column in self._columns]

    def learn(self, number: int, cells: Sequence[Cell]) -> None:
        """Take a row into account that is not empty."""
        width = width_of(cells)
        if width > len(self._columns):
            for place in range(len(self._columns), width):
                self._add_column(_take_name(_unnamed(place), self._taken))
        if self._head.names and width > len(self._head.names):
            self._wide.add(number)
        for place, column in enumerate(self._columns):
            column.see(cells[place] if place < len(cells) else None)

    def settle(self) -> None:
        """Decide what the columns are, and say what is to be said of them."""
        ids = [
            column
            for name in _KEYS
            for column in self._columns
            if column.ids and column.name.casefold() == name
        ]
        key = ids[0] if ids and ID not in self._file.fields.expressions else None
        if key is not None:
            self._key, self._keys = self._columns.index(key), Keys(are_unique=True)
        names = [column for column in self._columns if column.is_name and column is not key]
        names.sort(key=lambda column: not column.is_various)
        self._name = names[0].name if names else None
        for column in self._columns:
            column.ids = None
            column.first_values.clear()
        said = [column.type.notice() for column in self._columns] if self._convert else []
        notices = [notice for notice in said if notice]
        if not self._head.names and self._columns:
            notices.append("no head: its first row holds values, and its columns are named by their numbers")
        if self._head.caption:
            notices.append(
                f"lines above the head were taken as its caption: {' / '.join(self._head.caption)[:200]}"
            )
        self._note([*notices, *self._wide.notices()])

    def document(self, number: int, cells: Sequence[Cell]) -> Document | None:
        """Return the document of a row that is not empty; ``None`` where a field is mapped as its text that it has not."""
        pairs = list(zip(self._columns, cells, strict=False))
        record: dict[str, Any] = {
            column.name: self._value(column, cell) for column, cell in pairs if not is_empty(cell)
        }
        fields = self._file.fields
        metadata = dict(self._metadata)
        if self._head.caption:
            metadata["caption"] = "\n".join(self._head.caption)
        metadata |= record
        if TEXT in fields.expressions:
            text = text_of(self._file, record)
            if text is None:
                self._textless.add(number)
                return None
            source = fields.field_used(TEXT, record)
            metadata.pop(source or "", None)
        else:
            text = self._text(cells)
        self.given += 1
        id = fields.value(ID, record) if ID in fields.expressions else None
        if self._key is not None:
            id = shown(cells[self._key])
        key = self._keys.key(id, number)
        return self._file.document(
            self._title(record, number),
            text,
            {**metadata, **fields.added(record)},
            key=f"{self._sheet}/{key}" if self._sheet else key,
            parts=[Part(0, "row", number)],
        )

    def finish(self) -> None:
        """Say what was passed over."""
        self._note([*self._textless.notices(), *self._keys.twice.notices()])

    def _add_column(self, name: str) -> None:
        self._columns.append(_Column(name, ids=set() if name.casefold() in _KEYS else None))

    def _value(self, column: _Column, cell: Cell) -> Cell:
        if not isinstance(cell, str):
            return cell
        return column.type.value(shown(cell)) if self._convert else shown(cell)

    def _title(self, record: dict[str, Any], number: int) -> str:
        title = as_title(self._file.fields.value(TITLE, record))
        if title is not None and TITLE in self._file.fields.expressions:
            return title
        if title is None and self._name is not None:
            title = as_title(record.get(self._name))
        return " › ".join([self._file.name, *filter(None, [self._sheet]), title or f"row {number}"])

    def _text(self, cells: Sequence[Cell]) -> str:
        """Return a row under its head; of a column that the head does not name, only a cell that is not empty."""
        texts = [shown(cells[place]) if place < len(cells) else "" for place in range(len(self._columns))]
        named = [
            (column.name, text)
            for place, (column, text) in enumerate(zip(self._columns, texts, strict=True))
            if text or place in self._headed
        ]
        caption = [as_paragraph(line) for line in self._head.caption]
        if any(len(text) > LONG_CELL or "\n" in text for _, text in named):
            return "\n\n".join([*caption, *(_as_field(name, text) for name, text in named if text)])
        names, shown_texts = zip(*named, strict=True)
        return "\n\n".join([*caption, as_table(names, [shown_texts])])

    def _note(self, notices: list[str]) -> None:
        self._file.notices += [
            f"sheet {self._sheet!r}: {notice}" if self._sheet else notice for notice in notices
        ]


def require_texts(file: SourceFile, tables: Sequence[Table]) -> None:
    """Raise `UnreadableFileError` where a field is mapped as the text, and no row of the tables has it."""
    if tables and not any(table.given for table in tables) and TEXT in file.fields.expressions:
        names = dict.fromkeys(name for table in tables for name in table.names)
        if names:
            raise UnreadableFileError("unmapped", unmapped(file, names))


def width_of(cells: Sequence[Cell]) -> int:
    """Return how many cells a row has up to the last one that is not empty.

    Raises:
        UnreadableFileError: they are more than `MOST_COLUMNS`.
    """
    width = next((place for place in range(len(cells), 0, -1) if not is_empty(cells[place - 1])), 0)
    if width > MOST_COLUMNS:
        raise UnreadableFileError("too_large", f"{width:,} columns; at most {MOST_COLUMNS:,} are read")
    return width


def is_empty(cell: Cell) -> bool:
    """Whether a cell shows nothing."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def shown(cell: Cell) -> str:
    """Return what a cell shows."""
    match cell:
        case None:
            return ""
        case bool():
            return "TRUE" if cell else "FALSE"
        case float():
            return f"{cell:.15g}"
    return str(cell).replace("\r\n", "\n").replace("\r", "\n").strip()


@dataclass
class _Column:
    name: str
    ids: set[str] | None = None
    """Its values while they are unique and none is empty, where it may hold the keys of rows."""
    is_lettered: bool = True
    """Whether each of its values is a text that has letters."""
    longest: int = 0
    first_values: set[str] = field(default_factory=set)
    """Of the first rows."""
    count: int = 0
    """How many cells of the first rows are not empty."""
    type: ColumnType = field(init=False)

    def __post_init__(self) -> None:
        self.type = ColumnType(self.name)

    @property
    def has_values(self) -> bool:
        """Whether a cell is not empty."""
        return self.longest > 0

    @property
    def is_name(self) -> bool:
        """Whether its values look like names of the rows."""
        return self.is_lettered and self.has_values and self.longest <= LONG_CELL and self.type.is_text

    @property
    def is_various(self) -> bool:
        """Whether most of its first values are different, as the names of rows are and those of groups are not."""
        return len(self.first_values) * 2 > self.count

    def see(self, cell: Cell) -> None:
        text = shown(cell)
        if self.ids is not None:
            size = len(self.ids)
            self.ids.add(" ".join(text.split()))
            if len(self.ids) == size or not text:
                self.ids = None
        if text:
            self.type.see(text)
            self.longest = max(self.longest, len(text))
            if self.count < _FIRST:
                self.count += 1
                self.first_values.add(text)
            self.is_lettered = self.is_lettered and isinstance(cell, str) and any(map(str.isalpha, text))


def _unnamed(place: int) -> str:
    return f"column {place + 1}"


def _take_name(name: str, taken: dict[str, int]) -> str:
    """Take a name, with a number after it where it is taken; ``taken`` keeps up to which number each one is."""
    free = name
    while free in taken:
        taken[name] += 1
        free = f"{name} ({taken[name]})"
    taken[free] = 1
    return free


def _as_field(name: str, text: str) -> str:
    """Return a cell as a paragraph, its line breaks kept."""
    return "\n".join(as_paragraph(line) for line in f"{name}: {text}".split("\n"))
