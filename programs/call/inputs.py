"""What a program is asked, read strictly; and what can go wrong when a language model is asked, as typed errors."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import dspy
from dspy.utils.exceptions import AdapterParseError, LMError
from pydantic import ValidationError

from ...retrieval.errors import LanguageModelError, ModelOutputError, UsageError
from ...retrieval.spelling import did_you_mean
from ...retrieval.text.questions import lone_surrogate_at, require_question
from ...signatures.conversation import Turn
from ..engines.lms import typed_cause

MOST_TURNS = 10
"""Earlier turns of a conversation that are read: the newest."""
LONGEST_TURN = 2000
"""Characters of a turn's question, and of its answer, that are read."""

Question: TypeAlias = str | Mapping[str, Any] | dspy.Example
"""One of several: its text, a call's arguments by name, or an example with its inputs."""

GIVEN = ("question", "history", "passages")
"""Input fields that every program fills itself; any other is a detail that its caller may give."""


@dataclass(frozen=True)
class CallInputs:
    """What one call asks."""

    question: str
    details: Mapping[str, str]
    """The other inputs of the program's signature by name; ``""`` where the caller gave none."""
    history: tuple[Turn, ...]
    """Oldest first."""
    notes: tuple[str, ...]


def read_inputs(fields: Sequence[str], question: object, inputs: Mapping[str, Any]) -> CallInputs:
    """Return what a call asks, given the input fields of the program's signature.

    Raises:
        EmptyQuestionError: nothing is asked.
        UsageError: an input that the program does not have, or one of the wrong form.
    """
    names = [name for name in fields if name not in GIVEN]
    known = [*names, *(["history"] if "history" in fields else [])]
    for name, value in inputs.items():
        if name not in known:
            raise UsageError(
                f"the program has no input {name!r}; beside question it takes: {', '.join(known) or 'none'}"
                f"{did_you_mean(name, known)}"
            )
        if name != "history" and not (isinstance(value, str) and lone_surrogate_at(value) is None):
            raise UsageError(f"input {name!r} must be text of whole characters (got {str(value)[:80]!r})")
    asked = require_question(question)
    given = inputs.get("history") or ()
    history = _history(given.messages if isinstance(given, dspy.History) else given)
    notes = []
    newest = history[-MOST_TURNS:]
    if newest != history:
        notes.append(f"of {len(history)} earlier turns the newest {MOST_TURNS} were read")
    cut = tuple(Turn(question=t.question[:LONGEST_TURN], answer=t.answer[:LONGEST_TURN]) for t in newest)
    if cut != newest:
        notes.append(f"of earlier turns the first {LONGEST_TURN} characters were read")
    details = {name: str(inputs.get(name, "")).strip() for name in names}
    return CallInputs(asked, details, cut, tuple(notes))


def read_batch(fields: Iterable[str], questions: Iterable[Question]) -> list[Mapping[str, Any]]:
    """Return the arguments of the calls that several questions stand for, given the input fields of the signature.

    Of an example that does not say which of its fields are inputs, those are that the program takes.

    Raises:
        UsageError: what is no list of questions; one question alone is none, nor are its letters or keys.
    """
    alone = isinstance(questions, str | bytes | Mapping | dspy.Example)
    if alone or not isinstance(questions, Iterable):
        raise UsageError(
            "questions must be a list of texts, mappings or examples, such as ['What is Sage?'] "
            f"(got {questions!r:.80})"
        )
    taken = {*fields, "budget"} - {"passages"}
    return [_arguments(taken, question) for question in questions]


def _arguments(taken: Container[str], question: Question) -> Mapping[str, Any]:
    if isinstance(question, dspy.Example):
        inputs = getattr(question, "_input_keys", None)
        wanted = taken if inputs is None else inputs
        return {name: value for name, value in question.items() if name in wanted}
    if isinstance(question, Mapping) and all(isinstance(name, str) for name in question):
        return question
    return {"question": question}


def _history(turns: Sequence[Any]) -> tuple[Turn, ...]:
    try:
        read = tuple(turn if isinstance(turn, Turn) else Turn.model_validate(turn) for turn in turns)
        if any(lone_surrogate_at(text) is not None for turn in read for text in (turn.question, turn.answer)):
            raise TypeError("half a surrogate pair")
        return read
    except (ValidationError, TypeError) as error:
        raise UsageError(
            "history must be a list of turns such as {'question': '…', 'answer': '…'}, of whole characters, oldest first "
            f"(got {ascii(turns)[:80]})"
        ) from error


@contextmanager
def model_errors(program: str, model: str) -> Iterator[None]:
    """Turn what DSPy raises while a language model is asked into one typed error."""
    try:
        yield
    except AdapterParseError as error:
        raise ModelOutputError(
            f"the reply of the language model to {program} does not have the form that was asked for: {_line(error)}"
        ) from error
    except LMError as error:
        typed = typed_cause(error)
        if typed is not None:
            raise typed from error
        raise LanguageModelError(
            f"the language model {model} could not answer ({type(error).__name__}: {_line(error)}): check its "
            "name, key and server"
        ) from error


def _line(error: Exception) -> str:
    """Return an error's message on one line, shortened."""
    return " ".join(str(error).split())[:300]
