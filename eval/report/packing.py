"""A report as compact JSON, and JSON that cannot end the script element it stands in.

Each record is an array of its fields in the order of its class; ``fields`` in the packed report names them, by the
class's name without ``Record``. A passage is its number in ``Report.passages``, or its id where it is not among them.
Fractions keep six significant figures.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from functools import cache

from ..metrics import records as data
from ..metrics.records import Report

RECORDS = (
    data.PassageRecord,
    data.Gold,
    data.LostGold,
    data.CandidateRecord,
    data.CitationRecord,
    data.DroppedRecord,
    data.Judgement,
    data.CheckValue,
    data.AnswerRecord,
    data.QuestionRecord,
)
"""The classes that the page's script reads."""
SHOWN = (
    "name",
    "kind",
    "stages",
    "measures",
    "primary",
    "delta_stages",
    "timed",
    "given",
    "passages",
    "questions",
)
"""What the script needs of a report; the rest stands in the page already."""
UNSAFE = re.compile("[<>&\u2028\u2029\ud800-\udfff]")
"""What could end the element or open another, ends a line to old scripts, or is half a character."""


def pack(report: Report) -> dict[str, object]:
    """Return the report as JSON values."""
    numbers = {passage.id: number for number, passage in enumerate(report.passages)}
    packed: dict[str, object] = {name: _packed(getattr(report, name), numbers) for name in SHOWN}
    packed["funnel"] = [step.name for step in report.funnel]
    packed["fields"] = {
        record.__name__.removesuffix("Record"): [name for name, _ in _fields(record)] for record in RECORDS
    }
    return packed


def script_json(value: object) -> str:
    """Return a value as JSON that can stand in a script element, whatever texts it holds."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


@cache
def _fields(record: type) -> tuple[tuple[str, bool], ...]:
    """Return a record's fields, each with whether it holds a passage's id."""
    return tuple((part.name, "passage" in part.metadata) for part in dataclasses.fields(record))


def _packed(value: object, numbers: Mapping[str, int]) -> object:
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, tuple):
        return [_packed(part, numbers) for part in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [
            numbers.get(part, part) if is_passage else _packed(part, numbers)
            for name, is_passage in _fields(type(value))
            for part in (getattr(value, name),)
        ]
    return value
