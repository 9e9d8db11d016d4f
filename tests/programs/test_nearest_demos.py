"""A program that holds many demos shows those nearest to what is asked.

1. The nearest, the nearest last, whoever drives the call; all of them where no number is set.
2. The number is learnt: it is saved, loaded and copied with the demos, and forgotten with them.
3. A number that is none is refused.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import dspy
import pytest
from dspy.lm15 import Request, Response
from hypothesis import given
from hypothesis import strategies as st
from scripted import AsyncScripted, Scripted, in_markers

import quincunx
from quincunx.programs.artifact.diff import diff_artifacts
from quincunx.programs.artifact.read import read_artifact
from quincunx.programs.events import Done
from quincunx.programs.program import GroundedProgram
from quincunx.programs.prompt.demo_choice import DemoChoice
from quincunx.retrieval.errors import ArtifactError, BoundError
from quincunx.retrieval.handle import SearchHandle
from quincunx.retrieval.models.profiles import find_profile, shared_embedder

pytestmark = pytest.mark.usefixtures("canons")

QUESTIONS = (
    "Which port does PgBouncer listen on?",
    "What is Sage Daily?",
    "Does Keycloak speak SAML?",
    "How do I publish a package with Twine?",
)
ASKED = "On which port is PgBouncer reached by default?"


class Remembering(Scripted):
    """Quotes the first sentence that it is shown, and remembers whole prompts."""

    def __init__(self) -> None:
        super().__init__(_reply)
        self.shown: list[list[str]] = []

    def answer(self, request: Request) -> Response:
        texts = [message.text or "" for message in request.messages[:-1]]
        self.shown.append([question for text in texts for question in QUESTIONS if question in text])
        return super().answer(request)


def _reply(prompt: str) -> str:
    if "[1] " not in prompt:
        return in_markers("standalone", ASKED)
    first = prompt.split("[1] ")[1].splitlines()[0]
    return json.dumps({"sentences": [{"text": first, "cites": [1]}]})


@pytest.fixture
def taught() -> tuple[GroundedProgram, Remembering]:
    """A program with a demo of each question."""
    engine = Remembering()
    lm = dspy.LM("scripted/m", engine=engine, async_engine=AsyncScripted(engine), cache=False)
    train = [dspy.Example(question=question).with_inputs("question") for question in QUESTIONS]
    teleprompter = dspy.BootstrapFewShot(
        metric=lambda example, answer, trace=None: answer.answered,
        max_bootstrapped_demos=len(train),
        max_labeled_demos=0,
    )
    program: GroundedProgram = teleprompter.compile(quincunx.load("chat_bridge", lm=lm), trainset=train)
    assert [demo.question for demo in program.predict.demos] == list(QUESTIONS)
    engine.shown.clear()
    return program, engine


def test_the_nearest_demos_are_shown_and_the_nearest_stands_last(
    taught: tuple[GroundedProgram, Remembering],
) -> None:
    program, engine = taught
    program(question=ASKED)
    program.predict.nearest_demos = 2
    program(question=ASKED)
    asyncio.run(program.acall(question=ASKED))

    async def streamed() -> list[Any]:
        return [event async for event in program.stream(question=ASKED)]

    events = asyncio.run(streamed())
    assert isinstance(events[-1], Done)
    everything, *nearest = engine.shown
    assert everything == list(QUESTIONS)
    assert nearest[0] == nearest[1] == nearest[2]
    assert len(nearest[0]) == 2
    assert nearest[0][-1] == QUESTIONS[0]
    assert [demo.question for demo in program.predict.demos] == list(QUESTIONS)


def test_what_makes_a_question_self_contained_shows_its_own_nearest_demos(
    taught: tuple[GroundedProgram, Remembering],
) -> None:
    program, engine = taught
    assert program.rephrase is not None
    program.rephrase.demos = [
        dspy.Example(history=[], question=question, standalone="The same.") for question in QUESTIONS
    ]
    program.rephrase.nearest_demos = 1
    program(question=ASKED, history=[{"question": "Hello?", "answer": "Hello."}])
    assert engine.shown == [[QUESTIONS[0]], list(QUESTIONS)]


def test_the_number_is_saved_loaded_and_copied_with_the_demos_and_forgotten_with_them(
    taught: tuple[GroundedProgram, Remembering], tmp_path: Path
) -> None:
    program, engine = taught
    before = read_artifact(program.save(tmp_path / "all"))
    program.predict.nearest_demos = 1
    saved = program.save(tmp_path / "nearest")
    loaded = quincunx.load(saved, lm=program.predict.lm)
    program.predict.save(tmp_path / "state.json")
    other = quincunx.load("chat_bridge")
    other.predict.load(tmp_path / "state.json")
    for each in (loaded, program.deepcopy(), other):
        assert each.predict.nearest_demos == 1
        assert len(each.predict.demos) == len(QUESTIONS)
    loaded(question=ASKED)
    assert engine.shown == [[QUESTIONS[0]]]
    changes = diff_artifacts(before, read_artifact(saved))
    assert "predict: demos shown: all → 1" in changes
    assert program.reset_copy().predict.nearest_demos is None


def test_a_saved_number_that_is_none_is_refused(
    taught: tuple[GroundedProgram, Remembering], tmp_path: Path
) -> None:
    program, _ = taught
    wrongs: list[Any] = [0, -1, True, 1.5, "2"]
    for wrong in wrongs:
        with pytest.raises(BoundError, match=rf"nearest_demos .*\(got {wrong!r}\)"):
            program.predict.nearest_demos = wrong
    program.predict._nearest_demos = 0
    with pytest.raises(ArtifactError, match="nearest_demos"):
        program.save(tmp_path / "wrong")


class Model:
    """A handle that has an embedder, and no index."""

    embedder = shared_embedder(find_profile("embedded"))


@given(st.lists(st.sampled_from(QUESTIONS), max_size=6), st.integers(1, 6))
def test_so_many_demos_at_most_none_twice_and_one_that_asks_the_same_is_the_last(
    questions: list[str], most: int
) -> None:
    demos = [{"question": question, "passages": []} for question in questions]
    handle: Any = Model()
    asked: SearchHandle = handle
    shown = DemoChoice(asked, most)({"question": QUESTIONS[0], "passages": []}, demos)
    assert len(shown) == min(most, len(demos))
    assert len({id(demo) for demo in shown}) == len(shown)
    chosen = len(demos) > most and QUESTIONS[0] in questions
    assert not chosen or shown[-1]["question"] == QUESTIONS[0]
