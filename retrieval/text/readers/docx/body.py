"""The body of a Word document, made ready for mammoth: what Word shows of it, in the few elements that mammoth reads well.

Mammoth leaves out simple fields, formulas, newer text boxes and rare wrappers, lets a deleted paragraph's words slip out of
their cell, runs words together at page breaks, and numbers no list from anything but 1. All this is mended here, so that it
reads nothing but paragraphs, runs, tables and text boxes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..html.html_tree import lxml
from .numbering import Numbering
from .styles import Styles

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_V = "{urn:schemas-microsoft-com:vml}"
_WP = "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}"

NUMBER_BEGINS, NUMBER_ENDS = "\ue000", "\ue001"
"""Round the number of a list's item, which becomes the value of the item."""

_UNWRAPPED = tuple(
    W + name
    for name in (
        "ins", "moveTo", "hyperlink", "fldSimple", "smartTag", "customXml", "dir", "bdo", "sdt", "sdtContent", "subDoc",
    )
)  # fmt: skip
_DROPPED = tuple(
    W + name
    for name in (
        "del", "moveFrom", "sdtPr", "sdtEndPr", "customXmlPr", "smartTagPr", "bookmarkStart", "bookmarkEnd", "proofErr",
        "softHyphen", "lastRenderedPageBreak", "commentReference", "commentRangeStart", "commentRangeEnd", "annotationRef",
        "footnoteRef", "endnoteRef", "separator", "continuationSeparator", "delText", "delInstrText", "tblPrEx",
    )
)  # fmt: skip
_MOST_FIELDS = 64
"""Fields in one another; where there are more, they do not end, and all that they hold is shown."""
_KEPT_OF_RUNS = {W + "vertAlign", W + "strike"}
_KEPT_OF_CELLS = {W + "gridSpan", W + "vMerge"}


def is_on(element: Any, name: str) -> bool:
    """Whether a property is there and not switched off."""
    found = element.find(W + name) if element is not None else None
    return found is not None and found.get(W + "val", "true") not in ("0", "false", "off")


def mend_body(body: Any, notes: Mapping[tuple[str, str], Any], styles: Styles, numbering: Numbering) -> None:
    """Change a body in place; notes are put in below the paragraph, the list or the table that refers to them."""
    _show_shown(body)
    _place_notes(body, notes)
    for paragraph in list(body.iter(W + "p")):
        _mend_paragraph(paragraph, styles, numbering)
    for properties in list(body.iter(W + "rPr")):
        _keep(properties, _KEPT_OF_RUNS)
        if not len(properties):
            _remove(properties)
    for run in list(body.iter(W + "r")):
        _join_to_previous(run)
    for properties in list(body.iter(W + "tcPr")):
        _keep(properties, _KEPT_OF_CELLS)


def _show_shown(body: Any) -> None:
    """Take out what Word does not show, and put what it shows in runs of text."""
    _choose_alternatives(body)
    _drop_field_codes(body)
    _merge_deleted(body)
    for element in list(body.iter(*_DROPPED)):
        _remove(element)
    for run in list(body.iter(W + "r")):
        if is_on(run.find(W + "rPr"), "vanish"):
            _remove(run)
    for element in list(body.iter(*_UNWRAPPED)):
        _unwrap(element)
    for element in list(body.iter(W + "drawing", W + "pict", W + "object")):
        _replace_drawing(element)
    for element in list(body.iter(_M + "oMath")):
        if next(element.iterancestors(_M + "oMath"), None) is None:
            _replace(element, [_run(_formula(element))])
    for element in list(body.iter(_M + "oMathPara")):
        _unwrap(element)
    for element in list(body.iter(W + "ruby")):
        _replace_ruby(element)
    for element in list(body.iter(W + "noBreakHyphen")):
        _replace(element, [_text("-")])
    for element in list(body.iter(W + "br", W + "cr")):
        _replace(element, [_element("br")])
    for element in list(body.iter(W + "ptab")):
        _replace(element, [_element("tab")])
    for element in list(body.iter(W + "sym")):
        if not _is_hex(element.get(W + "char", "")):
            _remove(element)


def _choose_alternatives(body: Any) -> None:
    """Of a drawing that is there in several forms, keep the one that holds text."""
    for element in list(body.iter(_MC + "AlternateContent")):
        forms = [form for form in element if form.tag in (_MC + "Choice", _MC + "Fallback")]
        holding = [form for form in forms if next(form.iter(W + "t", _WP + "docPr"), None) is not None]
        for form in (holding or forms)[:1]:
            for child in list(form):
                element.addprevious(child)
        _remove(element)


