"""Asking programs: one answer, a stream of what happens on the way to it, or several answers."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import dspy
from fastapi import APIRouter, Request
from fastapi.responses import Response
from fastapi.sse import format_sse_event
from pydantic import BaseModel, ConfigDict, Field

from ....programs.answer import Answer
from ....programs.budget import Budget
from ....programs.events import Done, Event
from ....programs.program import GroundedProgram
from ....retrieval.errors import QuincunxError
from ....signatures.conversation import Turn
from ...as_json import answer_as_json, event_as_json
from ..connection import EVENT_STREAM, EventStream, LargeJSON, while_connected
from ..feedback.remembered import noting_call_ids
from ..service import Service
from ..settings import ServeLimits
from .admission import TAKES_TURN, ReadyService
from .answers import AnswerBody, FailureBody
from .searching import SearchSettingsBody
from .texts import require_count, require_length

router = APIRouter(prefix="/v1/ask", tags=["ask"])

PING_SECONDS = 15
"""After so long without an event a comment is sent, so that nothing between takes the stream for dead."""
PING = format_sse_event(comment="still at work")


class BudgetBody(BaseModel):
    """The most that one answer may take; the service's own deadline counts beside it."""

    model_config = ConfigDict(extra="forbid")

    lm_calls: int | None = Field(default=None, examples=[4])
    tokens: int | None = Field(default=None, examples=[20000])
    seconds: float | None = Field(default=None, examples=[30])


class QuestionBody(BaseModel):
    """A question to a program."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(examples=["What is Sage Daily?"])
    history: list[Turn] = Field(
        default=[], description="Earlier turns, oldest first, of programs that take them."
    )
    details: dict[str, str] = Field(
        default={}, description="Other inputs of the program by name; see /v1/programs.", examples=[{}]
    )
    settings: SearchSettingsBody = SearchSettingsBody()
    budget: BudgetBody = BudgetBody()


class AskBody(QuestionBody):
    """A question to a program, and how it is to be answered."""

    stream: bool = Field(
        default=False, description="Answer by server-sent events, as `Accept: text/event-stream` does."
    )


class BatchBody(BaseModel):
    """Several questions to a program."""

    model_config = ConfigDict(extra="forbid")

    questions: list[QuestionBody] = Field(min_length=1)


class BatchAnswers(BaseModel):
    """The answers in the order of the questions, a failure in the place of one."""

    answers: list[AnswerBody | FailureBody]


@router.post(
    "/{program}",
    summary="Ask a program.",
    dependencies=[TAKES_TURN],
    response_model=AnswerBody,
    responses={200: {"content": {EVENT_STREAM: {}}}},  # a schema would be that of each event
)
async def ask_served(program: str, body: AskBody, request: Request, service: ReadyService) -> Response:
    """A refusal is an answer: `answered` is false then, and `refusal` says why.

    As a stream: `status`, `passages`, `token`, `sentence` and `citation` events, then `done` with the answer, or `error`.
    """
    call = ProgramCall(service, program, body)
    if body.stream or EVENT_STREAM in request.headers.get("accept", ""):
        events = call.events()
        return EventStream(events, call.sent(events))
    return LargeJSON(await while_connected(request, call.answer(), service.settings.limits.seconds))


@router.post("/{program}/batch", summary="Ask a program several questions.", response_model=BatchAnswers)
async def ask_served_batch(
    program: str, body: BatchBody, request: Request, service: ReadyService
) -> Response:
    limits = service.settings.limits
    require_count(limits.questions, "questions", len(body.questions))
    calls = [ProgramCall(service, program, question) for question in body.questions]

    async def one(call: ProgramCall) -> dict[str, Any]:
        async with service.gate.turn(limits.seconds):
            try:
                return await call.answer()
            except QuincunxError as error:
                return FailureBody(code=error.code, message=str(error)).model_dump()

    async def every() -> list[dict[str, Any]]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(call)) for call in calls]
        return [task.result() for task in tasks]

    async with service.gate.admitted(len(calls)):
        return LargeJSON({"answers": await while_connected(request, every(), limits.seconds)})


class ProgramCall:
    """One question to a program of the service, checked before anything is begun."""

    def __init__(self, service: Service, program: str, asked: QuestionBody) -> None:
        limits = service.settings.limits
        turns = {f"history.{i}.{name}": text for i, turn in enumerate(asked.history) for name, text in turn}
        require_length(limits, question=asked.question, **asked.details, **turns)
        self.id = ""
        """Of the answer, once there is one: that of its call in the log."""
        self._service = service
        self._program = _with_settings(service.program(program), asked.settings)
        self._inputs: dict[str, Any] = {"question": asked.question, "budget": _budget(asked.budget, limits)}
        self._inputs |= asked.details
        if asked.history:
            self._inputs["history"] = asked.history

    async def answer(self) -> dict[str, Any]:
        answer = await self.plain()
        return {"id": self.id, **answer_as_json(answer)}

    async def plain(self) -> Answer:
        with _unrecorded(), noting_call_ids() as ids:
            answer: Answer = await self._program.acall(**self._inputs)
        self._keep(answer, ids)
        return answer

    async def sent(self, events: AsyncIterator[Event | None]) -> AsyncIterator[bytes]:
        """Yield what happens as it goes over the wire."""
        async for event in events:
            if event is None:
                yield PING
                continue
            told = event_as_json(event)
            if isinstance(event, Done):
                told["answer"] = {"id": self.id, **told["answer"]}
            yield format_sse_event(event=event.type, data_str=json.dumps(told, allow_nan=False))

    async def events(self) -> AsyncGenerator[Event | None]:
        """Yield what happens, and ``None`` after every `PING_SECONDS` in which nothing did."""
        with _unrecorded(), noting_call_ids() as ids:
            settings = contextvars.copy_context()
        events = self._program.stream(**self._inputs)
        coming = settings.run(_next, events)
        try:
            while True:
                done, _ = await asyncio.wait({coming}, timeout=PING_SECONDS)
                if not done:
                    yield None
                    continue
                event = coming.result()
                if event is None:
                    return
                if isinstance(event, Done):
                    self._keep(event.answer, ids)
                yield event
                coming = settings.run(_next, events)
        finally:
            if (
                not coming.cancel()
            ):  # its last event was told, and nothing waits in it that could be cancelled
                await events.aclose()

    def _keep(self, answer: Answer, ids: list[str]) -> None:
        """Remember an answer for what may be said of it."""
        self.id = ids[-1]
        self._service.answers.keep(self.id, answer, self._program.retriever.handle.indexes)


def _next(events: AsyncIterator[Event]) -> asyncio.Task[Event | None]:
    return asyncio.ensure_future(anext(events, None))


def _with_settings(program: GroundedProgram, asked: SearchSettingsBody) -> GroundedProgram:
    """Return the program, or a copy that searches as asked; both share index and models."""
    settings = asked.over(program.retriever.settings)
    if settings == program.retriever.settings:
        return program
    program = copy.deepcopy(program)
    program.retriever.settings = settings
    return program


def _budget(asked: BudgetBody, limits: ServeLimits) -> Budget:
    own = Budget(**asked.model_dump())
    seconds = min(limits.seconds, own.seconds or limits.seconds)
    return Budget(lm_calls=own.lm_calls, tokens=own.tokens, seconds=seconds)


@contextmanager
def _unrecorded() -> Iterator[None]:
    """Keep DSPy from remembering what was asked and answered."""
    with dspy.context(disable_history=True, max_trace_size=0):
        yield
