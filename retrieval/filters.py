r"""Which passages may answer: a small typed expression over a passage's metadata.

    text                           Python                              holds when a value of the field
    a=1   a!=1                     field("a") == 1   field("a") != 1   equals it; `!=` is `not (a=1)`
    a<1   a<=1   a>1   a>=1        field("a") < 1 …                    lies on that side of the bound
    a in (1, "b c")                field("a").is_in([1, "b c"])        equals one of them, none for `in ()`
    not x    x and y    x or y     ~x    x & y    x | y                `not` binds first, `or` last

Fields. A name of letters, digits, `_`, `.` and `-` stands as it is, any other in quotes: `"release date"`, `'dc:title'`. Dots
lead into objects: `author.name`, field("author.name"). A key that has dots itself is found by the same name; quoted, a
part keeps its dots and means that key alone: `"a.b"=1`, `author."full.name"=Kim`, field("author", "full.name").

A field that no document of the indexes searched has is an error, which names the nearest ones. With a question mark it
may be missing, `kind?!=draft`, field("kind", optional=True): so a filter can serve indexes of several kinds.
`ProgramSpec.leaves_out` is taken so: documents without its fields are searched.

Values. A list stands for its elements, and each comparison holds if any element does: `tags=urgent` holds for
`["urgent", "x"]`, so `tags!=urgent` and `tags not in (urgent, x)` hold where none does. Objects in a list are looked into;
lists within lists are ignored. A missing field, null, a number that is not finite and a value of another kind hold for no
comparison. Negation is plain: `a!=1`, `a not in (1)` and `not a<1` hold for all of those.

Equality is exact and by kind: text, numbers and truth values never equal each other (true is not 1, nor is "1", nor is
the text 2024 the number 2024), while an int and a float compare by value. Upper and lower case differ; letters typed as one
character or as several (é) do not. Order is between numbers, or between two ISO dates: YYYY-MM-DD, or a date and time
starting so. A bound that is a plain date compares with the date as it is written, whatever the time and zone after it:
a<=2026-01-01 holds for 2026-01-01T23:30:00-05:00. A bound with a time compares instants, where a plain date is its midnight
and a time without a zone is UTC.

In text, unquoted, a number as JSON writes it (12, -1.5, but not 007) is a number, true and false are truth values and
anything else is text; 'quoted' and "quoted" are always text, with JSON's escapes. The words and, or, not, in are read in any
case and are, unquoted, neither a field's name nor a value.

`filter_text.parse_filter` reads the text. `str(filter)` is its identity, fit as a cache's key: it parses back to an equal
filter, and filters are equal when their texts are. A filter is at most 50 deep and 100,000 characters long. An index answers
filters from a table of its documents' values (`index.tables.metadata`), which holds for the same passages as `matches`.
"""

from __future__ import annotations

import json
import math
import operator
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, NoReturn, cast

from .errors import FilterError
from .metadata import KEYWORDS, FieldName, Kind, Path, comparable, comparable_values, instant

MAX_DEPTH = 50
MAX_LENGTH = 100_000
Value = str | int | float | bool | date
"""What a field is compared with. A filter keeps a date as its ISO text and 2.0 as 2."""

_RESERVED = KEYWORDS | {"true", "false"}
ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_BARE = re.compile(r"[^\W\d_][\w.-]*|\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class Condition:
    """Holds for values of one kind: those that are ``in`` a set, or lie on one side of a bound (< <= > >=)."""

    kind: Kind
    operator: str
    values: frozenset[Any]
    """What they may be, or the one bound."""

    def holds(self, kind: Kind, value: Any) -> bool:
        """Whether a value of that kind meets it."""
        if kind != self.kind:
            return False
        if self.operator == "in":
            return value in self.values
        (bound,) = self.values
        return ORDERS[self.operator](value, bound)


class Filter(ABC):
    """A condition on a passage's metadata."""

    _text: str
    _depth = 1

    @abstractmethod
    def matches(self, metadata: Mapping[str, Any]) -> bool:
        """Return whether the condition holds for a passage with this metadata."""

    @abstractmethod
    def _normalise(self) -> str:
        """Check the parts, bring them into their one canonical form and return the filter's text."""

    def __post_init__(self) -> None:
        text = self._normalise()
        if self._depth > MAX_DEPTH or len(text) > MAX_LENGTH:
            size = f"{self._depth} deep and {len(text)} characters long"
            raise FilterError(f"the filter is {size}; keep it within {MAX_DEPTH} and {MAX_LENGTH}")
        vars(self)["_text"] = text

    def __str__(self) -> str:
        return self._text

    def __eq__(self, other: object) -> bool:
        return self._text == other._text if isinstance(other, Filter) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._text)

    def __and__(self, other: Filter) -> Filter:
        return And((self, other)) if isinstance(other, Filter) else NotImplemented

    def __or__(self, other: Filter) -> Filter:
        return Or((self, other)) if isinstance(other, Filter) else NotImplemented

    def __invert__(self) -> Filter:
        return Not(self)

    @abstractmethod
    def optional(self) -> Filter:
        """Return the same filter, whose fields may be missing in an index altogether."""

    @abstractmethod
    def comparisons(self) -> Iterator[FieldComparison]:
        """Yield the comparisons that it is made of."""

    def __bool__(self) -> NoReturn:
        # Otherwise `x and y` and `1 < field("a") < 5` would drop one half without a word.
        raise FilterError(f"`{self}` is neither true nor false: join with & | ~, and test with `is None`")


