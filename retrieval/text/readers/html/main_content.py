"""The main content of a web page: what is left of it without the parts that stand on every page of a site.

The rule. First those parts are taken out that say what they are (`_FURNITURE`, `_is_furniture`): navigation, the heads and
feet of the site, search, notes about cookies, and menus, which are mostly links. Of what is left, the page's one ``<main>``
counts, or its one ``<article>``, where a tenth, or two thirds, of the words stand in it. A page without them is asked of
trafilatura: the smallest element counts that holds what trafilatura finds, where two thirds of the words that are no links
stand in it. Everywhere else all that is left counts: a part too many does less harm than a part too few.

Trafilatura is asked where the content is, and not for the content itself: its own Markdown puts a table out of its place
where it lies in another, and loses captions, languages of code and what is raised or hidden.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any

from ....errors import MissingExtraError
from .html_tables import span_of
from .html_tree import is_unseen, lxml

MOST_TAGS_SEARCHED = 20_000
"""Tags, and cells that others are laid over, of the largest page that trafilatura is asked of, which takes seconds for it."""
MOST_SEARCHED = 1_000_000
"""Characters of the largest page that trafilatura is asked of."""
_FURNITURE_ROLES = frozenset({"navigation", "banner", "contentinfo", "search", "alertdialog", "dialog"})
_ENDS = frozenset({"header", "footer", "aside"})
_NOTES = frozenset({"div", "section", "form", "p"})
_CONSENT = re.compile(r"cookie|consent|gdpr", re.IGNORECASE)
_MENU = re.compile(
    r"(?:^|[\s_-])(?:nav|navbar|navigation|menu|sidebar|breadcrumbs?|pagination|pager|related|share|social|footer|skip)"
    r"(?:$|[\s_-])",
    re.IGNORECASE,
)
_MOST_CONSENT = 2_000
"""Characters of the longest note about cookies; what is longer may be a policy about them."""
_OF_MAIN, _OF_ARTICLE, _OF_FOUND = 0.1, 2 / 3, 2 / 3
_SHORTEST = 15
"""Characters of the shortest text by which the place of what trafilatura found is known."""


def main_content(root: Any) -> Any:
    """Return the element that holds a page's main content; the page's furniture is taken out of the tree."""
    body = next(iter(root.iter("body")), root)
    _take_out_furniture(body)
    counts = _Counts(body)
    for found, share in ((counts.mains, _OF_MAIN), (counts.articles, _OF_ARTICLE)):
        if len(found) == 1 and counts.words(found[0]) >= max(1, share * counts.words(body)):
            return found[0]
    region = _region(root, body) if counts.words(body) <= MOST_SEARCHED else None
    return (
        region
        if region is not None and counts.own_words(region) >= _OF_FOUND * counts.own_words(body)
        else body
    )


class _Counts:
    """What each element of a page holds, found in one pass."""

    def __init__(self, body: Any) -> None:
        self.mains: list[Any] = []
        self.articles: list[Any] = []
        """Those that lie in no other one."""
        self.inside: set[Any] = set()
        """Elements within a ``<main>`` or an ``<article>``, of those that may be the site's head or foot."""
        self.holding: dict[str, set[Any]] = {"content": set(), "h1": set()}
        """Elements that hold a ``<main>`` or an ``<article>``, or a heading of the first rank."""
        self._all: dict[Any, int] = {}
        self._linked: dict[Any, int] = {}
        depths = {"main": 0, "article": 0}
        unseen: Any = None
        walk = lxml("etree").iterwalk(body, events=("start", "end"))
        for event, element in walk:
            tag = "main" if element.get("role") == "main" else element.tag
            if event == "start":
                self._all[element] = self._linked[element] = 0
                if is_unseen(element):
                    unseen = element
                    walk.skip_subtree()
                    continue
                self._all[element] = _length(element.text)
                if tag in _ENDS and any(depths.values()):
                    self.inside.add(element)
                if tag == "main" or (tag == "article" and not depths["article"]):
                    (self.mains if tag == "main" else self.articles).append(element)
                if tag in (*depths, "h1"):
                    _mark_above(element, self.holding["h1" if tag == "h1" else "content"])
                if tag in depths:
                    depths[tag] += 1
                continue
            if element is unseen:
                unseen = None
            elif tag in depths:
                depths[tag] -= 1
            elif tag == "a":
                self._linked[element] = self._all[element]
            if element is not body:
                above = element.getparent()
                self._all[above] += self._all[element] + _length(element.tail)
                self._linked[above] += self._linked[element]

    def words(self, element: Any) -> int:
        """How many characters an element shows, white space aside."""
        return self._all.get(element, 0)

    def own_words(self, element: Any) -> int:
        """How many of them stand in no link."""
        return self._all.get(element, 0) - self._linked.get(element, 0)

    def is_mostly_links(self, element: Any) -> bool:
        """Whether more than half of them stand in links."""
        return 2 * self._linked.get(element, 0) > self._all.get(element, 0)


