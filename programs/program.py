"""The one shape of all programs: retrieve, predict, check."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_args

import dspy

from ..retrieval.arguments import require_type
from ..retrieval.errors import BoundError, QuincunxError, UsageError
from ..retrieval.retriever import Retriever
from ..retrieval.storage.home import place_of
from ..signatures.conversation import Rephrase
from ..signatures.decomposition import Decompose
from .answer import Answer
from .artifact.save import save_program
from .artifact.schema import MOST_QUERIES
from .budget import Budget, Meter
from .call.drive import adrive, drive
from .call.inputs import Question, read_batch, read_inputs
from .call.steps import Flow
from .engines.lms import extractive_lm, keep_connections_apart, require_lm
from .events import Done, Event, Failed
from .predictor import Predictor
from .prompt.rules import Cites
from .spec import ProgramSpec
from .trace import OnCall, traced_call

logger = logging.getLogger(__name__)

NO_MODEL = (
    "no language model is set, so the extractive engine answered, which only quotes: name one, as in load(…, "
    "lm='ollama/llama3.2'), or lm='extractive' where quotes are what you want"
)
BUDGET = "a Budget, such as Budget(seconds=30)"


class GroundedProgram(dspy.Module):
    """Answers a question from an index, citing only what it was given.

    ``program(question="…")`` returns an `Answer`. Beside ``question`` it takes the other input fields of its
    signature as text, ``history`` where its signature has that (earlier turns, oldest first), and ``budget``.
    The language model is the one set on the program (``set_lm``), which copies and optimizers keep, or in
    ``dspy.context``; without any, the extractive engine answers, and the log and the answer's notes say so.
    """

    def __init__(self, spec: ProgramSpec, retriever: Retriever) -> None:
        super().__init__()
        self.spec, self.name = spec, spec.name
        self.retriever = retriever
        self.predict = Predictor(spec.signature)
        self.rephrase = Predictor(Rephrase) if "history" in spec.signature.input_fields else None
        """Makes the question self-contained, where a conversation went before it; ``None`` leaves it as it is."""
        self.decompose = Predictor(Decompose) if spec.decomposes else None
        self._queries = 1
        self.budget = Budget()
        """What each call may spend, where the call itself does not say."""
        self.adapter: dspy.Adapter | None = None
        """DSPy's adapter for this program; left out, the one in ``dspy.context``, or else the compact form of the package
        (the chat adapter where it cites by quotes)."""
        self._cites: Cites = "numbers"
        self.on_call = OnCall()
        """Gets a record of every call; see `OnCall`."""

    @property
    def cites(self) -> Cites:
        """How a language model is to cite: by the ``numbers`` of sentences, or by ``quotes``, words of a passage."""
        return self._cites

    @cites.setter
    def cites(self, how: Cites) -> None:
        if how not in get_args(Cites):
            raise UsageError(f"cites must be one of {', '.join(get_args(Cites))} (got {how!r})")
        self._cites = how

    @property
    def queries(self) -> int:
        """How many queries a question is split into at most, 1 to 8; at 1 it is searched for as a whole."""
        return self._queries

    @queries.setter
    def queries(self, most: int) -> None:
        if not (type(most) is int and 1 <= most <= MOST_QUERIES):
            raise BoundError(f"queries must be a whole number from 1 to {MOST_QUERIES} (got {most!r})")
        if most > 1 and self.decompose is None:
            raise BoundError(f"{self.name} does not split its questions up: queries must be 1 (got {most})")
        self._queries = most

    def set_lm(self, lm: dspy.BaseLM | str | None) -> None:
        """Set the language model that answers, or the name of one; ``None`` leaves it to ``dspy.context``.

        Raises:
            UsageError: what is no language model.
        """
        super().set_lm(None if lm is None else require_lm(lm))

    def forward(self, question: str, budget: Budget | None = None, **inputs: Any) -> Answer:
        """Answer a question.

        Raises:
            EmptyQuestionError, UsageError: see `read_inputs`. BoundError: see `Searcher.search`.
            ModelOutputError: the language model's reply does not have the form that was asked for, twice.
            BudgetExceededError, DeadlineExceededError: the budget does not hold what the answer takes.
        """
        if not self.on_call.wanted:
            return drive(self._flow(question, budget, inputs))
        with traced_call(self, self.on_call, lambda: self._flow(question, budget, inputs)) as call:
            return call.done(drive(call.flow))

    async def aforward(self, question: str, budget: Budget | None = None, **inputs: Any) -> Answer:
        """Answer a question without holding up the event loop; see `forward`. Cancelled, it ends at once."""
        if not self.on_call.wanted:
            return await adrive(self._flow(question, budget, inputs))
        with traced_call(self, self.on_call, lambda: self._flow(question, budget, inputs)) as call:
            return call.done(await adrive(call.flow))

    async def stream(
        self, question: str, budget: Budget | None = None, **inputs: Any
    ) -> AsyncGenerator[Event]:
        """Answer a question, telling what happens as it happens; see `Event`.

        The last event is `Done` with the checked answer, or `Failed`. Closing the stream cancels the call.
        """
        events: asyncio.Queue[Event | None] = asyncio.Queue()

        async def produce() -> None:
            try:
                with traced_call(
                    self, self.on_call, lambda: self._flow(question, budget, inputs, events.put_nowait)
                ) as call:
                    answer = call.done(await adrive(call.flow))
                events.put_nowait(Done(answer))
            except QuincunxError as error:
                events.put_nowait(Failed(error.code, str(error)))

        # In a task of its own: DSPy's settings must not leak into the caller between two events.
        task = asyncio.create_task(produce())
        task.add_done_callback(lambda _: events.put_nowait(None))
        try:
            while (event := await events.get()) is not None:
                yield event
            await task
        finally:
            task.cancel()

    def batch(
        self,
        questions: Iterable[Question],
        workers: int = 4,
        *,
        num_threads: int | None = None,
        **of_dspy: Any,
    ) -> list[Answer | Failed]:
        """Answer several questions, ``workers`` at a time, in their order; a failure is a value among the answers.

        A question is its text, a mapping of a call's arguments such as ``{"question": "…", "history": [...]}``, or a
        `dspy.Example`, whose labels are left out.

        DSPy's calls of ``batch`` work too: ``num_threads`` is its name for ``workers``, and there is no progress bar to
        disable. With any other option of it, such as ``return_failed_examples``, what it would return is returned.

        Raises:
            UsageError: what is no list of questions, such as one question.
            BoundError: ``workers`` that are no number of at least 1.
        """
        asked = read_batch(self.predict.signature.input_fields, questions)
        workers = workers if num_threads is None else num_threads
        if not (type(workers) is int and workers >= 1):
            raise BoundError(f"workers must be a whole number of at least 1 (got {workers!r})")

        if of_dspy.keys() - {"disable_progress_bar"}:
            examples = [dspy.Example(inputs).with_inputs(*inputs) for inputs in asked]
            returned: list[Answer | Failed] = super().batch(
                examples, num_threads=workers, **{"disable_progress_bar": True, **of_dspy}
            )
            return returned

        def one(inputs: Mapping[str, Any]) -> Answer | Failed:
            try:
                answer: Answer = self(**{"question": "", **inputs})
            except QuincunxError as error:
                return Failed(error.code, str(error))
            return answer

        with ThreadPoolExecutor(workers) as pool:
            # DSPy's settings live in context variables, which threads do not inherit by themselves.
            contexts = [contextvars.copy_context() for _ in asked]
            return list(pool.map(lambda context, inputs: context.run(one, inputs), contexts, asked))

    def save(self, target: str | Path, **facts: Any) -> Path:
        """Save the program as an artifact and return its folder: see `save_program` for the ``facts``.

        ``target`` is a name, under which `load` finds it in the home folder, or a folder. The language model, its
        address and its key are never saved.
        """
        return save_program(self, place_of("programs", target), **facts)

    def _flow(
        self,
        question: str,
        budget: Budget | None,
        inputs: Mapping[str, Any],
        listener: Callable[[Event], None] | None = None,
    ) -> Flow:
        spend = self.budget if budget is None else budget
        require_type("budget", spend, Budget, BUDGET)
        fields = list(self.predict.signature.input_fields)
        asked = read_inputs(fields, question, inputs)
        chosen = self.predict.lm or dspy.settings.lm
        if chosen is not None:
            keep_connections_apart(chosen)
            return Flow(self, asked, require_lm(chosen), Meter(spend), listener)
        # The first to set it tells, whichever thread that is.
        if self.__dict__.setdefault("_told_by", flow_id := object()) is flow_id:
            logger.warning("%s: %s", self.name, NO_MODEL)
        return Flow(self, asked, extractive_lm(), Meter(spend), listener, notes=[NO_MODEL])
