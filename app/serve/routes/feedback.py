"""What people say of answers: taken as drafts for a gold set."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from ..access.check import KEY
from ..feedback.drafts import FeedbackDraft, Thumb, append_feedback
from ..feedback.remembered import GivenAnswer
from ..problems import Problem
from ..service import Service
from .admission import ReadyService
from .texts import require_length

router = APIRouter(prefix="/v1", tags=["feedback"])

_LONGEST_ID = 1000
_LONGEST_COMMENT = 4000


class FeedbackBody(BaseModel):
    """What somebody says of an answer: of one by its id, or of the question to a program."""

    model_config = ConfigDict(extra="forbid")

    answer_id: str = Field(
        default="", max_length=64, description="The `id` of the answer.", examples=["6f1d0c2e8a5b4d0e"]
    )
    program: str = Field(
        default="", max_length=64, description="Where there is no id: what was asked.", examples=[""]
    )
    question: str = Field(default="", description="Where there is no id: the question.", examples=[""])
    thumb: Thumb = Field(description="Whether the answer is right.", examples=["up"])
    corrected_answer: str = Field(default="", description="As it should read.", examples=[""])
    right_passages: list[Annotated[str, Field(max_length=_LONGEST_ID)]] = Field(
        default=[], max_length=20, description="Ids of passages that hold the answer, the best first.", examples=[[]]
    )  # fmt: skip
    comment: str = Field(default="", max_length=_LONGEST_COMMENT, examples=[""])


class FeedbackTaken(BaseModel):
    """Feedback that was written down."""

    id: str = Field(description="Of the draft.", examples=["f-6f1d0c2e8a5b4d0e"])


@router.post("/feedback", summary="Say whether an answer is right.", status_code=201)
async def take_feedback(body: FeedbackBody, request: Request, service: ReadyService) -> FeedbackTaken:
    """It is kept as a draft of a gold question, for a person to accept, edit or reject.

    An answer is remembered for a while, among the last thousand; later, send program and question in place of its id.
    """
    require_length(service.settings.limits, question=body.question, corrected_answer=body.corrected_answer)
    key = request.scope[KEY]
    given = _answer_meant(service, body)
    draft = FeedbackDraft(
        program=given.program,
        question=given.question,
        searched=given.searched,
        indexes=given.indexes,
        thumb=body.thumb,
        answer=body.corrected_answer or given.answer,
        passages=tuple(dict.fromkeys(body.right_passages)),
        quotes=given.quotes,
        comment=body.comment,
        answer_id=given.id,
        key="" if key is None else key.name,
    )
    async with service.gate.admitted(), service.feedback_lock:
        return FeedbackTaken(id=await asyncio.to_thread(append_feedback, draft))


def _answer_meant(service: Service, body: FeedbackBody) -> GivenAnswer:
    if body.answer_id:
        found = service.answers.find(body.answer_id)
        if found is None:
            raise Problem(
                404,
                "unknown_answer",
                "no answer of this id is remembered: send program and question in its place",
            )
        return found
    if not (body.program and body.question.strip()):
        raise Problem(
            400, "bad_usage", "nothing says what was answered: send answer_id, or program and question"
        )
    program = service.program(body.program)
    indexes = program.retriever.handle.indexes
    return GivenAnswer("", program.name, indexes, body.question, body.question, "", {})