def _mark_above(element: Any, marked: set[Any]) -> None:
    while element is not None and element not in marked:
        marked.add(element)
        element = element.getparent()


def _take_out_furniture(body: Any) -> None:
    """Take a page's furniture out of its tree, unless nothing would be left: a page may be nothing but a menu."""
    counts = _Counts(body)
    found = []
    walk = lxml("etree").iterwalk(body, events=("start",))
    for _, element in walk:
        if element is not body and _is_furniture(element, counts):
            found.append(element)
            walk.skip_subtree()
    if sum(map(counts.words, found)) < counts.words(body):
        for element in found:
            element.drop_tree()


def _is_furniture(element: Any, counts: _Counts) -> bool:
    tag, role = element.tag, element.get("role", "")
    if element in counts.holding["content"]:
        return False
    if tag == "nav" or role in _FURNITURE_ROLES:
        return True
    has_heading = element in counts.holding["h1"]
    if tag in _ENDS:
        outside = element not in counts.inside and not (tag == "header" and has_heading)
        return outside or counts.is_mostly_links(element)
    named = f"{element.get('id', '')} {element.get('class', '')}"
    if has_heading or not named.strip():
        return False
    if tag in _NOTES and _CONSENT.search(named) and counts.words(element) <= _MOST_CONSENT:
        return True
    return _MENU.search(named) is not None and counts.is_mostly_links(element)


def _region(root: Any, body: Any) -> Any:
    """Return the smallest element that holds nine tenths of what trafilatura finds; ``None`` where it finds nothing."""
    spanned = sum(
        span_of(cell, "colspan", 1000) * span_of(cell, "rowspan", 1000) for cell in body.iter("td", "th")
    )
    if (
        sum(1 for _ in body.iter()) + spanned > MOST_TAGS_SEARCHED
        or _length("".join(body.itertext())) > MOST_SEARCHED
    ):
        return None
    found = _found_text(root)
    if not found:
        return None
    weights: dict[Any, int] = {}
    for element, text in _texts(body):
        if len(text) >= _SHORTEST and text in found:
            weights[element] = weights.get(element, 0) + len(text)
    for element in reversed(list(body.iter())):
        if element is not body and element in weights:
            above = element.getparent()
            weights[above] = weights.get(above, 0) + weights[element]
    region, whole = body, weights.get(body, 0)
    if not whole:
        return None
    while True:
        inner = next((child for child in region if weights.get(child, 0) >= 0.9 * whole), None)
        if inner is None:
            return region
        region = inner


def _found_text(root: Any) -> str:
    """Return what trafilatura takes for the main content, without white space."""
    try:
        import trafilatura
    except ImportError as error:
        raise MissingExtraError("trafilatura", "documents") from error
    logger = logging.getLogger("trafilatura")
    level = logger.level
    # It warns of each page that it finds nothing in.
    logger.setLevel(logging.CRITICAL)
    try:
        page = trafilatura.bare_extraction(root, include_comments=False, favor_recall=True)
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        RecursionError,
        lxml("etree").LxmlError,
    ):
        return ""
    finally:
        logger.setLevel(level)
    body = getattr(page, "body", None)
    return "" if body is None else _bare("".join(body.itertext()))


def _texts(body: Any) -> Iterator[tuple[Any, str]]:
    for element in body.iter():
        if element.text:
            yield element, _bare(element.text)
        if element.tail and element is not body:
            yield element.getparent(), _bare(element.tail)


def _bare(text: str) -> str:
    return "".join(text.split())


def _length(text: str | None) -> int:
    return len(_bare(text)) if text else 0
