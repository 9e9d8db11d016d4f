"""Notebooks: what each cell shows, at its number, and nothing of what it does not show."""

from __future__ import annotations

import json
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from damage import reasons_for_damaged
from hypothesis import given
from hypothesis import strategies as st

from quincunx import Document
from quincunx.retrieval.text.markdown import read_blocks
from quincunx.retrieval.text.readers.code.notebook import MOST_OUTPUT, NotebookReader
from quincunx.retrieval.text.readers.field_map import FieldMap
from quincunx.retrieval.text.readers.reader import SourceFile, UnreadableFileError

DOCUMENTS = Path(__file__).parents[1] / "documents"
LISTED: list[dict[str, Any]] = json.loads((DOCUMENTS / "notebook.json").read_text(encoding="utf-8"))
READABLE = [entry for entry in LISTED if "answer" in entry]
LEFT_OUT = [entry for entry in LISTED if "reason" in entry and entry["reason"] != "empty"]


def read(path: Path) -> Document:
    (document,) = NotebookReader().read(SourceFile(path, "x"))
    return document


def read_cells(folder: Path, *cells: dict[str, Any], **metadata: Any) -> Document:
    path = folder / "made.ipynb"
    path.write_text(json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}))
    return read(path)


def code(*outputs: dict[str, Any]) -> dict[str, Any]:
    return {"cell_type": "code", "source": "run()", "metadata": {}, "outputs": list(outputs)}


def printed(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def by_cell(document: Document) -> Iterator[tuple[int, str]]:
    starts = [part.start for part in document.parts]
    for part, end in zip(document.parts, [*starts[1:], len(document.text)], strict=True):
        assert part.kind == "cell"
        yield part.number, document.text[part.start : end]


def sources(path: Path) -> dict[int, tuple[str, str]]:
    """Return kind and source of every cell that has one, by its number, straight from the JSON."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = notebook.get("cells") or [cell for sheet in notebook["worksheets"] for cell in sheet["cells"]]
    found = {}
    for number, cell in enumerate(cells, 1):
        text = "".join(cell.get("source", cell.get("input")))
        if text.strip():
            found[number] = (cell["cell_type"], text)
    return found


@pytest.mark.parametrize("entry", READABLE, ids=lambda entry: str(entry["file"]))
def test_each_cell_stands_in_its_part_as_it_is(entry: dict[str, Any]) -> None:
    """Against the sources in the JSON: the same cells in the same order, each one's text in its part (white space and # aside)."""
    path = DOCUMENTS / entry["file"]
    expected, shown = sources(path), dict(by_cell(read(path)))
    assert list(shown) == list(expected)
    for number, (_, text) in expected.items():
        assert "".join(text.replace("#", "").split()) in re.sub(r"[#\s\\]", "", shown[number])


@pytest.mark.parametrize("entry", READABLE, ids=lambda entry: str(entry["file"]))
def test_what_is_shown_beyond_the_sources_is_output(entry: dict[str, Any]) -> None:
    """Each cell begins with its source; below it stands at most one fence, and only below code."""
    path = DOCUMENTS / entry["file"]
    shown = dict(by_cell(read(path)))
    for number, (kind, _) in sources(path).items():
        fences = re.findall(r"^(?:`{3,}|~{3,})\w*$", shown[number], re.MULTILINE)
        assert len(fences) in ((2, 4, 5) if kind == "code" else (0, 2))


@pytest.mark.parametrize("entry", READABLE, ids=lambda entry: str(entry["file"]))
def test_the_answer_stands_at_its_place(entry: dict[str, Any]) -> None:
    found = [
        f"cell {number}"
        for number, text in by_cell(read(DOCUMENTS / entry["file"]))
        if entry["answer"] in text
    ]
    assert found == [entry["place"]]


@pytest.mark.parametrize("entry", LEFT_OUT, ids=lambda entry: str(entry["file"]))
def test_what_cannot_be_read_says_why(entry: dict[str, Any]) -> None:
    with pytest.raises(UnreadableFileError) as raised:
        read(DOCUMENTS / entry["file"])
    assert raised.value.reason == entry["reason"]
    assert raised.value.detail


@pytest.mark.parametrize(
    "text", ["", " \n", '{"cells": []}', '{"cells": [{"cell_type": "code", "source": [" "]}]}']
)
def test_a_notebook_that_says_nothing_yields_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "nothing.ipynb").write_text(text)
    assert list(NotebookReader().read(SourceFile(tmp_path / "nothing.ipynb", "x"))) == []


