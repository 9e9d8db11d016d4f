"""Word documents, by way of mammoth."""

from __future__ import annotations

import importlib
import io
import lzma
import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from ....errors import MissingExtraError
from ....passages import Document
from ..field_map import TITLE
from ..html.html_markdown import html_as_markdown
from ..html.html_tree import lxml
from ..reader import SourceFile, UnreadableFileError
from .body import NUMBER_BEGINS, NUMBER_ENDS, mend_body
from .docx_properties import read_docx_properties
from .numbering import Numbering
from .styles import Styles, W

MOST_XML = 32 * 1024 * 1024
"""Largest part of a document, in bytes."""
MOST_TAGS = 2_000_000
"""Most tags of a part, and `MOST_ELEMENTS` most of those that are left of it for mammoth: each takes memory."""
MOST_ELEMENTS = 400_000
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_STRICT = {
    b"http://purl.oclc.org/ooxml/wordprocessingml/main": W[1:-1].encode(),
    b"http://purl.oclc.org/ooxml/officeDocument/math": b"http://schemas.openxmlformats.org/officeDocument/2006/math",
    b"http://purl.oclc.org/ooxml/drawingml/": b"http://schemas.openxmlformats.org/drawingml/2006/",
}
"""The names of the strict form of the format, and those of the usual one."""
_RELATIONSHIP = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_LEVELS = range(1, 10)
_STYLE_MAP = "\n".join(
    [
        *(f"p.Heading{rank} => h{rank}:fresh" for rank in range(1, 7)),
        "p.Title => h1:fresh",
        "p.Quote => blockquote > p:fresh",
        *(
            f"p.{style}{level} => {'ul|ol > li > ' * (level - 1)}{tag} > li:fresh"
            for style, tag in (("Bullet", "ul"), ("Ordered", "ol"))
            for level in _LEVELS
        ),
    ]
)
_CONTENT_TYPES = b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'


class DocxReader:
    """Reads ``.docx`` and ``.docm``, titled by their properties, else their first heading, else the file's name.

    Insertions are read and deletions are not; comments, hidden text, heads and feet of pages are left out. Notes stand below
    the paragraph, the list or the table that refers to them, after the number that stands there in brackets. What Word
    counts, such as the numbers of headings and items, is counted. Macros are never looked at.
    """

    name = "docx"
    version = 1
    suffixes = (".docx", ".docm")

    def read(self, file: SourceFile) -> Iterator[Document]:
        _require_no_ole(file)
        try:
            with file.unpacked() as archive:
                parts = _Parts(archive)
                main = parts.main()
                body = main.find(W + "body")
                if body is None:
                    raise UnreadableFileError("damaged", "it has no body: open it in Word and save it anew")
                _notice_unread(file, main)
                has_pictures = next(body.iter("{*}blip", "{*}imagedata"), None) is not None
                mend_body(
                    body, parts.notes(), Styles(parts.beside("styles")), Numbering(parts.beside("numbering"))
                )
                properties = read_docx_properties(
                    parts.named("docProps/core.xml"), parts.named("docProps/custom.xml")
                )
                rebuilt = parts.rebuilt(main)
        except (zlib.error, lzma.LZMAError, struct.error, UnicodeError) as error:
            raise UnreadableFileError("damaged", f"no whole ZIP archive: {error}") from error
        file.require_time()
        text = html_as_markdown(_html(rebuilt))
        if not text.strip():
            if has_pictures:
                raise UnreadableFileError("no_text", "it holds pictures alone: recognise their text first")
            return
        title = file.fields.value(TITLE, properties, guess=False) or properties.get("title") or _heading(text)
        metadata = {name: value for name, value in properties.items() if name != "title"}
        yield file.document(str(title or file.name), text, {**metadata, **file.fields.added(properties)})


