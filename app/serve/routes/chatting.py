"""Chat completions as OpenAI offers them: a program is a model, and its checked answer is the assistant's message."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from fastapi.sse import format_sse_event
from pydantic import BaseModel, ConfigDict, Field

from ....programs.answer import Answer
from ....programs.budget import Usage
from ....programs.events import CheckedSentence, Done, Event, Failed
from ..connection import EVENT_STREAM, EventStream, while_connected
from ..dropin.conversation import ChatMessage, read_conversation
from ..dropin.footnotes import FootnotedText, tells_early
from ..dropin.names import model_not_found
from ..dropin.unsupported import require_supported
from ..problems import problem_of_code
from ..service import Service
from ..vendor_errors import vendor_fields
from .admission import TAKES_TURN, ReadyService
from .answers import CitationBody
from .asking import PING, BudgetBody, ProgramCall, QuestionBody
from .searching import SearchSettingsBody

router = APIRouter(tags=["chat"])
PATH = "/v1/chat/completions"


class ChatExtras(BaseModel):
    """What a program takes and a chat has no words for."""

    model_config = ConfigDict(extra="forbid")

    details: dict[str, str] = Field(default={}, description="Other inputs of the program; see /v1/programs.")
    settings: SearchSettingsBody = SearchSettingsBody()
    budget: BudgetBody = BudgetBody()


class StreamOptions(BaseModel):
    """What a stream tells beside the answer."""

    model_config = ConfigDict(extra="allow")

    include_usage: bool = False


class ChatBody(BaseModel):
    """A request as OpenAI's ``chat.completions.create`` sends it."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(description="A program; see /v1/models.", examples=["chat_bridge"])
    messages: list[ChatMessage] = Field(
        min_length=1, examples=[[{"role": "user", "content": "What is Sage Daily?"}]]
    )
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = Field(default=None, description="Only 1.")
    quincunx: ChatExtras = ChatExtras()


class AnswerMessage(BaseModel):
    """The assistant's message."""

    role: Literal["assistant"] = "assistant"
    content: str = Field(description="Sentences with numbers of footnotes, and the sources at the end.")
    refusal: str | None = Field(description="Why nothing was answered.")
    annotations: list[dict[str, Any]] = Field(description="The numbers that lead to an address of the web.")


class ChatChoice(BaseModel):
    """The one choice."""

    index: Literal[0] = 0
    message: AnswerMessage
    finish_reason: Literal["stop"] = "stop"
    logprobs: None = None


class ChatUsage(BaseModel):
    """Tokens of the language model; 0 for an engine that has none."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatNotes(BaseModel):
    """What a chat completion has no words for."""

    id: str = Field(description="Of the answer, for /v1/feedback.")
    answered: bool
    notes: list[str] = Field(description="What of the request was not heeded, and what did not go as usual.")
    citations: list[CitationBody]


class ChatCompletionBody(BaseModel):
    """An answer."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[ChatChoice]
    usage: ChatUsage
    quincunx: ChatNotes


@router.post(
    PATH,
    summary="Ask a program as OpenAI's clients ask a model.",
    dependencies=[TAKES_TURN],
    response_model=ChatCompletionBody,
    responses={200: {"content": {EVENT_STREAM: {"schema": {"type": "string"}}}}},
)
async def complete_chat(body: ChatBody, request: Request, service: ReadyService) -> Response:
    """The last message is the question, earlier ones are the history of programs that take one. System messages, and
    parameters of sampling, are named in `quincunx.notes` and not heeded. A refusal is an answer that says why.
    """
    chat = _Chat(service, body, request.scope["quincunx.request_id"])
    seconds = service.settings.limits.seconds
    if not body.stream:
        return JSONResponse(chat.completion(await while_connected(request, chat.call.plain(), seconds)))
    # Errors before the first sentence have a status of their own.
    await while_connected(request, chat.open(), seconds)
    return EventStream(chat.events, chat.sent())


class _Chat:
    """One chat, checked before anything is begun."""

    def __init__(self, service: Service, body: ChatBody, request_id: str) -> None:
        self.id, self.created, self.model = f"chatcmpl-{request_id}", int(time.time()), body.model
        if body.model not in service.programs:
            raise model_not_found(body.model, "program", sorted(service.programs))
        spec = service.program(body.model).spec
        unheeded = require_supported(body.n, body.model_extra or {})
        read = read_conversation(
            body.messages, body.model, takes_history="history" in spec.signature.input_fields
        )
        self.notes = [*read.notes, *unheeded]
        asked = QuestionBody(question=read.question, history=read.history, **dict(body.quincunx))
        self.call = ProgramCall(service, body.model, asked)
        self._early = tells_early(spec.output_type)
        self._wants_usage = body.stream_options is not None and body.stream_options.include_usage
        self._text = FootnotedText()
        self.events = self.call.events()
        self._first: Event | None = None

    def completion(self, answer: Answer) -> dict[str, Any]:
        content = self._text.finish(answer)
        message = {
            "role": "assistant",
            "content": content,
            "refusal": answer.refusal,
            "annotations": self._text.annotations,
        }
        return {
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
            "usage": _usage(answer.usage),
            "quincunx": self._notes(answer),
        }

    async def open(self) -> None:
        """Wait for the first event that is told; raises a `Problem` for one that says that there is no answer."""
        async for event in self.events:
            if isinstance(event, Failed):
                raise problem_of_code(event.code, event.message)
            if isinstance(event, Done) or (self._early and isinstance(event, CheckedSentence)):
                self._first = event
                return

    async def sent(self) -> AsyncIterator[bytes]:
        """Yield the chunks as they go over the wire, the first event first."""
        yield self._chunk({"role": "assistant", "content": ""})
        for chunk in self._chunks(self._first):
            yield chunk
        async for event in self.events:
            for chunk in self._chunks(event):
                yield chunk

    def _chunks(self, event: Event | None) -> Iterator[bytes]:
        if event is None:
            yield PING
        elif isinstance(event, CheckedSentence) and self._early:
            yield self._chunk({"content": self._text.tell(event.claim)})
        elif isinstance(event, Failed):
            status = problem_of_code(event.code, event.message).status_code
            yield _data(vendor_fields(PATH, status, event.code, event.message, None))
        elif isinstance(event, Done):
            yield from self._closing(event.answer)
            yield format_sse_event(data_str="[DONE]")

    def _closing(self, answer: Answer) -> list[bytes]:
        rest: dict[str, Any] = {"content": self._text.finish(answer)}
        if answer.refusal is not None:
            rest["refusal"] = answer.refusal
        if self._text.annotations:
            rest["annotations"] = self._text.annotations
        chunks = [self._chunk(rest), self._chunk({}, "stop", quincunx=self._notes(answer))]
        if self._wants_usage:
            chunks.append(_data({**self._head(), "choices": [], "usage": _usage(answer.usage)}))
        return chunks

    def _chunk(self, delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        usage = {"usage": None} if self._wants_usage else {}
        return _data({**self._head(), "choices": [choice], **usage, **more})

    def _head(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
        }

    def _notes(self, answer: Answer) -> dict[str, Any]:
        citations = [citation.model_dump() for citation in answer.citations]
        return {
            "id": self.call.id,
            "answered": answer.answered,
            "notes": [*self.notes, *answer.notes],
            "citations": citations,
        }


def _usage(usage: Usage) -> dict[str, int]:
    read, written = usage.input_tokens or 0, usage.output_tokens or 0
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def _data(value: dict[str, Any]) -> bytes:
    return format_sse_event(data_str=json.dumps(value))
