"""Reading a filter from its text form; `filters` says what the form is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import NoReturn, TypeVar

from .errors import FilterError
from .filters import (
    MAX_DEPTH,
    MAX_LENGTH,
    ORDERS,
    And,
    Compare,
    Filter,
    In,
    JoinedFilter,
    Not,
    Or,
    Value,
    canonical_value,
)
from .metadata import KEYWORDS, FieldName

T = TypeVar("T")

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+')|(?P<sign>[!<>]=|[=<>(),])"""
    r"""|(?P<word>[^\s()=!<>,"'\\]+)|(?P<end>\Z)|(?P<unknown>.))""",
    re.DOTALL,
)


_STEP = re.compile(
    r"""(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')(?:\.|$)|(?P<word>[^."']+)(?:\.|$)""", re.DOTALL
)


def parse_filter(text: str) -> Filter:
    """Read a filter such as `site=builddaily and (date>=2026-01-01 or not draft=true)`.

    `filters` says what the text can hold, fields in quotes and paths among it; ``str`` of a filter is text that reads back to an equal one.

    Raises:
        FilterError: the text is not a filter; the message says where, and what was expected there.

    Example:
        >>> from quincunx import parse_filter
        >>> from quincunx import field
        >>> where = parse_filter("kind = catalyst and not draft=true")
        >>> where == (field("kind") == "catalyst") & (field("draft") != True)
        True
        >>> where.matches({"kind": "catalyst"})
        True
        >>> parse_filter("kind =")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        quincunx.retrieval.errors.FilterError: bad filter, character 7: found the end, expected a value...
    """
    if not isinstance(text, str) or len(text) > MAX_LENGTH:
        got = f"{len(text)} characters" if isinstance(text, str) else type(text).__name__
        raise FilterError(f"a filter is text of at most {MAX_LENGTH} characters (got {got})")
    return _Parser(text).read()


class _Parser:
    """Recursive descent, one method for each level of the grammar, looking one token ahead."""

    def __init__(self, text: str) -> None:
        self.tokens = _TOKEN.finditer(text)
        self.nested = 0
        self.advance()

    def advance(self) -> None:
        match = next(self.tokens)
        self.kind = str(match.lastgroup)
        self.token = match[self.kind]
        self.at = match.start(self.kind) + 1

    def take(self, word: str) -> bool:
        found = self.token.lower() == word
        if found:
            self.advance()
        return found

    def fail(self, expected: str) -> NoReturn:
        found = "the end" if self.kind == "end" else f"{self.token!r:.80}"
        found = "a quote that never closes" if self.token in ("'", '"') else found
        raise _located(self.at, f"found {found}, expected {expected}")

    def make(self, at: int, build: Callable[..., T], *arguments: object) -> T:
        try:
            return build(*arguments)
        except FilterError as error:
            raise _located(at, str(error)) from None

    def read(self) -> Filter:
        whole = self.alternatives()
        if self.kind != "end":
            self.fail("`and`, `or` or the end")
        return whole

    def alternatives(self) -> Filter:
        return self.joined(Or, lambda: self.joined(And, self.condition))

    def joined(self, join: type[JoinedFilter], part: Callable[[], Filter]) -> Filter:
        at, parts = self.at, [part()]
        while self.take(join.word):
            parts.append(part())
        return self.make(at, join, tuple(parts)) if len(parts) > 1 else parts[0]

    def condition(self) -> Filter:
        self.nested += 1
        at = self.at
        if self.nested > MAX_DEPTH:
            self.fail(f"at most {MAX_DEPTH} levels of `not` and parentheses")
        if self.take("not"):
            found: Filter = self.make(at, Not, self.condition())
        elif self.take("("):
            found = self.alternatives()
            if not self.take(")"):
                self.fail("`and`, `or` or `)`")
        else:
            found = self.comparison()
        self.nested -= 1
        return found

    def comparison(self) -> Filter:
        name = self.field_name()
        sign, at = self.token, self.at
        if sign in ("=", "!=") or sign in ORDERS:
            self.advance()
            at, value = self.at, self.value()
            if sign in ORDERS:
                return self.make(at, Compare, name, sign, value)
            return self.make(at, In if sign == "=" else _not_in, name, (value,))
        negated = self.take("not")
        if not self.take("in"):
            self.fail("`in`" if negated else "one of = != < <= > >=, `in` or `not in`")
        return self.make(at, _not_in if negated else In, name, self.values())

    def field_name(self) -> FieldName:
        """Read a name of words and quoted parts that stand side by side, dots between them."""
        at, text = self.at, ""
        if self.kind not in ("word", "quoted") or self.token.lower() in KEYWORDS:
            self.fail("a field's name, `not` or `(`")
        while self.kind in ("word", "quoted") and self.at == at + len(text):
            text += self.token
            self.advance()
        return self.make(at, _read_name, text)

    def values(self) -> tuple[Value, ...]:
        found: list[Value] = []
        if not self.take("("):
            self.fail("`(`")
        while not self.take(")"):
            if found and not self.take(","):
                self.fail("`,` or `)`")
            found.append(self.value())
        return tuple(found)

    def value(self) -> Value:
        if self.kind not in ("word", "quoted") or self.token.lower() in KEYWORDS:
            self.fail("a value, in quotes unless it is one plain word")
        value = self.make(self.at, _read, self.token)
        self.advance()
        return value


def _located(at: int, problem: str) -> FilterError:
    example = "site=builddaily and date>=2026-01-01"
    return FilterError(f"bad filter, character {at}: {problem}; a right one: {example}")


def _not_in(name: FieldName, values: tuple[Value, ...]) -> Filter:
    return Not(In(name, values))


def _read_name(text: str) -> FieldName:
    """Return the field that a text names, such as ``a``, ``a.b``, ``"a b"?`` or ``a."b.c"``."""
    name, optional = text.removesuffix("?"), text.endswith("?")
    if not re.search("[\"']", name):
        if not FieldName.of(name).plain:
            raise FilterError(
                f"a field's name is letters, digits, _ . and -, and not and, or, not, in (got {name!r:.80}); "
                "any other name in quotes"
            )
        return FieldName.of(name, optional=optional)
    keys, place = [], 0
    for step in _STEP.finditer(name):
        if step.start() != place:
            break
        keys.append(str(_read(step["quoted"])) if step["quoted"] else step["word"])
        place = step.end()
    if place != len(name) or name.endswith("."):
        raise FilterError(f"a field's name in several parts has a dot between each two (got {name!r:.80})")
    if len(keys) == 1 and FieldName.of(keys[0]).plain and "." in keys[0]:
        return FieldName((FieldName.of(keys[0]).keys[0],), plain=False, optional=optional)
    return FieldName.of(*keys, optional=optional)


def _read(token: str) -> Value:
    """Return the value that a word or a quoted text stands for."""
    if token[0] in "\"'":
        inner = re.sub(
            r"""\\.|\"""", lambda m: {"\\'": "'", '"': '\\"'}.get(m[0], m[0]), token[1:-1], flags=re.DOTALL
        )
        token = f'"{inner}"'
    elif token.lower() in ("true", "false"):
        return token.lower() == "true"
    elif not _NUMBER.fullmatch(token):
        return canonical_value(token)
    try:
        return canonical_value(json.loads(token, strict=False))
    except ValueError:  # an escape that is none, or thousands of digits
        raise FilterError(f"{token!r:.80} has an escape that JSON lacks, or too many digits") from None