def test_headings_of_its_markdown_head_the_cells_below() -> None:
    blocks = read_blocks(read(DOCUMENTS / "notebook/sales.ipynb").text)
    assert [(block.level, block.name) for block in blocks if block.kind == "heading"] == [
        (1, "Sales of the spring"),
        (2, "The best week"),
    ]


@pytest.mark.parametrize(
    ("name", "title", "metadata"),
    [
        (
            "sales",
            "Sales of the spring",
            {"programming_language": "Python", "kernel": "Python 3 (ipykernel)"},
        ),
        ("old", "Tides at the quay", {"programming_language": "Python"}),
        ("errors", "Setext heading", {"programming_language": "Python", "kernel": "Python 3 (ipykernel)"}),
        (
            "fish",
            "Fischfang 2025",
            {"programming_language": "R", "kernel": "R", "author": "Maren Voss, Ole Brandt"},
        ),
    ],
)
def test_title_and_metadata(name: str, title: str, metadata: dict[str, str]) -> None:
    document = read(DOCUMENTS / f"notebook/{name}.ipynb")
    assert (document.title, document.metadata) == (title, metadata)


def test_without_a_title_or_a_heading_the_files_name_is_the_title(tmp_path: Path) -> None:
    document = read_cells(
        tmp_path, {"cell_type": "markdown", "source": "* # no heading\n\n```\n# nor this\n```"}
    )
    assert document.title == "made"


def test_mapped_fields_are_those_of_its_metadata() -> None:
    fields = FieldMap.of(["title=kernelspec.name", "made_with=language_info.version", "team='sea'"])
    (document,) = NotebookReader().read(SourceFile(DOCUMENTS / "notebook/fish.ipynb", "x", fields))
    assert document.title == "ir"
    assert document.metadata["made_with"] == "4.3.1"
    assert document.metadata["team"] == "sea"


def test_html_images_warnings_and_attachments_are_left_out() -> None:
    text = read(DOCUMENTS / "notebook/sales.ipynb").text
    assert not any(word in text for word in ("never seen", "Figure", "IPython", "iVBOR", "FutureWarning"))
    assert "weeks: 13\n      kroner\nweek        \n17     58412\n" in text


def test_errors_have_no_colours_and_progress_bars_only_their_last_state() -> None:
    text = read(DOCUMENTS / "notebook/errors.ipynb").text
    assert "GaugeError: the gauge stood at 7.9 bar link\n" in text
    assert "100% of the gauges\nbell and ```\n````" in text
    assert not any(word in text for word in ("\x1b", "\x07", "66%", "[0;31m"))


def test_a_long_output_is_cut_at_a_line_and_says_so() -> None:
    file = SourceFile(DOCUMENTS / "notebook/errors.ipynb", "x")
    (document,) = NotebookReader().read(file)
    assert file.notices == ["only the first 2,000 characters were read of the output of cell 4"]
    assert document.text.endswith("\nline 105 of the log\n```")


def test_many_long_outputs_are_one_notice(tmp_path: Path) -> None:
    path = tmp_path / "long.ipynb"
    path.write_text(json.dumps({"cells": [code(printed("x" * (MOST_OUTPUT + 1)))] * 5}))
    file = SourceFile(path, "x")
    (document,) = NotebookReader().read(file)
    assert document.text.count("x") == 5 * MOST_OUTPUT
    assert file.notices == [
        "only the first 2,000 characters were read of the output of cell 1, 2, 3 and 2 more"
    ]


@pytest.mark.parametrize(
    "left_open", ["```python\nx = 1", "~~~~\n~~~", "text\n```\n``` no end", "````\n```\n"]
)
def test_a_fence_that_is_left_open_ends_with_its_cell(left_open: str, tmp_path: Path) -> None:
    document = read_cells(
        tmp_path,
        {"cell_type": "markdown", "source": left_open},
        {"cell_type": "markdown", "source": "# Below"},
    )
    assert document.title == "Below"


