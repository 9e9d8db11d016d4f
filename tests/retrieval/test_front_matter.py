"""Front matter: YAML and TOML above a Markdown text become its title and metadata, and nothing of them is text."""

from __future__ import annotations

import json
import time
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from gold_sets import hashing_profile
from hypothesis import given
from hypothesis import strategies as st
from parts import without_facts

import quincunx
from quincunx.retrieval.corpus.reading import read_corpus, read_documents
from quincunx.retrieval.filter_text import parse_filter
from quincunx.retrieval.text.front_matter import FrontMatter, read_front_matter

SHIPPING = (
    "---\ntitle: Shipping policy\nstatus: published\n# internal: ask Bob before changing\n---\n\n"
    "Orders leave the depot within two days.\n"
)


def test_a_page_with_front_matter_is_found_by_its_fields_and_holds_none_of_them_as_text(
    home: Path, tmp_path: Path
) -> None:
    (tmp_path / "ship.md").write_text(SHIPPING)
    (tmp_path / "other.md").write_text("---\nstatus: draft\n---\nOrders are packed by hand.")
    quincunx.build_index("case", tmp_path, profile=hashing_profile())
    where = quincunx.SearchSettings(where=parse_filter("status=published"))
    (passage,) = quincunx.Retriever("case", profile=hashing_profile(), settings=where)(
        question="orders"
    ).passages
    assert (passage.id, passage.title) == ("ship.md", "Shipping policy")
    assert passage.text == "Orders leave the depot within two days."
    assert without_facts(passage.metadata) == {"status": "published", "path": "ship.md"}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("2026-03-01", "2026-03-01"), ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00+00:00"), ("2026-02-30", "2026-02-30"),
        ("3", 3), ("-2.5", -2.5), ("1e3", 1000.0), ("true", True), ("null", None), ("", None), ("~", None),
        ("[a, 2, 2.5, false]", ["a", 2, 2.5, False]), ("{b: {c: [1]}}", {"b": {"c": [1]}}),
        ("no", "no"), ("on", "on"), ("12:30", "12:30"), ("01234", "01234"), ("1_000", "1_000"), ("0x1F", "0x1F"),
        (".inf", "inf"), (".nan", "nan"), ("99999999999999999999", "99999999999999999999"), ('"\\uD800"', "?"),
        ("{1: x, true: y, 2026-03-01: z, null: w}", {"1": "x", "true": "y", "2026-03-01": "z", "null": "w"}),
        ("!!set {b, a}", ["a", "b"]), ("!!binary aGk=", "aGk="), ("'quoted: text'", "quoted: text"), ("日本", "日本"),
        ("&x [1, 2]\nagain: *x", [1, 2]), ("|\n  two\n  lines\n", "two\nlines\n"),
    ],
)  # fmt: skip
def test_a_value_of_yaml_keeps_its_type(source: str, value: Any) -> None:
    front = read_front_matter(f"---\nfield: {source}\n---\nBody.")
    assert front.metadata["field"] == value
    assert type(front.metadata["field"]) is type(value)
    assert (front.body, front.notices) == ("Body.", ())


def test_values_of_toml_keep_their_types() -> None:
    front = read_front_matter(
        '+++\ntitle = "Tea"\nday = 2026-03-01\nat = 07:30:00\nwhen = 2026-03-01T07:30:00Z\nn = 3\nx = 2.5\ninf = inf\n'
        'tags = ["a", 1]\n[author]\nname = "A"\n+++\n\nBody.'
    )
    assert front.title == "Tea"
    assert front.metadata == {
        "day": "2026-03-01", "at": "07:30:00", "when": "2026-03-01T07:30:00+00:00", "n": 3, "x": 2.5, "inf": "inf",
        "tags": ["a", 1], "author": {"name": "A"},
    }  # fmt: skip
    assert front.body == "Body."


@pytest.mark.parametrize(
    ("fields", "title", "left"),
    [
        ("title: 2026", "2026", {}), ("title: 2026-03-01", "2026-03-01", {}), ("title: true", "true", {}),
        ("title: >\n  two\n  lines", "two lines", {}), ("title:", None, {}), ("title: ''", None, {}),
        ("Title: Tea", "Tea", {}), ("TITLE: a\ntitle: b", "b", {"TITLE": "a"}), ("title: [a]", None, {"title": ["a"]}),
    ],
)  # fmt: skip
def test_a_title_is_text_whatever_was_written(fields: str, title: str | None, left: dict[str, Any]) -> None:
    assert read_front_matter(f"---\n{fields}\n---\nBody.") == FrontMatter("Body.", title, left)


