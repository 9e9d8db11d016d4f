"""The passages that are kept, with what stands before and after each in its document."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .passages import Part, Passage, parts_of

Span = tuple[int, int]


@dataclass(frozen=True)
class DocumentPassages:
    """A document as it was cut."""

    text: str
    parts: tuple[Part, ...]
    spans: tuple[Span, ...]
    """Of its passages, in reading order."""


def with_neighbours(
    passages: Sequence[Passage], documents: Mapping[str, DocumentPassages], count: int
) -> list[Passage]:
    """Return passages, best first, each with up to ``count`` passages before and after it of the same document.

    A passage keeps its id, and no text is given twice: what lies in one of the passages themselves, or was given to a
    better one, is not given to another.

    Args:
        documents: by passage id, the document of each.
    """
    given: dict[str, list[Span]] = defaultdict(list)
    for passage in passages:
        given[passage.document_id].append((passage.start, passage.end))
    found = []
    for passage in passages:
        document, own = documents[passage.id], (passage.start, passage.end)
        others = [span for span in given[passage.document_id] if span != own]
        start, end = _around(own, document.spans, count)
        for other_start, other_end in others:
            if other_start < own[0]:
                start = max(start, min(other_end, own[0]))
            else:
                end = min(end, max(other_start, own[1]))
        given[passage.document_id].append((start, end))
        found.append(_widened(passage, document, start, end))
    return found


def _around(own: Span, spans: Sequence[Span], count: int) -> Span:
    place = spans.index(own)
    return spans[max(0, place - count)][0], max(end for _, end in spans[place : place + count + 1])


def _widened(passage: Passage, document: DocumentPassages, start: int, end: int) -> Passage:
    text = document.text[start:end]
    start += len(text) - len(text.lstrip())
    text = text.strip()
    # The head of a table is not repeated above the whole table.
    head = "" if passage.head and passage.head.strip() in text else passage.head
    parts = parts_of(document.parts, start, start + len(text))
    return replace(passage, text=head + text, start=start, end=start + len(text), parts=parts)
