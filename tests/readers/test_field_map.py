"""Which field of a record is what: as it is said, and as it is guessed."""

from __future__ import annotations

from typing import Any

import pytest

from quincunx.retrieval.errors import UsageError
from quincunx.retrieval.text.readers.field_map import FieldMap

RECORD = {"Body": "Tea.", "meta": {"author": {"name": "Kim"}, "tags": ["a", "b"]}, "a.b": 1, "empty": " "}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("Body", "Tea."), ("meta.author.name", "Kim"), ("meta.tags.1", "b"), ("meta.tags.7", None), ("a.b", 1),
        ("empty|Body", "Tea."), ("none | empty", None), ("'HR'", "HR"), ("none|'HR'", "HR"), ("body", None),
    ],
)  # fmt: skip
def test_an_expression_is_a_path_or_a_text_or_the_first_of_several(expression: str, value: Any) -> None:
    assert FieldMap.of([f"text={expression}"]).value("text", RECORD) == value


def test_what_is_not_said_is_guessed_by_usual_names() -> None:
    assert FieldMap().value("text", RECORD) == "Tea."
    assert FieldMap().value("text", RECORD, guess=False) is None
    assert FieldMap().field_used("text", RECORD) == "Body"
    assert FieldMap().field_used("title", RECORD) is None


@pytest.mark.parametrize(
    ("expression", "used"),
    [("Body", "Body"), ("empty|Body", "Body"), ("a.b", "a.b"), ("meta.author.name|Body", None), ("'HR'|Body", None)],
)  # fmt: skip
def test_a_field_is_used_that_the_value_is_all_of(expression: str, used: str | None) -> None:
    assert FieldMap.of([f"title={expression}"]).field_used("title", RECORD) == used


def test_other_names_are_fields_of_the_metadata() -> None:
    fields = FieldMap.of({"text": "Body", "author": "meta.author.name", "lost": "none"})
    assert fields.metadata_names == ["author", "lost"]
    assert fields.added(RECORD) == {"author": "Kim"}


@pytest.mark.parametrize(
    "given", [["text"], ["=x"], ["x="], [" = "], ["a=b", "a=c"], {"a": ""}, {"a": 3}, {3: "a"}]
)
def test_what_cannot_be_read_is_one_error(given: Any) -> None:
    with pytest.raises(UsageError, match=r"map .*(NAME=FIELD|stands twice)"):
        FieldMap.of(given)
