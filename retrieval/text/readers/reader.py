"""What a reader of files is: it turns one file into documents, within bounds, and says why where it cannot.

A reader is known by the endings of the names of its files. The text that it gives to a document is Markdown; passages,
citations and their offsets are spans of that text. What else people find a place by, such as a page or a row, it gives as
`Part`. It opens nothing but its file, fetches nothing and runs nothing that the file holds.
"""

from __future__ import annotations

import lzma
import struct
import time
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from ...passages import Document, Metadata, Part
from ..encodings import NotTextError, decode
from ..file_names import readable
from .field_map import FieldMap

MOST_BYTES = 256 * 1024 * 1024
"""Largest file that is read whole. What is read a line at a time may be larger: `MOST_STREAMED`."""
MOST_DECODED = 96 * 1024 * 1024
"""Most bytes that are made one text: a letter takes up to four bytes in memory, and a text is copied once."""
MOST_STREAMED = 2 * 1024 * 1024 * 1024 - 1
MOST_LINE = 16 * 1024 * 1024
"""Longest line, in bytes, of a file that is read a line at a time."""
MOST_UNPACKED = 256 * 1024 * 1024
"""Most bytes that the entries of an archive may hold together once they are unpacked."""
MOST_ENTRIES = 20_000
"""Most entries of an archive."""
MOST_TEXT = 256 * 1024 * 1024
"""Most characters of the documents of one file together: of a table, each row stands under its head."""
MOST_LINES = 2_000_000
"""Most lines of one document: cutting it notes some 200 bytes of each."""
MOST_DOCUMENTS = 1_000_000
"""Most documents of one file."""
MOST_VALUES = 5_000_000
"""Most values of a JSON text that is read whole."""
_LISTED = b"PK\1\2"
"""What each entry in the list of an archive begins with."""
MOST_SECONDS = 120.0
"""Longest time that one file is read for."""

_BAD_ARCHIVES = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, struct.error, UnicodeError, EOFError,
    NotImplementedError,
)  # fmt: skip
"""What reading an archive that is none, or not a whole one, raises beside `OSError`."""


class UnreadableFileError(Exception):
    """A reader cannot read a file; it is left out, and the report names it with the reason."""

    def __init__(self, reason: str, detail: str = "") -> None:
        """Take one of `REASONS`, and what exactly was wrong."""
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


@dataclass
class SourceFile:
    """One file that is to be read.

    Example:
        >>> from pathlib import Path
        >>> written = Path("tea.txt").write_text("Tea is served at four.")
        >>> file = quincunx.SourceFile(Path("tea.txt"), id="tea.txt")
        >>> file.document(file.name, file.read_text(), key="1").id
        'tea.txt#1'
    """

    path: Path
    id: str
    """Of its document; where it holds several, what their ids begin with."""
    fields: FieldMap = field(default_factory=FieldMap)
    """What the user said of its fields."""
    notices: list[str] = field(default_factory=list)
    """What is to be said of it though it was read; a reader adds to them."""
    encoding: str | None = None
    """What its text was decoded from, where that was not plain UTF-8."""
    began: float = field(default_factory=time.monotonic)
    _documents: int = 0
    _characters: int = 0

    @property
    def name(self) -> str:
        """The file's name without its ending: the title of what has none."""
        return readable(self.path.stem)

    def _size(self) -> int:
        try:
            return self.path.stat().st_size
        except OSError as error:
            raise UnreadableFileError("unreadable", error.strerror or str(error)) from error

    def require_size(self, most: int = MOST_BYTES) -> None:
        """Raise `UnreadableFileError` for a file that is larger than that."""
        size = self._size()
        if size > most:
            raise UnreadableFileError(
                "too_large", f"{size:,} bytes; at most {most:,} are read: split it into several files"
            )

    def require_time(self) -> None:
        """Raise `UnreadableFileError` once the file was read for too long; to be called between its parts."""
        if time.monotonic() - self.began > MOST_SECONDS:
            raise UnreadableFileError(
                "too_slow", f"it was read for {MOST_SECONDS:.0f} seconds without an end"
            )

    def read_bytes(self) -> bytes:
        """Return the whole file, if it is no larger than `MOST_BYTES`."""
        self.require_size()
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise UnreadableFileError("unreadable", error.strerror or str(error)) from error

    def read_text(self) -> str:
        """Return the whole file as text, whatever its encoding; line ends are made ``\\n``."""
        self.require_size(MOST_DECODED)
        return self.decoded(self.read_bytes())

    def decoded(self, data: bytes) -> str:
        """Return bytes of the file as text, and note what they were encoded in."""
        try:
            decoded = decode(data)
        except NotTextError as error:
            raise UnreadableFileError("binary", str(error)) from error
        self.encoding = decoded.encoding or self.encoding
        return decoded.text.replace("\r\n", "\n")

    @contextmanager
    def unpacked(self) -> Iterator[BoundedZip]:
        """Open the file as a ZIP archive whose entries can be read: of a bounded size, and none of them encrypted."""
        self.require_size()
        try:
            _require_few_entries(self.path)
            with BoundedZip(self.path) as archive:
                _require_bounded(archive)
                yield archive
        except _BAD_ARCHIVES as error:
            raise UnreadableFileError("damaged", f"no whole ZIP archive: {error}") from error
        except OSError as error:
            raise UnreadableFileError("unreadable", error.strerror or str(error)) from error

    def document(
        self,
        title: str,
        text: str,
        metadata: Metadata | None = None,
        *,
        key: str = "",
        parts: Iterable[Part] = (),
        headed: bool = True,
    ) -> Document:
        """Return the file's document, or one of several: then ``key`` tells it from the others.

        Raises:
            UnreadableFileError: they are more than `MOST_DOCUMENTS`, or hold more than `MOST_TEXT`, or this one has more than
                `MOST_LINES`, or the file was read for more than `MOST_SECONDS`.
        """
        self.require_time()
        self._documents += 1
        self._characters += len(text)
        if self._documents > MOST_DOCUMENTS or self._characters > MOST_TEXT:
            raise UnreadableFileError(
                "too_large",
                f"more than {MOST_DOCUMENTS:,} documents, or {MOST_TEXT:,} characters of them: split it into several files",
            )
        if text.count("\n") > MOST_LINES:
            raise UnreadableFileError(
                "too_large", f"more than {MOST_LINES:,} lines: split it into several files"
            )
        id = f"{self.id}#{key}" if key else self.id
        return Document(id, title, text, metadata or {}, headed, tuple(parts))


