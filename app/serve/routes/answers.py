"""Answers as the service gives them: the same fields as `quincunx.Answer`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field


class PassageBody(BaseModel):
    """A passage that was found; see `quincunx.Passage`."""

    id: str
    document_id: str
    title: str
    text: str
    start: int
    end: int
    metadata: dict[str, Any]
    parts: list[dict[str, Any]]


class CandidateBody(BaseModel):
    """A candidate with its rank and score at every stage; see `quincunx.Candidate`."""

    id: str
    passage: PassageBody
    dense_rank: int | None
    dense_score: float
    lexical_rank: int | None
    lexical_score: float
    fused_rank: int
    fused_score: float
    rerank_rank: int | None
    rerank_score: float | None
    final_rank: int | None
    named: int
    duplicates: list[str]


class CitationBody(BaseModel):
    """A citation with all that leads back to its place; see `quincunx.Citation`."""

    passage_id: str
    quote: str
    title: str
    link: str
    path: str
    page: int | None
    place: str
    url: str
    start: int | None
    end: int | None


class DroppedBody(BaseModel):
    """What the model wrote and the check took out."""

    where: str = Field(description="Its place in the output.")
    rule: str
    reason: str
    value: Any = Field(description="What the model wrote there.")


class UsageBody(BaseModel):
    """What was spent on the language model."""

    lm_calls: int
    cached: int
    input_tokens: int | None
    output_tokens: int | None


class AnswerBody(BaseModel):
    """A checked answer; see `quincunx.Answer`."""

    id: str = Field(
        description="Of the call, as the log and `feedback` name it.", examples=["6f1d0c2e8a5b4d0e"]
    )
    program: str = Field(examples=["chat_bridge"])
    index: str
    question: str
    details: dict[str, str]
    searched: list[str]
    engine: str
    answered: bool = Field(description="False for a refusal.")
    refusal: str | None = Field(description="Why nothing was answered.")
    output: Any = Field(
        description="Typed by the program: its schema is in /v1/programs. Holds only what stood the check."
    )
    citations: list[CitationBody]
    usage: UsageBody
    notes: list[str]
    dropped: list[DroppedBody]
    passages: list[PassageBody]
    left_out: int
    candidates: list[CandidateBody]
    generations: dict[str, int]
    near_words: dict[str, list[str]] = Field(
        description="By word of the question that stands nowhere in the index: what was searched for instead."
    )
    seconds: dict[str, float]


class FailureBody(BaseModel):
    """Why a question of several has no answer."""

    type: Literal["error"] = "error"
    code: str = Field(examples=["deadline_exceeded"])
    message: str
