"""Writes the Word documents of ``docx/``: ``python tests/documents/make_docx.py``."""

from __future__ import annotations

import zipfile
from pathlib import Path

HERE = Path(__file__).parent / "docx"
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
SPACES = (
    f'{W} xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" '
    'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
    'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math" '
    'xmlns:v="urn:schemas-microsoft-com:vml" '
    'xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml" mc:Ignorable="w14"'
)
TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.'
    'document.main+xml"/></Types>'
)
RELATIONSHIPS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="word/document.xml"/></Relationships>'
)
STYLES = (
    f"<w:styles {W}>"
    + "".join(
        f'<w:style w:type="paragraph" w:styleId="{id}"><w:name w:val="{name}"/>{more}</w:style>'
        for id, name, more in (
            ("Standard", "Normal", ""),
            ("Titel", "Title", ""),
            ("berschrift1", "heading 1", ""),
            ("berschrift2", "heading 2", ""),
            ("Kapitel", "Chapter of ours", '<w:basedOn w:val="berschrift2"/>'),
            ("Aufzhlung", "List Bullet", '<w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr>'),
            ("Zitat", "Quote", ""),
        )
    )
    + "</w:styles>"
)


def _levels(*levels: tuple[str, str]) -> str:
    return "".join(
        f'<w:lvl w:ilvl="{index}"><w:start w:val="1"/><w:numFmt w:val="{form}"/><w:lvlText w:val="{text}"/></w:lvl>'
        for index, (form, text) in enumerate(levels)
    )


NUMBERING = (
    f'<w:numbering {W}><w:abstractNum w:abstractNumId="0">{_levels(("bullet", "•"), ("bullet", "o"))}</w:abstractNum>'
    f'<w:abstractNum w:abstractNumId="1">{_levels(("decimal", "%1."), ("lowerLetter", "%2)"))}</w:abstractNum>'
    f'<w:abstractNum w:abstractNumId="2">{_levels(("decimal", "%1"), ("decimal", "%1.%2"))}</w:abstractNum>'
    + "".join(
        f'<w:num w:numId="{number + 1}"><w:abstractNumId w:val="{number}"/></w:num>' for number in range(3)
    )
    + "</w:numbering>"
)


