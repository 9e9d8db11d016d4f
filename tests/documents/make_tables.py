"""Makes the tables and records that the tests of their readers read: ``python tests/documents/make_tables.py``.

All companies, people and numbers are invented.
"""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl  # type: ignore[import-untyped]
from openpyxl.chart import BarChart, Reference  # type: ignore[import-untyped]

FOLDER = Path(__file__).parent / "tables"

TEXTS = {
    "screws.csv": "\ufeffArtikel;Preis;Bestand;PLZ;Geliefert am\r\n"
    "Senkkopfschraube M4;1.234,50;12;01067;31.12.2025\r\n"
    "Flügelmutter M6;2,75;1.800;86150;02.01.2026\r\n"
    "Unterlegscheibe A2;0,04;25.000;20095;11.02.2026\r\n",
    "rooms.tsv": 'room\tfloor\tseats\nHeron\t2\t14\nThe "Quiet" Kingfisher\t3\t6\nBittern\t0\t40\n',
    "contacts.csv": "name,phone,extension\nOdile Brandt,0049301234567,0117\nTomas Veiga,0035121555010,0042\n",
    "cafe.csv": "gericht,allergene,preis\nKäsespätzle,\"Milch, Weizen\",7.90\nGrüner Salat,keine,4.50\n",
    "faq.csv": "question,answer\n"
    '"How do I return a rented drill?","Bring it to the desk at Quay 7 before noon.\n- with its case\n- with both batteries\n\n'
    'A drill that comes back wet is charged 18 crowns."\n'
    '"May I keep a ladder over the weekend?","Yes. ' + "It counts as one day if it is back by Monday at nine. " * 4 + '"\n',
    "tours.csv": "code,tour,guide\nT1,Lock gates,Ines\nT2,Dye works,Pavel,leaves from platform 9\nT3,Old mint\n\n,,\nT4,Ropewalk,Ines,\n",
    "readings.csv": "1,20.5,2026-01-01\n2,21.25,2026-01-02\n3,19.75,2026-01-03\n",
    "fares.csv": "Fares of the Alder Valley line\nvalid from May 2026\n\nstation,zone,single,day\nAlderby,1,2.40,5.00\nMossgate,2,3.10,6.20\n"
    "Total,,5.50,11.20\n",
    "visits.csv": "visitor,arrives,leaves\nKoji Arai,03/04/2026,04/04/2026\nMeera Pillai,05/06/2026,07/06/2026\n",
    "leases.csv": "site,signed,ends\nMill Lane,13/02/2024,\"Mar 12, 2027\"\nWharf Road,01/03/2025,\"April 1, 2028\"\n",
    "single.csv": "rule\nLock the yard, then hand the key to the porter.\nSwitch off the kiln.\n",
    "doubles.csv": "item,price,price,note\nanvil,120,95,\"5\"\" horn\"\ntongs,30,22,riveted\n",
    "open_quote.csv": 'name,note\nvice,"jaws are worn\nplane,sharp\n',
    "nothing.csv": "",
    "nothing.jsonl": "\n\n",
    "config.json": json.dumps({"version": 3, "paths": {"logs": "/var/log"}, "retries": [1, 2, 5]}, indent=1),
    "broken.jsonl": '{"id": "n1", "title": "Siren test", "text": "The siren is tested on the first Tuesday."}\n'
    '{"id": "n2", "text": "cut off\n'
    '{"id": "n3", "title": "Bike shed", "text": "The shed code is the year the mill opened."}\n'
    "[1, 2]\n"
    '{"id": "n1", "text": "A second notice under the same id: badges expire in March."}\n'
    '{"id": "n5", "title": "no text here"}\n',
    "hopeless.jsonl": "not json\nnor this\n",
    "deep.json": "[" * 30_000,
    "lines.json": '{"name": "Gull", "text": "Gull is the ferry that carries lorries."}\n{"name": "Tern", "text": "Tern carries bicycles only."}\n',
}  # fmt: skip

TICKETS: list[dict[str, Any]] = [
    {
        "id": 4101,
        "subject": "Press jams",
        "body": "# Report\n\nThe letterpress jams whenever the humidity passes 70 percent.",
        "opened": "2026-02-11",
        "customer": {"name": "Ferrow Print", "plan": "gold"},
        "tags": ["press", "urgent"],
        "hours": 3.5,
    },
    {
        "id": 4102,
        "subject": "Invoice twice",
        "body": "Invoice 88 was sent to the old address in Tarnby.",
        "opened": "2026-02-12",
        "customer": {"name": "Osk & Daughter", "plan": "basic"},
        "tags": [],
        "hours": None,
    },
]
BIRDS = [
    {"title": "Dunlin", "description": "The dunlin is counted at low tide on the Sill flats.", "ring": 12345678901234567890123},
    {"title": "Whimbrel", "description": "Whimbrels pass in late April, seldom in autumn.", "ring": 7},
]  # fmt: skip
MINUTES = {
    "committee": "Harbour",
    "items": [
        {"no": 1, "headline": "Dredging", "text": "Dredging of the inner basin begins on 4 May."},
        {"no": 2, "headline": "Fees", "text": "Mooring fees rise to 41 crowns a night."},
    ],
}
POLICY = {
    "title": "Kiln policy",
    "text": "# Kiln\n\nNo glaze with lead enters the kiln room.",
    "authors": [{"name": "Rui Castell"}],
    "revised": "2026-01-20",
}


