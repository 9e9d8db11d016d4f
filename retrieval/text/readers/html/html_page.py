"""Web pages that were saved as files: their main content, with what they say of themselves as metadata."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ....passages import Document
from ..as_markdown import as_heading
from ..field_map import TITLE
from ..reader import SourceFile, UnreadableFileError
from .html_markdown import element_as_markdown
from .html_tree import HEADINGS, line_of, outer_headings, parse_html
from .main_content import main_content
from .page_encoding import decode_page
from .page_metadata import meta_tags, page_metadata

_MOST_BYTES = 32 * 1024 * 1024
"""Largest page that is read: its tree takes many times its size in memory."""
_LEADS_ON = re.compile(r"0\s*[;,]\s*url\b", re.IGNORECASE)
"""Of ``<meta http-equiv="refresh">``: at once, and to another page."""


class HtmlReader:
    """Reads ``.html``, ``.htm`` and ``.xhtml``, titled by their main heading, else by what they call themselves."""

    name = "html"
    version = 1
    suffixes = (".html", ".htm", ".xhtml")

    def read(self, file: SourceFile) -> Iterator[Document]:
        file.require_size(_MOST_BYTES)
        html = decode_page(file, file.read_bytes())
        root = parse_html(html, xml=file.path.suffix.lower() == ".xhtml" or html.startswith("<?xml"))
        if root is None:
            return
        empty = _why_empty(root)
        tags = meta_tags(root)
        if _LEADS_ON.match(tags.get("refresh", "")):
            raise UnreadableFileError("no_text", "it only leads on to another page: read that one")
        metadata = page_metadata(root, tags)
        names = [tags.get("og:title", ""), _title_tag(root)]
        headings = [line_of(heading) for heading in outer_headings(root, "h1")]
        content = main_content(root)
        file.require_time()
        text = element_as_markdown(content)
        if not text.strip():
            raise UnreadableFileError("no_text", empty)
        title, heading = _title(content, headings, names, metadata.get("site", ""))
        if heading:
            text = f"{as_heading(heading, 1)}\n\n{text}"
        record = {**tags, **metadata}
        mapped = file.fields.value(TITLE, {**record, "title": title}, guess=False)
        yield file.document(
            str(mapped or title or file.name), text, {**metadata, **file.fields.added(record)}
        )


def _title(content: Any, headings: list[str], names: list[str], site: str) -> tuple[str, str]:
    """Return a page's title, and the heading above its content that says it, of which there may be none.

    It is the content's only heading of the first rank, or the first one that the page's own name holds. A heading above the
    content counts where that name begins with it, since it may be the site's. Else it is that name, without the site's: up to
    the end of the content's first heading, where it begins with that.
    """
    inside = [line for heading in outer_headings(content, "h1") if (line := line_of(heading))]
    name = next((name for name in names if name), "")
    for line in inside:
        if len(inside) == 1 or any(line.casefold() in name.casefold() for name in names):
            return line, ""
    for line in headings if not inside else []:
        if line and line != site and name.casefold().startswith(line.casefold()):
            return line, line
    first = next((line for heading in outer_headings(content, *HEADINGS) if (line := line_of(heading))), "")
    if first and name.casefold().startswith(first.casefold()):
        return first, ""
    return (_without_site(name, site) or (inside[0] if inside else "")), ""


def _without_site(name: str, site: str) -> str:
    ending = re.search(r"\s+[-–—|·:»]\s+" + re.escape(site) + r"$", name) if site else None
    return name[: ending.start()] if ending else name


def _title_tag(root: Any) -> str:
    found = next((tag for tag in root.iter("title") if tag.getparent().tag != "svg"), None)
    return "" if found is None else " ".join((found.text or "").split())


def _why_empty(root: Any) -> str:
    """Say why a page may hold no words."""
    if next(root.iter("frameset", "frame", "iframe"), None) is not None:
        return "its text is in frames: read the pages that they show"
    if next(root.iter("script"), None) is not None:
        return "scripts write its text: save the page as a browser shows it"
    return "its body holds no words"
