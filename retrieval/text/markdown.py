"""Markdown as CommonMark (with tables) reads it: the blocks of a text, by their lines.

Blocks say where a text may be cut, which parts of it are sentences, and what heads what. Marks inside a line are not read
here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token

Kind = Literal["heading", "paragraph", "head", "row", "code", "rule", "html"]
"""``head`` are the rows that head a table, with the rule under them; ``row`` is one row under them, ``code`` one line of
code, with its fence."""

_LINE_END = re.compile(r"\r\n|\r|\n")
_MARKDOWN = MarkdownIt("commonmark").enable("table").disable(["inline", "reference"])


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a text, ``text[start:end]``: whole lines, with the marks of the lists and quotes that it stands in."""

    kind: Kind
    start: int
    end: int
    level: int = 0
    """Of a heading, 1 to 6; 0 where it stands in a list or a quote, and so heads nothing."""
    name: str = ""
    """Of a heading: its text."""


def read_blocks(text: str) -> Iterator[Block]:
    """Yield the blocks of a Markdown text, in reading order; between them lies white space, or what shows nothing."""
    lines = [0, *(match.end() for match in _LINE_END.finditer(text))]
    lines.append(len(text))

    def at(line: int) -> int:
        return lines[min(line, len(lines) - 1)]

    def each_line(kind: Kind, first: int, last: int) -> Iterator[Block]:
        return (Block(kind, at(line), at(line + 1)) for line in range(first, last) if at(line) < at(line + 1))

    tokens = _MARKDOWN.parse(text)
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.map is None:
            continue
        first, last = token.map
        match token.type:
            case "heading_open":
                yield Block("heading", at(first), at(last), *_heading(token, following))
            case "paragraph_open":
                yield Block("paragraph", at(first), at(last))
            case "thead_open":
                # The rule under the head belongs to it.
                yield Block("head", at(first), at(last + 1))
            case "tr_open" if token.level > 1 and following is not None and following.type == "td_open":
                yield Block("row", at(first), at(last))
            case "fence" | "code_block":
                yield from each_line("code", first, last)
            case "hr":
                yield Block("rule", at(first), at(last))
            case "html_block":
                yield Block("html", at(first), at(last))


def _heading(opening: Token, content: Token | None) -> tuple[int, str]:
    level = int(opening.tag[1:]) if opening.level == 0 else 0
    return level, content.content if content is not None else ""
