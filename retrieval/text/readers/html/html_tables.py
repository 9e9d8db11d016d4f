"""The tables of an HTML page: which hold rows, and which only lay out the page."""

from __future__ import annotations

from typing import Any

from .html_tree import HEADINGS, LISTS, is_unseen, line_of, lxml

_MOST_SPANNED = 64
"""Columns that a cell is laid over at most."""

_TABLE_PARTS = frozenset({"thead", "tbody", "tfoot"})
_ALLOWED_IN = {"table": {*_TABLE_PARTS, "tr", "caption", "colgroup", "col"}, "tr": {"td", "th"}}


def layout_tables(root: Any) -> set[Any]:
    """Return the tables that hold no rows of data: that stand as the blocks in their cells.

    Those that say so, that hold a table or a heading, that have but one column or one row of blocks, and those whose words
    do not all stand in cells.
    """
    found: set[Any] = set()
    open_tables: list[Any] = []
    rows: list[int] = []
    widest: list[int] = []
    blocks: list[bool] = []
    for event, element in lxml("etree").iterwalk(root, events=("start", "end")):
        tag = element.tag
        if event == "end":
            if tag == "table":
                table, count, width, has_blocks = open_tables.pop(), rows.pop(), widest.pop(), blocks.pop()
                if width < 2 or (count < 2 and has_blocks) or table.get("role") in ("presentation", "none"):
                    found.add(table)
            continue
        if open_tables:
            if tag == "table" or tag in HEADINGS or _is_stray(element):
                found.add(open_tables[-1])
            blocks[-1] = blocks[-1] or tag in ("p", "pre", "div", *LISTS)
        if tag == "table":
            if element.text and element.text.strip():
                found.add(element)
            open_tables.append(element)
            rows.append(0)
            widest.append(0)
            blocks.append(False)
        elif tag == "tr" and open_tables:
            rows[-1] += 1
            widest[-1] = max(widest[-1], sum(1 for _ in element.iterchildren("td", "th")))
    return found


def _is_stray(element: Any) -> bool:
    """Whether an element, or text beside it, stands in a table where only rows or cells may."""
    tag, above = element.tag, element.getparent().tag
    if tag in _TABLE_PARTS | {"tr"} and element.text and element.text.strip():
        return True
    if above in _TABLE_PARTS | {"table", "tr"}:
        allowed = _ALLOWED_IN.get(above, {"tr"})
        return tag not in allowed | {"script", "template", "style"} or bool(
            element.tail and element.tail.strip()
        )
    return tag in ("td", "th", "tr")


def table_rows(table: Any) -> tuple[list[str], list[list[str]]]:
    """Return the row that heads a table, as long as its longest row, and the rows below it.

    The first row heads it, as long as its cells are not headed by the first of them: then no row does.
    """
    rows = _rows(table)
    if not rows:
        return [], []
    first = next(row for row in table.iter("tr") if not is_unseen(row))
    cells = [cell.tag for cell in first.iterchildren("td", "th")]
    headed = first.getparent().tag == "thead" or not (cells[:1] == ["th"] and "td" in cells)
    head, body = (rows[0], rows[1:]) if headed else ([], rows)
    return [*head, *[""] * (max(map(len, rows)) - len(head))], body


def _rows(table: Any) -> list[list[str]]:
    """Return the texts of a table's cells; a column that another cell spans is empty."""
    real = [
        (row, [cell for cell in row.iterchildren("td", "th") if not is_unseen(cell)])
        for row in table.iter("tr")
        if not is_unseen(row) and not is_unseen(row.getparent())
    ]
    most = min(max((len(cells) for _, cells in real), default=0), _MOST_SPANNED)
    from_above: dict[int, int] = {}
    rows = []
    for _, cells in real:
        row: list[str] = []
        below: dict[int, int] = {}
        for cell in cells:
            while from_above.get(len(row), 0):
                row.append("")
            across, down = span_of(cell, "colspan", most), span_of(cell, "rowspan", 1000)
            for column in range(len(row), min(len(row) + across, _MOST_SPANNED)):
                below[column] = down - 1
            row += [line_of(cell), *[""] * (across - 1)]
        from_above = {column: left - 1 for column, left in from_above.items() if left > 1} | {
            column: left for column, left in below.items() if left
        }
        while row and not row[-1]:
            row.pop()
        if row:
            rows.append(row)
    return rows


def span_of(cell: Any, name: str, most: int) -> int:
    """Return how many columns or rows a cell says that it is laid over."""
    value = cell.get(name, "1").strip()
    return min(max(int(value), 1), most) if value.isascii() and value.isdecimal() and len(value) < 6 else 1