def _drop_field_codes(body: Any) -> None:
    """Take out the texts that stand in the code of a field, such as the result of a field within it."""
    fields: list[tuple[bool, list[Any]]] = []
    in_codes: list[Any] = []
    for element in body.iter(W + "fldChar", W + "t"):
        if element.tag == W + "t":
            texts = next((texts for in_code, texts in fields if in_code), None)
            if texts is not None:
                texts.append(element)
            continue
        kind = element.get(W + "fldCharType")
        if kind == "begin":
            if len(fields) == _MOST_FIELDS:
                return
            fields.append((True, []))
        elif kind == "separate" and fields:
            fields[-1] = (False, fields[-1][1])
        elif kind == "end" and fields:
            in_codes += fields.pop()[1]
    for text in in_codes:
        _remove(text)


def _merge_deleted(body: Any) -> None:
    """Join each paragraph whose end was deleted or moved away to the next one; take out deleted rows and cells."""
    for paragraph in reversed(list(body.iter(W + "p"))):
        marks = paragraph.find(f"{W}pPr/{W}rPr")
        following = paragraph.getnext()
        if marks is None or (marks.find(W + "del") is None and marks.find(W + "moveFrom") is None):
            continue
        if following is not None and following.tag == W + "p":
            properties = following.find(W + "pPr")
            content = [child for child in paragraph if child.tag != W + "pPr"]
            for index, child in enumerate(content, start=0 if properties is None else 1):
                following.insert(index, child)
            _remove(paragraph)
    for path, mark in ((f"{W}trPr", "del"), (f"{W}tcPr", "cellDel")):
        for properties in list(body.iter(path)):
            if properties.find(W + mark) is not None:
                _remove(properties.getparent())


def _replace_drawing(element: Any) -> None:
    """Leave of a drawing the texts of its boxes, else the text that stands for it."""
    boxes = [box for box in element.iter(W + "txbxContent") if _outermost(box, element)]
    said = [
        (properties.get("descr") or properties.get("title") or "").strip()
        for properties in element.iter(_WP + "docPr")
        if not boxes
    ]
    said += [path.get("string", "").strip() for path in element.iter(_V + "textpath")]
    shown = [_text(text) for text in said if text]
    for box in boxes:
        etree = lxml("etree")
        picture = _element("pict")
        shape = etree.SubElement(picture, _V + "shape")
        etree.SubElement(shape, _V + "textbox").append(box)
        shown.append(picture)
    _replace(element, shown)


def _outermost(box: Any, within: Any) -> bool:
    for above in box.iterancestors():
        if above is within:
            return True
        if above.tag == W + "txbxContent":
            return False
    return True


def _formula(element: Any) -> str:
    """Return a formula on one line, as far as a line shows it."""
    tag = element.tag.removeprefix(_M)
    if tag == "t":
        return element.text or ""
    parts = [(child.tag.removeprefix(_M), _formula(child)) for child in element if isinstance(child.tag, str)]
    between = {"f": ("den", "/"), "sSup": ("sup", "^"), "sSub": ("sub", "_")}.get(tag, ("", ""))
    joined = "".join(
        f"{between[1]}{_grouped(text)}" if name == between[0] else _grouped(text) if tag == "f" else text
        for name, text in parts
        if text
    )
    return f"({joined})" if tag == "d" else joined


def _grouped(text: str) -> str:
    return text if text.isalnum() else f"({text})"


def _replace_ruby(element: Any) -> None:
    """Put the reading of characters behind them, in brackets."""
    base, reading = (
        "".join(text.text or "" for part in element.iter(W + name) for text in part.iter(W + "t"))
        for name in ("rubyBase", "rt")
    )
    _replace(element, [_text(f"{base}({reading})" if reading else base)])


def _place_notes(body: Any, notes: Mapping[tuple[str, str], Any]) -> None:
    number = 0
    placed: dict[Any, Any] = {}
    ends: dict[Any, Any] = {}
    for reference in list(body.iter(W + "footnoteReference", W + "endnoteReference")):
        kind = reference.tag.removeprefix(W).removesuffix("Reference")
        note = notes.get((kind, reference.get(W + "id", "")))
        block = next((above for above in _upwards(reference) if above.tag in (W + "p", W + "tbl")), None)
        if note is None or block is None:
            _remove(reference)
            continue
        number += 1
        _replace(reference, [_text(f"[{number}]")])
        _show_shown(note)
        for inner in list(note.iter(W + "footnoteReference", W + "endnoteReference")):
            _remove(inner)
        paragraphs = list(note)
        first = next(note.iter(W + "p"), None)
        if first is not None:
            _insert_run(first, f"[{number}] ")
        block = _end_of_list(block, ends)
        last = placed.get(block, block)
        for paragraph in paragraphs:
            last.addnext(paragraph)
            last = paragraph
        placed[block] = last


