"""Records in JSON: what is one, what is its text, and what stands in the way of reading it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from table_files import TABLES, read, written

from quincunx.retrieval.text.readers.reader import UnreadableFileError
from quincunx.retrieval.text.readers.tables import text_lines
from quincunx.retrieval.text.readers.tables.records import MOST_DEPTH


def test_a_record_is_its_text_and_the_rest_is_metadata() -> None:
    documents, file = read(TABLES / "tickets.jsonl")
    assert documents[0].id == "tickets.jsonl#4101"
    assert documents[0].title == "Press jams"
    assert documents[0].text == "# Report\n\nThe letterpress jams whenever the humidity passes 70 percent."
    assert documents[0].metadata == {
        "id": 4101,
        "opened": "2026-02-11",
        "customer": {"name": "Ferrow Print", "plan": "gold"},
        "tags": ["press", "urgent"],
        "hours": 3.5,
    }
    assert file.notices == []


def test_fields_are_mapped(tmp_path: Path) -> None:
    path = written(
        tmp_path, "a.jsonl", json.dumps({"a": {"b": "the text"}, "n": 3, "who": "Ada", "lines": ["x", "y"]})
    )
    [document], _ = read(path, "text=a.b", "id=n", "author=who", "team='HR'", "title=missing|who")
    assert (document.id, document.title, document.text) == ("a.jsonl#3", "Ada", "the text")
    assert document.metadata == {
        "a": {"b": "the text"},
        "n": 3,
        "lines": ["x", "y"],
        "author": "Ada",
        "team": "HR",
    }
    [document], _ = read(path, "text=lines")
    assert document.text == "x\n\ny"
    [document], _ = read(path, "text=n")
    assert document.text == "3"


def test_bad_lines_are_passed_over_and_named() -> None:
    documents, file = read(TABLES / "broken.jsonl")
    assert [document.id for document in documents] == [
        "broken.jsonl#n1",
        "broken.jsonl#n3",
        "broken.jsonl#row-5",
    ]
    assert file.notices == [
        "what is no record was passed over (Invalid control character at column 30): lines 2, 4",
        "records without a text were passed over: lines 6",
        "their ids stood before, so the numbers of the rows are taken: lines 5",
    ]


def test_many_bad_lines_are_counted(tmp_path: Path) -> None:
    _, file = read(written(tmp_path, "a.jsonl", '{"text": "x"}\n' + "?\n" * 12))
    assert file.notices[0].endswith(": lines 2, 3, 4, 5, 6 and 7 more")


@pytest.mark.parametrize(
    ("name", "content", "detail"),
    [
        (
            "a.json",
            '{"a": {"b": 1}, "c": 2}',
            "no field could be the text (it has a, c): say --map text=FIELD",
        ),
        ("a.json", '[{"k": 1}, {"l": 2}]', "no field could be the text (it has k, l): say --map text=FIELD"),
        ("a.json", '{"rows": [{"k": 1}]}', "no field could be the text (it has k): say --map text=FIELD"),
        (
            "a.jsonl",
            '{"text": ["a list"]}\n',
            "no field could be the text (it has text): say --map text=FIELD",
        ),
        ("a.json", '"a string"', "it holds no object: records are objects in a list, or one a line"),
    ],
)
def test_what_has_no_text_names_its_fields(tmp_path: Path, name: str, content: str, detail: str) -> None:
    with pytest.raises(UnreadableFileError) as caught:
        read(written(tmp_path, name, content))
    assert (caught.value.reason, caught.value.detail) == ("unmapped", detail)


def test_a_mapped_text_that_no_record_has_is_said(tmp_path: Path) -> None:
    with pytest.raises(
        UnreadableFileError, match=r"^unmapped: no record has a text in 'bdy' \(it has text\)"
    ):
        read(written(tmp_path, "a.jsonl", '{"text": "x"}\n'), "text=bdy")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.json", "[" * 100_000, "damaged"),
        ("a.json", '{"a":' * 900 + "1" + "}" * 900, "damaged"),
        ("a.json", '{"a": 1', "damaged"),
        ("a.jsonl", "[" * 100_000 + "\n", "damaged"),
        ("a.jsonl", "1\n2\n", "damaged"),
        ("a.json", "[1, 2]", "damaged"),
        ("a.jsonl", b'{"text": "\0"}\n', "binary"),
    ],
)
def test_what_is_no_json_is_refused(tmp_path: Path, name: str, content: str | bytes, reason: str) -> None:
    with pytest.raises(UnreadableFileError) as caught:
        read(written(tmp_path, name, content))
    assert caught.value.reason == reason


@pytest.mark.parametrize("content", ["[]", "{}", "", " \n"])
def test_what_is_empty_yields_nothing(tmp_path: Path, content: str) -> None:
    documents, file = read(written(tmp_path, "a.json", content))
    assert (documents, file.notices) == ([], [])


def test_values_that_no_other_reader_of_json_holds_become_text(tmp_path: Path) -> None:
    line = f'{{"text": "a \\ud800 b", "n": NaN, "i": -Infinity, "h": 1e999, "big": {"9" * 5000}, "w": 9223372036854775808}}'
    [document], _ = read(written(tmp_path, "a.jsonl", line))
    assert document.text == "a ? b"
    assert document.metadata == {
        "n": "NaN", "i": "-Infinity", "h": "inf", "big": "9" * 5000, "w": "9223372036854775808"
    }  # fmt: skip


def test_a_name_that_stands_twice_is_said(tmp_path: Path) -> None:
    [document], file = read(written(tmp_path, "a.jsonl", '{"text": "x", "k": 1, "k": 2}\n'))
    assert document.metadata == {"k": 2}
    assert file.notices == ["names that stand twice in one object, of which the last counts: 'k'"]


def test_depth(tmp_path: Path) -> None:
    nested = "[" * (MOST_DEPTH - 1) + "]" * (MOST_DEPTH - 1)
    deeper = "[" * (MOST_DEPTH + 1) + "]" * (MOST_DEPTH + 1)
    documents, file = read(
        written(tmp_path, "a.jsonl", f'{{"text": "x", "a": {nested}}}\n{{"text": "y", "a": {deeper}}}')
    )
    assert [document.text for document in documents] == ["x"]
    assert file.notices == ["what is no record was passed over (it is nested more than 64 deep): lines 2"]


def test_an_object_is_records_only_where_they_have_texts() -> None:
    [document], _ = read(TABLES / "policy.json")
    assert (document.id, document.title, document.parts) == ("policy.json", "Kiln policy", ())
    assert document.metadata == {"authors": [{"name": "Rui Castell"}], "revised": "2026-01-20"}
    documents, file = read(TABLES / "minutes.json")
    assert [document.id for document in documents] == ["minutes.json#row-1", "minutes.json#row-2"]
    assert file.notices == ["the records of 'items' were read, and not what stands beside them: committee"]


def test_a_title_is_one_short_line_and_what_was_cut_stays_metadata(tmp_path: Path) -> None:
    title = "word " * 60
    [document], _ = read(written(tmp_path, "a.jsonl", json.dumps({"text": "x", "title": title})))
    assert len(document.title) < 125
    assert document.title.endswith("word …")
    assert document.metadata == {"title": title}


def test_a_line_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_lines, "MOST_LINE", 100)
    with pytest.raises(UnreadableFileError, match=r"^too_large: line 1 is longer than 100"):
        read(written(tmp_path, "a.jsonl", json.dumps({"text": "x" * 200})))


def test_encodings(tmp_path: Path) -> None:
    line = '{"text": "Grüße aus Köln an Jörg und Ärger über Übermut"}\n'
    for encoding in ("utf-8-sig", "utf-16", "cp1252"):
        [document], _ = read(written(tmp_path, "a.jsonl", line.encode(encoding)))
        assert document.text == "Grüße aus Köln an Jörg und Ärger über Übermut"
        [document], _ = read(written(tmp_path, "a.json", line.encode(encoding)))
        assert document.text == "Grüße aus Köln an Jörg und Ärger über Übermut"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values, max_size=3),
    max_leaves=10,
)  # fmt: skip


@given(
    st.lists(
        st.dictionaries(st.text(min_size=1, max_size=5).map("x".__add__), JSON, max_size=4),
        min_size=1,
        max_size=5,
    )
)
def test_metadata_is_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, Any]]
) -> None:
    """Both forms of a file give every record, with all of its other fields as they were."""
    folder = tmp_path_factory.mktemp("json")
    told = [{"text": f"text {number}", **record} for number, record in enumerate(records)]
    lines, _ = read(written(folder, "a.jsonl", "".join(json.dumps(record) + "\n" for record in told)))
    whole, _ = read(written(folder, "a.json", json.dumps(told)))
    assert [document.metadata for document in lines] == records
    assert [document.metadata for document in whole] == records
    assert [document.text for document in lines] == [record["text"] for record in told]
