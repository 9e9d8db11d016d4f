"""Source code: every line once and unchanged, each definition under its heading."""

from __future__ import annotations

import json
import re
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from damage import reasons_for_damaged
from hypothesis import given
from hypothesis import strategies as st

from quincunx import Document
from quincunx.retrieval.text.markdown import read_blocks
from quincunx.retrieval.text.readers.code.source_code import SourceCodeReader
from quincunx.retrieval.text.readers.field_map import FieldMap
from quincunx.retrieval.text.readers.reader import SourceFile, UnreadableFileError

DOCUMENTS = Path(__file__).parents[1] / "documents"
LISTED: list[dict[str, Any]] = json.loads((DOCUMENTS / "code.json").read_text(encoding="utf-8"))
READABLE = [entry for entry in LISTED if "answer" in entry]
LEFT_OUT = [entry for entry in LISTED if "reason" in entry and entry["reason"] != "empty"]
ENCODINGS = {"latin.PY": "iso-8859-15"}


def read(path: Path) -> Document:
    (document,) = SourceCodeReader().read(SourceFile(path, "x"))
    return document


def source(path: Path) -> list[str]:
    return path.read_bytes().decode(ENCODINGS.get(path.name, "utf-8")).replace("\r\n", "\n").split("\n")


def without_marks(document: Document) -> list[str]:
    """Return the text without what the reader adds: at each part a heading and a fence, and the end of the fence."""
    starts = [part.start for part in document.parts]
    found = []
    for start, end in zip(starts, [*starts[1:], len(document.text) + 1], strict=True):
        lines = document.text[start : end - 1].split("\n")
        before = next(at for at, line in enumerate(lines) if line.startswith("#"))
        fence = lines[before + 1]
        assert re.fullmatch(r"`{3,}\w*", fence)
        close = lines.index(fence.rstrip("abcdefghijklmnopqrstuvwxyz"), before + 2)
        found += [*lines[:before], *lines[before + 2 : close], *lines[close + 1 :]]
    return found


def headings(document: Document) -> list[str]:
    return [
        document.text[block.start : block.end].strip()
        for block in read_blocks(document.text)
        if block.kind == "heading"
    ]


@pytest.mark.parametrize("entry", READABLE, ids=lambda entry: str(entry["file"]))
def test_every_line_stands_in_the_text_once_in_order_unchanged(entry: dict[str, Any]) -> None:
    """Against the file's own lines, in its encoding, with CRLF as LF: the same, once the headings and fences are off."""
    path = DOCUMENTS / entry["file"]
    assert without_marks(read(path)) == source(path)


@pytest.mark.parametrize("entry", READABLE, ids=lambda entry: str(entry["file"]))
def test_each_part_is_named_by_the_line_that_its_fence_begins_with(entry: dict[str, Any]) -> None:
    path = DOCUMENTS / entry["file"]
    document, lines = read(path), source(path)
    for part in document.parts:
        _, _, first, *_ = document.text[part.start :].lstrip("\n").split("\n")
        assert (part.kind, first) == ("line", lines[part.number - 1])


@pytest.mark.parametrize("entry", READABLE, ids=lambda entry: str(entry["file"]))
def test_the_answer_stands_at_its_place(entry: dict[str, Any]) -> None:
    document = read(DOCUMENTS / entry["file"])
    assert document.text.count(entry["answer"]) == 1
    at = document.text.index(entry["answer"])
    assert str([part for part in document.parts if part.start <= at][-1]) == entry["place"]


@pytest.mark.parametrize("entry", LEFT_OUT, ids=lambda entry: str(entry["file"]))
def test_what_cannot_be_read_says_why(entry: dict[str, Any]) -> None:
    with pytest.raises(UnreadableFileError) as raised:
        read(DOCUMENTS / entry["file"])
    assert raised.value.reason == entry["reason"]
    assert raised.value.detail


def test_a_file_that_says_nothing_yields_nothing(tmp_path: Path) -> None:
    (tmp_path / "nothing.py").write_bytes(b"")
    assert list(SourceCodeReader().read(SourceFile(tmp_path / "nothing.py", "x"))) == []
    assert list(SourceCodeReader().read(SourceFile(DOCUMENTS / "code/empty.rb", "x"))) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "rooms.PY",
            [
                "# rooms.PY", "## class Room", "### def \\_\\_init\\_\\_", "### def \\_\\_lt\\_\\_", "### class Booking",
                "#### def deposit", "## class Room", "## async def free_rooms", "# rooms.PY", "## def paint",
                "# rooms.PY",
            ],
        ),
        ("broken.PY", ["# broken.PY", "## def count", "## class Quay", "### def unload", "### def load", "# broken.PY"]),
        (
            "gauge.rs",
            [
                "# gauge.rs", "## pub struct Gauge", "## impl fmt::Display for Gauge", "### fn fmt", "## impl Gauge",
                "### pub async fn open_reserve", "### fn is_high", "## macro_rules! bars",
            ],
        ),
        (
            "Basket.java",
            [
                "# Basket.java", "## public final class Basket", "### public Basket", "### public synchronized void add",
                "### enum State", "## public final class Basket",
            ],
        ),
        (
            "fences.js",
            [
                "# fences.js", "## export class Board", "### static get height", "### constructor", "### async print",
                "## export const show", "## module.exports.hide",
            ],
        ),
        (
            "stock.sql",
            [
                "# stock.sql", "## CREATE TABLE IF NOT EXISTS shelves", "# stock.sql",
                "## create or replace function reorder_point", "## CREATE UNIQUE INDEX shelves_by_aisle",
            ],
        ),
        ("pump.c", ["# pump.c", "## struct pump", "## drain", "## int run", "## int main"]),
        ("backup.sh", ["# backup.sh", "## prune", "## function main", "# backup.sh"]),
        ("gate.lua", ["# gate.lua", "## function gate.open", "## local function close", "# gate.lua"]),
        ("weights.R", ["# weights.R", "## loss", "## mean.catch", "# weights.R"]),
    ],
)  # fmt: skip
def test_each_definition_has_a_heading(name: str, expected: list[str]) -> None:
    assert headings(read(DOCUMENTS / "code" / name)) == expected


