"""Makes the books of tests/documents/epub. Run it from this folder; it needs nothing but Python."""

from __future__ import annotations

import zipfile
from pathlib import Path

FOLDER = Path("epub")
MOMENT = (2026, 1, 5, 8, 0, 0)
CONTAINER = """<?xml version="1.0"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="{path}" media-type="application/oebps-package+xml"/></rootfiles></container>
"""
PACKAGE = """<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="{version}" unique-identifier="id">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:opf="http://www.idpf.org/2007/opf">{metadata}</metadata>
<manifest>{items}</manifest>
<spine>{spine}</spine>{guide}</package>
"""
PAGE = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><head><title>{title}</title><script src="x.js"/></head>
<body>{body}</body></html>
"""
ENCRYPTION = """<?xml version="1.0"?>
<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container" xmlns:enc="http://www.w3.org/2001/04/xmlenc#">
<enc:EncryptedData><enc:EncryptionMethod Algorithm="{algorithm}"/>
<enc:CipherData><enc:CipherReference URI="{name}"/></enc:CipherData></enc:EncryptedData></encryption>
"""
BEES = [
    (
        "one.xhtml",
        "Spring",
        "<h1>Spring</h1><p>In spring the hives at Thornby are opened when the crocus is out.</p>",
    ),
    (
        "two.xhtml",
        "Summer",
        "<h1>Summer</h1><p>A strong hive gives 31 jars.</p><ul><li>lime</li><li>clover</li></ul>",
    ),
    ("three.xhtml", "Winter", "<h1>Winter</h1><a id='x'/><p>The bees sit close together and eat.</p>"),
]


def package(
    pages: list[tuple[str, str, str]],
    metadata: str,
    *,
    more: str = "",
    before: str = "",
    guide: str = "",
    version: str = "3.0",
) -> str:
    items = "".join(
        f'<item id="p{n}" href="{name}" media-type="application/xhtml+xml"/>'
        for n, (name, _, _) in enumerate(pages)
    )
    spine = before + "".join(f'<itemref idref="p{n}"/>' for n in range(len(pages)))
    return PACKAGE.format(metadata=metadata, items=items + more, spine=spine, guide=guide, version=version)


def write(name: str, entries: dict[str, str | bytes], path: str = "OEBPS/content.opf") -> None:
    with zipfile.ZipFile(FOLDER / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, data in {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": CONTAINER.format(path=path),
            **entries,
        }.items():
            archive.writestr(
                zipfile.ZipInfo(entry, MOMENT),
                data,
                zipfile.ZIP_STORED if entry == "mimetype" else zipfile.ZIP_DEFLATED,
            )


def texts(pages: list[tuple[str, str, str]], folder: str = "OEBPS/") -> dict[str, str | bytes]:
    return {f"{folder}{name}": PAGE.format(title=title, body=body) for name, title, body in pages}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    about = (
        "<dc:title>The Bees of Thornby</dc:title><dc:creator>Maud Ackerley</dc:creator><dc:language>en</dc:language>"
        '<dc:publisher>Hedge Press</dc:publisher><dc:date>2024-05-01</dc:date><dc:identifier id="id">urn:isbn:9780000000017</dc:identifier>'
        '<meta property="dcterms:modified">2025-02-03T10:00:00Z</meta>'
    )
    write("plain.epub", {"OEBPS/content.opf": package(BEES, about), **texts(BEES)})

    toc = "<nav epub:type='toc'><ol><li><a href='a.xhtml'>Part one</a><ol><li><a href='a.xhtml#s'>Salt</a></li></ol></li></ol></nav>"
    curing = [
        (
            "text/a%20salt.xhtml",
            "Salt",
            "<section><h1>Part one</h1><h2 id='s'>Salt</h2><p>Ham lies in salt for twenty-six days.</p></section>",
        ),
        ("text/cover.xhtml", "Cover", "<img src='../cover.jpg' alt=''/>"),
        (
            "text/b.xhtml",
            "Smoke",
            "<section><h1>Part two</h1><h2>Smoke</h2><p>Beech, never pine&#160;&mdash; it blackens.</p>"
            + "<table><tr><th>Wood</th><th>Hours</th></tr><tr><td>beech</td><td>70</td></tr></table></section>",
        ),
    ]
    entries = texts(curing)
    entries = {name.replace("%20", " "): data for name, data in entries.items()}
    more = '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/><item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>'
    write("nested_toc.epub", {
        "OEBPS/content.opf": package(curing, "<dc:title>Curing at Home</dc:title><dc:creator>A. Rowe</dc:creator><dc:creator>B. Sand</dc:creator>",
                                     more=more, before='<itemref idref="nav"/>'),
        "OEBPS/nav.xhtml": PAGE.format(title="Contents", body=toc), "OEBPS/toc.ncx": "<ncx/>", **entries,
    })  # fmt: skip

    odd = [
        ("../../outside.xhtml", "Out", "<p>The spare key of the mill hangs behind the flour chute.</p>"),
        ("/absolute.xhtml", "Abs", "<p>The mill race is cleared in week 14.</p>"),
        ("missing.xhtml", "Missing", ""),
        ("http://mill.example/far.xhtml", "Far", ""),
    ]
    write("odd_paths.epub", {
        "OEBPS/content.opf": package(odd, "<dc:title>Mill book</dc:title>"),
        "../outside.xhtml": PAGE.format(title="Out", body=odd[0][2]), "absolute.xhtml": PAGE.format(title="Abs", body=odd[1][2]),
        "../../../tmp/evil.txt": "never written",
    })  # fmt: skip

    old = [
        ("toc.html", "Contents", "<ul><li>Knots</li></ul>"),
        ("knots.html", "Knots", "<h2>Knots</h2><p>The sheet bend joins two ropes, as at berth 9.</p>"),
    ]
    write("epub2_at_root.epub", {
        "book.opf": package(old, "<dc:title>Knots</dc:title><dc:creator opf:role='ill'>I. Draw</dc:creator><dc:creator opf:role='aut'>Piet Haan</dc:creator><dc:date>around 1998</dc:date>",
                            guide='<guide><reference type="toc" title="Contents" href="toc.html"/></guide>', version="2.0"),
        **texts(old, ""),
    }, "book.opf")  # fmt: skip

    fonts = ENCRYPTION.format(algorithm="http://www.idpf.org/2008/embedding", name="OEBPS/font.otf")
    plain = [("one.xhtml", "Kiln", "<h1>Kiln</h1><p>The kiln cools for forty hours before it is opened.</p>")]
    write(
        "obfuscated_fonts.epub",
        {
            "OEBPS/content.opf": package(plain, ""),
            "META-INF/encryption.xml": fonts,
            "OEBPS/font.otf": bytes(64),
            **texts(plain),
        },
    )

    secret = ENCRYPTION.format(
        algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc", name="OEBPS/one.xhtml"
    )
    cipher = bytes(range(256))
    write(
        "encrypted.epub",
        {
            "OEBPS/content.opf": package(plain, "<dc:title>Sold</dc:title>"),
            "META-INF/encryption.xml": secret,
            "OEBPS/one.xhtml": cipher,
        },
    )

    images = [("one.xhtml", "1", "<img src='1.jpg' alt=''/>")]
    write(
        "images_only.epub",
        {"OEBPS/content.opf": package(images, "<dc:title>Atlas</dc:title>"), **texts(images)},
    )

    bomb = '<!DOCTYPE package [<!ENTITY a "boom boom boom boom"><!ENTITY b "&a;&a;&a;&a;&a;"><!ENTITY x SYSTEM "file:///etc/passwd">]>'
    forge = [("one.xhtml", "Forge", "<p>The forge is lit on the first Monday of Lent.</p>")]
    hostile = package(forge, "<dc:title>Forge &b;&x;</dc:title>").replace("<package", f"{bomb}<package", 1)
    write("entities.epub", {"OEBPS/content.opf": hostile, **texts(forge)})

    whole = (FOLDER / "plain.epub").read_bytes()
    (FOLDER / "damaged.epub").write_bytes(whole[: len(whole) // 2])
    with zipfile.ZipFile(FOLDER / "no_container.epub", "w") as archive:
        archive.writestr(zipfile.ZipInfo("mimetype", MOMENT), "application/epub+zip")


if __name__ == "__main__":
    main()