class BoundedZip(zipfile.ZipFile):
    """An archive of which no entry unpacks to more than it says."""

    def read(self, name: str | zipfile.ZipInfo, pwd: bytes | None = None) -> bytes:
        """Return an entry; `zipfile` unpacks all that there is before it looks at the size that the archive says."""
        entry = name if isinstance(name, zipfile.ZipInfo) else self.getinfo(name)
        with self.open(entry, pwd=pwd) as stream:
            return stream.read(entry.file_size)


@runtime_checkable
class Reader(Protocol):
    """Reads the files of one kind.

    Example:
        >>> class SubtitleReader:
        ...     name, version, suffixes = "subtitles", 1, (".srt",)
        ...     def read(self, file):
        ...         lines = [line for line in file.read_text().splitlines() if line and not line[0].isdigit()]
        ...         yield file.document(file.name, " ".join(lines))
        >>> quincunx.add_reader(SubtitleReader())
        >>> from pathlib import Path
        >>> written = Path("talk.srt").write_text("1\\n00:00:01 --> 00:00:02\\nTea is served at four.\\n")
        >>> quincunx.read_documents("talk.srt")[0].text
        'Tea is served at four.'
    """

    @property
    def name(self) -> str:
        """Of the kind, such as ``pdf``: what ``file.kind`` is in the metadata of its documents."""

    @property
    def version(self) -> int:
        """To be raised when it reads the same file otherwise: `quincunx index sync` then reads its files again."""

    @property
    def suffixes(self) -> Collection[str]:
        """The endings of its files' names, in small letters, such as ``.pdf``."""

    def read(self, file: SourceFile) -> Iterable[Document]:
        """Yield the file's documents, in its order; none where it says nothing.

        Raises:
            UnreadableFileError: it cannot be read. Documents that were given before are left out, too.
            MissingExtraError: what reads it is not installed.
        """
        ...


def require_few_values(json: str) -> None:
    """Raise `UnreadableFileError` for JSON of so many values that they would fill the memory: an empty list takes 64 bytes.

    Marks within texts count, too: they are few beside the letters.
    """
    if sum(map(json.count, ",[{")) > MOST_VALUES:
        raise UnreadableFileError(
            "too_large", f"more than {MOST_VALUES:,} values: split it into several files"
        )


def _require_few_entries(path: Path) -> None:
    """Count the entries before `zipfile` makes an object of each: its list begins each one with the same mark."""
    count, before = 0, b""
    with path.open("rb") as stream:
        while piece := stream.read(1024 * 1024):
            count += (before + piece).count(_LISTED)
            before = piece[1 - len(_LISTED) :]
    if count > MOST_ENTRIES:
        raise UnreadableFileError("too_large", f"{count:,} entries; at most {MOST_ENTRIES:,} are read")


def _require_bounded(archive: zipfile.ZipFile) -> None:
    entries = archive.infolist()
    size = sum(entry.file_size for entry in entries)
    if size > MOST_UNPACKED:
        raise UnreadableFileError(
            "too_large", f"{size:,} bytes once unpacked; at most {MOST_UNPACKED:,} are read"
        )
    if any(entry.flag_bits & 1 for entry in entries):
        raise UnreadableFileError("encrypted", "save it without a password")
    if any(entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for entry in entries):
        raise UnreadableFileError(
            "damaged", "packed in a way that no program packs such files in: save it anew"
        )
