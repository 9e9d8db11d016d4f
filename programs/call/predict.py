"""Asking one predictor strictly: once, and once more in the other form when the reply has not the form that was asked for."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import dspy
from dspy.utils.exceptions import AdapterParseError, LMError

from ...retrieval.errors import UsageError
from ..budget import Budget, Meter, Usage
from ..engines.extractive.engine import MODEL, ExtractiveEngine, TypedInputsAdapter
from ..prompt.checked_adapters import checked_adapter, other_form
from ..prompt.citing import CitingAdapter
from ..prompt.compact_adapter import default_adapter
from ..prompt.rules import Cites
from ..prompt.sentence_choice import SentenceChoice
from .inputs import model_errors
from .sentence_stream import SentenceStream


@dataclass(frozen=True)
class AskModel:
    """A step of a call: ask a predictor; its result is the Prediction, or `AdapterParseError` is thrown in."""

    predict: dspy.Predict
    lm: dspy.BaseLM
    adapter: dspy.Adapter | None
    """``None``: the form that is best for what is asked."""
    inputs: Mapping[str, Any]
    streamed: bool = False
    """Whether its prose is to be told as it comes."""
    cites: Cites | None = None
    """How the claims of its output cite; ``None`` where it makes none."""
    choose: SentenceChoice | None = None
    """Where set, chooses the sentences of the passages that are read."""
    sentences: SentenceStream | None = None
    """Where set, reads the sentences of the reply as they come."""
    demos: Sequence[Any] | None = None
    """The demos that are shown; ``None``: all of the predictor's."""

    @property
    def arguments(self) -> dict[str, Any]:
        """What the predictor is called with, beside the language model."""
        return {**self.inputs} if self.demos is None else {**self.inputs, "demos": list(self.demos)}

    def run(self) -> dspy.Prediction:
        """Ask in this thread."""
        with dspy.context(adapter=self.adapter):
            return self.predict(lm=self.lm, **self.arguments)

    async def arun(self) -> dspy.Prediction:
        """Ask without holding up the event loop."""
        with dspy.context(adapter=self.adapter):
            return await self.predict.acall(lm=self.lm, **self.arguments)


def ask_strictly(
    program: str,
    step: AskModel,
    meter: Meter,
    asking_again: Callable[[], None] = lambda: None,
) -> Generator[AskModel, Any, dspy.Prediction]:
    """Yield the step, and once more in the other form after a bad reply; return the Prediction.

    The step's adapter is taken as its checked twin, and the rules for citing are added. ``meter`` counts each try, and
    refuses one that the budget does not hold. Raises as `inputs.model_errors` says: `ModelOutputError` for a second bad
    reply.
    """
    adapter = _adapter(step)
    with model_errors(program, str(step.lm.model)):
        try:
            return (yield from _ask_once(_in_form(program, step, adapter), meter))
        except AdapterParseError:
            asking_again()
            again = _in_form(program, step, other_form(adapter))
            return (yield from _ask_once(replace(again, streamed=False, sentences=None), meter))


def _ask_once(step: AskModel, meter: Meter) -> Generator[AskModel, Any, dspy.Prediction]:
    meter.count_call()
    try:
        return (yield step)
    except AdapterParseError:
        raise
    except BaseException:
        meter.count_failure()
        raise


def ask(
    who: str, predict: dspy.Predict, lm: dspy.BaseLM, inputs: Mapping[str, Any]
) -> tuple[dspy.Prediction, Usage]:
    """Ask a predictor outside of a program, as strictly as programs ask theirs; return what it said and spent.

    Raises as `inputs.model_errors` says: `ModelOutputError` for a second bad reply.
    """
    meter = Meter(Budget())
    steps = ask_strictly(who, AskModel(predict, lm, dspy.settings.adapter, inputs), meter)
    with meter.counting():
        try:
            step = next(steps)
            while True:
                try:
                    said = step.run()
                except (AdapterParseError, LMError) as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(said)
        except StopIteration as end:
            return end.value, meter.usage


def is_extractive(lm: dspy.BaseLM) -> bool:
    """Whether a language model is the engine that only quotes."""
    return isinstance(getattr(lm, "engine", None), ExtractiveEngine) or str(lm.model) == MODEL


def require_writer(lm: dspy.BaseLM, task: str) -> None:
    """Raise `UsageError` for the extractive engine, which only quotes."""
    if is_extractive(lm):
        raise UsageError(
            f"the extractive engine only quotes and cannot {task} (got lm={lm.model!r}): name a language model, such "
            "as ollama/llama3.2"
        )


def _adapter(step: AskModel) -> dspy.Adapter:
    return checked_adapter(step.adapter or default_adapter(step.cites))


def _in_form(program: str, step: AskModel, adapter: dspy.Adapter) -> AskModel:
    """Return the step as it is asked through an adapter."""
    if is_extractive(step.lm):
        return replace(step, adapter=TypedInputsAdapter(program))
    return replace(step, adapter=CitingAdapter(adapter, step.cites, step.choose) if step.cites else adapter)
