"""The addresses that a text leads to."""

from __future__ import annotations

import html
import re

from ...retrieval.text.normal_form import normal_text

_REST = r"[^\s<>\"'`]"
_NOT_HOSTS = "cc|cs|go|js|md|ml|pl|py|rb|rs|sh|so|ts"
"""Two letters that end names of files and tools (``next.js``, ``setup.py``) and are endings of hosts too, or look so."""
_ENDINGS = (
    "com|net|org|info|biz|dev|app|page|site|online|shop|store|club|link|live|news|blog|cloud|tech|space|world|pro|xyz|top"
    "|icu|vip|win|fun|gov|edu|mil|int|example|test|onion"
)
_LINK = re.compile(
    rf"""
      \b [a-z][a-z0-9+.-]{{1,20}} : [/\\]{{2}} {_REST}+                                 # https://…, hxxps://…, https:\\…
    | \b (?:mailto|javascript|vbscript|data|tel|sms|file|magnet) : {_REST}+
    | (?<![\w:/]) // [\w-]+ (?:\.[\w-]+)+ {_REST}*
    | \b www\. {_REST}+
    | (?<![\w@.-]) (?:[\w-]+\.)+ [a-z]{{2,24}} / {_REST}*                               # host.tld/path
    | (?<![\w.-]) (?:[\w.+-]+@)? (?:[\w-]+\.)+ (?:{_ENDINGS}|(?!(?:{_NOT_HOSTS})\b)[a-z]{{2}}) \b (?![\w-])
    """,
    re.IGNORECASE | re.VERBOSE,
)


def links(text: str) -> list[str]:
    """Return the addresses that a text leads to, however they are dressed up, in lower case and without punctuation after.

    Looked for in the text as quotes are compared (in normal form) and with HTML's entities resolved: anything with a
    scheme, ``//host``, ``www.``, and bare host names, with a path or with an ending that host names have.
    """
    found = _LINK.findall(normal_text(html.unescape(text)).lower())
    return [link.rstrip(".,;:!?)]}…\\") for link in found]
