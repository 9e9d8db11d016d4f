"""Markdown as CommonMark (with tables) reads it: the blocks of a text, by their lines.

Blocks say where a text may be cut, which parts of it are sentences, and what heads what. Marks inside a line are not read
here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token

Kind = Literal["heading", "paragraph", "head", "row", "code", "rule", "html"]
"""``head`` are the rows that head a table, with the rule under them; ``row`` is one row under them, ``code`` one line of
code, with its fence."""

_LINE_END = re.compile(r"\r\n|\r|\n")
_INLINE_MARK = re.compile(r"[*_`\[\]<>&\\!~]")
_MARKDOWN = MarkdownIt("commonmark").enable("table").disable(["inline", "reference"])
_INLINE = MarkdownIt("commonmark").enable("strikethrough")


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

    for token, following in _tokens(text):
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


def _tokens(text: str) -> Iterator[tuple[Token, Token | None]]:
    """Yield each token of a text's blocks with the one after it.

    One block at a time, as `MarkdownIt` would do all at once: the tokens of a long text are so many that the garbage
    collector would take longer than the parser.
    """
    state = StateBlock(_LINE_END.sub("\n", text), _MARKDOWN, {}, [])
    rules = _MARKDOWN.block.ruler.getRules("")
    line = 0
    while (line := state.skipEmptyLines(line)) < state.lineMax:
        state.line = line
        next(rule for rule in rules if rule(state, line, state.lineMax, False))
        line = state.line
        yield from zip_longest(state.tokens, state.tokens[1:])
        state.tokens.clear()


def plain_text(line: str) -> str:
    """Return what a line of Markdown shows: without marks of emphasis, links, code and HTML, white space as one space."""
    if _INLINE_MARK.search(line):
        shown = [
            part.content
            if part.type in ("text", "code_inline", "image")
            else " " * part.type.endswith("break")
            for token in _INLINE.parseInline(line)
            for part in token.children or ()
        ]
        line = "".join(shown)
    return " ".join(line.split())


def _heading(opening: Token, content: Token | None) -> tuple[int, str]:
    level = int(opening.tag[1:]) if opening.level == 0 else 0
    return level, plain_text(content.content) if content is not None else ""