def _upwards(element: Any) -> Iterator[Any]:
    """Yield what an element stands in, the outermost first."""
    yield from reversed(list(element.iterancestors()))


def _end_of_list(block: Any, ends: dict[Any, Any]) -> Any:
    """Return the last of the items of a list that follow one another; the ends that are known are kept."""
    passed = []
    while block not in ends and _is_item(block) and block.getnext() is not None and _is_item(block.getnext()):
        passed.append(block)
        block = block.getnext()
    block = ends.get(block, block)
    ends.update((item, block) for item in passed)
    return block


def _is_item(block: Any) -> bool:
    return block.tag == W + "p" and block.find(f"{W}pPr/{W}numPr") is not None


def _mend_paragraph(paragraph: Any, styles: Styles, numbering: Numbering) -> None:
    """Say a paragraph's rank, or its list, by a style that the style map knows, and put in what numbers it."""
    properties = paragraph.find(W + "pPr")
    shown = styles.shown(properties)
    if properties is not None:
        _remove(properties)
    # Word counts empty items, too.
    label = numbering.count(*shown.number) if shown.number is not None else None
    if next(paragraph.iter(W + "t", W + "sym", W + "pict", W + "fldChar"), None) is None:
        _remove(paragraph)
        return
    style = "" if _is_alone_in_cell(paragraph) else shown.style
    if label is not None and shown.number is not None and _shows_something(paragraph):
        number = f"{label.text} ".lstrip()
        if not shown.style and label.value is None:
            style = f"Bullet{shown.number[1] + 1}"
        elif not shown.style and next(paragraph.iterancestors(W + "tbl"), None) is None:
            style, number = f"Ordered{shown.number[1] + 1}", f"{NUMBER_BEGINS}{label.value}{NUMBER_ENDS}"
        _insert_run(paragraph, number)
    if style:
        properties = _element("pPr")
        properties.append(_element("pStyle", style))
        paragraph.insert(0, properties)


def _is_alone_in_cell(paragraph: Any) -> bool:
    """Whether a paragraph is all of a cell of a table with rows: it heads a column there, and not what follows it."""
    cell = paragraph.getparent()
    if cell.tag != W + "tc" or sum(1 for _ in cell.iterchildren(W + "p", W + "tbl")) > 1:
        return False
    table = next(cell.iterancestors(W + "tbl"), None)
    return table is not None and sum(1 for _ in table.iter(W + "tr")) > 1


def _join_to_previous(run: Any) -> None:
    """Make one run of two that look alike here: mammoth takes its time for each of them."""
    previous = run.getprevious()
    if (
        previous is None
        or previous.tag != W + "r"
        or W + "rPr" in (child.tag for child in (*previous[:1], *run[:1]))
    ):
        return
    for child in list(run):
        last = previous[-1] if len(previous) else None
        if child.tag == W + "t" and last is not None and last.tag == W + "t" and not len(last) + len(child):
            last.text = (last.text or "") + (child.text or "")
        else:
            previous.append(child)
    _remove(run)


def _shows_something(paragraph: Any) -> bool:
    has_text = any((text.text or "").strip() for text in paragraph.iter(W + "t"))
    return has_text or next(paragraph.iter(W + "sym", W + "pict"), None) is not None


def _insert_run(paragraph: Any, text: str) -> None:
    properties = paragraph.find(W + "pPr")
    paragraph.insert(0 if properties is None else 1, _run(text))


def _element(name: str, value: str | None = None) -> Any:
    element = lxml("etree").Element(W + name)
    if value is not None:
        element.set(W + "val", value)
    return element


def _text(text: str) -> Any:
    element = _element("t")
    element.text = text
    return element


def _run(text: str) -> Any:
    run = _element("r")
    run.append(_text(text))
    return run


def _keep(properties: Any, kept: set[str]) -> None:
    for child in list(properties):
        if child.tag not in kept:
            properties.remove(child)


def _remove(element: Any) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _unwrap(element: Any) -> None:
    _replace(element, list(element))


def _replace(element: Any, others: list[Any]) -> None:
    if element.getparent() is not None:
        for other in others:
            element.addprevious(other)
        _remove(element)


def _is_hex(text: str) -> bool:
    return 0 < len(text) <= 6 and all(letter in "0123456789abcdefABCDEF" for letter in text)