def test_metadata_names_the_language_and_what_the_docstring_says() -> None:
    document = read(DOCUMENTS / "code/rooms.PY")
    assert document.title == "rooms.PY"
    assert document.metadata == {
        "programming_language": "Python",
        "description": "Which rooms of the Harbour Lane house are free, and what they cost.",
    }


def test_python_that_cannot_be_parsed_is_read_by_its_lines_and_says_so() -> None:
    file = SourceFile(DOCUMENTS / "code/broken.PY", "x")
    list(SourceCodeReader().read(file))
    assert file.notices == ["read by its lines, as Python cannot parse it: line 8: '(' was never closed"]


def test_the_encoding_that_a_source_names_is_noted() -> None:
    file = SourceFile(DOCUMENTS / "code/latin.PY", "x")
    list(SourceCodeReader().read(file))
    assert file.encoding == "iso8859-15"


@pytest.mark.parametrize("cookie", ["idna", "punycode", "rot13", "hex", "unicode_escape", "utf-7", "no-such"])
def test_an_encoding_that_is_none_of_text_is_not_used(cookie: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.py"
    path.write_bytes(f"# coding: {cookie}\nname = 'Sm".encode() + b"\xf8rrebr\xf8d'\n")
    assert "'Smørrebrød'" in read(path).text


@pytest.mark.parametrize("name", ["__init__.js", "#1 [draft] *new*.js", "a&amp;b <i>.js", "`x`.js"])
def test_the_files_own_heading_shows_its_title(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("let kroner = 3\n")
    document = read(tmp_path / name)
    assert (
        [block.name for block in read_blocks(document.text) if block.kind == "heading"]
        == [document.title]
        == [name]
    )


@pytest.mark.parametrize(
    "path", sorted(Path(__file__).parents[2].glob("retrieval/**/*.py"))[::4], ids=lambda path: path.stem
)
def test_this_packages_own_source_comes_back(path: Path) -> None:
    assert without_marks(read(path)) == source(path)


LINE = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", "", " ", "    ", "        ", "\t"]),
        st.sampled_from(
            [
                "", "class A {", "class A:", "def f(x):", "    pass", "int f(int a) {", "f(a,", "}", "end", "});", "```",
                "````js", "~~~", "# note", "/* note", "*/", "@once", "const g = (x) => {", "CREATE TABLE t (", "x() {",
                "<!-- ", "\x0c", "text", "if x:", "else:", "$$", "'''", "impl A for B {", "module M",
            ]
        ),
    ),
)  # fmt: skip


@given(st.lists(LINE, min_size=1, max_size=25), st.sampled_from(SourceCodeReader.suffixes))
def test_whatever_the_lines_they_come_back_and_all_stand_in_fences(lines: list[str], suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"any{suffix}")
        path.write_text("\n".join(lines), newline="")
        documents = list(SourceCodeReader().read(SourceFile(path, "x")))
    assert bool(documents) == any(line.strip() for line in lines)
    for document in documents:
        assert without_marks(document) == lines
        assert {block.kind for block in read_blocks(document.text)} == {"heading", "code"}
        starts = [part.start for part in document.parts]
        assert starts[0] == 0
        assert starts == sorted(set(starts))


@pytest.mark.parametrize("entry", LISTED, ids=lambda entry: str(entry["file"]))
def test_whatever_the_damage_it_is_read_or_left_out(entry: dict[str, Any], tmp_path: Path) -> None:
    reasons = reasons_for_damaged(SourceCodeReader(), DOCUMENTS / entry["file"], entry["file"], tmp_path)
    assert reasons <= {"binary", "no_text"}


@pytest.mark.parametrize(
    "text", ["-" * 100_000 + "1", "(" * 5000, "x = " + "[" * 150 + "]" * 150, "f" + ".a" * 50_000]
)
def test_python_that_is_nested_without_end_is_read_by_its_lines(text: str, tmp_path: Path) -> None:
    path = tmp_path / "deep.py"
    path.write_text(f"def f():\n    pass\n\n{text}\n")
    assert "## def f" in read(path).text


