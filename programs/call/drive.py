"""Driving the steps of a call: in this thread, on an event loop, or telling what happens as it happens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import Any, TypeVar

import dspy
from dspy.utils.exceptions import AdapterParseError, LMError

from ...retrieval.errors import ModelOutputError
from ..answer import Answer
from ..engines.background_loop import run_in_thread, wait_for
from ..engines.lms import typed_cause
from ..events import CheckedSentence, Event, Prose, Token
from .predict import AskModel
from .steps import Flow, Step

T = TypeVar("T")


def drive(flow: Flow) -> Answer:
    """Take the steps one after the other in this thread."""
    steps, outcome = flow.run(), _Outcome()
    with flow.meter.counting():
        while (step := outcome.next(steps)) is not None:
            flow.meter.require_time()
            outcome.of(partial(_take, flow, step))
    return outcome.answer


def _take(flow: Flow, step: Step) -> Any:
    if flow.meter.seconds_left is None:
        return step.run()
    # Only what is awaited can be ended in time.
    return wait_for(_timed(flow, _in_time(step)))


async def _in_time(step: Step) -> Any:
    if isinstance(step, AskModel):
        # The names that stand for DSPy's own engines are awaitable; an engine object only with an async twin.
        named = isinstance(getattr(step.lm, "engine", None), str)
        if named or getattr(step.lm, "_async_engine_spec", None) is not None:
            # The stream belongs to the loop of `dspy.streamify`, and this is another.
            with dspy.context(send_stream=None):
                return await step.arun()
    # What cannot be cancelled is left to itself: the wait for it ends in time.
    return await run_in_thread(step.run)


async def adrive(flow: Flow) -> Answer:
    """Take the steps without holding up the event loop; a listener of the flow gets prose as it is written."""
    steps, outcome = flow.run(), _Outcome()
    with flow.meter.counting():
        while (step := outcome.next(steps)) is not None:
            flow.meter.require_time()
            await outcome.of_awaited(
                _timed(flow, _atake(step, flow.tell if flow.listener is not None else None))
            )
    return outcome.answer


async def _atake(step: Step, listener: Callable[[Event], None] | None) -> Any:
    if isinstance(step, AskModel) and step.streamed and listener is not None:
        return await _ask_streaming(step, listener)
    return await step.arun()


async def _ask_streaming(step: AskModel, listener: Callable[[Event], None]) -> Any:
    """Ask the language model, telling its prose piece by piece."""
    prose, asked, prediction = Prose(), _Asked(step), None
    sentences = step.sentences
    with dspy.context(adapter=step.adapter):
        # Made anew for every call: DSPy's streamers lose and mix chunks when they are used again.
        streamer = dspy.streamify(asked, is_async_program=True)
        try:
            async for value in streamer(**step.arguments):
                if isinstance(value, dspy.Prediction):
                    prediction = value
                elif choices := getattr(value, "choices", None):
                    piece = choices[0].delta.content or ""
                    text = prose.feed(piece)
                    if text:
                        listener(Token(text))
                    for claim in sentences.feed(piece) if sentences is not None else ():
                        listener(CheckedSentence(claim))
        except LMError as error:
            if asked.typed is None:
                raise
            raise asked.typed from error
        except AdapterParseError:
            told = None if sentences is None else sentences.told_only()
            if told is None:
                raise
            return dspy.Prediction(**{next(iter(step.predict.signature.output_fields)): told})
    if prediction is not None and sentences is not None:
        (name,) = step.predict.signature.output_fields
        prediction[name] = sentences.with_told(prediction[name])
    if prediction is None:
        raise ModelOutputError("the language model ended its reply without an answer")
    return prediction


async def _timed(flow: Flow, work: Awaitable[T]) -> T:
    """Await, until the call's deadline."""
    try:
        async with asyncio.timeout(flow.meter.seconds_left) as deadline:
            return await work
    except TimeoutError as error:
        if deadline.expired():
            raise flow.meter.deadline_error() from error
        raise


class _Asked:
    """A predictor that remembers the typed cause of its failure, which DSPy's streamer drops on the way."""

    def __init__(self, step: AskModel) -> None:
        self._step = step
        self.typed: Exception | None = None

    async def acall(self, **inputs: Any) -> Any:
        try:
            return await self._step.predict.acall(lm=self._step.lm, **inputs)
        except LMError as error:
            self.typed = typed_cause(error)
            raise


class _Outcome:
    """What the last step came to, to be sent into the steps; what a language model did wrong is thrown into them."""

    def __init__(self) -> None:
        self.answer: Answer
        self._value: Any = None
        self._error: Exception | None = None

    def next(self, steps: Generator[Step, Any, Answer]) -> Step | None:
        """Return the next step; ``None`` when there is an answer."""
        value, error, self._value, self._error = self._value, self._error, None, None
        try:
            return steps.throw(error) if error is not None else steps.send(value)
        except StopIteration as end:
            self.answer = end.value
            return None

    def of(self, work: Callable[[], Any]) -> None:
        try:
            self._value = work()
        except (AdapterParseError, LMError) as error:
            self._error = error

    async def of_awaited(self, work: Awaitable[Any]) -> None:
        try:
            self._value = await work
        except (AdapterParseError, LMError) as error:
            self._error = error
