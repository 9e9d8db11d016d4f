"""PDF files: what their pages show as text, as Markdown; scanned pages are named, and nothing in a file is run."""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ....errors import MissingExtraError
from ....passages import Document, Metadata
from ....processes import Lock
from ..reader import SourceFile, UnreadableFileError
from .layout import PageBlock, lay_out
from .markdown import PdfText, write_markdown
from .page import PageWord, Places, read_page_words
from .pdf_process import read_apart
from .properties import INFO_KEYS, read_pdf_properties, read_title
from .rows import PageRow, read_columns, read_rows
from .running import without_running

MOST_PAGES = 5_000
MOST_WORDS = 2_000_000
"""Most words of a document."""
MOST_LETTERS = 1_000_000
"""Most letters of a page."""
_END = b"%%EOF"
_TAIL = 2048
_FEW_WORDS = 30
"""Most words of a page that may be a scan, in its running heads and feet."""

_pdfium = Lock()
"""PDFium may be used by one thread at a time."""


class PdfReader:
    """Reads ``.pdf`` with PDFium, a page at a time; one document a file, its pages as parts.

    A process of its own reads each file, since a small one can make PDFium run for hours; see `pdf_process`. Text that
    stands askew on a page, such as a note at its margin, follows the rest of the page. Forms' scripts, actions
    and attachments are neither run nor read.
    """

    name = "pdf"
    version = 1
    suffixes = (".pdf",)

    def read(self, file: SourceFile) -> Iterator[Document]:
        if importlib.util.find_spec("pypdfium2") is None:
            raise MissingExtraError("pypdfium2", "documents")
        file.require_size()
        return read_apart(file)

    def read_here(self, file: SourceFile) -> Iterator[Document]:
        """Read a file in this process, whatever time and memory it takes."""
        data = file.read_bytes()
        if not data:
            return
        with _pdfium, _opened(data) as pdf:
            info = _read_info(pdf)
            pages = _read_pages(pdf, file)
        is_whole = _END in data[-_TAIL:]
        del data
        found, unread = _read_text(pages, file)
        _note_unread(pages, unread, found, file)
        if not found.text:
            return
        if not is_whole:
            file.notices.append("the file ends before its PDF data does: text may be missing")
        metadata: Metadata = {**read_pdf_properties(info), "pages": len(pages)}
        title = read_title(info)
        record = {**metadata, **({"title": title} if title else {})}
        mapped = file.fields.value("title", record, guess=False)
        metadata |= file.fields.added(record)
        yield file.document(
            str(mapped or title or found.heading or file.name), found.text, metadata, parts=found.parts
        )


@dataclass
class _Page:
    number: int
    words: list[PageWord] = field(default_factory=list)
    size: tuple[float, float] = (0.0, 0.0)
    has_pictures: bool = False
    is_damaged: bool = False


@contextmanager
def _opened(data: bytes) -> Iterator[Any]:
    import pypdfium2  # type: ignore[import-untyped]
    from pypdfium2 import raw

    try:
        pdf = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY):
            raise UnreadableFileError(
                "encrypted", "it opens with a password only: save it without one"
            ) from error
        raise UnreadableFileError(
            "damaged", "no PDF file, or its table of contents is lost: save it anew"
        ) from error
    try:
        count = len(pdf)
        if count > MOST_PAGES:
            raise UnreadableFileError(
                "too_large", f"{count:,} pages; at most {MOST_PAGES:,} are read: split it into several files"
            )
        if count < 1:
            raise UnreadableFileError("damaged", "no page of it is left: save it anew")
        yield pdf
    finally:
        pdf.close()


def _read_info(pdf: Any) -> dict[str, str]:
    """Return the info dictionary, whatever its texts are made of: pypdfium2's own function fails over halves of characters."""
    from pypdfium2 import raw

    info = {}
    for key in INFO_KEYS:
        size = raw.FPDF_GetMetaText(pdf, key.encode(), None, 0)
        buffer = ctypes.create_string_buffer(size)
        raw.FPDF_GetMetaText(pdf, key.encode(), buffer, size)
        info[key] = buffer.raw[: max(size - 2, 0)].decode("utf-16-le", "replace")
    return info


