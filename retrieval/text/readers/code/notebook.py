"""Jupyter notebooks, of format 3 and 4: their Markdown as it is, their code and its text outputs in fences.

What an output shows as HTML, as an image or as a widget is left out, and so is what a cell wrote to its error stream.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ....passages import Document, Metadata, Part
from ...encodings import without_half_pairs
from ...markdown import read_blocks
from ..as_markdown import as_code, as_heading, as_paragraph
from ..field_map import TITLE
from ..reader import SourceFile, UnreadableFileError, require_few_values
from .source_code import language_named

MOST_OUTPUT = 2_000
"""Most characters that are read of what one cell put out."""

_ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])?")
"""Of a terminal: colours, and movements of its cursor."""
_BEGINNING = re.compile(r"\A(?:[ \t]*\n)*(?: {1,3}(?=```|~~~))?")
"""Blank lines, and the indentation of a fence: below a list in the cell above, it would belong to that."""
_HTML_ENDS = ("-->", "</pre>", "</script>", "</style>", "</textarea>", "?>", "]]>", ">")
"""Of what blank lines do not end."""
_BELOW = "below"
_NAMED = 3
"""Cells in a notice."""


class NotebookReader:
    """Reads ``.ipynb``, titled by their metadata, else their first heading, else the file's name."""

    name = "notebook"
    version = 1
    suffixes = (".ipynb",)

    def read(self, file: SourceFile) -> Iterator[Document]:
        notebook = _load(file)
        properties = _mapping(notebook.get("metadata"))
        cells = list(_cells(notebook))
        language = _language(properties, cells)
        blocks: list[str] = []
        parts: list[Part] = []
        heading: str | None = None
        cut: list[int] = []
        length = 0
        for number, cell in enumerate(cells, 1):
            file.require_time()
            shown = _shown(cell, language)
            if cell.get("cell_type") == "code":
                output = _output(cell)
                if len(output) > MOST_OUTPUT:
                    cut.append(number)
                    output = output[:MOST_OUTPUT].rpartition("\n")[0] or output[:MOST_OUTPUT]
                if output.strip():
                    shown.append(as_code(output))
            elif heading is None and shown:
                heading = _heading(shown[0])
            if shown:
                block = "\n\n".join(shown)
                parts.append(Part(length, "cell", number))
                blocks.append(block)
                length += len(block) + 2
        file.notices += _cut_notice(cut)
        title = (
            _plain(file.fields.value(TITLE, properties, guess=False))
            or _plain(properties.get("title"))
            or heading
        )
        if blocks:
            metadata = _metadata(properties, language) | _encodable(file.fields.added(properties))
            yield file.document(title or file.name, "\n\n".join(blocks), metadata, parts=parts)