@pytest.mark.parametrize(
    "text",
    [
        "---\nA paragraph between rules.\n---\nMore.", "---\n\nA rule above a text.", "---", "----\ntitle: x\n----\n",
        " ---\ntitle: x\n---\n", "\n---\ntitle: x\n---\n", "---\n- a\n- list\n---\n", "---\ntitle: x\n", "+++\nno end",
        "--- title: x ---\nText.", "+++\ntitle = 'x'\n...\n", "# Heading\n---\ntitle: x\n---\n", "",
    ],
)  # fmt: skip
def test_what_is_no_front_matter_stays_text(text: str) -> None:
    assert read_front_matter(text) == FrontMatter(text)


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("---\na: b: c\n---\n", "line 2: mapping values"), ("---\n{{ page }}\n---\n", "unhashable key"),
        ("---\nx: !!python/object:os.system {}\n---\n", "could not determine a constructor"),
        ("---\nx: &a [*a]\n---\n", "nested more than 32 deep"), ("---\nx: " + "[" * 5000 + "\n---\n", "nested too deeply"),
        ("---\nx: " + "y" * 70_000 + "\n---\n", "longer than 65536"), ("+++\nno toml\n+++\n", "no TOML"),
        ("+++\na = 1\na = 2\n+++\n", "no TOML"),
    ],
)  # fmt: skip
def test_a_block_that_cannot_be_read_stays_text_and_that_is_told(
    block: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "a.md").write_text(block + "Body.")
    corpus = read_corpus(tmp_path)
    assert [document.text for document in corpus.documents] == [block + "Body."]
    (notice,) = corpus.report.notices
    assert notice.startswith(f"{tmp_path}/a.md: front matter is no ")
    assert said in notice


@pytest.mark.parametrize(
    "bomb",
    [
        "a0: &a0 [x, x]\n"
        + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)),
        "a0: &a0 {x: 1, y: 2}\n"
        + "".join(f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}]}}\n" for i in range(1, 40)),
    ],
)
def test_a_block_that_would_fill_the_memory_is_text(bomb: str) -> None:
    begun = time.perf_counter()
    front = read_front_matter(f"---\n{bomb}---\nBody.")
    assert "more than 10000 values" in front.notices[0]
    assert front.body.endswith("Body.")
    assert time.perf_counter() - begun < 2


def test_line_ends_marks_tabs_and_an_end_of_dots_are_all_read(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(
        b"\xef\xbb\xbf---\r\ntitle: Tea\r\nkind: drink\r\n---\r\n\r\nAt four.\r\n"
    )
    (tmp_path / "b.md").write_text("---\ntitle: Rum\n...\nNever.")
    (tmp_path / "c.md").write_text("--- \t\ntitle:\tMilk\nkind:\n\tfat: low\n--- \nAt six.")
    read = {document.title: document for document in read_documents(tmp_path)}
    assert {title: document.text for title, document in read.items()} == {
        "Tea": "At four.\n", "Rum": "Never.", "Milk": "At six.",
    }  # fmt: skip
    assert without_facts(read["Milk"].metadata) == {"kind": {"fat": "low"}, "path": "c.md"}


def test_a_field_written_twice_is_told_and_the_last_counts() -> None:
    front = read_front_matter("---\nkind: a\nkind: b\n---\nBody.")
    assert front.metadata == {"kind": "b"}
    assert front.notices == ("front matter names 'kind' twice; the last one counts",)


def test_the_id_and_path_of_a_document_are_its_files_own(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("---\nid: other\npath: /elsewhere\n---\nBody.")
    corpus = read_corpus(tmp_path)
    (document,) = corpus.documents
    assert (document.id, without_facts(document.metadata)) == ("a.md", {"id": "other", "path": "a.md"})
    assert "its own field 'path' gives way to the file's" in corpus.report.notices[0]


def test_text_files_and_rows_have_no_front_matter(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("---\ntitle: x\n---\nBody.")
    (tmp_path / "rows.jsonl").write_text(
        json.dumps({"_id": "r", "text": "---\ntitle: x\n---\nBody.", "headed": True})
    )
    read = read_documents([tmp_path / "a.txt", tmp_path / "rows.jsonl"])
    assert {document.text for document in read} == {"---\ntitle: x\n---\nBody."}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("abc:#-é冬 '\"\n", max_size=8) | st.dates(date(1900, 1, 1)) | st.datetimes(datetime(1900, 1, 1)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc é", min_size=1, max_size=4), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def as_json(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: as_json(inner) for name, inner in value.items()}
    return [as_json(inner) for inner in value] if isinstance(value, list) else value


@given(
    st.dictionaries(st.text("abcdé ", min_size=1, max_size=5), json_values, min_size=1, max_size=4),
    st.text(max_size=20),
)
def test_what_a_yaml_writer_writes_is_read_back(fields: dict[str, Any], body: str) -> None:
    block = yaml.safe_dump(fields, allow_unicode=True)
    front = read_front_matter(f"---\n{block}---\n{body}")
    assert front.metadata == as_json(fields)
    assert front.body == body.lstrip("\r\n")
    assert json.loads(json.dumps(front.metadata)) == front.metadata


@given(st.text("-+.\n ab:[]{}&*!'\"\t#", max_size=60))
def test_no_text_makes_reading_fail_and_none_is_lost(text: str) -> None:
    for mark in ("---\n", "+++\n", ""):
        front = read_front_matter(mark + text)
        assert (mark + text).endswith(front.body)
        json.dumps(front.metadata, allow_nan=False).encode()
