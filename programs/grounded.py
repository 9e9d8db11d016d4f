"""The one shape of all programs: retrieve, predict, check."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dspy
from dspy.utils.exceptions import AdapterParseError, LMError

from ..retrieval.errors import (
    BoundError,
    LanguageModelError,
    ModelOutputError,
    QuincunxError,
    require_question,
)
from ..retrieval.passages import Passage
from ..retrieval.retriever import Retriever
from ..signatures.evidence import Evidence
from .adapters import checked
from .answer import Answer
from .events import Cited, Done, Event, Failed, Passages, Prose, Status, Token
from .grounding import ground
from .lms import lm, typed_cause
from .quoting import neutralise

logger = logging.getLogger(__name__)


class GroundedProgram(dspy.Module):
    """Answers a question from an index, citing only what it was given.

    ``program(question="…")`` returns an `Answer`. The language model is the one set on the program
    (``set_lm``) or in ``dspy.context``; without any, the extractive engine answers, and says so.
    """

    def __init__(self, name: str, signature: type[dspy.Signature], retriever: Retriever) -> None:
        super().__init__()
        self.name = name
        self.retriever = retriever
        self.predict = dspy.Predict(signature)
        self.adapter: dspy.Adapter | None = None
        """DSPy's adapter for this program; left out, the one in ``dspy.context``, or else the chat adapter."""

    def forward(self, question: str) -> Answer:
        """Answer a question.

        Raises:
            EmptyQuestionError, BoundError: see `Searcher.search`.
            ModelOutputError: the language model's reply does not have the form that was asked for.
        """
        question = require_question(question)
        found = self.retriever(question=question)
        evidence = [_evidence(passage) for passage in found.passages]
        with self._asking() as engine:
            prediction = self.predict(question=neutralise(question), passages=evidence)
        return self._answer(question, engine, found, evidence, prediction)

    async def aforward(self, question: str) -> Answer:
        """Answer a question without holding up the event loop; see `forward`."""
        question = require_question(question)
        found = await self.retriever.acall(question=question)
        evidence = [_evidence(passage) for passage in found.passages]
        with self._asking() as engine:
            prediction = await self.predict.acall(question=neutralise(question), passages=evidence)
        return self._answer(question, engine, found, evidence, prediction)

    async def stream(self, question: str) -> AsyncIterator[Event]:
        """Answer a question, telling what happens as it happens; see `Event`.

        The last event is `Done` with the checked answer, or `Failed`. Closing the stream cancels the call.
        """
        events: asyncio.Queue[Event | None] = asyncio.Queue()
        # In a task of its own: DSPy's settings must not leak into the caller between two events.
        task = asyncio.create_task(self._produce(question, events.put_nowait))
        task.add_done_callback(lambda _: events.put_nowait(None))
        try:
            while (event := await events.get()) is not None:
                yield event
            await task
        finally:
            task.cancel()

    async def _produce(self, question: str, tell: Callable[[Event], None]) -> None:
        try:
            question = require_question(question)
            tell(Status("retrieving"))
            found = await self.retriever.acall(question=question)
            tell(Passages(tuple(found.passages), tuple(found.candidates)))
            evidence = [_evidence(passage) for passage in found.passages]
            tell(Status("asking"))
            with self._asking() as engine:
                prediction = await self._draft(question, evidence, tell)
            tell(Status("checking"))
            answer = self._answer(question, engine, found, evidence, prediction)
            for citation in answer.citations:
                tell(Cited(citation))
            tell(Done(answer))
        except QuincunxError as error:
            tell(Failed(error.code, str(error)))

    async def _draft(
        self, question: str, evidence: list[Evidence], tell: Callable[[Event], None]
    ) -> dspy.Prediction:
        """Ask the language model, telling its prose piece by piece."""
        prose, asked = Prose(), _Asked(self.predict)
        # Made anew for every call: DSPy's streamers lose and mix chunks when they are used again.
        streamer = dspy.streamify(asked, is_async_program=True)
        prediction = None
        try:
            async for value in streamer(question=neutralise(question), passages=evidence):
                if isinstance(value, dspy.Prediction):
                    prediction = value
                elif choices := getattr(value, "choices", None):
                    text = prose.feed(choices[0].delta.content or "")
                    if text:
                        tell(Token(text))
        except LMError as error:
            raise asked.typed or error from error
        if prediction is None:
            raise ModelOutputError(f"the language model ended its reply to {self.name} without an answer")
        return prediction

    def save(self, target: str | Path, **facts: Any) -> Path:
        """Save the program as an artifact and return its folder: see `saving.save_program` for the ``facts``.

        ``target`` is a name, under which `load` finds it in the home folder, or a folder. The language model, its
        address and its key are never saved.
        """
        from .artifact import artifact_folder
        from .saving import save_program

        named = isinstance(target, str) and os.sep not in target
        return save_program(self, artifact_folder(str(target)) if named else Path(target), **facts)

    def batch(self, questions: Sequence[str], workers: int = 4) -> list[Answer | Failed]:
        """Answer several questions, ``workers`` at a time, in their order; a failure is a value among the answers."""
        if workers < 1:
            raise BoundError(f"workers must be at least 1 (got {workers})")

        def one(question: str) -> Answer | Failed:
            try:
                answer: Answer = self(question=question)
            except QuincunxError as error:
                return Failed(error.code, str(error))
            return answer

        with ThreadPoolExecutor(workers) as pool:
            # DSPy's settings live in context variables, which threads do not inherit by themselves.
            contexts = [contextvars.copy_context() for _ in questions]
            return list(pool.map(lambda context, question: context.run(one, question), contexts, questions))

    @contextmanager
    def _asking(self) -> Iterator[str]:
        """Set the checked adapter, and a language model where the app set none; give back the model's name."""
        chosen = self.predict.lm or dspy.settings.lm
        if chosen is None:
            logger.info("no language model is set: the extractive engine answers")
            chosen = lm("extractive")
        try:
            with dspy.context(lm=chosen, adapter=checked(self.adapter or dspy.settings.adapter)):
                yield str(chosen.model)
        except AdapterParseError as error:
            raise ModelOutputError(
                f"the reply of the language model to {self.name} does not have the form that was asked for: "
                f"{_line(error)}"
            ) from error
        except LMError as error:
            typed = typed_cause(error)
            if typed is not None:
                raise typed from error
            raise LanguageModelError(
                f"the language model {chosen.model} could not answer ({type(error).__name__}: {_line(error)}): check its "
                "name, key and server"
            ) from error

    def _answer(
        self,
        question: str,
        engine: str,
        found: dspy.Prediction,
        evidence: list[Evidence],
        prediction: dspy.Prediction,
    ) -> Answer:
        (output_field,) = self.predict.signature.output_fields
        # Against the passages as they are: what the model saw differs by the broken field markers.
        given = {passage.id: passage for passage in found.passages}
        whole = [
            shown.model_copy(update={"title": given[shown.id].title, "text": given[shown.id].text})
            for shown in evidence
        ]
        grounded = ground(prediction[output_field], whole)
        refusal = None
        if not grounded.answered:
            refusal = (
                "Nothing that the model said could be supported by the passages found."
                if grounded.dropped
                else "The passages found do not hold an answer to this question."
            )
        return Answer(
            program=self.name,
            index=self.retriever.handle.index,
            question=question,
            engine=engine,
            answered=grounded.answered,
            refusal=refusal,
            output=grounded.output,
            citations=grounded.citations,
            dropped=grounded.dropped,
            passages=found.passages,
            candidates=found.candidates,
            notes=list(found.search.notes),
        )


class _Asked:
    """A predictor that remembers the typed cause of its failure, which DSPy's streamer drops on the way."""

    def __init__(self, predict: dspy.Predict) -> None:
        self._predict = predict
        self.typed: QuincunxError | None = None

    async def acall(self, **inputs: Any) -> dspy.Prediction:
        try:
            return await self._predict.acall(**inputs)
        except LMError as error:
            self.typed = typed_cause(error)
            raise


def _evidence(passage: Passage) -> Evidence:
    """Return a passage as the language model sees it."""
    return Evidence(
        id=passage.id,
        title=neutralise(passage.title),
        text=neutralise(passage.text),
        about={neutralise(name): neutralise(_plain(value)) for name, value in passage.metadata.items()},
    )


def _line(error: Exception) -> str:
    """Return an error's message on one line, shortened."""
    return " ".join(str(error).split())[:300]


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
