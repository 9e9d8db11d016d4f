"""What the headers of an e-mail message say, however they are encoded or broken."""

from __future__ import annotations

import binascii
import codecs
import email.header
import email.policy
import email.utils
from email.errors import HeaderParseError
from email.message import Message
from typing import Any

from ....passages import Metadata
from ...encodings import NotTextError, decode, without_half_pairs

KNOWN = frozenset({
    "from", "to", "cc", "subject", "date", "message-id", "received", "return-path", "delivered-to", "mime-version",
    "content-type", "reply-to", "sender", "x-mailer",
})  # fmt: skip
"""Headers one of which every message has."""
_MOST_CHARACTERS = 64 * 1024
"""Of one header that are read."""
_MOST_OF_CONTENT = 16 * 1024
"""Of a header that says what a part is: the time that the standard library takes for one grows with its square."""
_NO_CHARSETS = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"})
_WIDER = {
    "iso8859-1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
"""What programs write under the names of older encodings."""


class BoundedHeaders(email.policy.Compat32):
    """Cuts long headers off.

    It is the older policy: the newer one raises one or the other error at headers that are broken, and takes very long for
    long ones.
    """

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[: _MOST_OF_CONTENT if name.lower().startswith("content-") else _MOST_CHARACTERS]


def decoded_bytes(data: bytes, charset: str | None) -> str:
    """Return bytes as text: by their charset where it is known and fits, else by what they look like.

    Raises:
        NotTextError: they are no text.
    """
    name = _codec(charset)
    if name is not None:
        try:
            text = data.decode(name)
        except ValueError:
            pass
        else:
            if "\0" in text:
                raise NotTextError("it holds NUL: no text")
            # The old UTF-7 can write half of a surrogate pair.
            return without_half_pairs(text)
    return decode(data).text


def _codec(charset: str | None) -> str | None:
    try:
        name = codecs.lookup(charset or "").name
    except (LookupError, ValueError):
        return None
    name = _WIDER.get(name, name)
    return None if name in _NO_CHARSETS or not codecs.lookup(name)._is_text_encoding else name


def raw_headers(message: Message) -> dict[str, str]:
    """Return the headers by their names in small letters, the first of each name, as they stand in the file."""
    found: dict[str, str] = {}
    for name, value in message.raw_items():
        found.setdefault(name.lower(), str(value))
    return found


def decoded_words(value: str) -> str:
    """Return a header's text on one line, its encoded words decoded."""
    try:
        chunks: list[tuple[Any, str | None]] = email.header.decode_header(_text(value))
    except (HeaderParseError, binascii.Error, ValueError):
        chunks = [(_text(value), None)]
    parts = [chunk if isinstance(chunk, str) else _shown(chunk, charset) for chunk, charset in chunks]
    return " ".join("".join(parts).replace("\0", "").split())


def _shown(chunk: bytes, charset: str | None) -> str:
    try:
        return decoded_bytes(chunk, charset)
    except NotTextError:
        return chunk.decode("ascii", "ignore")


def _text(value: str) -> str:
    """Return a header with the bytes beyond ASCII that it should not hold as text."""
    data = value.encode("utf-8", "surrogateescape")
    try:
        return decode(data).text
    except NotTextError:
        return data.decode("ascii", "ignore")


def addresses(value: str) -> list[str]:
    """Return the people of a header, each as ``Name <address>``, or what there is of the two."""
    try:
        pairs = email.utils.getaddresses([" ".join(value.split())])
    except (RecursionError, IndexError, ValueError):
        pairs = []
    people = [(decoded_words(name), decoded_words(address)) for name, address in pairs]
    shown = [f"{name} <{address}>" if name and address else name or address for name, address in people]
    return [one for one in shown if one] or [text for text in [decoded_words(value)] if text]


def date(value: str) -> str:
    """Return a date as ISO text; as it stands there where it cannot be read."""
    text = decoded_words(value)
    try:
        return email.utils.parsedate_to_datetime(text).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return text


def message_metadata(headers: dict[str, str]) -> Metadata:
    """Return what the headers say, without those that say nothing.

    A thread is known by the message that it began with.
    """
    references = (headers.get("references", "").split() or headers.get("in-reply-to", "").split())[:1]
    identity = decoded_words(headers.get("message-id", ""))
    found = {
        "subject": decoded_words(headers.get("subject", "")),
        "from": ", ".join(addresses(headers.get("from", ""))),
        "to": addresses(headers.get("to", "")),
        "cc": addresses(headers.get("cc", "")),
        "date": date(headers.get("date", "")),
        "message_id": identity,
        "in_reply_to": decoded_words(headers.get("in-reply-to", "")),
        "thread": decoded_words(references[0]) if references else identity,
    }
    return {name: value for name, value in found.items() if value}
