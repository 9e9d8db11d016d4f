"""What a program is asked, read strictly; and what can go wrong when a language model is asked, as typed errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from dspy.utils.exceptions import AdapterParseError, LMError
from pydantic import ValidationError

from ..retrieval.errors import LanguageModelError, ModelOutputError, UsageError, require_question
from ..signatures.conversation import Turn
from .lms import typed_cause

MOST_TURNS = 10
"""Earlier turns of a conversation that are read: the newest."""

GIVEN = ("question", "history", "passages")
"""Input fields that every program fills itself; any other is a detail that its caller may give."""


@dataclass(frozen=True)
class Question:
    """What one call asks."""

    question: str
    details: Mapping[str, str]
    """The other inputs of the program's signature by name; ``""`` where the caller gave none."""
    history: tuple[Turn, ...]
    """Oldest first."""
    notes: tuple[str, ...]


def read_question(fields: Sequence[str], question: object, inputs: Mapping[str, Any]) -> Question:
    """Return what a call asks, given the input fields of the program's signature.

    Raises:
        EmptyQuestionError: nothing is asked.
        UsageError: an input that the program does not have, or one of the wrong form.
    """
    asked = require_question(question)
    names = [name for name in fields if name not in GIVEN]
    known = [*names, *(["history"] if "history" in fields else [])]
    for name, value in inputs.items():
        if name not in known:
            raise UsageError(
                f"the program has no input {name!r}; beside question it takes: {', '.join(known) or 'none'}"
            )
        if name != "history" and not isinstance(value, str):
            raise UsageError(f"input {name!r} must be text (got {value!r})")
    history = _history(inputs.get("history") or ())
    notes: tuple[str, ...] = ()
    if len(history) > MOST_TURNS:
        notes = (f"of {len(history)} earlier turns the newest {MOST_TURNS} were read",)
    details = {name: str(inputs.get(name, "")).strip() for name in names}
    return Question(asked, details, history[-MOST_TURNS:], notes)


def _history(turns: Sequence[Any]) -> tuple[Turn, ...]:
    try:
        return tuple(turn if isinstance(turn, Turn) else Turn.model_validate(turn) for turn in turns)
    except (ValidationError, TypeError) as error:
        raise UsageError(
            "history must be a list of turns such as {'question': '…', 'answer': '…'}, oldest first "
            f"(got {str(turns)[:80]!r})"
        ) from error


@contextmanager
def failures(program: str, model: str) -> Iterator[None]:
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
