"""What makes one program differ from the next, all in one place."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args, get_origin

from ..retrieval.errors import ProgramSpecError
from ..signatures.evidence import Evidence
from .check.forms import require_output_form
from .check.support.layers import LAYERS, Layer
from .measures import Measure

if TYPE_CHECKING:
    import dspy

    from ..retrieval.filters import Filter
    from .sentences import ScoredPassages

GENERIC_PARTS = (
    "citation_recall",
    "citation_precision",
    "reference_stated",
    "claims_supported",
    "overlap",
    "quote_faithfulness",
    "kept",
)
"""Parts of a metric that every program has; its own ``measures`` come on top. ``kept`` is 1 ÷ (1 + the parts of the
model's reply that the check took out)."""
DEFAULT_METRIC: Mapping[str, float] = {
    "citation_recall": 2,
    "citation_precision": 1,
    "reference_stated": 1,
    "overlap": 1,
    "kept": 1,
}
MOST_SENTENCES = 12
"""That a language model reads for one question. With all of them, the 1.5B model of ``bench/real_lm`` took two thirds more
tokens and cited no better."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")


@dataclass(frozen=True)
class ProgramSpec:
    """A program: its signature, and whatever it does not want by default.

    Only ``name`` and ``signature`` are required. Make it known with `add_program`, or with an entry point of the group
    ``quincunx.programs``; from then on it is loaded, listed, saved, asked, evaluated and optimised by its name.

    Raises:
        ProgramSpecError: a name, signature, metric or measure that cannot work.
        UnsupportedOutputError: an output whose claims could not be checked; it says which forms can.

    Example:
        >>> import dspy
        >>> from quincunx import Claim, Evidence, ProgramSpec
        >>> class PolicyAnswer(dspy.Signature):
        ...     '''Answer the question of an employee from the handbook.'''
        ...     question: str = dspy.InputField()
        ...     passages: list[Evidence] = dspy.InputField()
        ...     claims: list[Claim] = dspy.OutputField()
        >>> ProgramSpec("policy_answer", PolicyAnswer).right
        ('reference_stated', 1.0)
    """

    name: str
    """Lower-case letters, digits and underscores, at most 50."""
    signature: type[dspy.Signature]
    """Takes ``question`` and ``passages: list[Evidence]``, further inputs as text, and ``history: list[Turn]`` if it
    wants earlier turns. It has one output: a `Claim`, a list of them, or a model that holds lists of them."""
    index: str | None = None
    """The index it searches unless told otherwise; ``None``: whoever loads it names one."""
    leaves_out: Filter | None = None
    """Passages that are another program's: they are never searched, whatever else ``where`` says. An index whose
    documents lack its fields is searched whole."""
    decomposes: bool = False
    """Whether its questions may be split into several queries."""
    fill: Callable[[ScoredPassages, str], Any] | None = None
    """Returns the output that the extractive engine gives, made of scored sentences, for a question; ``None``: the
    sentences that bear most on the question are its claims, whatever form the output has."""
    support: Collection[Layer] = LAYERS
    """By which layers a claim is held to what it cites: ``details`` (names, numbers, subjects), ``polarity`` (denials,
    opposites, quantifiers), ``similarity`` (a score of the profile's second stage)."""
    most_sentences: int | None = MOST_SENTENCES
    """Sentences of the passages that a language model reads for one question, those nearest to it, and at least one of
    each passage; ``None``: all of them, as where it cites by quotes."""
    least_relevance: Mapping[str, float] = field(default_factory=dict)
    """By the name of the profile's second stage, the least score of the question by a claim that a language model writes:
    what is below it is about something else, and is dropped. Chosen on the program's own questions."""
    measures: Mapping[str, Measure] = field(default_factory=dict)
    """What an answer is measured by beside `GENERIC_PARTS`, by name."""
    metric: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT_METRIC))
    """The parts of the metric that optimisers go by, and how much each counts."""
    right: tuple[str, float] = ("reference_stated", 1.0)
    """By which part, and from which value on, an answer counts as right. Where no question of a gold set has a reference
    answer, one that cites half of the gold counts, and is called that."""
    example: str = ""
    """A question to show it with."""

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and _NAME.fullmatch(self.name)):
            raise ProgramSpecError(
                f"a program's name is of lower-case letters, digits and underscores, at most 50, and begins with a "
                f"letter (got {self.name!r}): choose such as policy_answer"
            )
        self._require_signature()
        parts = [*GENERIC_PARTS, *self.measures]
        taken = [name for name in self.measures if name in GENERIC_PARTS]
        if taken:
            self._refuse(f"its measure {taken[0]!r} is there for every program already: give it another name")
        for name in [*self.metric, self.right[0]]:
            if name not in parts:
                self._refuse(f"its metric has no part {name!r}; known: {', '.join(parts)}")
        unknown = sorted(set(self.support) - set(LAYERS))
        if unknown:
            self._refuse(f"it has no layer of support {unknown[0]!r}; known: {', '.join(LAYERS)}")
        if self.most_sentences is not None and not (
            type(self.most_sentences) is int and self.most_sentences >= 1
        ):
            self._refuse(
                f"most_sentences must be a whole number from 1, or None (got {self.most_sentences!r})"
            )
        if not self.metric or min(self.metric.values()) < 0 or not sum(self.metric.values()) > 0:
            self._refuse(
                f"the weights of its metric must be at least 0 and not all 0 (got {dict(self.metric)})"
            )

    @property
    def output_field(self) -> str:
        """The name of its one output."""
        return str(next(iter(self.signature.output_fields)))

    @property
    def output_type(self) -> Any:
        """The type of its one output."""
        return self.signature.output_fields[self.output_field].annotation

    def _require_signature(self) -> None:
        import dspy

        if not (isinstance(self.signature, type) and issubclass(self.signature, dspy.Signature)):
            self._refuse(f"its signature must be a class made of dspy.Signature (got {self.signature!r:.80})")
        inputs, outputs = self.signature.input_fields, self.signature.output_fields
        for name in ("question", "passages"):
            if name not in inputs:
                self._refuse(f"its signature has no input {name!r} (got {', '.join(inputs) or 'none'})")
        passages = inputs["passages"].annotation
        if get_origin(passages) is not list or get_args(passages) != (Evidence,):
            self._refuse(f"its input passages must be list[Evidence] (got {passages!r})")
        if len(outputs) != 1:
            self._refuse(f"its signature must have one output (got {', '.join(outputs) or 'none'})")
        require_output_form(self.name, self.output_type)

    def _refuse(self, why: str) -> None:
        raise ProgramSpecError(f"program {self.name!r} cannot be made: {why}")
