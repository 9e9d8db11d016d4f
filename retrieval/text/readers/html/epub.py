"""E-books in EPUB: their chapters in the order of reading, with what the book says of itself as metadata.

Entries of the archive are read by their names alone; none is written anywhere, so that a name such as ``../x`` leads nowhere.
"""

from __future__ import annotations

import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from itertools import accumulate
from typing import Any
from urllib.parse import unquote

from ....passages import Document, Metadata, Part
from ..field_map import TITLE
from ..reader import SourceFile, UnreadableFileError
from .html_markdown import element_as_markdown
from .html_tree import HEADINGS, line_of, lxml, outer_headings, parse_html
from .page_encoding import decode_page
from .page_metadata import html_date

_MOST_BYTES = 32 * 1024 * 1024
"""Largest chapter that is read."""
_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_PAGES = frozenset({"application/xhtml+xml", "text/html"})
_OBFUSCATION = frozenset({"http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"})
"""What only makes fonts unusable outside of their book."""
_DAMAGE = (zlib.error, zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError)
"""What reading an entry raises; an entry with a password is a ``RuntimeError``."""


class EpubReader:
    """Reads ``.epub``: each text of the spine is a chapter; the table of contents is left out."""

    name = "epub"
    version = 1
    suffixes = (".epub",)

    def read(self, file: SourceFile) -> Iterator[Document]:
        try:
            with file.unpacked() as archive:
                book = _Book(archive)
                chapters = list(_chapters(file, archive, book))
        except UnicodeDecodeError as error:
            raise UnreadableFileError("damaged", "the names of its entries are no text") from error
        texts = [text for text, _ in chapters]
        heading = next((heading for _, heading in chapters if heading), "")
        if book.missing:
            count = book.missing + len(book.chapters)
            file.notices.append(f"{book.missing} of {count} chapters are not in the book")
        if not texts:
            raise UnreadableFileError("no_text", "its pages are images, or empty")
        record = {"title": book.title, **book.metadata}
        title = file.fields.value(TITLE, record, guess=False) or book.title or heading or file.name
        metadata = {**book.metadata, **file.fields.added(record)}
        starts = accumulate((len(text) + 2 for text in texts[:-1]), initial=0)
        parts = [Part(start, "chapter", number) for number, start in enumerate(starts, 1)]
        yield file.document(str(title), "\n\n".join(texts), metadata, parts=parts)


class _Book:
    """What the package document of a book says."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        container = _xml(_entry(archive, _CONTAINER))
        rootfile = next((found for found in _all(container, "rootfile") if found.get("full-path")), None)
        if rootfile is None:
            raise UnreadableFileError("damaged", f"{_CONTAINER} names no package document")
        path = rootfile.get("full-path").lstrip("/")
        package = _xml(_entry(archive, path))
        self._folder = posixpath.dirname(path)
        self.metadata, self.title = _metadata(package)
        names = set(archive.namelist())
        spine = self._spine(package)
        self.chapters = [name for name in spine if name in names]
        """Names of entries, in the order of reading."""
        self.missing = len(spine) - len(self.chapters)
        _require_plain(archive, names, {*self.chapters})
        if not self.chapters:
            raise UnreadableFileError("damaged", "none of the chapters that its spine names is in it")

    def _spine(self, package: Any) -> list[str]:
        contents = {
            self._name(found.get("href", ""))
            for found in _all(package, "reference")
            if found.get("type") == "toc"
        }
        items = {
            item.get("id"): self._name(item.get("href", ""))
            for item in _all(package, "item")
            if item.get("media-type") in _PAGES and "nav" not in item.get("properties", "").split()
        }
        named = [items[ref.get("idref")] for ref in _all(package, "itemref") if ref.get("idref") in items]
        return list(dict.fromkeys(name for name in named if name not in contents))

    def _name(self, href: str) -> str:
        """Return the name of the entry that the package document calls by a relative URL."""
        return posixpath.normpath(posixpath.join(self._folder, unquote(href.partition("#")[0]))).lstrip("/")


def _chapters(file: SourceFile, archive: zipfile.ZipFile, book: _Book) -> Iterator[tuple[str, str]]:
    """Yield the text of each chapter that has one, and its first heading, which may be empty."""
    for name in book.chapters:
        file.require_time()
        data = _entry(archive, name)
        try:
            root = parse_html(decode_page(file, data), xml=True)
        except UnreadableFileError as error:
            reason = "damaged" if error.reason == "binary" else error.reason
            detail = f"chapter {posixpath.basename(name)}: {error.detail}"
            raise UnreadableFileError(reason, detail) from error
        text = "" if root is None else element_as_markdown(root).strip("\n")
        if text:
            yield text, next((line_of(found) for found in outer_headings(root, *HEADINGS)), "")


def _entry(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        entry = archive.getinfo(name)
        if entry.file_size > _MOST_BYTES:
            raise UnreadableFileError(
                "too_large", f"{entry.file_size:,} bytes in a chapter; at most {_MOST_BYTES:,} are read"
            )
        return archive.read(entry)
    except KeyError as error:
        raise UnreadableFileError("damaged", f"it has no {name}") from error
    except _DAMAGE as error:
        raise UnreadableFileError("damaged", f"{name} cannot be unpacked: {error}") from error


def _xml(data: bytes) -> Any:
    """Return the root of an XML text. Its entities stay as they are, and nothing that it points to is read."""
    etree = lxml("etree")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        recover=True,
        remove_comments=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise UnreadableFileError("damaged", f"no XML: {error}") from error
    if root is None:
        raise UnreadableFileError("damaged", "no XML")
    return root


def _all(root: Any, name: str) -> Iterator[Any]:
    """Yield the elements of a name, whatever namespace they are in."""
    return iter(root.iter(f"{{*}}{name}"))


def _require_plain(archive: zipfile.ZipFile, names: set[str], chapters: set[str]) -> None:
    """Raise `UnreadableFileError` for a book whose chapters are encrypted."""
    if _ENCRYPTION not in names:
        return
    for encrypted in _all(_xml(_entry(archive, _ENCRYPTION)), "EncryptedData"):
        methods = {method.get("Algorithm") for method in _all(encrypted, "EncryptionMethod")}
        files = {unquote(found.get("URI", "")).lstrip("/") for found in _all(encrypted, "CipherReference")}
        if not methods <= _OBFUSCATION and files & chapters:
            raise UnreadableFileError("encrypted", "its chapters are protected against copying (DRM)")


def _metadata(package: Any) -> tuple[Metadata, str]:
    """Return what a book says of itself, and its title."""

    def said(name: str) -> list[str]:
        found = (" ".join("".join(element.itertext("*")).split()) for element in _all(package, name))
        return [text for text in found if text]

    # What is refined says something of another element: the date of an author, say.
    modified = [
        "".join(meta.itertext())
        for meta in _all(package, "meta")
        if meta.get("property") == "dcterms:modified" and not meta.get("refines")
    ]
    authors = [
        " ".join("".join(creator.itertext()).split())
        for creator in _all(package, "creator")
        if creator.get("{http://www.idpf.org/2007/opf}role", "aut") == "aut"
    ]
    found: Metadata = {
        "author": authors[0] if len(authors) == 1 else authors,
        "language": next(iter(said("language")), None),
        "publisher": next(iter(said("publisher")), None),
        "published": next(filter(None, map(html_date, said("date"))), None),
        "modified": next(filter(None, map(html_date, modified)), None),
        "identifier": next(iter(said("identifier")), None),
        "keywords": said("subject"),
        "description": next(iter(said("description")), None),
    }
    return {name: value for name, value in found.items() if value}, next(iter(said("title")), "")
