"""HTML as Markdown: every word that a browser shows, in its order, in the blocks that it shows them in."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...errors import MissingExtraError
from .as_markdown import as_code, as_heading, as_paragraph, as_table
from .reader import UnreadableFileError

MOST_TAGS = 2_000_000
"""Most tags of one page: a tree of more would not fit into the memory of a small computer."""
_MOST_DEEP = 10
"""Lists and quotes in one another that are indented; deeper ones stand as deep as that."""
_MOST_SPANNED = 64
"""Columns that a cell is laid over at most."""

_UNSEEN = frozenset({
    "annotation", "annotation-xml", "applet", "audio", "canvas", "datalist", "defs", "desc", "head",
    "iframe", "metadata", "noembed", "noframes", "noscript", "object", "script", "style", "template",
    "title", "video",
})  # fmt: skip
"""What a browser shows nothing of, or something else than its text."""
_UNSEEN_CLASSES = frozenset({"headerlink", "linenos", "linenodiv", "lineno", "gutter"})
"""Numbers of lines of code, and the marks beside headings that link to them."""
_HIDDEN_STYLE = re.compile(
    r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))\b", re.IGNORECASE
)
_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "button", "caption", "center", "dd", "details",
    "dialog", "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header",
    "hgroup", "hr", "html", "legend", "li", "main", "menu", "nav", "ol", "option", "p", "pre", "search",
    "section", "select", "summary", "table", "tbody", "td", "textarea", "tfoot", "th", "thead", "tr",
    "ul", "h1", "h2", "h3", "h4", "h5", "h6",
})  # fmt: skip
_LISTS = frozenset({"ul", "ol", "menu", "dir"})
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_CODE = frozenset({"code", "kbd", "samp", "tt"})
_STRUCK = frozenset({"s", "strike", "del"})
_TABLE_PARTS = frozenset({"thead", "tbody", "tfoot"})
_ALLOWED_IN = {"table": {*_TABLE_PARTS, "tr", "caption", "colgroup", "col"}, "tr": {"td", "th"}}
_LANGUAGE = re.compile(r"(?:^|\s)(?:language-|lang-|highlight-|brush:\s*)([\w+#.-]+)")
_NO_LANGUAGES = frozenset({"default", "none", "notranslate", "plaintext", "text"})
_UNDERLINE = re.compile(r"[-=:|\s]+")


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


def parse_html(html: str) -> Any:
    """Return the root of the tree of an HTML text, without comments; ``None`` where it has none.

    Raises:
        UnreadableFileError: it has too many tags, or they are too deep in one another.
        MissingExtraError: lxml is not installed.
    """
    etree = lxml("etree")
    if html.count("<") > MOST_TAGS:
        raise UnreadableFileError("too_large", f"more than {MOST_TAGS:,} tags: split it into several files")
    parser = lxml("html").HTMLParser(
        encoding="utf-8", huge_tree=True, no_network=True, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(html.replace("\0", "").encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        return None
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise UnreadableFileError(
            "too_large", "more than 2,048 tags lie in one another: save it as plain text"
        )
    for item in [] if root is None else list(root.iter("dd", "dt")):
        # The parser ends no definition where the next one begins.
        while item.getparent().tag in ("dd", "dt"):
            item.getparent().addnext(item)
    return root


def lxml(module: str) -> Any:
    """Return a module of lxml.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return importlib.import_module(f"lxml.{module}")
    except ImportError as error:
        raise MissingExtraError("lxml", "documents") from error


def element_as_markdown(root: Any) -> str:
    """Return what an element of a parsed page shows, as `html_as_markdown` does."""
    return _Writer(_layout_tables(root)).write(root)


def is_unseen(element: Any) -> bool:
    """Whether a browser shows nothing of an element."""
    attributes = element.attrib
    return (
        element.tag in _UNSEEN
        or (element.tag == "dialog" and "open" not in attributes)
        or attributes.get("hidden", "until-found") != "until-found"
        or _HIDDEN_STYLE.search(attributes.get("style", "")) is not None
        or not _UNSEEN_CLASSES.isdisjoint(attributes.get("class", "").split())
    )


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
        if tag in _BLOCKS:
            self._end_paragraph()
        if tag in _HEADINGS:
            if line := _line(element):
                self._put([as_heading(re.sub(r"<(?=[A-Za-z/!?])", r"\\<", line), int(tag[1]))])
            return False
        if tag == "pre":
            if (text := _code_text(element)).strip():
                self._put(as_code(text, _language(element)).split("\n"))
            return False
        if tag == "table" and element not in self._layout:
            self._put_table(element)
            return False
        if tag in _CODE | _STRUCK and not any(child.tag in _BLOCKS for child in element):
            mark = "`" if tag in _CODE else "~~"
            line = _line(element)
            self._words.append(f"{mark}{line}{mark}" if line and mark[0] not in line else line)
            return False
        match tag:
            case "br":
                self._words.append("\n")
            case "hr":
                self._put(["---"])
            case "img":
                self._say(element.get("alt"))
            case "q":
                self._words.append("“")
            case "sup" if _raises_number(element, self._words):
                self._words.append("^")
            case "ul" | "ol" | "menu" | "dir":
                self._counts.append(_first_number(element) if tag == "ol" else None)
            case "li":
                self._begin_item(element)
            case "blockquote":
                self._begin("> ", "> ")
            case "dd":
                previous = element.getprevious()
                self._apart = self._apart and (previous is None or previous.tag not in ("dt", "dd"))
                self._begin(": ", "  ")
        self._say(element.text)
        return True

    def _close(self, element: Any) -> None:
        if element.tag in _BLOCKS:
            self._end_paragraph()
        match element.tag:
            case "q":
                self._words.append("”")
            case "ul" | "ol" | "menu" | "dir":
                self._counts.pop()
                self._apart = True
            case "li" | "blockquote" | "dd":
                self._inside.pop()

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
            mark = indent = ""
            self._apart = True
        self._inside.append(_Container(mark, indent))

    def _say(self, text: str | None) -> None:
        if text:
            self._words.append(" ".join(f"_{text.replace(chr(0xAD), '')}_".split())[1:-1])

    def _end_paragraph(self) -> None:
        if not self._words:
            return
        text = "".join(self._words)
        self._words.clear()
        for paragraph in re.split(r"\n\s*\n", text.strip()):
            lines = [as_paragraph(line) for line in paragraph.split("\n") if line.strip()]
            lines[1:] = [f"\\{line}" if _UNDERLINE.fullmatch(line) else line for line in lines[1:]]
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
            if line := _line(caption):
                self._put([as_paragraph(line)], paragraph=True)
        rows = _rows(table)
        if not rows:
            return
        width = max(map(len, rows))
        first = next(table.iter("tr"))
        beside = [cell.tag for cell in first.iterchildren("td", "th")]
        headed = first.getparent().tag == "thead" or not (beside[0] == "th" and "td" in beside)
        head, body = (rows[0], rows[1:]) if headed else ([], rows)
        self._put(as_table([*head, *[""] * (width - len(head))], body).split("\n"))


