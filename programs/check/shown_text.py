"""A passage as it reads on a page: without the marks of Markdown and HTML, words that were cut at line ends put together.

Every character keeps the place that it came from, so that what is found in it can be given as the passage spells it.
"""

from __future__ import annotations

import html
import re
from array import array
from collections.abc import Iterator
from functools import lru_cache

from ...retrieval.text.normal_form import NormalForm, normal_form

LINE_HYPHEN = "\ue001"
"""Stands where a word is cut at the end of a line: the hyphen belongs to the word, or to the cut, and nobody can tell."""

_INLINE_TAGS = "a|abbr|b|cite|code|del|em|font|i|ins|kbd|mark|q|s|small|span|strong|sub|sup|u|var"
_BLOCK_TAGS = "br|div|hr|img|li|ol|p|table|tbody|td|th|thead|tr|ul|h[1-6]|blockquote|pre|details|summary"
_LIST_MARK = r"(?:[-*+•][ \t]+(?:\[[ xX]\][ \t]+)?|\d{1,2}[.)][ \t]+)"
_MARK = re.compile(
    rf"""
      (?P<escaped>\\(?P<kept>[!-/:-@\[-`{{-~]))
    | (?P<entity>&(?:\#\d{{1,7}}|\#[xX][0-9a-fA-F]{{1,6}}|[a-zA-Z][a-zA-Z0-9]{{1,31}});)
    | (?P<gone><!--.*?--> | </?(?:{_INLINE_TAGS})(?:\s[^<>]*)?/?> | \[\^[^\]\s]+\]:?
        | (?<=\])(?:\((?:[^()\s]|\([^()]*\))*(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)|\[[^\[\]]*\]))
    | <(?P<address>(?:https?://|mailto:|[\w.+-]+@)[^<>\s]+)>
    | (?P<line>^[ \t]*(?:[=-]{{2,}}|(?:[-*_][ \t]*){{3,}}|\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?|(?:`{{3,}}|~{{3,}})[^`\n]*)[ \t]*$)
    | (?P<space></?(?:{_BLOCK_TAGS})(?:\s[^<>]*)?/?> | \|)
    | (?P<begin>^[ \t]*(?:(?:>[ \t]?)+{_LIST_MARK}?|{_LIST_MARK}|\#{{1,6}}[ \t]+) | [ \t]+\#+[ \t]*$)
    | (?P<emphasis>(?<![^\W_])_+(?=\S) | (?<=\S)_+(?![^\W_]) | ~~ | `+
        | (?<!\d)\*+(?=\S) | (?<=\S)\*+(?!\d) )
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)
_LINE_HYPHEN = re.compile(r"(?<=[^\W\d_])[-‐][ \t]*\n[ \t]*(?:>[ \t]?)*(?=[^\W\d_])")


@lru_cache(maxsize=1024)  # some 20 kB each; the quotes of an answer are looked for in the same few passages
def shown_text(text: str) -> NormalForm:
    """Return what a text shows, in normal form; a hyphen between two lines is `LINE_HYPHEN`."""
    pieces: list[str] = []
    starts, ends = array("q"), array("q")
    at = 0
    for start, end, shown in _replacements(text):
        if start < at:
            continue
        pieces += [text[at:start], shown]
        starts.extend([*range(at, start), *[start] * len(shown)])
        ends.extend([*range(at + 1, start + 1), *[end] * len(shown)])
        at = end
    pieces.append(text[at:])
    starts.extend(range(at, len(text)))
    ends.extend(range(at + 1, len(text) + 1))
    form = normal_form("".join(pieces))
    return NormalForm(
        form.text,
        array("q", [starts[start] for start in form.starts]),
        array("q", [ends[end - 1] for end in form.ends]),
    )


def _replacements(text: str) -> list[tuple[int, int, str]]:
    """Return (start, end, what is shown instead) of every mark, in order."""
    found = [(match.start(), match.end(), LINE_HYPHEN) for match in _LINE_HYPHEN.finditer(text)]
    for match in _MARK.finditer(text):
        start, end = match.span()
        match match.lastgroup:
            case "escaped" | "kept":
                shown = match["kept"]
            case "address":
                shown = match["address"]
            case "begin" if match[0].strip()[:1].isdigit() and not _begins_entry(text[:start]):
                continue
            case "entity":
                shown = html.unescape(match["entity"])
            case "space":
                shown = " "
            case "gone" if text[start - 1 : start] == "]":
                found += [(start - 1, start, ""), *_opening_bracket(text, start - 1)]
                shown = ""
            case _:
                shown = ""
        found.append((start, end, shown))
    return sorted(found)


def _begins_entry(before: str) -> bool:
    """Tell whether a number at the beginning of a line numbers an entry, and is none that a sentence goes on with."""
    line = before.rstrip().rpartition("\n")[2]
    return (
        before.endswith("\n\n")
        or not line
        or line[-1] in ".:;!?。"
        or bool(re.match(rf"[ \t]*{_LIST_MARK}", line))
    )


def _opening_bracket(text: str, closing: int) -> Iterator[tuple[int, int, str]]:
    """Yield the bracket that a link's text begins with, and the mark of an image before it."""
    depth = 0
    for at in range(closing, max(-1, closing - 1000), -1):
        depth += {"]": 1, "[": -1}.get(text[at], 0)
        if depth == 0:
            image = text[at - 1 : at] == "!"
            yield at - image, at + 1, ""
            return