@pytest.mark.parametrize(
    ("suffix", "lines"),
    [
        (".py", "class A:\n    def f(self):\n        return 1\n\n"),
        (".java", "class A {\n    int f(int a,\n"),
        (".c", "*/\nint f(int a) {\n"),
        (".js", "/*\n"),
        (".sql", "CREATE a b c d e f g\n"),
        (".go", "}\n"),
    ],
)
def test_long_files_are_read_in_linear_time(suffix: str, lines: str, tmp_path: Path) -> None:
    path = tmp_path / f"long{suffix}"
    path.write_text(lines * (50_000 // lines.count("\n")))
    began = time.monotonic()
    assert without_marks(read(path)) == source(path)
    assert time.monotonic() - began < 10  # about one on a machine that does nothing else


def test_a_file_that_nobody_wrote_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "generated.c"
    with path.open("wb") as file:
        file.truncate(9 * 1024 * 1024)
    with pytest.raises(UnreadableFileError, match="too_large"):
        read(path)


@pytest.mark.parametrize(
    ("suffix", "text", "expected"),
    [
        (".ts", "export interface Tea {\n  hot: boolean;\n}\nexport type Cup = Tea | null;\n\nfunction brew<T>(tea: T): T {\n  return tea;\n}\n",
         ["export interface Tea", "export type Cup", "function brew"]),
        (".tsx", "export default function Menu({ teas }: Props) {\n  return <ul />;\n}\n\nexport const Row = (p: Props) => <li />;\n",
         ["export default function Menu", "export const Row"]),
        (".cs", "namespace Larkfield\n{\n    public class Van\n    {\n        public int Load(int kilos)\n        {\n            return kilos;\n        }\n    }\n}\n",
         ["namespace Larkfield", "public class Van", "public int Load"]),
        (".kt", "data class Van(val kilos: Int)\n\nobject Yard {\n    suspend fun park(van: Van) = 3\n}\n",
         ["data class Van", "object Yard", "suspend fun park"]),
        (".rb", "module Yard\n  class Van < Car\n    def self.load!(kilos)\n      kilos\n    end\n\n    def empty?\n      true\n    end\n  end\nend\n",
         ["module Yard", "class Van", "def self.load!", "def empty?"]),
        (".php", "<?php\n\nfinal class Van extends Car\n{\n    public static function load(int $kilos): int\n    {\n        return $kilos;\n    }\n}\n",
         ["final class Van", "public static function load"]),
        (".swift", "struct Van: Car {\n    mutating func load(_ kilos: Int) {\n    }\n}\n\nextension Van {\n}\n",
         ["struct Van", "mutating func load", "extension Van"]),
        (".scala", "case class Van(kilos: Int)\n\nobject Yard extends App {\n  def park(van: Van): Unit = ()\n}\n",
         ["case class Van", "object Yard", "def park"]),
        (".pl", "use strict;\n\nsub load {\n    my ($kilos) = @_;\n}\n\nload(3);\n", ["sub load"]),
        (".cpp", "namespace yard {\n\nclass Van : public Car {\npublic:\n  explicit Van(int kilos);\n\n  int load() const {\n    return 3;\n  }\n};\n\nVan::Van(int kilos)\n    : kilos_(kilos)\n{\n}\n\n}  // namespace yard\n",
         ["namespace yard", "class Van", "int load", "Van::Van"]),
        (".h", "struct van;\nint load(struct van *van,\n         int kilos);\nextern struct van *last;\ntypedef struct yard {\n    int vans;\n} yard;\n",
         ["typedef struct yard"]),
    ],
)  # fmt: skip
def test_definitions_of_other_languages(suffix: str, text: str, expected: list[str], tmp_path: Path) -> None:
    path = tmp_path / f"any{suffix}"
    path.write_text(text)
    document = read(path)
    assert without_marks(document) == text.split("\n")
    found = [block.name for block in read_blocks(document.text) if block.kind == "heading"]
    assert [
        name for at, name in enumerate(found) if name != document.title and name not in found[:at]
    ] == expected


@pytest.mark.parametrize(
    ("docstring", "expected"),
    [
        (r"half \ud800 and \0 nothing", "half ? and  nothing"),
        ("\n  Below.\n\nMore.\n", "Below."),
        (r" \0 ", None),
    ],
)
def test_the_description_is_text_that_json_can_hold(
    docstring: str, expected: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "odd.py"
    path.write_text(f'"""{docstring}"""\n')
    assert read(path).metadata.get("description") == expected


def test_mapped_fields_are_added(tmp_path: Path) -> None:
    (tmp_path / "a.go").write_text("package a\n")
    fields = FieldMap.of(["team='tools'", "made_in=programming_language"])
    (document,) = SourceCodeReader().read(SourceFile(tmp_path / "a.go", "x", fields))
    assert document.metadata == {"programming_language": "Go", "team": "tools", "made_in": "Go"}
