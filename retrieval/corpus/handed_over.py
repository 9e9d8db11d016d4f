"""Documents that are handed over in memory: quincunx's own, those of DSPy, LangChain and LlamaIndex, and rows of datasets."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, time
from itertools import chain
from typing import Any

from ..errors import CorpusError, DuplicateIdError, UsageError
from ..passages import Document, Metadata
from ..text.readers.field_map import ID, TEXT, TITLE, FieldMap
from .documents import Documents
from .reading import Corpus, FieldsGiven, read_corpus
from .roots import Origin, Paths

Source = Paths | Iterable[object]
"""Files and folders, or documents."""


def read_source(
    source: Source,
    *,
    known: Origin | None = None,
    include: str | Iterable[str] = (),
    exclude: str | Iterable[str] = (),
    fields: FieldsGiven = (),
    strict: bool = False,
) -> Corpus:
    """Read files and folders as `read_corpus` does, or take documents as `documents_of` does.

    Raises:
        UsageError: patterns for what are no files. What `read_corpus` and `documents_of` raise.
    """
    if not isinstance(source, str | os.PathLike | Mapping) and isinstance(source, Iterable):
        items = iter(source)
        first = list(_first(items))
        if first and not isinstance(first[0], str | os.PathLike):
            if include or exclude:
                raise UsageError(
                    "include and exclude choose files; choose documents before they are handed over"
                )
            return Corpus(documents_of(chain(first, items), fields))
        source = [*first, *items]
    return read_corpus(
        source,  # type: ignore[arg-type]
        known=known,
        include=include,
        exclude=exclude,
        fields=fields,
        strict=strict,
    )


def documents_of(items: Iterable[object], fields: FieldsGiven = ()) -> Documents:
    """Return what other libraries call documents as documents, in their order.

    A `Document` is taken as it is. Of LangChain's (``page_content``), LlamaIndex's (``get_content``) and DSPy's
    (``data``), text, metadata and id are taken. Of a mapping, such as a row of a ``datasets.Dataset`` or a
    ``dspy.Example``, ``fields`` say which of its fields are text, title and id; the others are its metadata. What has no
    id is called ``record-1`` and so on, by its place.

    Raises:
        UsageError: an entry that is none of these.
        CorpusError: one without text and title, or with metadata that are no JSON values.
        DuplicateIdError: two with one id. StorageError: the temporary folder does not take them.
    """
    mapped = FieldMap.of(fields)
    found = Documents()
    for number, item in enumerate(items, start=1):
        document = item if isinstance(item, Document) else _document(item, number, mapped)
        if document.id in found.sources:
            raise DuplicateIdError(f"document id {document.id!r} stands twice; entry {number} is the second")
        found.append(document)
    return found


def _first(items: Iterator[object]) -> Iterator[object]:
    for item in items:
        yield item
        return


def _document(item: object, number: int, fields: FieldMap) -> Document:
    record = _record(item, number)
    text, title, id = (fields.value(name, record) for name in (TEXT, TITLE, ID))
    if not (isinstance(text, str) and text.strip()) and not (isinstance(title, str) and title.strip()):
        raise CorpusError(
            f"entry {number} has no text (it has {', '.join(map(str, record)) or 'no fields'}): name its field, as in "
            'fields={"text": "body"}'
        )
    taken = {fields.field_used(name, record) for name in (TEXT, TITLE, ID)}
    metadata = {str(key): value for key, value in record.items() if key not in taken} | fields.added(record)
    return Document(
        id=str(id) if id is not None else f"record-{number}",
        title=str(title) if title is not None else "",
        text=text if isinstance(text, str) else "",
        metadata=_as_json(metadata, number),
    )


def _record(item: object, number: int) -> Mapping[str, Any]:
    """Return an entry as fields by name."""
    if isinstance(item, Mapping):
        return item
    if callable(to_dict := getattr(item, "toDict", None)):  # dspy.Example
        return dict(to_dict())
    metadata = getattr(item, "metadata", None) or {}
    if isinstance(text := getattr(item, "page_content", None), str):  # LangChain
        return {**metadata, "text": text, **_with_id(getattr(item, "id", None))}
    if callable(get_content := getattr(item, "get_content", None)):  # LlamaIndex
        return {**metadata, "text": get_content(), **_with_id(getattr(item, "node_id", None))}
    if isinstance(text := getattr(item, "data", None), str):  # dspy.experimental.Document
        return {"text": text, "title": getattr(item, "title", None)}
    raise UsageError(
        f"entry {number} is no document ({type(item).__name__}): hand over quincunx.Document, mappings, or documents of DSPy, "
        "LangChain or LlamaIndex; or files and folders by their paths"
    )


def _with_id(id: object) -> Metadata:
    return {"id": id} if id else {}


def _as_json(metadata: Metadata, number: int) -> Metadata:
    try:
        written = json.dumps(metadata, default=_plain, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise CorpusError(
            f"entry {number}: its metadata are no JSON values ({error}): leave that field out, or make it text"
        ) from error
    read: Metadata = json.loads(written)
    return read


def _plain(value: Any) -> Any:
    if isinstance(value, date | time):  # a datetime is a date
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"a {type(value).__name__} is none")
