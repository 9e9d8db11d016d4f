"""What the tools return; their schemas are what an agent is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, Field

from ...programs.answer import Answer
from ...programs.call.steps import evidence
from ...programs.check.places import with_place
from ...retrieval.passages import FOR_SEARCHES, Passage
from ...retrieval.search import SearchResult
from ...signatures.conversation import Turn
from ..render.answers import answer_lines
from ..served import ServedProgram

URI = "quincunx://{index}/{passage_id}"
"""Of a passage as a resource; its id is percent-encoded."""


def passage_uri(index: str, passage_id: str) -> str:
    """Return the URI of a passage as a resource."""
    return f"quincunx://{index}/{quote(passage_id, safe='')}"


class EarlierTurn(Turn):
    """One earlier exchange of a conversation."""


class PassageResult(BaseModel):
    """A passage, and what leads to its place in its document."""

    index: str = Field(description="The index that holds it.")
    passage_id: str = Field(description="Its id there, as get_passage takes it.")
    uri: str = Field(description="Of the resource that is its text.")
    title: str
    text: str
    document_id: str
    link: str = Field(description="The document's address; empty where it has none.")
    path: str = Field(description="The document's file, below the folder that was indexed; empty for none.")
    place: str = Field(description="Where in the document it stands, such as 'page 3'; empty for no parts.")
    url: str = Field(description="What leads to that place, to be shown to a person; empty for nothing.")
    metadata: dict[str, Any]


class SearchResults(BaseModel):
    """The passages that a search found, best first."""

    question: str
    passages: list[PassageResult]
    notes: list[str] = Field(description="What did not go as usual.")
    near_words: dict[str, list[str]] = Field(
        description="By word of the question that stands nowhere: the words near it that were searched for instead."
    )


class CitedPassage(BaseModel):
    """A citation of an answer: the words that support it, and where they stand."""

    index: str
    passage_id: str
    uri: str
    quote: str = Field(description="Copied exactly from the passage; checked.")
    title: str
    place: str
    url: str = Field(description="What leads to the quote, to be shown to a person; empty for nothing.")


class AskResult(BaseModel):
    """A checked answer, or a refusal."""

    program: str
    question: str
    answered: bool = Field(description="False for a refusal: the passages do not hold an answer.")
    answer: str = Field(description="The answer as prose; empty for a refusal.")
    refusal: str | None = Field(description="Why nothing was answered.")
    output: Any = Field(description="The answer as typed by the program: list_programs has its schema.")
    citations: list[CitedPassage]
    dropped: int = Field(description="Statements that were taken out since no passage supports them.")
    searched: list[str] = Field(description="What was searched for.")
    engine: str = Field(description="The model that answered; an extractive one only quotes.")
    notes: list[str] = Field(description="What did not go as usual.")


class IndexEntryResult(BaseModel):
    """An index that can be searched."""

    name: str
    documents: int
    passages: int
    fields: list[str] = Field(description="Fields of the metadata that `where` can name.")


class ProgramList(BaseModel):
    """What can be asked, and what can be searched."""

    programs: list[ServedProgram]
    indexes: list[IndexEntryResult]


def passage_result(index: str, passage: Passage) -> PassageResult:
    """Return a passage of an index, given with its id there."""
    read = evidence(passage)
    cited = with_place(read.citation(read.head if passage.text else 0, len(read.text)), read)
    return PassageResult(
        index=index,
        passage_id=passage.id,
        uri=passage_uri(index, passage.id),
        title=passage.title,
        text=passage.text,
        document_id=passage.document_id,
        link=cited.link,
        path=cited.path,
        place=cited.place,
        url=cited.url,
        metadata={name: value for name, value in passage.metadata.items() if name not in FOR_SEARCHES},
    )


def search_results(indexes: Sequence[str], found: SearchResult) -> SearchResults:
    """Return what a search over these indexes found."""
    passages = []
    for passage in found.passages:
        index, own_id = own_place(indexes, passage.id)
        result = passage_result(index, passage)
        passages.append(result.model_copy(update={"passage_id": own_id, "uri": passage_uri(index, own_id)}))
    return SearchResults(
        question=found.question,
        passages=passages,
        notes=list(found.notes),
        near_words={word: list(names) for word, names in found.near_words.items()},
    )


def ask_result(indexes: Sequence[str], answer: Answer) -> AskResult:
    """Return the answer of a program that searches these indexes."""
    citations = []
    for cited in answer.citations:
        index, own_id = own_place(indexes, cited.passage_id)
        citations.append(
            CitedPassage(
                index=index,
                passage_id=own_id,
                uri=passage_uri(index, own_id),
                quote=cited.quote,
                title=cited.title,
                place=cited.place,
                url=cited.url,
            )
        )
    return AskResult(
        program=answer.program,
        question=answer.question,
        answered=answer.answered,
        answer="\n".join(answer_lines(answer.output)) if answer.answered else "",
        refusal=answer.refusal,
        output=answer.record()["output"],
        citations=citations,
        dropped=len(answer.dropped),
        searched=answer.searched,
        engine=answer.engine,
        notes=answer.notes,
    )


def own_place(indexes: Sequence[str], id: str) -> tuple[str, str]:
    """Return the index of a passage that a search over these found, and its id there."""
    if len(indexes) == 1:
        return indexes[0], id
    index, _, own_id = id.partition("/")
    return index, own_id
