"""HTML as Markdown: every word that a browser shows, in its order, in the blocks that it shows them in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ..as_markdown import as_code, as_heading, as_paragraph, as_table
from .html_tables import layout_tables, table_rows
from .html_tree import BLOCKS, HEADINGS, is_unseen, line_of, lxml, mark_of, parse_html

_MOST_DEEP = 10
"""Lists and quotes in one another that are indented; deeper ones stand as deep as that."""
_CODE = frozenset({"code", "kbd", "samp", "tt"})
_LANGUAGE = re.compile(r"(?:^|\s)(?:language-|lang-|highlight-|brush:\s*)([\w+#.-]+)")
_NO_LANGUAGES = frozenset({"default", "none", "notranslate", "plaintext", "text"})


def html_as_markdown(html: str) -> str:
    """Return what HTML shows, as Markdown.

    Headings, lists in lists, quotes, code with its language and tables stand as such: a table's row on one line, its first
    row as its head, a spanned column as an empty cell, so that every word stands once. Tables that only lay out a page stand
    as the blocks in their cells. A definition stands below its term, after a colon. Links stand as their text alone, and
    emphasis without marks, since citations quote the text that readers see, which shows neither; images as the text that
    stands for them. Numbers raised after a word stand after ``^``: 10^6 is not 106. Scripts, styles, templates, comments,
    what is hidden by attribute or by its own style, and what only stands in for a script are left out.

    Raises:
        UnreadableFileError: it has too many tags, or they are too deep in one another.
        MissingExtraError: lxml is not installed.
    """
    root = parse_html(html)
    return "" if root is None else element_as_markdown(root)


def element_as_markdown(root: Any) -> str:
    """Return what an element of a parsed page shows, as `html_as_markdown` does."""
    return _Writer(layout_tables(root)).write(root)


@dataclass
class _Container:
    """A list item, a definition or a quote that lines stand in."""

    mark: str
    """Before its first line."""
    indent: str
    """Before every other one."""
    begun: bool = False


class _Writer:
    """Writes the blocks of a tree, from its beginning to its end; no element waits on Python's stack for another."""

    def __init__(self, layout: set[Any]) -> None:
        self._layout = layout
        self._lines: list[str] = []
        self._words: list[str] = []
        self._inside: list[_Container] = []
        self._deeper = 0
        """Lists and quotes within the deepest that is indented."""
        self._counts: list[int | None] = []
        self._apart = False

    def write(self, root: Any) -> str:
        whole: Any = None
        walk = lxml("etree").iterwalk(root, events=("start", "end"))
        for event, element in walk:
            if event == "start":
                if not self._open(element):
                    whole = element
                    walk.skip_subtree()
                continue
            if element is whole:
                whole = None
            else:
                self._close(element)
            if element is not root:
                self._say(element.tail)
        self._end_paragraph()
        return "\n".join(self._lines)

    def _open(self, element: Any) -> bool:
        """Begin an element; return whether its content is still to be written."""
        tag = element.tag
        if is_unseen(element):
            return False
        if tag in BLOCKS:
            self._end_paragraph()
        if tag in HEADINGS:
            if line := line_of(element):
                self._put([as_heading(re.sub(r"<(?=[A-Za-z/!?])", r"\\<", line), int(tag[1]))])
            return False
        if tag == "pre":
            if (text := _code_text(element)).strip():
                self._put(as_code(text, _language(element)).split("\n"))
            return False
        if tag == "table" and element not in self._layout:
            self._put_table(element)
            return False
        if tag in _CODE and not any(child.tag in BLOCKS for child in element):
            if line := line_of(element):
                self._words.append(f"`{line}`" if "`" not in line else line)
            return False
        match tag:
            case "br":
                self._words.append("\n")
            case "hr":
                self._put(["---"])
            case "img":
                self._say(element.get("alt"))
            case "ul" | "ol" | "menu" | "dir":
                self._counts.append(_first_number(element) if tag == "ol" else None)
            case "li":
                self._begin_item(element)
            case "blockquote":
                self._begin("> ", "> ")
            case "dd":
                previous = element.getprevious()
                self._apart = self._apart and (previous is None or previous.tag not in ("dt", "dd"))
                nested = bool(self._inside) and self._inside[-1].mark == ": "
                self._begin(": ", "" if nested else "  ")
            case _:
                self._mark(element)
        self._say(element.text)
        return True

    def _mark(self, element: Any, *, ending: bool = False) -> None:
        last = next((word[-1] for word in reversed(self._words) if word), "")
        if mark := mark_of(element, last, ending=ending).strip():
            self._words.append(mark)

    def _close(self, element: Any) -> None:
        if element.tag in BLOCKS:
            self._end_paragraph()
        match element.tag:
            case "ul" | "ol" | "menu" | "dir":
                self._counts.pop()
                self._apart = True
            case "li" | "blockquote" | "dd" if self._deeper:
                self._deeper -= 1
            case "li" | "blockquote" | "dd":
                self._inside.pop()
            case _:
                self._mark(element, ending=True)

    def _begin_item(self, element: Any) -> None:
        number = self._counts[-1] if self._counts else None
        value = element.get("value", "")
        if number is not None:
            number = int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else number
            self._counts[-1] = number + 1
        mark = "- " if number is None else f"{number}. "
        first = element.getprevious() is None
        nested = len(self._counts) > 1 and (number is None or number == 1)
        if not first or nested:
            self._apart = False
        self._begin(mark, " " * len(mark))

    def _begin(self, mark: str, indent: str) -> None:
        if len(self._inside) >= _MOST_DEEP:
            self._deeper += 1
            self._apart = True
            return
        self._inside.append(_Container(mark, indent))

    def _say(self, text: str | None) -> None:
        # Words are looked back at up to the last one that is not empty: none is kept that is.
        if text and (said := " ".join(f"_{text.replace(chr(0xAD), '')}_".split())[1:-1]):
            self._words.append(said)

    def _end_paragraph(self) -> None:
        if not self._words:
            return
        text = "".join(self._words)
        self._words.clear()
        for paragraph in re.split(r"\n\s*\n", text.strip()):
            lines = [as_paragraph(line) for line in paragraph.split("\n") if line.strip()]
            if lines:
                self._put(lines, paragraph=True)

    def _put(self, lines: list[str], *, paragraph: bool = False) -> None:
        """Write the lines of a block, within the lists and quotes that it stands in."""
        for within in self._inside:
            if within.mark == ": " and not within.begun and not (paragraph and within is self._inside[-1]):
                within.begun, self._apart = True, True
        if self._apart and self._lines:
            self._lines.append("".join(within.indent for within in self._inside if within.begun).rstrip())
        for line in lines:
            before = "".join(within.indent if within.begun else within.mark for within in self._inside)
            self._lines.append(f"{before}{line}".rstrip() if not line else f"{before}{line}")
            for within in self._inside:
                within.begun = True
        self._apart = True

    def _put_table(self, table: Any) -> None:
        for caption in table.iterchildren("caption"):
            if line := line_of(caption):
                self._put([as_paragraph(line)], paragraph=True)
        head, body = table_rows(table)
        if head or body:
            self._put(as_table(head, body).split("\n"))


def _code_text(element: Any) -> str:
    parts: list[str] = []
    walk = lxml("etree").iterwalk(element, events=("start", "end"))
    for event, child in walk:
        if event == "end":
            parts.append((child.tail or "") if child is not element else "")
        elif child is not element and is_unseen(child):
            walk.skip_subtree()
        else:
            parts.append("\n" if child.tag == "br" else child.text or "")
    return re.sub(r"\A[ \t]*\n|\s+\Z", "", "".join(parts).replace("\r", ""))


def _language(element: Any) -> str:
    """Return the language that code says it is in: itself, the code within it or what stands round it."""
    code = element.find("code")
    near = [code, element, element.getparent()]
    near.append(near[-1].getparent() if near[-1] is not None else None)
    for candidate in near:
        if candidate is not None:
            found = _LANGUAGE.search(candidate.get("class", ""))
            name = found[1] if found else candidate.get("data-lang", "").strip()
            if re.fullmatch(r"[\w+#.-]+", name) and name.lower() not in _NO_LANGUAGES:
                return str(name)
    return ""


def _first_number(element: Any) -> int:
    start = element.get("start", "1").strip()
    return int(start) if start.isascii() and start.isdecimal() and len(start) < 10 else 1
