"""What a program returns."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import dspy
from pydantic_core import to_jsonable_python

if TYPE_CHECKING:
    from ..retrieval.passages import Candidate, Passage
    from ..retrieval.search import SearchResult
    from ..signatures.evidence import Citation
    from .budget import Usage
    from .check.claims import Dropped


class Answer(dspy.Prediction):
    """A checked answer, with everything that metrics and apps need to judge it.

    It is a `dspy.Prediction`; ``record()`` gives all of it as JSON values.

    Example:
        >>> answer = quincunx.load("resource_search")(question="a library for property-based testing")
        >>> answer.answered, answer.output.pages[0].title
        (True, 'Hypothesis')
        >>> answer.citations[0].passage_id
        'bd-hypothesis'
        >>> sorted(answer.record())[:3]
        ['answered', 'candidates', 'citations']
    """

    program: str
    index: str
    question: str
    details: dict[str, str]
    """The program's other inputs by name, empty where none was given."""
    searched: list[str]
    """What was searched for: the question, self-contained and with its details, then the parts it was split into."""
    engine: str
    """The model that answered, e.g. ``extractive/all-MiniLM-L6-v2``."""
    answered: bool
    """False for a refusal; then ``output`` is empty and ``citations`` too."""
    refusal: str | None
    """Why nothing was answered."""
    output: Any
    """The program's typed output, holding only what stood the check."""
    citations: list[Citation]
    dropped: list[Dropped]
    """What the model wrote and the check took out, with reasons."""
    passages: list[Passage]
    """The passages that were given, best first."""
    left_out: int
    """Sentences of the passages that the language model did not read, being farther from the question than those it read;
    see `ProgramSpec.most_sentences`."""
    candidates: list[Candidate]
    search: SearchResult
    """What each stage of the search found."""
    usage: Usage
    """What was spent on the language model."""
    seconds: dict[str, float]
    """How long each stage took; not in `record`, which is the same for the same answer."""
    notes: list[str]
    """What did not go as usual, such as a damaged snapshot that was made good."""

    def record(self) -> dict[str, Any]:
        """Return the answer as JSON values."""
        return {
            "program": self.program,
            "index": self.index,
            "question": self.question,
            "details": self.details,
            "searched": self.searched,
            "engine": self.engine,
            "answered": self.answered,
            "refusal": self.refusal,
            "output": to_jsonable_python(self.output),
            "citations": [citation.model_dump() for citation in self.citations],
            "usage": asdict(self.usage),
            "notes": self.notes,
            "dropped": [asdict(dropped) for dropped in self.dropped],
            "passages": [
                {"id": passage.id, "title": passage.title, "text": passage.text, "rank": rank}
                for rank, passage in enumerate(self.passages, start=1)
            ],
            "left_out": self.left_out,
            "candidates": [candidate.ranks() for candidate in self.candidates],
        }