def _load(file: SourceFile) -> Mapping[str, Any]:
    text = file.read_text()
    if not text.strip():
        return {}
    require_few_values(text)
    try:
        # What JSON does not know, such as NaN, becomes a text.
        notebook = json.loads(text, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise UnreadableFileError("damaged", f"it is no JSON: {error}") from error
    if not isinstance(notebook, dict) or not (
        isinstance(notebook.get("cells", notebook.get("worksheets")), list)
    ):
        raise UnreadableFileError("damaged", "it is JSON, but no notebook: it has no list of cells")
    return notebook


def _cells(notebook: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the cells as the notebook shows them; format 3 keeps them in worksheets."""
    if "cells" in notebook:
        cells = notebook["cells"]
    else:
        sheets = map(_mapping, _list(notebook.get("worksheets")))
        cells = [cell for sheet in sheets for cell in _list(sheet.get("cells"))]
    for number, cell in enumerate(cells, 1):
        if not isinstance(cell, dict):
            raise UnreadableFileError("damaged", f"cell {number} is no object, but {type(cell).__name__}")
        yield cell


def _shown(cell: Mapping[str, Any], language: str) -> list[str]:
    """Return what a cell's source shows, as blocks of Markdown; none where it is empty."""
    source = _text(cell.get("source", cell.get("input")))
    if not source.strip():
        return []
    match cell.get("cell_type"):
        case "code":
            return [as_code(source, _fence_name(language))]
        case "heading":
            level = cell.get("level")
            return [as_heading(source, level if isinstance(level, int) else 1)]
        case "markdown":
            return [_closed(_BEGINNING.sub("", source.rstrip("\n")))]
    return ["\n".join(as_paragraph(line) for line in source.strip().split("\n"))]


def _closed(markdown: str) -> str:
    """Return Markdown that ends the fence, or the comment, that it leaves open: the cells below would belong to it."""
    if not any(mark in markdown for mark in ("```", "~~~", "<")):
        return markdown
    fences = [max(re.findall(f"{mark}+", markdown), key=len, default="") for mark in "`~"]
    for end in ("", *(f"\n{end}" for end in (*fences, *_HTML_ENDS))):
        *_, last = read_blocks(f"{markdown}{end}\n\n{_BELOW}")
        if last.kind == "paragraph" and last.end - last.start == len(_BELOW):
            return markdown + end
    return markdown


def _output(cell: Mapping[str, Any]) -> str:
    """Return what a cell put out as text: printed lines, results, and errors without their colours."""
    shown: list[str] = []
    printing = False
    for output in map(_mapping, _list(cell.get("outputs"))):
        match output.get("output_type"):
            case "stream":
                if output.get("name", output.get("stream", "stdout")) != "stdout":
                    continue
                printed = _text(output.get("text"))
                if printing:
                    printed = shown.pop() + printed
                shown.append(printed)
                printing = True
                continue
            case "execute_result" | "display_data" | "pyout":
                shown.append(_result(output))
            case "error" | "pyerr":
                lines = [line for line in _list(output.get("traceback")) if isinstance(line, str)]
                shown.append(
                    "\n".join(lines) or f"{_plain(output.get('ename'))}: {_plain(output.get('evalue'))}"
                )
        printing = False
    # What a progress bar wrote over is gone.
    lines = [
        line.rstrip("\r").rpartition("\r")[2]
        for text in shown
        if text.strip()
        for line in text.rstrip("\n").split("\n")
    ]
    return _ESCAPE_SEQUENCE.sub("", "\n".join(lines))


def _result(output: Mapping[str, Any]) -> str:
    """Return the text of a result: its Markdown, else its plain text; none where it is shown as an image."""
    if "data" in output:
        bundle = _mapping(output["data"])
        if any(str(kind).startswith("image/") for kind in bundle):
            return ""
        return _text(bundle.get("text/markdown")) or _text(bundle.get("text/plain"))
    return "" if output.keys() & {"png", "jpeg", "svg"} else _text(output.get("text"))


def _heading(markdown: str) -> str | None:
    return next((block.name for block in read_blocks(markdown) if block.level and block.name), None)


def _language(properties: Mapping[str, Any], cells: Sequence[Mapping[str, Any]]) -> str:
    """Return the programming language of a notebook; empty where it names none. In format 3, each cell names its own."""
    named = (
        _mapping(properties.get("language_info")).get("name"),
        _mapping(properties.get("kernelspec")).get("language"),
        *(cell.get("language") for cell in cells),
    )
    return next((language_named(name) for name in map(_plain, named) if name), "")


def _metadata(properties: Mapping[str, Any], language: str) -> Metadata:
    kernel = _mapping(properties.get("kernelspec"))
    authors = [
        _plain(author.get("name")) if isinstance(author, dict) else _plain(author)
        for author in _list(properties.get("authors"))
    ]
    found = {
        "programming_language": language,
        "kernel": _plain(kernel.get("display_name")) or _plain(kernel.get("name")),
        "author": ", ".join(filter(None, authors)),
    }
    return {name: value for name, value in found.items() if value}


def _fence_name(language: str) -> str:
    return re.sub(r"[^\w+#.-]", "", language).lower()


def _cut_notice(cells: list[int]) -> list[str]:
    if not cells:
        return []
    named = ", ".join(map(str, cells[:_NAMED])) + (
        f" and {len(cells) - _NAMED} more" if len(cells) > _NAMED else ""
    )
    return [f"only the first {MOST_OUTPUT:,} characters were read of the output of cell {named}"]


def _text(value: Any) -> str:
    """Return a text of several lines, which notebooks keep as a text or as a list of its lines."""
    if isinstance(value, list):
        value = "".join(line for line in value if isinstance(line, str))
    return _character_text(value.replace("\r\n", "\n")) if isinstance(value, str) else ""


def _character_text(text: str) -> str:
    """Return a text without half surrogate pairs and NUL, which JSON's escapes can make."""
    return without_half_pairs(text.replace("\0", ""))


def _plain(value: Any) -> str:
    """Return a text on one line; empty for what is none."""
    return " ".join(_character_text(value).split()) if isinstance(value, str) else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _encodable(fields: dict[str, Any]) -> dict[str, Any]:
    """Return JSON values without half surrogate pairs."""
    loaded: dict[str, Any] = json.loads(json.dumps(fields, ensure_ascii=False).encode("utf-8", "replace"))
    return loaded
