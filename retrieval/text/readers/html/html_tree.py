"""The tree of an HTML text, and what of it a browser shows."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from html import escape as html_escape
from typing import Any

from ....errors import MissingExtraError
from ..reader import UnreadableFileError

MOST_TAGS = 1_000_000
"""Most tags of one page: a tree of more would not fit into the memory of a small computer."""

_UNSEEN = frozenset({
    "annotation", "annotation-xml", "applet", "audio", "canvas", "datalist", "defs", "desc", "head",
    "iframe", "metadata", "noembed", "noframes", "noscript", "object", "script", "style", "template",
    "title", "video",
})  # fmt: skip
"""What a browser shows nothing of, or something else than its text."""
_OF_HEAD = frozenset(
    {"base", "basefont", "bgsound", "link", "meta", "noscript", "script", "style", "template", "title"}
)
_UNSEEN_CLASSES = frozenset({"headerlink", "linenos", "linenodiv", "lineno", "gutter"})
"""Numbers of lines of code, and the marks beside headings that link to them."""
_PERMALINKS = frozenset({"¶", "§", "#", "🔗", "⚓", "↑", "↩", "↩︎"})
"""Links beside headings that lead to them, and below notes that lead back."""
_NO_CHARACTERS = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]"
    r"|&#0*(?:[0-8]|1[124-9]|2\d|3[01]|127|6553[45])(?!\d);?"
    r"|&#[xX]0*(?:[0-8bBcCeEfF]|1[\da-fA-F]|7[fF]|[fF]{3}[eEfF])(?![\da-fA-F]);?"
)
"""What may stand in no tree."""
_COPIES = re.compile(r"\b(?:copy|clipboard|copybtn)\b", re.IGNORECASE)
"""What a button beside code or a heading says that copies it."""
_HIDDEN_STYLE = re.compile(
    r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))\b", re.IGNORECASE
)
BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "button", "caption", "center", "dd", "details",
    "dialog", "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header",
    "hgroup", "hr", "html", "legend", "li", "main", "menu", "nav", "ol", "option", "p", "pre", "search",
    "section", "select", "summary", "table", "tbody", "td", "textarea", "tfoot", "th", "thead", "tr",
    "ul", "h1", "h2", "h3", "h4", "h5", "h6",
})  # fmt: skip
LISTS = frozenset({"ul", "ol", "menu", "dir"})
STRUCK = frozenset({"s", "strike", "del"})
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_EMPTY = re.compile(
    r"""<([A-Za-z][\w:.-]{0,99}+)((?:\s(?:[^<>"'/]++|/(?!>)|"[^"<]*+"|'[^'<]*+'){0,1000}+)?)/>"""
)
"""It goes back nowhere: to remember where it could took 160 bytes for each character of a tag without an end."""
HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})


def parse_html(html: str, *, xml: bool = False) -> Any:
    """Return the root of the tree of an HTML text, without comments; ``None`` where it has none.

    Where it is XHTML (``xml``), every element may be empty, as in ``<script src="x"/>``, and text may stand in CDATA.

    Raises:
        UnreadableFileError: it has too many tags, or they are too deep in one another.
        MissingExtraError: lxml is not installed.
    """
    etree = lxml("etree")
    if html.count("<") > MOST_TAGS:
        raise UnreadableFileError("too_large", f"more than {MOST_TAGS:,} tags: split it into several files")
    if xml:
        html = _without_xml(html)
    parser = lxml("html").HTMLParser(
        encoding="utf-8", huge_tree=True, no_network=True, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(_NO_CHARACTERS.sub(" ", html).encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        return None
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise UnreadableFileError(
            "too_large", "more than 2,048 tags lie in one another: save it as plain text"
        )
    if root is not None:
        _mend(root)
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


def is_unseen(element: Any) -> bool:
    """Whether a browser shows nothing of an element, or a mark or button that belongs to no text."""
    tag, attributes = element.tag, element.attrib
    if tag in _UNSEEN:
        return True
    if tag in ("html", "body") or attributes.get("role") == "tabpanel":
        # Scripts show these in time.
        return False
    return (
        (tag == "dialog" and "open" not in attributes)
        or (
            tag == "a"
            and not len(element)
            and (element.text or "").strip() in _PERMALINKS
            and _is_anchor(element)
        )
        or (tag == "button" and _COPIES.search(" ".join(attributes.values())) is not None)
        or attributes.get("hidden", "until-found") != "until-found"
        or _HIDDEN_STYLE.search(attributes.get("style", "")) is not None
        or not _UNSEEN_CLASSES.isdisjoint(attributes.get("class", "").split())
    )


def _mend(root: Any) -> None:
    """Put right what the parser, which is older than HTML 5, takes otherwise than browsers do."""
    head = root.find("head")
    stray = next((child for child in head if child.tag not in _OF_HEAD), None) if head is not None else None
    if stray is not None:
        # A page need not say where its body begins.
        body = root.find("body")
        if body is None:
            body = root.makeelement("body")
            root.append(body)
        strays = [stray, *stray.itersiblings()]
        strays[-1].tail = f"{strays[-1].tail or ''}{body.text or ''}"
        body.text = None
        for place, element in enumerate(strays):
            body.insert(place, element)
    for item in list(root.iter("dd", "dt")):
        # The next definition ends the one before it.
        while (
            (before := item.getparent()).tag in ("dd", "dt")
            and item.getnext() is None
            and not (item.tail or "").strip()
        ):
            item.tail, before.tail = before.tail, None
            before.addnext(item)


def _is_anchor(link: Any) -> bool:
    return str(link.get("href", "")).startswith("#")


def outer_headings(element: Any, *names: str) -> Iterator[Any]:
    """Yield the headings within an element that lie in no other one: a page could say its text as often as it nests them."""
    walk = lxml("etree").iterwalk(element, events=("start",), tag=names)
    for _, heading in walk:
        yield heading
        walk.skip_subtree()


def line_of(element: Any) -> str:
    """Return what an element shows, on one line."""
    return " ".join("".join(_pieces(element)).split())


def _pieces(element: Any) -> Iterator[str]:
    """Yield the texts that an element shows, with a space where a block begins or ends."""
    walk = lxml("etree").iterwalk(element, events=("start", "end"))
    last = ""
    whole: Any = None
    for event, child in walk:
        if event == "start" and child is not element and is_unseen(child):
            whole = child
            walk.skip_subtree()
            continue
        mark = "" if child is whole else mark_of(child, last, ending=event == "end")
        if event == "start":
            said = mark + ((child.get("alt") if child.tag == "img" else child.text) or "")
        else:
            said = mark + ((child.tail or "") if child is not element else "")
        if said:
            last = said[-1]
            yield said.replace("\xad", "")


def mark_of(element: Any, last: str, *, ending: bool) -> str:
    """Return what stands for an element's own mark where it begins or ends, after the character ``last``.

    A space for a block, quotation marks for a quotation, ``~~`` round what is struck out, and ``^`` before a number that is
    raised right after a word, since 10² would else read as 102.
    """
    tag = element.tag
    if tag in BLOCKS or tag == "br":
        return " "
    if tag in STRUCK and not len(element):
        return "~~" if (element.text or "").strip() else ""
    if tag == "q":
        return "”" if ending else "“"
    if tag == "sup" and not ending and last.isalnum():
        said = next((text for text in element.itertext() if text), "")
        return "^" if said[:1].isdigit() else ""
    return ""


def _without_xml(text: str) -> str:
    """Return XHTML as the HTML that says the same."""
    first, *others = text.split("<![CDATA[")
    for other in others:
        within, end, after = other.partition("]]>")
        first += f"{html_escape(within)}{after}" if end else other
    return _EMPTY.sub(
        lambda tag: tag[0] if tag[1].lower() in _VOID else f"<{tag[1]}{tag[2]}></{tag[1]}>", first
    )