@pytest.mark.parametrize("closed", ["```\nx\n```", "``` a ` b", "~~~\n```\n~~~", "text"])
def test_a_fence_that_is_closed_stays_as_it_is(closed: str, tmp_path: Path) -> None:
    assert read_cells(tmp_path, {"cell_type": "markdown", "source": closed}).text == closed


def test_what_json_can_say_and_no_text_can_hold_is_made_text(tmp_path: Path) -> None:
    cell = {"cell_type": "markdown", "source": "half \ud800 and \0 nothing"}
    document = read_cells(tmp_path, cell, title="a \udfff", weight=float("nan"))
    assert document.text == "half ? and  nothing"
    assert document.title == "a ?"


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "7",
        '{"cells": 3}',
        '{"cells": [3]}',
        '{"worksheets": {}}',
        "[" * 200_000,
        '{"cells": ' + "9" * 5000 + "}",
        '{"nbformat": 4}',
    ],
    ids=lambda text: str(text[:20]),
)
def test_other_json_is_damaged(text: str, tmp_path: Path) -> None:
    (tmp_path / "other.ipynb").write_text(text)
    with pytest.raises(UnreadableFileError, match="damaged"):
        read(tmp_path / "other.ipynb")


@pytest.mark.parametrize("value", [None, 3, "x", [], [3, None], {}, {"a": []}, True])
@pytest.mark.parametrize(
    "key", ["source", "outputs", "cell_type", "data", "text", "traceback", "name", "output_type"]
)
def test_values_of_another_kind_are_passed_over(key: str, value: Any, tmp_path: Path) -> None:
    output = {"output_type": "error", "traceback": ["a"], "ename": "b", key: value}
    shown = {"output_type": "execute_result", "data": {"text/plain": value}, key: value}
    cell = {**code(output, shown, {**printed("c"), key: value}), key: value}
    document = read_cells(
        tmp_path, {"cell_type": "markdown", "source": "here"}, cell, authors=value, kernelspec=value
    )
    assert document.text.startswith("here")


LINE = st.sampled_from(
    ["", "text", "# heading", "```", "````", "~~~", "```js", "``` a `", "* item", "  ```", "> quote", "> ```", "<!--", "-->",
     "<pre>", "</pre>", "<div>", "<style>", "| a |", "|---|", "---", "===", "\t", "1. one", "   ~~~ x"]
)  # fmt: skip
CELL = st.tuples(st.sampled_from(["markdown", "code", "raw"]), st.lists(LINE, max_size=6).map("\n".join))


@given(st.lists(CELL, max_size=6))
def test_whatever_the_cells_code_is_code_and_nothing_leaks_into_the_next(
    cells: list[tuple[str, str]],
) -> None:
    made = [{"cell_type": kind, "source": text, "outputs": []} for kind, text in cells]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "any.ipynb")
        path.write_text(json.dumps({"cells": made}))
        documents = list(NotebookReader().read(SourceFile(path, "x")))
    said = [number for number, (_, text) in enumerate(cells, 1) if text.strip()]
    assert bool(documents) == bool(said)
    for document in documents:
        assert [part.number for part in document.parts] == said
        kinds = defaultdict(set)
        for block in read_blocks(document.text):
            at = [part.number for part in document.parts if part.start <= block.start][-1]
            kinds[cells[at - 1][0]].add(block.kind)
        assert kinds["code"] <= {"code"}
        assert kinds["raw"] <= {"paragraph", "head", "row"}


@pytest.mark.parametrize("entry", LISTED, ids=lambda entry: str(entry["file"]))
def test_whatever_the_damage_it_is_read_or_left_out(entry: dict[str, Any], tmp_path: Path) -> None:
    reasons = reasons_for_damaged(NotebookReader(), DOCUMENTS / entry["file"], entry["file"], tmp_path)
    assert reasons <= {"damaged", "binary"}


@pytest.mark.parametrize("other", ["code/rooms.PY", "code/image.php", "notebook.json"])
def test_another_kind_of_file_is_left_out(other: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.ipynb"
    path.write_bytes((DOCUMENTS / other).read_bytes())
    with pytest.raises(UnreadableFileError, match=r"damaged|binary"):
        read(path)