class _Parts:
    """The parts of a document, found by their relationships as programs find them."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._names = {name.lstrip("/").casefold(): name for name in archive.namelist()}
        self._main_name = self._target("_rels/.rels", "officeDocument") or "word/document.xml"
        self._folder = posixpath.dirname(self._main_name)

    def main(self) -> Any:
        main = self.named(self._main_name)
        if main is None or main.tag != W + "document":
            raise UnreadableFileError("damaged", "no Word document is in it: save it as .docx")
        return main

    def beside(self, kind: str) -> Any | None:
        """Return the root of a part that the main part leads to."""
        relationships = posixpath.join(self._folder, "_rels", f"{posixpath.basename(self._main_name)}.rels")
        return self.named(self._target(relationships, kind) or posixpath.join(self._folder, f"{kind}.xml"))

    def notes(self) -> dict[tuple[str, str], Any]:
        return {
            (kind, note.get(W + "id", "")): note
            for kind in ("footnote", "endnote")
            if (root := self.beside(f"{kind}s")) is not None
            for note in root.iter(W + kind)
            if note.get(W + "type") not in ("separator", "continuationSeparator")
        }

    def named(self, name: str) -> Any | None:
        """Return the root of a part; ``None`` where there is no such part."""
        entry = self._names.get(name.casefold())
        if entry is None:
            return None
        size = self._archive.getinfo(entry).file_size
        if size > MOST_XML:
            raise UnreadableFileError(
                "too_large", f"{name} holds {size:,} bytes; at most {MOST_XML:,} are read: split the document"
            )
        return _parsed(self._archive.read(entry), name)

    def rebuilt(self, main: Any) -> io.BytesIO:
        """Return a document of the main part alone."""
        if sum(1 for _ in main.iter()) > MOST_ELEMENTS:
            raise UnreadableFileError(
                "too_large", f"more than {MOST_ELEMENTS:,} pieces of text: split the document"
            )
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("[Content_Types].xml", _CONTENT_TYPES)
            archive.writestr("word/document.xml", lxml("etree").tostring(main, encoding="utf-8"))
        packed.seek(0)
        return packed

    def _target(self, relationships: str, kind: str) -> str:
        root = self.named(relationships)
        base = posixpath.dirname(posixpath.dirname(relationships))
        for relationship in root.iter(_RELATIONSHIP) if root is not None else ():
            if (
                relationship.get("Type", "").endswith(f"/{kind}")
                and relationship.get("TargetMode") != "External"
            ):
                name = posixpath.normpath(posixpath.join("/", base, relationship.get("Target", ""))).lstrip(
                    "/"
                )
                if name.casefold() in self._names:
                    return name
        return ""


def _parsed(data: bytes, name: str) -> Any:
    etree = lxml("etree")
    if data.count(b"<") > MOST_TAGS:
        raise UnreadableFileError(
            "too_large", f"{name} holds more than {MOST_TAGS:,} tags: split the document"
        )
    for strict, usual in _STRICT.items():
        data = data.replace(strict, usual)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UnreadableFileError(
            "damaged", f"{name} is no whole XML: {' '.join(str(error).split())}"
        ) from error
    if root.getroottree().docinfo.doctype:
        raise UnreadableFileError("damaged", f"{name} declares a document type, which no Word document does")
    return root


def _html(rebuilt: io.BytesIO) -> str:
    try:
        mammoth: Any = importlib.import_module("mammoth")
    except ImportError as error:
        raise MissingExtraError("mammoth", "documents") from error
    try:
        html = str(
            mammoth.convert_to_html(
                rebuilt,
                style_map=_STYLE_MAP,
                include_default_style_map=False,
                include_embedded_style_map=False,
            ).value
        )
    except RecursionError as error:
        raise UnreadableFileError("too_large", "its parts lie too deep in one another") from error
    except (KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
        raise UnreadableFileError("damaged", f"open it in Word and save it anew ({error})") from error
    html = re.sub(
        r'<input type="checkbox"( checked="checked")? ?/>', lambda match: "☒" if match[1] else "☐", html
    )
    html = re.sub(rf"<li>{NUMBER_BEGINS}(\d+){NUMBER_ENDS}", r'<li value="\1">', html)
    return re.sub(rf"{NUMBER_BEGINS}\d+{NUMBER_ENDS}", "", html)


def _heading(text: str) -> str:
    found = re.search(r"^#{1,6} (.+)$", text, re.MULTILINE)
    return found[1] if found else ""


def _require_no_ole(file: SourceFile) -> None:
    """Refuse what Word keeps in the containers of its old format: documents with a password, and its old documents."""
    file.require_size()
    try:
        with file.path.open("rb") as stream:
            is_ole = stream.read(len(_OLE)) == _OLE
    except OSError as error:
        raise UnreadableFileError("unreadable", error.strerror or str(error)) from error
    if is_ole:
        if "EncryptedPackage".encode("utf-16-le") in file.read_bytes():
            raise UnreadableFileError("encrypted", "save it as .docx without a password")
        raise UnreadableFileError("damaged", "an old Word document under a new name: save it as .docx")


def _notice_unread(file: SourceFile, main: Any) -> None:
    for tag, what in (
        ("{*}altChunk", "a file put into it"),
        ("{*}chart", "a chart"),
        ("{*}relIds", "a diagram"),
    ):
        count = sum(1 for _ in main.iter(tag))
        if count:
            file.notices.append(
                f"the text of {what} was not read"
                if count == 1
                else f"the texts of {count} parts, each {what}, were not read"
            )
