"""Where a citation leads: the part of a document that a character lies in, and the address that shows it."""

from __future__ import annotations

import re
from bisect import bisect_right
from pathlib import PurePosixPath
from urllib.parse import quote as percent_encoded
from urllib.parse import urldefrag

from ...retrieval.passages import Part
from ...retrieval.text.markdown import plain_text
from ...signatures.evidence import Citation, Evidence

_WEB = re.compile(r"https?://", re.IGNORECASE)
_PAGES_OF_THE_WEB = {".html", ".htm", ".xhtml"}
_WHOLE_WORDS = 12
"""Words up to which a text fragment holds a quote whole; of a longer one, those at its beginning and its end."""
_END_WORDS = 5


def with_place(citation: Citation, passage: Evidence) -> Citation:
    """Return a citation with what leads a person to it: the part of the document that it begins in, and the address."""
    at = citation.start if citation.start is not None else passage.start
    number = bisect_right([start for start, _, _ in passage.parts], at)
    part = Part(*passage.parts[max(number - 1, 0)]) if passage.parts else None
    update = {
        "place": str(part) if part is not None else "",
        "page": part.number if part is not None and part.kind == "page" else None,
        "url": url_of_quote(citation.link or citation.path, part, citation.quote),
    }
    return citation.model_copy(update=update)


def url_of_quote(address: str, part: Part | None, quote: str) -> str:
    """Return the address that leads to a quote in a document; empty where the document has none.

    Args:
        address: an absolute link, or a path, which is percent-encoded.
        part: that the quote begins in.
        quote: as it stands in the document, in Markdown.

    The fragments are those of RFC 8118 (``#page=``, PDF), RFC 7111 (``#row=``, tables) and the WICG's URL Fragment Text
    Directives (``#:~:text=``, pages of the web).
    """
    if not address:
        return ""
    is_link = bool(_WEB.match(address))
    url = address if is_link else percent_encoded(address)
    suffix = PurePosixPath(urldefrag(address).url.partition("?")[0]).suffix.lower()
    if part is not None and part.kind in ("page", "row"):
        return f"{urldefrag(url).url}#{part.kind}={part.number}"
    if (is_link and part is None) or suffix in _PAGES_OF_THE_WEB:
        directive = _text_directive(quote)
        return f"{url}{'' if '#' in url else '#'}:~:{directive}" if directive else url
    return url


def _text_directive(quote: str) -> str:
    words = " ".join(plain_text(line) for line in quote.split("\n")).split()
    if len(words) <= _WHOLE_WORDS:
        texts = [" ".join(words)] if words else []
    else:
        texts = [" ".join(words[:_END_WORDS]), " ".join(words[-_END_WORDS:])]
    # A dash, a comma and an ampersand have a meaning of their own in the directive.
    encoded = [percent_encoded(text, safe="").replace("-", "%2D") for text in texts]
    return f"text={','.join(encoded)}" if encoded else ""