class FieldComparison(Filter):
    """A field's values are compared: it holds if any of them does."""

    field: FieldName
    conditions: tuple[Condition, ...]
    """Of which a value meets one."""

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        return any(
            condition.holds(kind, value)
            for path, kind, value in comparable_values(metadata)
            if self.field.reaches(path)
            for condition in self.conditions
        )

    def comparisons(self) -> Iterator[FieldComparison]:
        yield self


@dataclass(frozen=True, eq=False)
class In(FieldComparison):
    """The field equals one of the values, kept each once and sorted by their text."""

    field: FieldName
    """May be given as `FieldName.of` takes it."""
    values: tuple[Value, ...]

    def _normalise(self) -> str:
        if isinstance(self.values, str | bytes) or not isinstance(self.values, Iterable):
            raise FilterError(f"`in` takes a list of values (got {type(self.values).__name__})")
        written = {_write(value): value for value in map(canonical_value, self.values)}
        values = tuple(written[text] for text in sorted(written))
        wanted: dict[Kind, set[Any]] = {}
        for kind, value in map(comparable, values):
            wanted.setdefault(kind, set()).add(value)
        conditions = tuple(Condition(kind, "in", frozenset(among)) for kind, among in wanted.items())
        vars(self).update(field=_field_name(self.field), values=values, conditions=conditions)
        return self._comparison_text("=", "in")

    def _comparison_text(self, equals: str, among: str) -> str:
        values = ", ".join(map(_write, self.values))
        return (
            f"{self.field}{equals}{values}" if len(self.values) == 1 else f"{self.field} {among} ({values})"
        )

    def optional(self) -> Filter:
        return In(_optional(self.field), self.values)


@dataclass(frozen=True, eq=False)
class Compare(FieldComparison):
    """The field lies on one side of a number or an ISO date; the operator is < <= > or >=."""

    field: FieldName
    """May be given as `FieldName.of` takes it."""
    operator: str
    bound: Value

    def _normalise(self) -> str:
        bound = canonical_value(self.bound)
        if self.operator not in ORDERS:
            raise FilterError(f"unknown operator {self.operator!r}; known: {' '.join(ORDERS)}")
        moment = instant(bound) if isinstance(bound, str) else None
        if isinstance(bound, bool) or (isinstance(bound, str) and moment is None):
            needed = f"{self.operator} needs a number or an ISO date such as 2026-01-31"
            raise FilterError(f"{needed} (got {_write(bound):.80})")
        kind: Kind = "number" if moment is None else "date" if len(str(bound)) == 10 else "instant"
        condition = Condition(kind, self.operator, frozenset({moment if kind == "instant" else bound}))
        vars(self).update(field=_field_name(self.field), bound=bound, conditions=(condition,))
        return f"{self.field}{self.operator}{_write(bound)}"

    def optional(self) -> Filter:
        return Compare(_optional(self.field), self.operator, self.bound)


@dataclass(frozen=True, eq=False)
class JoinedFilter(Filter):
    """Two filters or more joined by one word."""

    parts: tuple[Filter, ...]
    """Two or more; parts of the same class are taken apart."""
    word: ClassVar[str]

    def _normalise(self) -> str:
        if len(self.parts) < 2 or not all(isinstance(part, Filter) for part in self.parts):
            raise FilterError(f"`{self.word}` joins two filters or more (got {len(self.parts)} parts)")
        nested = [part.parts if isinstance(part, type(self)) else (part,) for part in self.parts]
        parts = tuple(part for group in nested for part in group)
        vars(self).update(parts=parts, _depth=1 + max(part._depth for part in parts))
        return f" {self.word} ".join(f"({part})" if isinstance(part, Or) else str(part) for part in parts)

    def optional(self) -> Filter:
        return type(self)(tuple(part.optional() for part in self.parts))

    def comparisons(self) -> Iterator[FieldComparison]:
        for part in self.parts:
            yield from part.comparisons()