def run(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def paragraph(content: str, style: str = "", list: tuple[int, int] | None = None) -> str:
    content = content if content.startswith("<") else run(content)
    properties = f'<w:pStyle w:val="{style}"/>' if style else ""
    if list is not None:
        properties += f'<w:numPr><w:ilvl w:val="{list[1]}"/><w:numId w:val="{list[0]}"/></w:numPr>'
    return f"<w:p><w:pPr>{properties}</w:pPr>{content}</w:p>"


def cell(text: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{paragraph(text)}</w:tc>"


def row(*cells: str) -> str:
    return f"<w:tr>{''.join(cells)}</w:tr>"


def table(*rows: str) -> str:
    return f"<w:tbl><w:tblPr/><w:tblGrid/>{''.join(rows)}</w:tbl>"


def document(*blocks: str) -> str:
    return f"<w:document {SPACES}><w:body>{''.join(blocks)}<w:sectPr/></w:body></w:document>"


def write(name: str, parts: dict[str, str | bytes]) -> None:
    with zipfile.ZipFile(HERE / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, content in {"[Content_Types].xml": TYPES, "_rels/.rels": RELATIONSHIPS, **parts}.items():
            data = content if isinstance(content, bytes) else content.encode()
            archive.writestr(zipfile.ZipInfo(part, (2026, 3, 1, 12, 0, 0)), data)


def write_document(name: str, *blocks: str, **parts: str) -> None:
    beside = {f"word/{part}.xml": content for part, content in parts.items()}
    write(
        name,
        {
            "word/document.xml": document(*blocks),
            "word/styles.xml": STYLES,
            "word/numbering.xml": NUMBERING,
            **beside,
        },
    )


def changed(kind: str, content: str) -> str:
    return (
        f'<w:{kind} w:id="9" w:author="Ines Bellweather" w:date="2026-02-01T09:00:00Z">{content}</w:{kind}>'
    )


def deleted(text: str) -> str:
    return changed("del", f"<w:r><w:delText>{text}</w:delText></w:r>")


def main() -> None:
    HERE.mkdir(exist_ok=True)
    write_document(
        "handbook.docx",
        paragraph("Marlow Ferry handbook", "Titel"),
        paragraph("Leave", "berschrift1", (3, 0)),
        paragraph("Crew ask for leave in the harbour office."),
        paragraph("Shore leave", "Kapitel", (3, 1)),
        paragraph("The harbour office keeps these forms:"),
        paragraph("form A for a day off", "Aufzhlung"),
        paragraph("in summer: form B", "Aufzhlung", (1, 1)),
        paragraph("form C for parental leave", "Aufzhlung"),
        paragraph("Casting off", "berschrift1", (3, 0)),
        paragraph("Check the ramp lock.", "", (2, 0)),
        paragraph("Sound the horn twice.", "", (2, 0)),
        paragraph("once in fog", "", (2, 1)),
        paragraph("Wait for the harbour master's light."),
        paragraph("Slip the stern line with 40 centimetres of slack.", "", (2, 0)),
        paragraph("A calm deck is a safe deck.", "Zitat"),
    )
    write_document(
        "fares.docx",
        paragraph("Fares", "berschrift1"),
        paragraph("What a crossing costs, by season:"),
        table(
            row(
                cell("Vessel", '<w:vMerge w:val="restart"/>'),
                cell("Fare in crowns", '<w:gridSpan w:val="2"/>'),
            ),
            row(cell("<w:r/>", "<w:vMerge/>"), cell("summer"), cell("winter")),
            row(cell("Bicycle"), cell("17"), cell("11")),
            row(cell("Lorry over 12 t"), cell("263"), cell("208 | on request")),
        ),
        paragraph("Children under six cross free."),
    )
    notes = "".join(
        f'<w:footnote w:id="{id}"{kind}>{paragraph(text)}</w:footnote>'
        for id, kind, text in (
            (0, ' w:type="separator"', "<w:r><w:separator/></w:r>"),
            (1, "", "Part-time staff get 14 days, rounded up."),
            (2, "", "Since the agreement of 3 May 2024."),
        )
    )
    endnotes = f'<w:endnote w:id="1">{paragraph("Counted by the tally office in Oderhaven.")}</w:endnote>'
    write_document(
        "footnotes.docx",
        paragraph("Days off", "berschrift1"),
        paragraph(
            run("Staff get 26 days")
            + '<w:r><w:footnoteReference w:id="1"/></w:r>'
            + run(" a year")
            + '<w:r><w:endnoteReference w:id="1"/></w:r>'
            + run(".")
        ),
        paragraph("First item of the list", "", (1, 0)),
        paragraph(run("Second item") + '<w:r><w:footnoteReference w:id="2"/></w:r>', "", (1, 0)),
        paragraph("Third item", "", (1, 0)),
        paragraph("What follows the list."),
        footnotes=f"<w:footnotes {W}>{notes}</w:footnotes>",
        endnotes=f"<w:endnotes {W}>{endnotes}</w:endnotes>",
    )
    write_document(
        "tracked_changes.docx",
        paragraph("Notice period", "berschrift1"),
        paragraph(
            run("Either side gives ")
            + deleted("six")
            + changed("ins", run("nine"))
            + run(" weeks of notice.")
        ),
        paragraph(changed("moveFrom", run("Letters go to the purser."))),
        f"<w:p><w:pPr><w:rPr>{changed('del', '')}</w:rPr></w:pPr>{run('The purser signs ')}</w:p>",
        paragraph("and the mate files it."),
        paragraph(changed("moveTo", run("Letters go to the purser."))),
        table(
            row(cell("Rank"), cell("Weeks")),
            f"<w:tr><w:trPr>{changed('del', '')}</w:trPr>{cell(deleted('Cook'))}{cell(deleted('3'))}</w:tr>",
            row(cell("Deckhand"), cell("nine")),
        ),
        paragraph(
            '<w:commentRangeStart w:id="1"/>' + run("Nothing else changed.") + '<w:commentRangeEnd w:id="1"/>'
            '<w:r><w:commentReference w:id="1"/></w:r>'
        ),
        comments=f'<w:comments {W}><w:comment w:id="1">{paragraph("Is this so?")}</w:comment></w:comments>',
    )
    box = f"<w:txbxContent>{paragraph('Lifejackets lie under bench 7.')}</w:txbxContent>"
    write_document(
        "text_box.docx",
        paragraph("Safety on deck", "berschrift1"),
        paragraph(
            run("Read the box.")
            + '<w:r><mc:AlternateContent><mc:Choice Requires="wps"><w:drawing><wp:anchor><wp:docPr id="1" name="Box 1"/>'
            f"<wps:txbx>{box}</wps:txbx></wp:anchor></w:drawing></mc:Choice><mc:Fallback><w:pict><v:shape><v:textbox>{box}"
            "</v:textbox></v:shape></w:pict></mc:Fallback></mc:AlternateContent></w:r>"
        ),
        paragraph(
            run("The drawing shows it: ")
            + '<w:r><w:drawing><wp:inline><wp:docPr id="2" name="Picture 1" descr="plan of the upper deck"/></wp:inline>'
            "</w:drawing></w:r>"
        ),
    )
    write_document(
        "fields.docx",
        paragraph("Crossings", "berschrift1"),
        paragraph(
            run("See ")
            + '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText> REF _Ref12 \\h </w:instrText></w:r>'
            '<w:r><w:fldChar w:fldCharType="separate"/></w:r>'
            + run("section 8")
            + '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
            + run(" of ")
            + f'<w:fldSimple w:instr="TITLE">{run("the timetable")}</w:fldSimple>'
            + run(".")
            + '<w:r><w:br w:type="page"/></w:r>'
            + run("The late boat leaves at 23:55")
            + run(", and a hidden word does not show", "<w:vanish/>")
            + run(".")
        ),
        paragraph(
            "<w:r><w:t>Report by e</w:t><w:noBreakHyphen/><w:t>mail to the harbour mas</w:t><w:softHyphen/><w:t>ter.</w:t></w:r>"
        ),
        paragraph(
            "<m:oMath><m:r><m:t>v=</m:t></m:r><m:f><m:num><m:r><m:t>s</m:t></m:r></m:num><m:den><m:r><m:t>t</m:t></m:r></m:den>"
            "</m:f></m:oMath>"
        ),
        paragraph(
            run("Up to 10")
            + run("6", '<w:vertAlign w:val="superscript"/>')
            + run(" litres, ")
            + run("cash", "<w:strike/>")
            + run(" card.")
        ),
        '<w:sdt><w:sdtPr><w14:checkbox><w14:checked w14:val="1"/></w14:checkbox></w:sdtPr><w:sdtContent>'
        + paragraph("☒ ramp tested")
        + "</w:sdtContent></w:sdt>",
        paragraph(run("# this is no heading")),
    )
    write_document(
        "sprachen.docx",
        paragraph("Überfahrt bei Sturm", "berschrift1"),
        paragraph(
            "Ab Windstärke 9 bleibt die Fähre im Hafen; der Fährmeister Jörg Ößling hängt den gelben Wimpel auf."
        ),
        paragraph("渡轮须知", "berschrift1"),
        paragraph("大风时渡轮停航，乘客可在三号码头退票。"),
        paragraph(
            "<w:r><w:ruby><w:rubyPr/><w:rt>"
            + run("みなと")
            + "</w:rt><w:rubyBase>"
            + run("港")
            + "</w:rubyBase></w:ruby></w:r>"
        ),
    )
    write("no_styles.docx", {"word/document.xml": document(
        "<w:p><w:r><w:t>Lost and found</w:t></w:r></w:p>",
        "<w:p><w:r><w:t>Umbrellas are kept for 33 days in the kiosk at the west pier.</w:t></w:r></w:p>",
    )})  # fmt: skip
    core = (
        '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/">'
        "<dc:title>Fuel plan 2027</dc:title><dc:creator>Tove Aldersund</dc:creator><dc:subject>Fuel</dc:subject>"
        "<cp:keywords>diesel, bunker; winter</cp:keywords><dcterms:created>2026-01-05T08:00:00Z</dcterms:created>"
        "<dcterms:modified>2026-02-07T10:30:00Z</dcterms:modified></cp:coreProperties>"
    )
    custom = (
        '<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/custom-properties" '
        'xmlns:vt="http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes">'
        '<property name="Department"><vt:lpwstr>Engine room</vt:lpwstr></property>'
        '<property name="Approved"><vt:bool>true</vt:bool></property><property name="Revision"><vt:i4>4</vt:i4></property>'
        "</Properties>"
    )
    write("properties.docx", {
        "word/document.xml": document(paragraph("The tanks take 8,450 litres of diesel on the first Monday of the month.")),
        "docProps/core.xml": core, "docProps/custom.xml": custom,
    })  # fmt: skip
    strict = document(paragraph("The cable locker holds 190 metres of chain.")).replace(
        "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
        "http://purl.oclc.org/ooxml/wordprocessingml/main",
    )
    write("strict.docm", {
        "_rels/.rels": RELATIONSHIPS.replace("word/document.xml", "/parts/main.xml"),
        "parts/main.xml": strict, "word/vbaProject.bin": b"macros",
    })  # fmt: skip
    write_document("empty.docx", paragraph("<w:r/>"))
    write_document(
        "pictures_alone.docx",
        paragraph('<w:r><w:pict><v:shape><v:imagedata r:id="rId5"/></v:shape></w:pict></w:r>'),
    )
    whole = (HERE / "handbook.docx").read_bytes()
    (HERE / "cut_off.docx").write_bytes(whole[: len(whole) // 2])
    write("no_document.docx", {"xl/workbook.xml": "<workbook/>"})
    ole = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504)
    (HERE / "old_format.docx").write_bytes(ole + "WordDocument".encode("utf-16-le") + bytes(488))
    (HERE / "password.docx").write_bytes(ole + "EncryptedPackage".encode("utf-16-le") + bytes(480))
    entities = "".join(f'<!ENTITY e{number + 1} "{f"&e{number};" * 10}">' for number in range(9))
    bomb = f'<!DOCTYPE w:document [<!ENTITY e0 "boom">{entities}]>{document(paragraph("&e9;"))}'
    write("entity_bomb.docx", {"word/document.xml": bomb})
    outside = f'<!DOCTYPE w:document [<!ENTITY e SYSTEM "file:///etc/hostname">]>{document(paragraph("&e;"))}'
    write("outside_entity.docx", {"word/document.xml": outside})


if __name__ == "__main__":
    main()
