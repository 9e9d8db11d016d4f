"""Records in JSON: one a line (``.jsonl``, ``.ndjson``), or the objects of a list (``.json``)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from ....passages import Document
from ..reader import SourceFile, UnreadableFileError, require_few_values
from .records import (
    NestedTooDeeplyError,
    Records,
    Tally,
    as_json,
    rest_of_record,
    text_of,
    title_of,
    unmapped,
)
from .text_lines import encoding_of, read_lines


class JsonReader:
    """Reads each record as a document.

    A ``.json`` file is a list of records, an object that holds one list of them, or one object that has a text itself.
    A line that is no record is passed over with a notice; a file of such lines alone is damaged.
    """

    name = "json"
    version = 1
    suffixes = (".json", ".jsonl", ".ndjson")

    def read(self, file: SourceFile) -> Iterator[Document]:
        objects = _Objects()
        if file.path.suffix.lower() == ".json":
            yield from self._whole(file, objects)
        else:
            yield from _documents(file, objects.lines(read_lines(file, encoding_of(file))), "lines")
        file.notices += objects.notices()

    def _whole(self, file: SourceFile, objects: _Objects) -> Iterator[Document]:
        text = file.read_text().removeprefix("\ufeff")
        if not text.strip():
            return
        require_few_values(text)
        try:
            whole = objects.loads(text)
        except (ValueError, RecursionError) as error:
            lines = text.split("\n")
            if not (len(lines) > 1 and isinstance(error, json.JSONDecodeError) and _is_record(lines)):
                raise UnreadableFileError("damaged", f"no JSON: {_said(error)}") from error
            yield from _documents(file, objects.lines(lines), "lines")
            return
        if isinstance(whole, list):
            yield from _documents(file, enumerate(whole, start=1), "elements")
        elif isinstance(whole, dict):
            yield from _object(file, whole)
        else:
            raise UnreadableFileError(
                "unmapped", "it holds no object: records are objects in a list, or one a line"
            )


class _BadRecordError(ValueError):
    """What is no record stands in for one."""


class _Objects:
    """Parses JSON, and remembers the names that stand twice in one object."""

    def __init__(self) -> None:
        self._twice: dict[str, None] = {}
        self._decoder = json.JSONDecoder(parse_int=_whole, parse_constant=str, object_pairs_hook=self._object)

    def loads(self, text: str) -> Any:
        return self._decoder.decode(text)

    def lines(self, lines: Iterable[str]) -> Iterator[tuple[int, Any]]:
        """Yield the number and the value of each line that is not empty; of what is no JSON, the error."""
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    yield number, self.loads(line)
                except (ValueError, RecursionError) as error:
                    yield number, _BadRecordError(_said(error, "column"))

    def notices(self) -> list[str]:
        names = ", ".join(map(repr, self._twice))
        return (
            [f"names that stand twice in one object, of which the last counts: {names}"[:300]]
            if names
            else []
        )

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs) and len(self._twice) < 20:
            counts = Counter(name for name, _ in pairs)
            self._twice |= dict.fromkeys(name for name, count in counts.items() if count > 1)
        return made


def _documents(file: SourceFile, values: Iterable[tuple[int, Any]], place: str) -> Iterator[Document]:
    records = Records(file, place)
    bad = Tally("", place)
    first, good = "", 0
    for number, value in values:
        try:
            record = _record(value)
        except (_BadRecordError, NestedTooDeeplyError) as error:
            first = first or str(error)
            bad.add(number)
            continue
        good += 1
        file.require_time()
        document = records.document(record, number)
        if document is not None:
            yield document
    if bad.count and not good:
        raise UnreadableFileError("damaged", f"none of its {bad.count:,} {place} holds a record: {first}")
    file.notices += bad.notices(f"what is no record was passed over ({first})")
    records.finish()


def _record(value: Any) -> dict[str, Any]:
    if isinstance(value, _BadRecordError):
        raise value
    if not isinstance(value, dict):
        raise _BadRecordError(f"a {_KINDS.get(type(value), 'value')}, no object")
    record: dict[str, Any] = as_json(value)
    return record


_KINDS = {
    str: "string",
    int: "number",
    float: "number",
    bool: "truth value",
    list: "list",
    type(None): "null",
}


def _object(file: SourceFile, whole: dict[str, Any]) -> Iterator[Document]:
    """Yield the records of the only list of objects within an object, if one of them has a text; else the object itself."""
    lists = {
        name: value
        for name, value in whole.items()
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value)
    }
    if len(lists) == 1:
        [(name, items)] = lists.items()
        if any(text_of(file, item) is not None for item in items):
            beside = [other for other in whole if other != name]
            if beside:
                file.notices.append(
                    f"the records of {name!r} were read, and not what stands beside them: {', '.join(beside)[:200]}"
                )
            yield from _documents(file, enumerate(items, start=1), "elements")
            return
    try:
        record = as_json(whole)
    except NestedTooDeeplyError as error:
        raise UnreadableFileError("damaged", str(error)) from error
    text = text_of(file, record)
    if text is not None:
        yield file.document(title_of(file, record) or file.name, text, rest_of_record(file, record))
    elif whole:
        names = next(iter(lists.values()))[0] if len(lists) == 1 else record
        raise UnreadableFileError("unmapped", unmapped(file, names))


def _is_record(lines: list[str]) -> bool:
    """Whether the first line that is not empty is a record: then the file is one of lines, whatever its name."""
    first = next((line for line in lines if line.strip()), "")
    try:
        return isinstance(json.loads(first, parse_int=_whole), dict)
    except (ValueError, RecursionError):
        return False


def _whole(digits: str) -> int | str:
    """Return a whole number; one of more digits than 64 bits hold stays text."""
    return int(digits) if len(digits) <= 20 else digits


def _said(error: ValueError | RecursionError, place: str = "line") -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, json.JSONDecodeError):
        return (
            f"{error.msg.removesuffix(' at')} at {place} {error.colno if place == 'column' else error.lineno}"
        )
    return " ".join(str(error).split())[:200]