def _layout_tables(root: Any) -> set[Any]:
    """Return the tables that hold no rows of data: that stand as the blocks in their cells.

    Those that say so, that hold a table or a heading, that have but one column or one row of blocks, and those whose words
    do not all stand in cells.
    """
    found: set[Any] = set()
    open_tables: list[Any] = []
    rows: list[int] = []
    widest: list[int] = []
    blocks: list[bool] = []
    for event, element in lxml("etree").iterwalk(root, events=("start", "end")):
        tag = element.tag
        if event == "end":
            if tag == "table":
                table, count, width, has_blocks = open_tables.pop(), rows.pop(), widest.pop(), blocks.pop()
                if width < 2 or (count < 2 and has_blocks) or table.get("role") in ("presentation", "none"):
                    found.add(table)
            continue
        if open_tables:
            if tag == "table" or tag in _HEADINGS or _is_stray(element):
                found.add(open_tables[-1])
            blocks[-1] = blocks[-1] or tag in ("p", "pre", "div", *_LISTS)
        if tag == "table":
            open_tables.append(element)
            rows.append(0)
            widest.append(0)
            blocks.append(False)
        elif tag == "tr" and open_tables:
            rows[-1] += 1
            widest[-1] = max(widest[-1], sum(1 for _ in element.iterchildren("td", "th")))
    return found


def _is_stray(element: Any) -> bool:
    """Whether an element, or text beside it, stands in a table where only rows or cells may."""
    tag, above = element.tag, element.getparent().tag
    if tag in _TABLE_PARTS | {"tr"} and element.text and element.text.strip():
        return True
    if above in _TABLE_PARTS | {"table", "tr"}:
        allowed = _ALLOWED_IN.get(above, {"tr"})
        return tag not in allowed | {"script", "template", "style"} or bool(
            element.tail and element.tail.strip()
        )
    return tag in ("td", "th", "tr")


def _rows(table: Any) -> list[list[str]]:
    """Return the texts of a table's cells; a column that another cell spans is empty."""
    real = [
        (row, [cell for cell in row.iterchildren("td", "th") if not is_unseen(cell)])
        for row in table.iter("tr")
        if not is_unseen(row) and not is_unseen(row.getparent())
    ]
    most = min(max((len(cells) for _, cells in real), default=0), _MOST_SPANNED)
    from_above: dict[int, int] = {}
    rows = []
    for _, cells in real:
        row: list[str] = []
        below: dict[int, int] = {}
        for cell in cells:
            while from_above.get(len(row), 0):
                row.append("")
            across, down = _span(cell, "colspan", most), _span(cell, "rowspan", 1000)
            for column in range(len(row), len(row) + across):
                below[column] = down - 1
            row += [_line(cell), *[""] * (across - 1)]
        from_above = {column: left - 1 for column, left in from_above.items() if left > 1} | {
            column: left for column, left in below.items() if left
        }
        while row and not row[-1]:
            row.pop()
        if row:
            rows.append(row)
    return rows


def _span(cell: Any, name: str, most: int) -> int:
    value = cell.get(name, "1").strip()
    return min(max(int(value), 1), most) if value.isascii() and value.isdecimal() and len(value) < 6 else 1


def _line(element: Any) -> str:
    """Return what an element shows, on one line."""
    return " ".join("".join(_pieces(element)).split())


def _pieces(element: Any) -> Iterator[str]:
    """Yield the texts that an element shows, with a space where a block begins or ends."""
    walk = lxml("etree").iterwalk(element, events=("start", "end"))
    whole: Any = None
    for event, child in walk:
        if child.tag in _BLOCKS or child.tag == "br":
            yield " "
        if event == "start":
            if child is not element and is_unseen(child):
                whole = child
                walk.skip_subtree()
            else:
                yield (child.get("alt") if child.tag == "img" else child.text) or ""
        else:
            whole = None if child is whole else whole
            yield (child.tail or "") if child is not element else ""


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


def _raises_number(element: Any, before: list[str]) -> bool:
    """Whether a raised text begins with a digit right after a word: 10² would else read as 102."""
    last = next((text[-1] for text in reversed(before) if text), "")
    said = next((text for text in element.itertext() if text), "")
    return last.isalnum() and said[:1].isdigit()


def _first_number(element: Any) -> int:
    start = element.get("start", "1").strip()
    return int(start) if start.isascii() and start.isdecimal() and len(start) < 10 else 1
