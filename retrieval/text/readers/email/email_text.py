"""The text of an e-mail message: of its alternatives the plain one, and what was forwarded in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message

from ...encodings import NotTextError
from ..as_markdown import as_heading, as_paragraph
from ..html.html_markdown import html_as_markdown
from ..reader import UnreadableFileError
from .email_headers import addresses, date, decoded_bytes, decoded_words, raw_headers

_MOST_DEEP = 32
"""Parts in one another that are read."""
_QUOTED = re.compile(r"[ \t]?((?:>[ \t]?)+)")


@dataclass
class MessageText:
    """What a message says, and what is attached to it."""

    require_time: Callable[[], None]
    blocks: list[str] = field(default_factory=list)
    attachments: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n\n".join(self.blocks)


def message_text(message: Message, require_time: Callable[[], None]) -> MessageText:
    """Return a message's text as Markdown; ``require_time`` is called at each of its parts.

    Raises:
        UnreadableFileError: it is encrypted, or packed in its signature, or nested too deeply.
        MissingExtraError: what reads HTML is not installed.
    """
    found = MessageText(require_time)
    _add(message, found, 0)
    return found


def _add(part: Message, found: MessageText, depth: int) -> None:
    found.require_time()
    kind = part.get_content_type()
    if depth > _MOST_DEEP:
        raise UnreadableFileError("too_large", f"more than {_MOST_DEEP} parts lie in one another")
    _require_readable(part, kind)
    children = (
        [child for child in part.get_payload() if isinstance(child, Message)] if part.is_multipart() else []
    )
    if kind == "message/rfc822" and children:
        _add_forwarded(children[0], found, depth + 1)
    elif kind == "multipart/alternative":
        _add_alternative(children, found, depth + 1)
    elif kind.startswith("multipart/") and children:
        for child in children:
            _add(child, found, depth + 1)
    elif (
        kind in ("text/plain", "text/html", "text/markdown")
        and part.get_content_disposition() != "attachment"
    ):
        block = _block(part, kind)
        if block.strip():
            found.blocks.append(block)
    elif not kind.startswith(("multipart/", "message/delivery")) and kind != "application/pgp-signature":
        found.attachments.append(decoded_words(str(part.get_filename() or "")) or kind)


def _require_readable(part: Message, kind: str) -> None:
    if kind == "multipart/encrypted":
        raise UnreadableFileError("encrypted", "save its decrypted text")
    if kind in ("application/pkcs7-mime", "application/x-pkcs7-mime"):
        if str(part.get_param("smime-type", "")).lower() == "signed-data":
            raise UnreadableFileError("no_text", "its text is packed in its signature: save it without one")
        raise UnreadableFileError("encrypted", "save its decrypted text")


def _add_alternative(children: list[Message], found: MessageText, depth: int) -> None:
    """Add the alternative that holds plain text; where it is empty, the last one that holds any text."""
    read = []
    for child in children:
        inside = MessageText(found.require_time)
        _add(child, inside, depth)
        read.append((child, inside))
    plain = [inside for child, inside in read if child.get_content_type() == "text/plain" and inside.blocks]
    chosen = (
        plain
        or [inside for _, inside in reversed(read) if inside.blocks]
        or [MessageText(found.require_time)]
    )[0]
    found.blocks += chosen.blocks
    for _, inside in read:
        found.attachments += inside.attachments


def _add_forwarded(message: Message, found: MessageText, depth: int) -> None:
    """Add a forwarded message below its subject and the headers that mail programs show."""
    headers = raw_headers(message)
    subject = decoded_words(headers.get("subject", ""))
    if subject:
        found.blocks.append(as_heading(subject, 2))
    shown = [
        f"{name}: {text}"
        for name, text in (
            ("From", ", ".join(addresses(headers.get("from", "")))),
            ("To", ", ".join(addresses(headers.get("to", "")))),
            ("Date", date(headers.get("date", ""))),
        )
        if text
    ]
    if shown:
        found.blocks.append("\n".join(shown))
    _add(message, found, depth)


def _block(part: Message, kind: str) -> str:
    data = part.get_payload(decode=True)
    try:
        text = decoded_bytes(data if isinstance(data, bytes) else b"", part.get_content_charset())
    except NotTextError as error:
        raise UnreadableFileError("binary", str(error)) from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if kind == "text/html":
        return html_as_markdown(text)
    if text.lstrip().startswith("-----BEGIN PGP MESSAGE-----"):
        raise UnreadableFileError("encrypted", "save its decrypted text")
    return text.strip("\n") if kind == "text/markdown" else plain_as_markdown(text)


def plain_as_markdown(text: str) -> str:
    """Return plain text as Markdown, line by line: what was quoted stays a quote, and nothing else becomes a block."""
    lines: list[str] = []
    before = 0
    for line in text.split("\n"):
        quoted = _QUOTED.match(line)
        depth = min(quoted[1].count(">"), _MOST_DEEP) if quoted is not None else 0
        if depth < before and lines:
            # Else the line would go on with the quote above it.
            lines.append(("> " * depth).rstrip())
        shown = as_paragraph(line[quoted.end() :] if quoted is not None else line)
        lines.append(f"{'> ' * depth}{shown}".rstrip())
        before = depth
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