def made() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, text in TEXTS.items():
        (FOLDER / name).write_bytes(text.encode("cp1252" if name == "cafe.csv" else "utf-8"))
    lines = "".join(json.dumps(ticket, ensure_ascii=False) + "\r\n" for ticket in TICKETS)
    (FOLDER / "tickets.jsonl").write_text(lines, newline="")
    (FOLDER / "birds.json").write_text(json.dumps(BIRDS, indent=2))
    (FOLDER / "minutes.json").write_text(json.dumps(MINUTES, indent=2))
    (FOLDER / "policy.json").write_text(json.dumps(POLICY, indent=2))
    prices()
    merged()
    lying()
    (FOLDER / "cut_off.xlsx").write_bytes((FOLDER / "prices.xlsx").read_bytes()[:3000])
    ole = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504)
    (FOLDER / "old_format.xlsx").write_bytes(ole + "Workbook".encode("utf-16-le") + bytes(496))
    (FOLDER / "password.xlsx").write_bytes(ole + "EncryptedPackage".encode("utf-16-le") + bytes(480))


def prices() -> None:
    """Two sheets, one of them hidden, and a chart; dates, a formula whose result was saved, and one that failed."""
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.title = "Prices"
    sheet.append(["sku", "Tool", "Price", "In stock", "Since", "Gross"])
    sheet.append(["H-10", "Claw hammer", 24.9, True, date(2025, 3, 1), "=C2*1.2"])
    sheet.append(["H-11", "Jeweller's saw", 61, False, datetime(2026, 1, 15, 8, 30), "=C3/0"])
    sheet.append(["007", "Scriber", 9.05, True, date(2024, 11, 5), "=C4*1.2"])
    other = book.create_sheet("Depots")
    other["B3"], other["C3"] = "Depot", "Opening hours"
    other["B4"], other["C4"] = "Eastwharf", "The depot opens at six and closes at noon on Saturdays."
    other.sheet_state = "hidden"
    chart = BarChart()
    chart.add_data(Reference(sheet, min_col=3, min_row=1, max_row=4), titles_from_data=True)
    book.create_chartsheet("Chart").add_chart(chart)
    path = FOLDER / "prices.xlsx"
    book.save(path)
    results = {"C2*1.2": "29.88", "C3/0": "#DIV/0!", "C4*1.2": "10.86"}
    xml = read(path, "xl/worksheets/sheet1.xml").decode()
    for formula, result in results.items():
        kind = ' t="e"' if result.startswith("#") else ""
        old = f"><f>{formula}</f><v></v></c>"
        if old not in xml:
            old = f"><f>{formula}</f><v /></c>"
        assert old in xml, xml
        xml = xml.replace(old, f"{kind}><f>{formula}</f><v>{result}</v></c>")
    rewrite(path, {"xl/worksheets/sheet1.xml": xml})


def merged() -> None:
    """A title over all columns, and groups whose name stands in one cell for several rows."""
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.append(["Shifts at the Sandgate works, summer 2026"])
    sheet.merge_cells("A1:C1")
    sheet.append(["Hall", "Shift", "Foreman"])
    sheet.append(["Foundry_x000D_", "early", "Aino Lahde"])
    sheet.append([None, "late", "Bram Oyelaran"])
    sheet.merge_cells("A3:A4")
    sheet.append(["Paint shop", "early", "Celia Nunes"])
    book.save(FOLDER / "merged.xlsx")
    share_strings(FOLDER / "merged.xlsx")


def lying() -> None:
    """A sheet that claims to be as large as any can be."""
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.append(["Buoy", "Light"])
    sheet.append(["Skerry North", "flashes green every 6 seconds"])
    path = FOLDER / "lying_size.xlsx"
    book.save(path)
    xml = read(path, "xl/worksheets/sheet1.xml").decode()
    assert '<dimension ref="A1:B2"' in xml
    rewrite(path, {"xl/worksheets/sheet1.xml": xml.replace('ref="A1:B2"', 'ref="A1:XFD1048576"')})


def read(path: Path, entry: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(entry)


def share_strings(path: Path) -> None:
    """Move the texts of the cells of the first sheet into a list of their own, as Excel writes them."""
    sheet = "xl/worksheets/sheet1.xml"
    xml = read(path, sheet).decode()
    found = list(dict.fromkeys(INLINE.findall(xml)))
    xml = INLINE.sub(lambda text: f't="s"><v>{found.index(text[1])}</v>', xml)
    runs = [f"<si><r><t>{text[:4]}</t></r><r><t>{text[4:]}</t></r></si>" for text in found]
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    rels, types = "xl/_rels/workbook.xml.rels", "[Content_Types].xml"
    listed = read(path, rels).decode().replace(
        "</Relationships>", f'<Relationship Id="rId99" Type="{relation}" Target="sharedStrings.xml"/></Relationships>'
    )  # fmt: skip
    typed = read(path, types).decode().replace(
        "</Types>", f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'
    )  # fmt: skip
    rewrite(path, {
        sheet: xml, rels: listed, types: typed, "xl/sharedStrings.xml": f"<sst {space}>{''.join(runs)}</sst>"
    })  # fmt: skip


INLINE = re.compile('t="inlineStr"><is><t(?: [^>]*)?>([^<]*)</t></is>')


def rewrite(path: Path, parts: dict[str, str]) -> None:
    """Replace entries of an archive, or add them."""
    old = path.with_suffix(".old")
    shutil.move(path, old)
    with zipfile.ZipFile(old) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in dict.fromkeys([*source.namelist(), *parts]):
            target.writestr(name, parts[name] if name in parts else source.read(name))
    old.unlink()


if __name__ == "__main__":
    made()
