"""A small writer of PDF files for tests: pages of text in the fonts that every reader has, forms, pictures, passwords."""

from __future__ import annotations

import hashlib
import random
import zlib
from collections.abc import Iterable

# Widths of Helvetica from the space to the tilde, in thousandths of its size.
_WIDTHS = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, *[556] * 10, 278, 278, 584, 584,
    584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667,
    611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222,
    500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
]  # fmt: skip


def width(text: str, size: float) -> float:
    return sum(_WIDTHS[ord(char) - 32] if 32 <= ord(char) < 127 else 556 for char in text) * size / 1000


def wrapped(text: str, size: float, measure: float) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        if lines and width(f"{lines[-1]} {word}", size) <= measure:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


class Page:
    """A page that is written from top to bottom."""

    def __init__(self, *, rotate: int = 0, size: tuple[int, int] = (595, 842), top: float = 770) -> None:
        self.rotate, self.size, self.y = rotate, size, top
        self.content: list[bytes] = []
        self.images = False
        self.fields: list[tuple[float, float, str]] = []

    def put(self, x: float, y: float, text: str | bytes, size: float = 11, font: str = "F1") -> None:
        data = text if isinstance(text, bytes) else text.encode("cp1252")
        self.content.append(
            b"BT /%s %g Tf 1 0 0 1 %g %g Tm <%s> Tj ET" % (font.encode(), size, x, y, data.hex().encode())
        )

    def raw(self, content: bytes) -> None:
        self.content.append(content)

    def lines(self, lines: Iterable[str], x: float = 72, size: float = 11, after: float = 0.7) -> None:
        for line in lines:
            self.put(x, self.y, line, size)
            self.y -= size * 1.25
        self.y -= size * after

    def paragraph(self, text: str, x: float = 72, measure: float = 450, size: float = 11) -> None:
        self.lines(wrapped(text, size, measure), x, size)

    def heading(self, text: str, size: float, x: float = 72) -> None:
        self.y -= size * 0.5
        self.put(x, self.y, text, size, "F2")
        self.y -= size * 1.6

    def row(self, cells: Iterable[str], at: Iterable[float], size: float = 10) -> None:
        for x, cell in zip(at, cells, strict=True):
            self.put(x, self.y, cell, size)
        self.y -= size * 1.8

    def image(self) -> None:
        self.images = True
        self.content.append(b"q 451 0 0 600 72 120 cm /Im1 Do Q")


def text_string(text: str) -> bytes:
    return b"<" + (b"\xfe\xff" + text.encode("utf-16-be")).hex().encode() + b">"


_FONTS = (
    b"<< /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    b" /F2 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>"
    b" /F3 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding << /Type /Encoding"
    b" /BaseEncoding /WinAnsiEncoding /Differences [1 /fi /fl /ff] >> >>"
    b" /F5 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding << /Type /Encoding"
    b" /BaseEncoding /WinAnsiEncoding /Differences [1 /hyphen] >> /ToUnicode %d 0 R >>"
    b" /F4 << /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UCS2-H /DescendantFonts ["
    b"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1)"
    b" /Supplement 2 >> /DW 1000 /FontDescriptor << /Type /FontDescriptor /FontName /STSong-Light /Flags 4"
    b" /FontBBox [0 -200 1000 900] /ItalicAngle 0 /Ascent 900 /Descent -200 /CapHeight 700 /StemV 80 >> >>] >> >>"
)


