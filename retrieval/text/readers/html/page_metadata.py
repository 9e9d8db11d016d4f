"""What a web page says of itself: in its ``<meta>`` tags, in its links and in its JSON-LD. Nothing is guessed.

Trafilatura guesses: it makes a date of ``© 2026``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from ....passages import Metadata

_MOST_JSON = 256 * 1024
"""Characters of the longest JSON-LD that is read."""
_PUBLISHED = (
    "article:published_time",
    "datepublished",
    "date",
    "dc.date",
    "dcterms.date",
    "dcterms.created",
    "dc.date.issued",
)
_MODIFIED = ("article:modified_time", "og:updated_time", "datemodified", "last-modified", "dcterms.modified")
_AUTHOR = ("author", "article:author", "dc.creator", "dcterms.creator")


def meta_tags(root: Any) -> dict[str, str]:
    """Return the contents of ``<meta>`` tags by their names in small letters; of several of one name, the first."""
    found: dict[str, str] = {}
    for tag in root.iter("meta"):
        name = tag.get("property") or tag.get("name") or tag.get("itemprop") or tag.get("http-equiv")
        content = " ".join((tag.get("content") or "").split())
        if name and content:
            found.setdefault(name.strip().lower(), content)
    return found


def page_metadata(root: Any, tags: Mapping[str, str]) -> Metadata:
    """Return url, author, published, modified, description, keywords, language and site, of which a page says them."""
    linked = list(_linked_data(root))
    keywords = [word.strip() for word in tags.get("keywords", "").split(",") if word.strip()]
    found = {
        "url": _first_url(root, tags),
        "author": _author(linked, tags),
        "published": _first_date([*_values(linked, "datePublished"), *_tagged(tags, _PUBLISHED)]),
        "modified": _first_date([*_values(linked, "dateModified"), *_tagged(tags, _MODIFIED)]),
        "description": tags.get("description") or tags.get("og:description") or tags.get("dc.description"),
        "keywords": keywords,
        "language": _language(root, tags),
        "site": tags.get("og:site_name"),
    }
    return {name: value for name, value in found.items() if value}


def _first_url(root: Any, tags: Mapping[str, str]) -> str | None:
    canonical = [
        link.get("href", "").strip()
        for link in root.iter("link")
        if "canonical" in link.get("rel", "").lower().split()
    ]
    return next(
        (
            url
            for url in [*canonical, tags.get("og:url", "")]
            if re.match(r"https?://[^\s/]", url, re.IGNORECASE)
        ),
        None,
    )


def _author(linked: list[dict[str, Any]], tags: Mapping[str, str]) -> str | list[str] | None:
    for value in _values(linked, "author"):
        people = value if isinstance(value, list) else [value]
        said = [person.get("name") if isinstance(person, dict) else person for person in people]
        names = [" ".join(name.split()) for name in said if isinstance(name, str) and name.strip()]
        if names:
            return names[0] if len(names) == 1 else names
    return next((name for name in _tagged(tags, _AUTHOR) if not re.match("https?://", name)), None)


def _language(root: Any, tags: Mapping[str, str]) -> str | None:
    """Return the language that a page says it is in, where that is such a code as ``de`` or ``pt-BR``."""
    html = next(iter(root.iter("html")), root)
    said = (
        html.get("lang")
        or html.get("xml:lang")
        or tags.get("content-language")
        or tags.get("dc.language")
        or ""
    )
    return said.strip() if re.fullmatch(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*", said.strip()) else None


def html_date(text: str) -> str | None:
    """Return a date, or a moment, as ISO 8601 writes it; ``None`` for what is none."""
    text = text.strip()
    try:
        return (
            date.fromisoformat(text).isoformat()
            if len(text) == 10
            else datetime.fromisoformat(text).isoformat()
        )
    except ValueError:
        return text if re.fullmatch(r"(?:1[0-9]|20)\d\d(?:-(?:0[1-9]|1[0-2]))?", text) else None


def _first_date(values: list[Any]) -> str | None:
    return next((found for value in values if isinstance(value, str) and (found := html_date(value))), None)


def _tagged(tags: Mapping[str, str], names: tuple[str, ...]) -> list[str]:
    return [tags[name] for name in names if name in tags]


def _values(linked: list[dict[str, Any]], name: str) -> list[Any]:
    return [item[name] for item in linked if name in item]


def _linked_data(root: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects of a page's JSON-LD, those in lists and graphs too."""
    for script in root.iter("script"):
        if (
            script.get("type", "").strip().lower() != "application/ld+json"
            or len(script.text or "") > _MOST_JSON
        ):
            continue
        try:
            said = json.loads(script.text or "")
        except (ValueError, RecursionError):
            continue
        for item in said if isinstance(said, list) else [said]:
            if isinstance(item, dict):
                yield item
                graph = item.get("@graph")
                yield from (
                    node for node in (graph if isinstance(graph, list) else []) if isinstance(node, dict)
                )
