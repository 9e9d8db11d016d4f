"""E-mail: messages in files of their own, and the many messages of an mbox file."""

from __future__ import annotations

import email
import re
from collections.abc import Iterator
from email.message import Message

from ....passages import Document, Part
from ..field_map import TITLE
from ..reader import MOST_STREAMED, SourceFile, UnreadableFileError
from .email_headers import KNOWN, BoundedHeaders, decoded_words, message_metadata, raw_headers
from .email_text import message_text
from .mbox import MOST_BYTES, read_mbox

MOST_LINES = 1_500_000
"""Most lines of a message, each of which takes time and memory; as many hold an attachment of `MOST_BYTES`."""
_MOST_COMPARED = 50_000_000
"""Lines times boundaries: each line may be compared with the boundary of every part that it lies in."""
_BOUNDARY = re.compile(rb"boundary", re.IGNORECASE)
_NAMED = 5
"""Messages that a notice names."""


class EmailReader:
    """Reads ``.eml`` and ``.mbox``: each message a document, titled by its subject, else the file's name.

    A message is its plain text, else its HTML; what it quotes stays a quote, and what is forwarded in it stands below its own
    subject. Attachments are named in the metadata and not read. Messages that hold no text are passed over; so are those of
    an mbox file that cannot be read.
    """

    name = "email"
    version = 1
    suffixes = (".eml", ".mbox")

    def read(self, file: SourceFile) -> Iterator[Document]:
        if file.path.suffix.lower() == ".mbox":
            yield from _read_mbox(file)
            return
        file.require_size(MOST_BYTES)
        data = file.read_bytes()
        if data.strip():
            document = _document(file, _message(data), None)
            if document is None:
                file.notices.append("the message holds no text and was passed over")
            else:
                yield document


def _read_mbox(file: SourceFile) -> Iterator[Document]:
    file.require_size(MOST_STREAMED)
    passed_over: dict[str, list[int]] = {}
    for held in read_mbox(file.path, file.require_time):
        file.require_time()
        try:
            if held.data is None:
                raise UnreadableFileError("too_large", f"at most {MOST_BYTES:,} bytes are read")
            document = _document(file, _message(held.data), held.number)
        except UnreadableFileError as error:
            passed_over.setdefault(error.reason, []).append(held.number)
            continue
        if document is None:
            passed_over.setdefault("no_text", []).append(held.number)
        else:
            yield document
    for reason, numbers in passed_over.items():
        more = f" and {len(numbers) - _NAMED} more" if len(numbers) > _NAMED else ""
        which = f"{', '.join(map(str, numbers[:_NAMED]))}{more}"
        file.notices.append(f"{'messages' if len(numbers) > 1 else 'message'} {which} passed over: {reason}")


def _message(data: bytes) -> Message:
    data = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    lines = data.count(b"\n")
    if lines > MOST_LINES:
        raise UnreadableFileError("too_large", f"{lines:,} lines; at most {MOST_LINES:,} are read")
    if lines * len(_BOUNDARY.findall(data)) > _MOST_COMPARED:
        raise UnreadableFileError("too_large", "too many parts and lines: save its attachments by themselves")
    try:
        message: Message = email.message_from_bytes(data, policy=BoundedHeaders())
    except RecursionError as error:
        raise UnreadableFileError("too_large", "its parts lie too deep in one another") from error
    if KNOWN.isdisjoint(raw_headers(message)):
        if b"\0" in data:
            raise UnreadableFileError("binary", f"byte {data.index(0)} is NUL: no message")
        raise UnreadableFileError("damaged", "no message: it begins with no headers such as From and Subject")
    return message


def _document(file: SourceFile, message: Message, number: int | None) -> Document | None:
    """Return a message as document, numbered where the file holds several; ``None`` where it has no text."""
    headers = raw_headers(message)
    said = message_text(message, file.require_time)
    found = message_metadata(headers)
    if said.attachments:
        found["attachments"] = said.attachments
    if not said.text.strip():
        return None
    record = {**{name: decoded_words(value) for name, value in headers.items()}, **found}
    title = file.fields.value(TITLE, record, guess=False) or found.get("subject") or file.name
    found |= file.fields.added(record)
    if number is None:
        return file.document(str(title), said.text, found)
    return file.document(
        str(title), said.text, found, key=f"message-{number}", parts=[Part(0, "message", number)]
    )