def write(
    pages: list[Page],
    info: dict[str, str] | None = None,
    *,
    user: bytes | None = None,
    owner: bytes | None = None,
    catalog: bytes = b"",
    packed: bool = True,
) -> bytes:
    """Return a PDF file; with a password of the user or the owner, encrypted by the standard handler of 40 bits."""
    objects: list[tuple[bytes, bytes | None]] = []

    def add(body: bytes, stream: bytes | None = None) -> int:
        objects.append((body, stream))
        return len(objects)

    add(b"")  # the catalog
    add(b"")  # the pages
    cmap = (
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /Soft def 1 begincodespacerange <00> <ff>"
        b" endcodespacerange 1 beginbfchar <01> <00ad> endbfchar 1 beginbfrange <20> <7e> <0020> endbfrange endcmap end end"
    )
    soft = add(b"<< /Length %d >>" % len(cmap), cmap)
    fonts = add(_FONTS % soft)
    pixels = zlib.compress(bytes(random.Random(3).choice((0, 255)) for _ in range(40 * 50)))
    image = add(
        b"<< /Type /XObject /Subtype /Image /Width 40 /Height 50 /ColorSpace /DeviceGray /BitsPerComponent 8"
        b" /Filter /FlateDecode /Length %d >>" % len(pixels),
        pixels,
    )
    forms = []
    kids = []
    for page in pages:
        content = b"\n".join(page.content)
        content = zlib.compress(content) if packed else content
        stream = add(
            b"<< /Length %d%s >>" % (len(content), b" /Filter /FlateDecode" if packed else b""), content
        )
        annotations = b""
        for x, y, value in page.fields:
            shown = b"BT /F1 11 Tf 0 0 Td <%s> Tj ET" % value.encode("cp1252").hex().encode()
            look = add(
                b"<< /Type /XObject /Subtype /Form /BBox [0 -3 300 12] /Resources << /Font %d 0 R >> /Length %d >>"
                % (fonts, len(shown)),
                shown,
            )
            field = add(
                b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (field) /V %s /F 4 /Rect [%g %g %g %g] /AP << /N %d 0 R >> >>"
                % (text_string(value), x, y - 3, x + 300, y + 12, look)
            )
            forms.append(field)
            annotations += b"%d 0 R " % field
        pictures = b" /XObject << /Im1 %d 0 R >>" % image if page.images else b""
        kids.append(
            add(
                b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Rotate %d /Contents %d 0 R"
                b" /Resources << /Font %d 0 R%s >> /Annots [%s] >>"
                % (*page.size, page.rotate, stream, fonts, pictures, annotations)
            )
        )
    if forms:
        catalog += b" /AcroForm << /Fields [%s] >>" % b" ".join(b"%d 0 R" % field for field in forms)
    objects[0] = (b"<< /Type /Catalog /Pages 2 0 R %s >>" % catalog, None)
    objects[1] = (
        b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), b" ".join(b"%d 0 R" % kid for kid in kids)),
        None,
    )
    trailer = b"/Root 1 0 R"
    id_ = hashlib.md5(repr(sorted((info or {}).items())).encode()).digest()
    key = b""
    if user is not None or owner is not None:
        key, entries = _encryption(user or b"", owner or user or b"", id_)
        trailer += b" /ID [<%s> <%s>]" % (id_.hex().encode(), id_.hex().encode())
    elif info:
        made = add(b"<< %s >>" % b" ".join(b"/%s %s" % (n.encode(), text_string(v)) for n, v in info.items()))
        trailer += b" /Info %d 0 R" % made
    out = bytearray(b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, (body, data) in enumerate(objects, start=1):
        offsets.append(len(out))
        if data is not None and key:
            salted = hashlib.md5(key + number.to_bytes(3, "little") + b"\0\0").digest()[: len(key) + 5]
            data = _rc4(salted, data)
        tail = b"\nstream\n%s\nendstream" % data if data is not None else b""
        out += b"%d 0 obj\n%s%s\nendobj\n" % (number, body, tail)
    if key:
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (len(offsets), entries)
        trailer += b" /Encrypt %d 0 R" % len(offsets)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(offsets) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d %s >>\nstartxref\n%d\n%%%%EOF\n" % (len(offsets) + 1, trailer, start)
    return bytes(out)


_PADDING = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")


def _encryption(user: bytes, owner: bytes, id_: bytes) -> tuple[bytes, bytes]:
    permissions = -44 & 0xFFFFFFFF
    owned = _rc4(hashlib.md5((owner + _PADDING)[:32]).digest()[:5], (user + _PADDING)[:32])
    key = hashlib.md5((user + _PADDING)[:32] + owned + permissions.to_bytes(4, "little") + id_).digest()[:5]
    entries = b"<< /Filter /Standard /V 1 /R 2 /O <%s> /U <%s> /P %d >>" % (
        owned.hex().encode(),
        _rc4(key, _PADDING).hex().encode(),
        permissions - (1 << 32),
    )
    return key, entries


def _rc4(key: bytes, data: bytes) -> bytes:
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out = bytearray()
    i = j = 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)