def _read_pages(pdf: Any, file: SourceFile) -> list[_Page]:
    from pypdfium2 import PdfiumError

    pages = []
    words, places = 0, Places()
    for index in range(len(pdf)):
        file.require_time()
        page = _Page(index + 1)
        pages.append(page)
        try:
            _read_page(pdf, page, places)
        except PdfiumError:
            page.is_damaged = True
        words += len(page.words)
        if words > MOST_WORDS:
            raise UnreadableFileError(
                "too_large", f"more than {MOST_WORDS:,} words: split it into several files"
            )
    if all(page.is_damaged for page in pages):
        raise UnreadableFileError("damaged", "none of its pages could be read: save it anew")
    return pages


def _read_page(pdf: Any, found: _Page, places: Places) -> None:
    from pypdfium2 import raw

    page = pdf[found.number - 1]
    try:
        if raw.FPDFPage_GetAnnotCount(page) > 0:
            # What is written into forms and onto pages becomes text of the page once it is opened again.
            raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY)
            page.close()
            page = pdf[found.number - 1]
        found.size = page.get_size()
        textpage = page.get_textpage()
        try:
            if textpage.count_chars() > MOST_LETTERS:
                raise UnreadableFileError(
                    "too_large", f"more than {MOST_LETTERS:,} letters on page {found.number}: divide the page"
                )
            found.words = read_page_words(page, textpage, places)
        finally:
            textpage.close()
        if len(found.words) <= _FEW_WORDS:
            found.has_pictures = any(page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=4))
    finally:
        page.close()


def _read_text(pages: Sequence[_Page], file: SourceFile) -> tuple[PdfText, list[_Page]]:
    """Return the text of all pages, and the pages that have none."""
    upright: list[tuple[list[PageRow], float]] = []
    askew: list[list[list[PageRow]]] = []
    for page in pages:
        by_turn: dict[int, list[PageWord]] = {}
        for word in page.words:
            by_turn.setdefault(word.turn, []).append(word)
        page.words = []
        main = max(by_turn, key=lambda turn: len(by_turn[turn]), default=0)
        upright.append((read_rows(by_turn.pop(main, [])), page.size[1 - main % 2]))
        askew.append([read_rows(by_turn[turn]) for turn in sorted(by_turn)])
    kept = without_running(upright)
    if not any(kept) and not any(page.has_pictures for page in pages):
        kept = [rows for rows, _ in upright]  # the same line on every page, and nothing else
    blocks: list[tuple[int, list[PageBlock]]] = []
    unread = []
    # The words of a page are let go once they are laid out: those of a long document take much memory.
    upright.clear()
    kept.reverse()
    askew.reverse()
    for page in pages:
        rows, others = kept.pop(), askew.pop()
        file.require_time()
        columns = [column for part in (rows, *others) for column in read_columns(part)]
        found = [block for index, column in enumerate(columns) for block in lay_out(column, index)]
        if found:
            blocks.append((page.number, found))
        else:
            unread.append(page)
    return write_markdown(blocks), unread


def _note_unread(pages: Sequence[_Page], unread: Sequence[_Page], found: PdfText, file: SourceFile) -> None:
    pictures = [page.number for page in unread if page.has_pictures and not page.is_damaged]
    damaged = [page.number for page in unread if page.is_damaged]
    if pictures and not found.text:
        raise UnreadableFileError(
            "no_text", "its pages hold pictures of text alone: put it through text recognition (OCR) first"
        )
    if pictures:
        file.notices.append(
            f"{_named(pictures, 'hold', 'holds')} pictures of text alone, and {_were(pictures)} not read"
        )
    if damaged:
        file.notices.append(f"{_named(damaged, 'are', 'is')} damaged, and {_were(damaged)} not read")


def _were(numbers: Sequence[int]) -> str:
    return "were" if len(numbers) > 1 else "was"


def _named(numbers: Sequence[int], many: str, one: str) -> str:
    """Return pages with a verb, runs of them short: ``pages 2, 5-7 hold``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    names = ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
    return f"pages {names} {many}" if len(numbers) > 1 else f"page {names} {one}"
