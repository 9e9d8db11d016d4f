"""The records that cross the borders of retrieval."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Metadata = dict[str, Any]
FILE_FACTS = "file"
"""The metadata of a document that was read from a file: the file's ``kind``, its ``size`` in bytes and when it was
``modified``, both as they were when the document last changed."""

NAME_FIELDS = ("subject", "aliases", "not_to_be_confused_with")
"""The metadata by which a document states its names: what it is about, what else that is called, and what it is not."""

FOR_SEARCHES = (FILE_FACTS, *NAME_FIELDS[1:])
"""Metadata that passages are found and filtered by, and that says nothing to whoever answers from them."""


def stated_names(title: str, metadata: Metadata) -> list[str]:
    """Return what a document says that it is called: its subject, else its title if it has aliases, and those."""
    subject, aliases, _ = (_texts(metadata.get(field)) for field in NAME_FIELDS)
    return [*(subject or ([title] if aliases and title else [])), *aliases]


def confusable_names(metadata: Metadata) -> list[str]:
    """Return what a document says that it is not to be confused with."""
    return _texts(metadata.get(NAME_FIELDS[2]))


def _texts(value: Any) -> list[str]:
    return [text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a document by which people find a place in it, such as a page.

    Example:
        >>> str(quincunx.Part(start=0, kind="page", number=3))
        'page 3'
    """

    start: int
    """Where it begins in the document's text, in characters; it ends where the next one begins."""
    kind: str
    """What it is called: ``page``, ``row``, ``line``, ``cell``, ``chapter``, ``message``."""
    number: int
    """Counted from 1, as programs that show such files count."""

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"


def parts_of(parts: Sequence[Part], start: int, end: int) -> tuple[Part, ...]:
    """Return those parts of a document, ascending, in which its text from ``start`` to ``end`` lies."""
    first = max(0, bisect_right(parts, start, key=_start) - 1)
    return tuple(parts[first : max(bisect_left(parts, end, key=_start), first + 1)])


def _start(part: Part) -> int:
    return part.start


@dataclass(frozen=True, slots=True)
class Document:
    """One text of a corpus, whole. Its id is unique within an index.

    Example:
        >>> from quincunx import Document
        >>> Document(id="leave", title="Leave", text="Staff get 25 days a year.", metadata={"kind": "policy"}).metadata
        {'kind': 'policy'}
    """

    id: str
    title: str
    """May be empty."""
    text: str
    """May be empty where there is a title."""
    metadata: Metadata = field(default_factory=dict)
    """JSON values by name, e.g. ``{"site": "builddaily", "date": "2026-03-01"}``."""
    headed: bool = False
    """Whether the text is Markdown, whose headings (``# …``) title the passages below them."""
    parts: tuple[Part, ...] = ()
    """Its pages or the like, by where they begin, ascending; none where it has none."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One retrievable piece of a document.

    Example:
        >>> import quincunx
        >>> found = quincunx.Retriever("builddaily")(question="What is Sage Daily?")
        >>> passage = found.passages[0]
        >>> passage.id, passage.document_id, passage.title
        ('bd-sage-daily', 'bd-sage-daily', 'Sage Daily')
        >>> passage.end - passage.start == len(passage.text)
        True
    """

    id: str
    """The document's id, or ``document#start-end`` where a document was cut into several passages."""
    document_id: str
    title: str
    """The document's title, followed by the headings above this passage."""
    text: str
    """``document.text[start:end]``, below the head of its table where it is a later piece of one; empty for a document of
    a title alone."""
    start: int
    """First character within the document's text."""
    end: int
    """One past the last character within the document's text."""
    metadata: Metadata = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    """Those parts of the document, its pages or the like, in which the passage lies."""

    @property
    def head(self) -> str:
        """What stands above the passage's own span in its text: the head of its table, or nothing."""
        return self.text[: len(self.text) - (self.end - self.start)]

    @property
    def reading(self) -> str:
        """What models read: the title above the text, or what there is of the two."""
        return "\n".join(part for part in (self.title, self.text) if part)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One passage with its rank and score at every stage of the search.

    Ranks count from 1; ``None`` means that the stage did not return the passage. For every score,
    higher is better; scores of different stages are not comparable with each other.

    Example:
        >>> import quincunx
        >>> found = quincunx.Retriever("builddaily")(question="What is Sage Daily?")
        >>> candidate = found.candidates[0]
        >>> candidate.passage.id, candidate.final_rank
        ('bd-sage-daily', 1)
        >>> 1 <= candidate.fused_rank <= 20 and -1 <= candidate.dense_score <= 1
        True
    """

    passage: Passage
    dense_rank: int | None
    dense_score: float
    """Cosine of question and passage, −1 to 1."""
    lexical_rank: int | None
    lexical_score: float
    """BM25 of SQLite FTS5 with its sign turned, ≥ 0; 0 when no word is shared, or that stage is not run."""
    fused_rank: int
    """Place among the candidates by the fusion of both stages, 1 to k."""
    fused_score: float
    rerank_rank: int | None = None
    """Place by the reranker alone; ``None`` when none was used."""
    rerank_score: float | None = None
    """The reranker's own raw score: a logit, or a sum of cosines."""
    final_rank: int | None = None
    """Place in the order that programs get."""
    named: int = 0
    """1 where the question names what its document is about, -1 where the document says that it is not to be confused with
    what the question names."""
    duplicates: tuple[str, ...] = ()
    """Ids of the near-duplicates that gave way to this passage, where they are collapsed."""

    def ranks(self) -> dict[str, str | int | None]:
        """Return its passage's id and its rank at every stage, as JSON values."""
        return {
            "id": self.passage.id,
            "dense_rank": self.dense_rank,
            "lexical_rank": self.lexical_rank,
            "fused_rank": self.fused_rank,
            "rerank_rank": self.rerank_rank,
            "final_rank": self.final_rank,
        }
