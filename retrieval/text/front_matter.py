"""Front matter: the fields that stand above a Markdown text, in YAML between ``---`` or in TOML between ``+++``.

YAML is read as its version 1.2 has it, whatever an old tool would make of it: ``no`` and ``on`` are words, ``12:30`` is
no number, and a number that begins with 0 is a text, since it is a name (a postcode, an article). What is no front
matter stays text: a rule above a text, and a block that cannot be read, of which the notice tells.
"""

from __future__ import annotations

import base64
import json
import math
import re
import tomllib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any

import yaml

from ..passages import Metadata
from .encodings import without_half_pairs

MOST_CHARACTERS = 64 * 1024
"""Longest block that is read as front matter."""
MOST_VALUES = 10_000
"""Most values that a block may hold once its aliases are written out."""
MOST_DEPTH = 32

_BLOCK = re.compile(
    r"(---|\+\+\+)[ \t]*\r?\n(.*?)(?:^)(\1|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True)
class FrontMatter:
    """A Markdown text, taken apart."""

    body: str
    """What stands below the block; the whole text where there is none."""
    title: str | None = None
    metadata: Metadata = field(default_factory=dict)
    """JSON values by name, the title left out."""
    notices: tuple[str, ...] = ()


def read_front_matter(text: str) -> FrontMatter:
    """Take the front matter off a Markdown text that begins with it."""
    block = _BLOCK.match(text)
    if block is None or (block[1] == "+++" and block[3] == "..."):
        return FrontMatter(text)
    kind, source = ("YAML", block[2]) if block[1] == "---" else ("TOML", block[2])
    try:
        if len(source) > MOST_CHARACTERS:
            raise _UnreadableError(f"it is longer than {MOST_CHARACTERS} characters")
        loaded, notices = _load_yaml(source) if kind == "YAML" else (_load_toml(source), [])
        if loaded is None:
            loaded = {}
        if not isinstance(loaded, dict):
            return FrontMatter(text)  # a rule, a paragraph and another rule
        metadata = _Converter().fields(loaded)
    except _UnreadableError as error:
        return FrontMatter(
            text, notices=(f"front matter is no {kind} that can be read ({error}): kept as text",)
        )
    title = _take_title(metadata)
    return FrontMatter(text[block.end() :].lstrip("\r\n"), title, metadata, tuple(notices))


class _UnreadableError(ValueError):
    pass


def _take_title(metadata: Metadata) -> str | None:
    """Take the title out of the fields: ``title``, else that word in other letters; a list or a map is none."""
    for name in sorted(
        (name for name in metadata if name.lower() == "title"), key=lambda name: name != "title"
    ):
        value = metadata[name]
        if value is None or isinstance(value, str | int | float):
            del metadata[name]
            text = value if isinstance(value, str) else "" if value is None else json.dumps(value)
            return " ".join(text.split()) or None
    return None


def _load_toml(source: str) -> Any:
    try:
        return tomllib.loads(source.replace("\r\n", "\n"))
    except (ValueError, RecursionError) as error:
        raise _UnreadableError(_one_line(error)) from error


def _load_yaml(source: str) -> tuple[Any, list[str]]:
    try:
        return _load_once(source)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if "\t" in source:
            # YAML allows no tab where it indents, and PyYAML none after a colon; people write both.
            try:
                return _load_once(source.replace("\t", "  "))
            except (yaml.YAMLError, ValueError, RecursionError):
                pass
        raise _UnreadableError(_one_line(error)) from error


def _load_once(source: str) -> tuple[Any, list[str]]:
    loader = _Loader(source)
    try:
        return loader.get_single_data(), loader.notices
    finally:
        loader.dispose()


def _one_line(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 2}: {error.problem}"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return " ".join(str(error).split())[:200]


_MERGE = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    """Safe, and bounded where an alias stands for an alias: what it says in a few lines could fill the memory."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.notices: list[str] = []

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        if len(node.value) > MOST_VALUES:
            raise ValueError(f"it holds more than {MOST_VALUES} values")

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Read the names of fields as they are written, dates and numbers too: JSON has names of text alone."""
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                key.tag = "tag:yaml.org,2002:str"
                if key.value in seen:
                    self.notices.append(f"front matter names {key.value!r} twice; the last one counts")
                seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_date(self, node: yaml.ScalarNode) -> Any:
        try:
            return self.construct_yaml_timestamp(node)
        except ValueError:
            return node.value  # 2026-02-30

    def construct_number(self, node: yaml.ScalarNode) -> float:
        """Read a number by Python's rules: PyYAML's take 1:30 for one of base 60."""
        return float(node.value.lower().replace(".inf", "inf").replace(".nan", "nan"))


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] in ("timestamp", "merge")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_FLOAT = r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+))"
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    ("null", r"~|null|Null|NULL|", [*"~nN", ""]),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", [*"-+0123456789"]),
    ("float", rf"{_FLOAT}|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", [*"-+0123456789."]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), _first)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_date)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_number)


class _Converter:
    """Makes JSON values of what YAML and TOML know, and counts them."""

    def __init__(self) -> None:
        self._count = 0

    def fields(self, mapping: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
        return {without_half_pairs(name): self._value(value, depth + 1) for name, value in mapping.items()}

    def _value(self, value: Any, depth: int) -> Any:
        self._count += 1
        if self._count > MOST_VALUES:
            raise _UnreadableError(f"it holds more than {MOST_VALUES} values")
        if depth > MOST_DEPTH:
            raise _UnreadableError(f"it is nested more than {MOST_DEPTH} deep")
        match value:
            case None | bool():
                return value
            case str():
                return without_half_pairs(value)
            case int():
                # JSON readers elsewhere, SQLite's among them, hold no number of hundreds of digits.
                return value if abs(value) < 1 << 63 else str(value) if abs(value) < 10**300 else hex(value)
            case float():
                return value if math.isfinite(value) else str(value)
            case date() | time():  # a datetime is a date
                return value.isoformat()
            case bytes():
                return base64.b64encode(value).decode()
            case dict():
                return self.fields(value, depth)
            case set() | frozenset():
                return sorted((self._value(item, depth + 1) for item in value), key=json.dumps)
            case list() | tuple():
                return [self._value(item, depth + 1) for item in value]
        raise _UnreadableError(f"{type(value).__name__} is no value of front matter")
