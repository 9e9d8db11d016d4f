"""Writes the PDF files of this folder, and their list.

Run by hand after a change: ``PYTHONPATH=tests python -m documents.make_pdf``. The companies, people and numbers are
invented.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

from documents.pdf_writer import Page, width, wrapped, write

HERE = Path(__file__).parent

FILLER = [
    (
        "The workshop in Brackwater opened in 1974 with four benches and one lathe, and its first order was a set of "
        "drawers for the harbour office. The drawers are still there."
    ),
    (
        "Every bench has its own set of tools, which are counted on Friday afternoons. What is missing is written into "
        "the book at the door, and nobody goes home before the page is signed."
    ),
    (
        "Wood is bought twice a year, in March and in October, from three sawmills up the river. It is stacked under the "
        "long roof and turned every second month until it is dry enough to be worked."
    ),
    (
        "Visitors are asked to wear the yellow coats that hang beside the office. Children under twelve stay behind the "
        "white line, and dogs stay outside."
    ),
    (
        "Small repairs are made while people wait. For larger ones a slip is written in two copies, one of which is "
        "pinned to the piece and stays there until it is fetched."
    ),
    (
        "The oven for the glue is lit at seven and put out at five. Whoever lights it writes the hour on the board, and "
        "whoever puts it out wipes the board clean."
    ),
]


def letter() -> bytes:
    first = Page()
    first.heading("Notice to All Tenants of Alder Court", 20)
    first.paragraph(
        "Dear tenants, this letter tells you what will happen in the house between May and August."
    )
    first.heading("Water", 15)
    first.paragraph(
        "The pipes in the cellar are replaced from 4 May on. On weekdays between 9 and 12 there will be no water; the "
        "caretaker puts two tanks into the yard, from which you can draw as much as you need. Please keep the doors of "
        "your bathrooms unlocked on those mornings."
    )
    first.paragraph(
        "Whoever cannot be at home leaves a key with the caretaker, in an envelope that is sealed and signed."
    )
    first.heading("Lifts", 15)
    first.y = 130
    first.lines(
        wrapped(
            "The lift of the east stair stands still from 8 June to 19 June. Its doors are replaced, and the cabin gets "
            "a new floor. People who cannot climb stairs call the office on 0555 0142, which sends somebody who",
            11,
            450,
        )
    )
    second = Page()
    second.paragraph("carries their shopping up to the fifth floor, free of charge.")
    second.heading("What you need to do", 15)
    second.paragraph("Please do these three things before the work begins:")
    for item in (
        "\u2022 Move everything that stands in the cellar corridor, above all the bicycles near the main pipe and the old shelves.",
        "\u2022 Send in the yellow form.",
        "\u2022 Tell your neighbours.",
    ):
        first_line, *others = wrapped(item, 11, 400)
        second.put(80, second.y, first_line)
        second.y -= 13.75
        for line in others:
            second.put(89, second.y, line)
            second.y -= 13.75
    second.y -= 8
    second.paragraph("Yours sincerely, Ottilie Brandt, Alder Court Housing")
    return write(
        [first, second],
        {
            "Title": "Building works at Alder Court", "Author": "Ottilie Brandt", "Subject": "Works in summer",
            "Keywords": "water, lifts", "CreationDate": "D:20260301083000+01'00'", "ModDate": "D:20260302",
        },
    )  # fmt: skip


def two_columns() -> bytes:
    page = Page()
    page.heading("The Brackwater Messenger", 22, 150)
    top = page.y
    texts = [
        FILLER[0],
        FILLER[2],
        "The ferry to Saltholm leaves at ten past six on market days, and the last one back is at nine.",
    ]
    for text in texts[:2]:
        page.paragraph(text, 60, 220, 10)
    page.lines(
        wrapped(
            "The harbour master asks all owners of boats to renew their moorings before the end of the month and to bring with",
            10,
            220,
        ),
        60,
        10,
    )
    page.y = top
    page.paragraph("them the paper of the year before.", 315, 220, 10)
    for text in (texts[2], FILLER[3], FILLER[4]):
        page.paragraph(text, 315, 220, 10)
    return write([page], {"Title": "untitled"})


def interleaved_columns() -> bytes:
    """Two columns whose lines were written row by row, and a line across both below them."""
    page = Page()
    left = wrapped(" ".join(FILLER[:2]), 10, 215)
    right = wrapped(" ".join([*FILLER[3:5], "The night porter is called Wendelin Marsh."]), 10, 215)
    for index in range(max(len(left), len(right))):
        for x, lines in ((60, left), (300, right)):
            if index < len(lines):
                page.put(x, page.y, lines[index], 10)
        page.y -= 12
    page.y -= 20
    page.paragraph(
        "Both columns end here, and this last paragraph runs across the whole width of the page as the first did not.",
        60,
        480,
        10,
    )
    return write([page], {"Title": "C:\\Texte\\hausblatt.indd"})


def table() -> bytes:
    at = (72, 250, 330, 420)
    head = ("Article", "Length", "Wood", "Price in EUR")
    rows = [
        (f"Shelf no. {n}", f"{60 + n * 5} cm", ("oak", "ash", "pine")[n % 3], f"{n * 7 + 12}.50")
        for n in range(1, 51)
    ]
    rows[36] = ("Ship's ladder", "412 cm", "larch", "1,318.00")
    pages = [Page(), Page()]
    pages[0].heading("Price list of Thornquist Joinery", 18)
    pages[0].paragraph("Prices hold from January on, and do not include delivery.")
    pages[0].row(head, at)
    for row in rows[:34]:
        pages[0].row(row, at)
    for row in rows[34:]:
        pages[1].row(row, at)
    pages[1].y -= 10
    pages[1].paragraph("Delivery costs 45 EUR within the county.")
    return write(pages, {"Title": "Microsoft Word - prices.doc"})


def repeated_table_head() -> bytes:
    at = (72, 200, 330)
    pages = []
    for start in (0, 8, 16):
        page = Page()
        page.row(("Room", "Seats", "Booked by"), at)
        for n in range(start, start + 8):
            page.row((f"B{n + 101}", str(12 + n * 2), ("Accounts", "Sales", "Stores")[n % 3]), at)
        pages.append(page)
    pages[2].row(("B140", "230", "the Fennimore choir"), at)
    return write(pages)


def wrapped_cells() -> bytes:
    page = Page()
    page.heading("Opening Hours", 18)
    at = (72, 200, 360)
    page.row(("Counter", "Hours", "Remarks"), at)
    page.row(("Parcels", "Mon to Fri 8 to 18", "closed on the first of"), at)
    page.y += 6
    page.put(360, page.y, "every month", 10)
    page.y -= 18
    page.row(("Passports", "Tue 10 to 15", "by appointment"), at)
    page.row(("Lost property", "Thu 14 to 16:45", "ring twice"), at)
    return write([page])


def rotated() -> bytes:
    """A page that is shown a quarter clockwise, and so holds its lines standing up."""
    page = Page(rotate=90)
    lines = [
        *wrapped(FILLER[5], 11, 600),
        *wrapped("The spare key of the boiler room hangs behind the portrait of Aunt Lavinia.", 11, 600),
    ]
    for index, line in enumerate(lines):
        page.raw(
            b"BT /F1 11 Tf 0 1 -1 0 %d 72 Tm <%s> Tj ET" % (80 + index * 14, line.encode().hex().encode())
        )
    page.put(500, 60, "Form 88-K")
    return write([page], {"Title": "Boiler Room"})


def encrypted() -> bytes:
    page = Page()
    page.paragraph("Nobody reads this without the word.")
    return write([page], user=b"hazel", owner=b"nut")


def owner_only() -> bytes:
    page = Page()
    page.paragraph("The deposit for the reading room is 15 florins, and is paid back in June.")
    return write([page], owner=b"nut")


def scanned() -> bytes:
    pages = [Page(), Page()]
    for page in pages:
        page.image()
    return write(pages)


def mixed() -> bytes:
    pages = [Page() for _ in range(7)]
    for number, page in enumerate(pages, start=1):
        if number in (2, 5, 6, 7):
            page.image()
        else:
            page.paragraph(f"Sheet {'abcdefg'[number - 1]} of the survey. {FILLER[number - 1]}")
    pages[3].paragraph("The well behind the smithy is 31 metres deep.")
    return write(pages)


_REPORT = [
    ("In the spring the committee went through the workshops one after another and wrote down what it found. The com-|"
    "mittee was surprised by how well-kept the older rooms were, and by how little was known about their con-|"
    "tents. Only the foreman could say what was stored where, and the foreman was about to re-|"
    "tire."),
    ("A list was drawn up over the summer by two apprentices, who opened every cupboard. They found 214 tools that no-|"
    "body had missed, a well-|known painting by a pupil of Anders Holm, and the minutes of the North-|South society."),
    ("The list is kept in the office and is renewed each year in the week before the holidays, when the benches stand idle and|"
    "everybody has time. Whoever takes a tool out of the house writes it down, with the day on which it will be"),
    "brought back. A tool that is out for more than a month is asked for by letter.",
    "The first fire in the new stove was lit on the eve of the fair by the oldest member, who is ninety-one.",
    "Two benches were sold to the school in Ravensholt, and the money went into the roof of the timber store.",
    "In the end the society thanked the apprentices and gave each of them 75 crowns for a journey to the glass museum.",
]  # fmt: skip


def report() -> bytes:
    pages = []
    for number, text in enumerate(_REPORT, start=1):
        page = Page()
        page.put(72, 800, "Society of Joiners" if number % 2 else "Yearly Report 2025", 9)
        page.put(500, 800, str(number + 16), 9)
        page.put(280, 40, f"Page {number} of 7", 9)
        if number == 1:
            page.heading("Yearly Report of the Inventory Committee", 18)
        page.lines(text.split("|"), 72, 9)
        if number in (1, 2, 4):
            page.paragraph(FILLER[number], 72, 450, 9)
        pages.append(page)
    return write(pages, {"Title": "report-final-v3.docx", "Author": "I. Lundqvist"})


def ligatures() -> bytes:
    page = Page()
    page.heading("Kitchen Rules", 18)
    page.put(
        72,
        page.y,
        b"The o\x03ice sta\x03 \x01les its \x02yers in the \x01fth drawer of the co\x03ee cupboard.",
        11,
        "F3",
    )
    page.y -= 14
    page.put(72, page.y, "The Rasen\u00admäher costs nothing.".encode("cp1252"), 11)
    return write([page])


def small_pages() -> bytes:
    pages = []
    for number in range(1, 61):
        page = Page(size=(200, 150), top=120)
        page.lines(
            wrapped(
                f"Card {chr(64 + (number - 1) // 10 + 1)}{number % 10}: the drawer holds {number * 3} {'screws' if number != 47 else 'brass hinges from Ulmstadt'}.",
                10,
                170,
            ),
            15,
            10,
        )
        pages.append(page)
    return write(pages, {"Title": "Drawers"})


def with_script() -> bytes:
    page = Page()
    page.heading("Order Form", 18)
    page.paragraph("Orders above 900 guilders need the signature of Mr Pemberton-Low.")
    return write(
        [page],
        catalog=b"/OpenAction << /S /JavaScript /JS (app.alert\\('opened'\\); this.submitForm\\('http://127.0.0.1:9/x'\\);) >>",
    )


def german() -> bytes:
    page = Page()
    page.heading("Hausordnung für die Werkstätten", 18)
    page.heading("Öffnungszeiten", 14)
    page.lines(
        wrapped(
            "Die Werkstätten sind von März bis Oktober täglich geöffnet. Schlüssel erhält man beim Hausmeister, Herrn Grünwald-",
            11,
            450,
        ),
        after=0,
    )
    page.lines(
        wrapped(
            "Köhler, und zwar nur gegen Unterschrift. Für jede Maschine gibt es eine Ein- und eine Ausschalt-",
            11,
            450,
        ),
        after=0,
    )
    page.paragraph(
        "vorschrift. Die Gebühr für die große Fräse beträgt 17,40 € je Stunde; § 12 gilt sinngemäß."
    )
    page.heading("Aufsicht", 14)
    for item in (
        "1. Wer allein arbeitet, meldet sich an.",
        "2. Wer geht, meldet sich ab.",
        "3. Der Hund heißt Strolch.",
    ):
        page.lines([item], after=0)
    return write([page], {"Title": "Hausordnung", "CreationDate": "gestern"})


def chinese() -> bytes:
    page = Page()
    lines = [
        "汇业有限公司的员工每年有二十五天假期，新员工第一年有十五",
        "天。仓库在杭州路八十八号，星期日不开门。",
    ]
    for line in lines:
        page.put(72, page.y, line.encode("utf-16-be"), 12, "F4")
        page.y -= 16
    return write([page])


def margin_note() -> bytes:
    """An upright page with a note up its margin, a footnote with a raised mark, and what looks like marks of Markdown."""
    page = Page()
    page.heading("Rules for the Boathouse", 18)
    lines = wrapped("The boathouse is locked at dusk by whoever leaves it last", 11, 450)
    page.put(72, page.y, lines[0])
    page.put(72 + width(lines[0], 11) + 1, page.y + 4, "1", 7)
    page.put(72 + width(lines[0], 11) + 8, page.y, "and swept on Sundays.")
    page.y -= 40
    page.paragraph("# 4 is the mooring of the commodore.")
    page.paragraph("---")
    page.put(72, 90, "1  Dusk is half an hour after sunset by the almanac of Peer Halloran.", 8)
    page.raw(b"BT /F1 8 Tf 0 1 -1 0 30 300 Tm (Approved on 3 April by the warden) Tj ET")
    return write([page])


def form() -> bytes:
    page = Page()
    page.heading("Application for a Berth", 18)
    for label, value in (("Name of the boat:", "Cormorant"), ("Harbour of origin:", "Vigsund on Tarn")):
        page.put(72, page.y, label)
        page.fields.append((175, page.y, value))
        page.y -= 24
    return write([page])


def soft_hyphens() -> bytes:
    page = Page()
    page.put(72, page.y, b"The tower clock is wound on Satur\x01", 11, "F5")
    page.put(72, page.y - 14, b"days by the sex\x01ton, who is a cousin of Madame Ysolde.", 11, "F5")
    return write([page])


def blank() -> bytes:
    return write([Page(), Page()])


_ENTRIES = [
    ("letter", letter, "two pages with headings, a list and a paragraph over the page break", "From which days does the lift of the east stair stand still?", "8 June to 19 June", "page 1"),
    ("two_columns", two_columns, "two columns; a paragraph goes on in the second one; the title is 'untitled'", "When does the ferry to Saltholm leave on market days?", "ten past six", "page 1"),
    ("interleaved_columns", interleaved_columns, "two columns whose lines the file holds row by row, a paragraph across both below", "What is the name of the night porter?", "Wendelin Marsh", "page 1"),
    ("table", table, "a table over two pages; the title is one that Word wrote", "What does the ship's ladder cost?", "| Ship's ladder | 412 cm | larch | 1,318.00 |", "page 2"),
    ("repeated_table_head", repeated_table_head, "a table on three pages, its head on each", "Who booked room B140?", "the Fennimore choir", "page 3"),
    ("wrapped_cells", wrapped_cells, "a table with a cell of two lines", "When is the counter for lost property open?", "Thu 14 to 16:45", "page 1"),
    ("rotated", rotated, "a page that is shown a quarter turned, with a line that stands askew on it", "Where does the spare key of the boiler room hang?", "behind the portrait of Aunt Lavinia", "page 1"),
    ("owner_only", owner_only, "encrypted with a password of the owner only, so everybody can open it", "How much is the deposit for the reading room?", "15 florins", "page 1"),
    ("mixed", mixed, "pages 2 and 5 to 7 are scans", "How deep is the well behind the smithy?", "31 metres deep", "page 4"),
    ("report", report, "hyphens at line ends, running heads that differ on odd and even pages, page numbers", "How much did each apprentice get for a journey?", "75 crowns", "page 7"),
    ("ligatures", ligatures, "ligatures and a soft hyphen", "In which drawer does the staff file its flyers?", "fifth drawer of the coffee cupboard", "page 1"),
    ("small_pages", small_pages, "sixty small pages", "Where do the brass hinges come from?", "brass hinges from Ulmstadt", "page 47"),
    ("with_script", with_script, "JavaScript that is to run when it is opened", "Whose signature do large orders need?", "Mr Pemberton-Low", "page 1"),
    ("german", german, "umlauts, a numbered list, a hyphen before a capital letter, a date that is none, headings", "Was kostet die große Fräse je Stunde?", "17,40 €", "page 1"),
    ("chinese", chinese, "Chinese in a font that is not embedded, a word over a line end", "汇业有限公司的仓库在哪里？", "杭州路八十八号", "page 1"),
    ("form", form, "a form that was filled in", "Which harbour does the boat come from?", "Vigsund on Tarn", "page 1"),
    ("soft_hyphens", soft_hyphens, "soft hyphens at a line end and within a line", "Whose cousin is the sexton?", "a cousin of Madame Ysolde", "page 1"),
    ("margin_note", margin_note, "a note up the margin, a raised mark of a footnote, lines that look like Markdown", "Whose almanac says when dusk is?", "almanac of Peer Halloran", "page 1"),
]  # fmt: skip


def main() -> None:
    folder = HERE / "pdf"
    folder.mkdir(exist_ok=True)
    entries: list[dict[str, str | None]] = []
    for name, make, oddity, question, answer, place in _ENTRIES:
        (folder / f"{name}.pdf").write_bytes(make())
        entries.append(
            {
                "file": f"pdf/{name}.pdf",
                "oddity": oddity,
                "question": question,
                "answer": answer,
                "place": place,
            }
        )
    whole = letter()
    for name, data, oddity, reason in (
        ("encrypted", encrypted(), "encrypted with a password of the user", "encrypted"),
        ("scanned", scanned(), "two pages, both pictures", "no_text"),
        ("truncated", whole[:1500], "cut off within its first page, its catalog and table of contents lost", "damaged"),
        ("zero_bytes", b"", "no byte in it", "empty"),
        ("random_bytes", random.Random(5).randbytes(3000), "random bytes", "damaged"),
        ("web_page", b"<!DOCTYPE html><html><body><p>Please log in.</p></body></html>", "a web page under the name of a PDF", "damaged"),
        ("blank", blank(), "two blank pages", "empty"),
    ):  # fmt: skip
        (folder / f"{name}.pdf").write_bytes(data)
        entries.append({"file": f"pdf/{name}.pdf", "oddity": oddity, "reason": reason})
    (HERE / "pdf.json").write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
