"""What the cells of a column are: numbers, dates or truth values, where all of them are in one convention; else text.

Nothing is guessed. A column whose every cell can be read in two ways that differ (1.234 may be a thousand and more, or
one and less; 03/04/2026 may be in March or in April) stays text, and a notice says so; one cell that can only be read
in one way decides for all. What is a name in digits stays text: leading zeros, more digits than a number keeps, signs
of percent and of money, and columns that are named as telephone numbers, postcodes, versions and the like.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time

Value = str | int | float | bool

_MINUS = str.maketrans("\u2212", "-")
_SPACE = "[ \u00a0\u202f'’]"
_POINT = re.compile(
    rf"-?(?:0|[1-9]\d{{0,2}}(?:(?:,\d{{3}})+|(?:{_SPACE}\d{{3}})+)|[1-9]\d*)"
    r"(?:\.\d+(?:[eE][-+]?\d{1,2})?|[eE][-+]\d{1,2})?"
)
_COMMA = re.compile(rf"-?(?:0|[1-9]\d{{0,2}}(?:(?:\.\d{{3}})+|(?:{_SPACE}\d{{3}})+)|[1-9]\d*)(?:,\d+)?")
_GROUPS = re.compile(_SPACE)
_MOST_DIGITS, _MOST_DECIMAL_DIGITS = 18, 17
"""Most digits of a whole number, which SQLite holds in 64 bits, and of one with decimals, which a float keeps."""
_NO_NUMBERS = frozenset(
    [
        "phone",
        "telephone",
        "tel",
        "telefon",
        "fax",
        "mobile",
        "handy",
        "zip",
        "plz",
        "postcode",
        "postal",
        "postleitzahl",
        "isbn",
        "ean",
        "gtin",
        "iban",
        "version",
        "release",
    ]
)
"""Words in the names of columns whose digits are no quantities."""

_TIME = r"(?:[T ](?P<clock>\d{2}:\d{2}(?::\d{2})?))?"
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[-+]\d{2}:?\d{2})?)?")
_YEAR_FIRST = re.compile(rf"(?P<y>\d{{4}})/(?P<m>\d{{1,2}})/(?P<d>\d{{1,2}}){_TIME}")
_DOTTED = re.compile(rf"(?P<d>\d{{1,2}})\.(?P<m>\d{{1,2}})\.(?P<y>\d{{4}}){_TIME}")
_DAY_FIRST = re.compile(rf"(?P<d>\d{{1,2}})([/-])(?P<m>\d{{1,2}})\2(?P<y>\d{{4}}){_TIME}")
_MONTH_FIRST = re.compile(rf"(?P<m>\d{{1,2}})([/-])(?P<d>\d{{1,2}})\2(?P<y>\d{{4}}){_TIME}")
_DAY_NAME = re.compile(r"(?P<d>\d{1,2})(?:\.? |-)(?P<m>[^\W\d_]{3,9})\.?(?: |-)(?P<y>\d{4})")
_NAME_DAY = re.compile(r"(?P<m>[^\W\d_]{3,9})\.? (?P<d>\d{1,2}), ?(?P<y>\d{4})")
_MONTHS = [
    "jan january januar jänner janvier", "feb february februar février", "mar march mär märz mars", "apr april avril",
    "may mai", "jun june juni juin", "jul july juli juillet", "aug august août", "sep sept september septembre",
    "oct october okt oktober octobre", "nov november novembre", "dec december dez dezember décembre",
]  # fmt: skip
_MONTH_OF = {name: number for number, names in enumerate(_MONTHS, start=1) for name in names.split()}


class ColumnType:
    """The convention in which every cell of a column that was seen can be read."""

    def __init__(self, name: str) -> None:
        self.name = name
        quantity = _NO_NUMBERS.isdisjoint(re.findall(r"[^\W\d_]+", name.casefold()))
        self._left = dict(_CONVENTIONS) if quantity else {**_CONVENTIONS, "point": _none, "comma": _none}
        self._seen = False
        self._differing: str | None = None

    def see(self, cell: str) -> None:
        """Leave out the conventions that a cell is not in; an empty one says nothing."""
        text = cell.strip()
        if not text or (self._seen and not self._left):
            return
        self._seen = True
        read = {name: value for name, parse in self._left.items() if (value := parse(text)) is not None}
        self._left = {name: self._left[name] for name in read}
        if self._differing is None and len(set(read.values())) > 1:
            self._differing = text

    @property
    def is_ambiguous(self) -> bool:
        """Whether every cell can be read in two ways, and one of them as two values."""
        return len(self._left) > 1 and self._differing is not None

    @property
    def is_text(self) -> bool:
        """Whether cells stay as they are."""
        return not self._seen or not self._left or self.is_ambiguous

    @property
    def is_numeric(self) -> bool:
        """Whether cells are numbers."""
        return not self.is_text and next(iter(self._left)) in ("point", "comma")

    def notice(self) -> str | None:
        """Return what is to be said of a column that stays text though its cells look like numbers or dates."""
        if not self.is_ambiguous or self._differing is None:
            return None
        values = " or ".join(str(parse(self._differing)) for parse in self._left.values())
        return f"column {self.name!r} stays text: {self._differing} may be {values}, and no cell decides"

    def value(self, cell: str) -> Value:
        """Return a cell as a JSON value: dates as ISO text."""
        if self.is_text:
            return cell
        value = next(iter(self._left.values()))(cell.strip())
        return cell if value is None else value


def looks_typed(cell: str) -> bool:
    """Whether a cell is a number, a date or a truth value in any convention: no name of a column."""
    return any(parse(cell.strip()) is not None for parse in _CONVENTIONS.values())


def _none(text: str) -> Value | None:
    return None


def _boolean(text: str) -> Value | None:
    return {"true": True, "false": False}.get(text.casefold())


def _point(text: str) -> Value | None:
    text = text.translate(_MINUS)
    return _number(_GROUPS.sub("", text).replace(",", "")) if _POINT.fullmatch(text) else None


def _comma(text: str) -> Value | None:
    text = text.translate(_MINUS)
    return (
        _number(_GROUPS.sub("", text).replace(".", "").replace(",", ".")) if _COMMA.fullmatch(text) else None
    )


def _number(text: str) -> Value | None:
    if not text.isascii():  # digits of other scripts
        return None
    digits = sum(char.isdigit() for char in text.lower().partition("e")[0].lstrip("-0."))
    if text.lstrip("-").isdigit():
        return int(text) if digits <= _MOST_DIGITS else None
    return float(text) if digits <= _MOST_DECIMAL_DIGITS else None


def _iso(text: str) -> Value | None:
    if not _ISO.fullmatch(text):
        return None
    try:
        return (date if len(text) == 10 else datetime).fromisoformat(text).isoformat()
    except ValueError:
        return None


def _dated(pattern: re.Pattern[str]) -> Callable[[str], Value | None]:
    def parse(text: str) -> Value | None:
        found = pattern.fullmatch(text)
        if found is None:
            return None
        month = found["m"]
        number = int(month) if month.isdecimal() else _MONTH_OF.get(month.casefold(), 0)
        clock = found.groupdict().get("clock")
        try:
            day = date(int(found["y"]), number, int(found["d"]))
            return datetime.combine(day, time.fromisoformat(clock)).isoformat() if clock else day.isoformat()
        except ValueError:
            return None

    return parse


_CONVENTIONS: Mapping[str, Callable[[str], Value | None]] = {
    "boolean": _boolean,
    "point": _point,
    "comma": _comma,
    "iso": _iso,
    "year first": _dated(_YEAR_FIRST),
    "dotted": _dated(_DOTTED),
    "day first": _dated(_DAY_FIRST),
    "month first": _dated(_MONTH_FIRST),
    "day, name of month": _dated(_DAY_NAME),
    "name of month, day": _dated(_NAME_DAY),
}