class And(JoinedFilter):
    """All parts hold."""

    word = "and"

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        return all(part.matches(metadata) for part in self.parts)


class Or(JoinedFilter):
    """At least one part holds."""

    word = "or"

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        return any(part.matches(metadata) for part in self.parts)


@dataclass(frozen=True, eq=False)
class Not(Filter):
    """The part does not hold."""

    part: Filter

    def _normalise(self) -> str:
        if not isinstance(self.part, Filter):
            raise FilterError(f"`not` takes a filter (got {type(self.part).__name__})")
        vars(self).update(_depth=1 + self.part._depth)
        if isinstance(self.part, In):
            return self.part._comparison_text("!=", "not in")
        return f"not ({self.part})" if isinstance(self.part, JoinedFilter) else f"not {self.part}"

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        return not self.part.matches(metadata)

    def optional(self) -> Filter:
        return Not(self.part.optional())

    def comparisons(self) -> Iterator[FieldComparison]:
        return self.part.comparisons()


class field:  # lower-case: it reads as a word of the expression
    """A field of the metadata to compare: with ``==  !=  <  <=  >  >=`` or `is_in`; join with ``&  |  ~``.

    Args:
        keys: the field's key; several for the path to a value within objects, which ``"author.name"`` names as well.
        optional: it may be missing in an index altogether, which is an error otherwise.

    Raises:
        FilterError: a name that no field can have, or a value that cannot be compared so.

    Example:
        >>> from datetime import date
        >>> from quincunx import field
        >>> recent = (field("kind") == "catalyst") & (field("date") >= date(2024, 1, 1))
        >>> print(recent)
        kind=catalyst and date>=2024-01-01
        >>> recent.matches({"kind": "catalyst", "date": "2025-06-30"})
        True
        >>> print(~field("site").is_in(["builddaily", "sagedaily"]))
        site not in (builddaily, sagedaily)
        >>> print(field("release date") < date(2025, 1, 1))
        "release date"<2025-01-01
    """

    def __init__(self, *keys: str, optional: bool = False) -> None:
        self.name = FieldName.of(*keys, optional=optional)

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, value: Value) -> Filter:  # type: ignore[override]
        return In(self.name, (value,))

    def __ne__(self, value: Value) -> Filter:  # type: ignore[override]
        return Not(In(self.name, (value,)))

    def __lt__(self, bound: Value) -> Filter:
        return Compare(self.name, "<", bound)

    def __le__(self, bound: Value) -> Filter:
        return Compare(self.name, "<=", bound)

    def __gt__(self, bound: Value) -> Filter:
        return Compare(self.name, ">", bound)

    def __ge__(self, bound: Value) -> Filter:
        return Compare(self.name, ">=", bound)

    def is_in(self, values: Iterable[Value]) -> Filter:
        return In(self.name, cast("tuple[Value, ...]", values))  # which makes a tuple of them


def _write(value: Value) -> str:
    """Return a value as the text form has it: in quotes unless it is one plain word."""
    bare = isinstance(value, str) and _BARE.fullmatch(value) and value.lower() not in _RESERVED
    return str(value) if bare else json.dumps(value, ensure_ascii=False)


def _field_name(name: object) -> FieldName:
    if isinstance(name, FieldName):
        return name
    return FieldName.of(*name) if isinstance(name, tuple) else FieldName.of(name)


def _optional(name: FieldName) -> FieldName:
    return FieldName(name.keys, name.plain, optional=True)


def unknown_fields(where: Filter, known: Iterable[Path]) -> list[FieldName]:
    """Return the fields that a filter names, not as optional, and that are not among the known."""
    paths = set(known)
    dotted = {".".join(path) for path in paths}
    named = dict.fromkeys(comparison.field for comparison in where.comparisons())
    return [
        name
        for name in named
        if not (name.optional or (name.keys[0] in dotted if name.plain else name.keys in paths))
    ]


def canonical_value(value: object) -> str | int | float | bool:
    """Return a value in its canonical form, or raise `FilterError`."""
    if isinstance(value, bool):
        return value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int) and abs(value) < 2**63:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return int(value) if value.is_integer() and abs(value) < 2**63 else float(value)
    if isinstance(value, str) and not re.search(r"[\ud800-\udfff]", value):
        return str.__str__(value)
    got = "one too large" if isinstance(value, int) else f"{value!r:.80}"
    raise FilterError(f"a value is text, true, false, a date or a finite number of 64 bits (got {got})")
