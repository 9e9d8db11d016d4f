"""DSPy's own ways to ask many questions work on programs, and give what the package's batch gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dspy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quincunx.programs.answer import Answer
from quincunx.programs.budget import Budget
from quincunx.programs.call.inputs import read_batch
from quincunx.programs.events import Failed
from quincunx.programs.loading import load
from quincunx.programs.program import GroundedProgram
from quincunx.retrieval.errors import BoundError, UsageError

pytestmark = pytest.mark.usefixtures("canons")

SAGE, HYPOTHESIS = "What is Sage Daily?", "What is Hypothesis?"
TURN = {"question": SAGE, "answer": "A newsletter."}


def example(*inputs: str, **fields: Any) -> dspy.Example:
    return dspy.Example(**fields).with_inputs(*(inputs or ("question",)))


DEVSET = [
    example(question=SAGE, answer="A newsletter", score=3),
    example(question=HYPOTHESIS),
    example("question", "history", question="And who writes it?", history=[TURN], answer="label"),
]


@pytest.fixture
def chat(canons: object) -> GroundedProgram:
    return load("chat_bridge", lm="extractive")


def records(answers: Any) -> list[Any]:
    return [answer.record() if isinstance(answer, Answer) else answer for answer in answers]


def alone(program: GroundedProgram) -> list[Any]:
    return records(
        [
            program(question=SAGE),
            program(question=HYPOTHESIS),
            program(question="And who writes it?", history=[TURN]),
        ]
    )


def test_batch_takes_examples(chat: GroundedProgram) -> None:
    assert records(chat.batch(DEVSET)) == alone(chat)


@pytest.mark.parametrize(
    "options", [{"num_threads": 2}, {"workers": 1}, {"num_threads": 2, "disable_progress_bar": True}]
)
def test_batch_takes_dspys_options(chat: GroundedProgram, options: dict[str, Any]) -> None:
    assert records(chat.batch(DEVSET, **options)) == alone(chat)


def test_batch_that_returns_failed_examples_returns_them_as_dspy_does(
    chat: GroundedProgram, capfd: pytest.CaptureFixture[str]
) -> None:
    wrong = example(question="")
    returned: Any = chat.batch([*DEVSET, wrong], return_failed_examples=True, max_errors=5)
    answers, failed, errors = returned
    assert records(answers) == [*alone(chat), None]
    assert [dict(one.items()) for one in failed] == [{"question": ""}]
    assert [type(error).__name__ for error in errors] == ["EmptyQuestionError"]
    assert "it/s]" not in capfd.readouterr().err


def test_dspys_own_batch_parallel_and_evaluate_give_what_the_packages_batch_gives(
    chat: GroundedProgram,
) -> None:
    wanted = records(chat.batch(DEVSET))
    assert records(dspy.Module.batch(chat, DEVSET, disable_progress_bar=True)) == wanted
    parallel = dspy.Parallel(num_threads=2, disable_progress_bar=True)
    assert records(parallel([(chat, one) for one in DEVSET])) == wanted
    evaluate = dspy.Evaluate(devset=DEVSET, metric=lambda gold, answer: answer.answered, num_threads=2)
    found = evaluate(chat)
    assert records(answer for _, answer, _ in found.results) == wanted
    assert found.score == 100.0


def test_programs_with_other_inputs_take_them_from_examples() -> None:
    program = load("astrology_reading", lm="extractive")
    name = next(
        field
        for field in program.predict.signature.input_fields
        if field not in ("question", "passages", "history")
    )
    asked = {"question": "What does the Tower mean?", name: "The Tower, The Star"}
    one = example("question", name, **asked, reading="a label")
    wanted = records([program(**asked)])
    assert records(program.batch([one])) == wanted == records(program.batch([asked]))
    assert records(dspy.Evaluate(devset=[one], metric=lambda *_: 1.0)(program).results[0][1:2]) == wanted


def test_texts_mappings_and_examples_may_be_mixed(chat: GroundedProgram) -> None:
    mixed = [SAGE, {"question": SAGE}, dspy.Example(question=SAGE).with_inputs("question"), SAGE]
    assert records(chat.batch(mixed)) == records([chat(question=SAGE)]) * 4


def test_an_example_that_does_not_name_its_inputs_is_read_by_the_programs(chat: GroundedProgram) -> None:
    unset = dspy.Example(question="And who writes it?", history=[TURN], answer="label", passages=["label"])
    assert records(chat.batch([unset])) == alone(chat)[2:]
    bounded = dspy.Example(question=SAGE, budget=Budget(lm_calls=1), note="label")
    assert records(chat.batch([bounded])) == alone(chat)[:1]


@pytest.mark.parametrize(
    ("wrong", "code", "word"),
    [
        (example("question", "queston", question=SAGE, queston="x"), "bad_usage", "'queston'"),
        (example("answer", answer="x"), "bad_usage", "'answer'"),
        (example(question=3), "empty_question", "3"),
        (dspy.Example(answer="x"), "empty_question", "empty"),
        (example("question", "history", question=SAGE, history=["x"]), "bad_usage", "history"),
        (example("question", "budget", question=SAGE, budget=3), "bad_usage", "Budget"),
        (example("question", "passages", question=SAGE, passages=[]), "bad_usage", "'passages'"),
        ({"query": SAGE}, "bad_usage", "'query'"),
        (7, "empty_question", "7"),
    ],
)
def test_a_wrong_question_is_a_failure_among_the_answers(
    chat: GroundedProgram, wrong: Any, code: str, word: str
) -> None:
    before, failed, after = chat.batch([SAGE, wrong, SAGE])
    assert isinstance(failed, Failed)
    assert failed.code == code
    assert word in failed.message
    assert records([before, after]) == alone(chat)[:1] * 2


@pytest.mark.parametrize(
    "questions", ["What is Sage Daily?", "", b"What?", {"question": SAGE}, DEVSET[0], None, 3]
)
def test_what_is_no_list_of_questions_is_refused(chat: GroundedProgram, questions: Any) -> None:
    with pytest.raises(UsageError, match="questions must be a list") as caught:
        chat.batch(questions)
    assert repr(questions)[:40] in str(caught.value)


@pytest.mark.parametrize("empty", [[], (), iter([])])
def test_an_empty_batch_has_no_answers(chat: GroundedProgram, empty: Any) -> None:
    assert chat.batch(empty) == []


def test_a_generator_of_questions_is_a_batch(chat: GroundedProgram) -> None:
    assert records(chat.batch(question for question in [SAGE])) == alone(chat)[:1]


@pytest.mark.parametrize("workers", [0, -1, "2", 1.5, True])
def test_workers_are_a_whole_number(chat: GroundedProgram, workers: Any) -> None:
    with pytest.raises(BoundError, match="workers must be a whole number"):
        chat.batch([SAGE], workers)
    with pytest.raises(BoundError, match="workers must be a whole number"):
        chat.batch([SAGE], num_threads=workers)


NAMES = st.sampled_from(["question", "history", "ticker", "answer", "label"])


@given(st.dictionaries(NAMES, st.text(max_size=5)), st.sets(NAMES))
def test_an_example_is_read_as_dspy_reads_it(fields: dict[str, str], inputs: set[str]) -> None:
    one = dspy.Example(**fields).with_inputs(*inputs)
    (read,) = read_batch(["question", "history", "passages"], [one])
    assert isinstance(read, Mapping)
    assert dict(read) == one.inputs().toDict()
    (unset,) = read_batch(["question", "history", "passages"], [dspy.Example(**fields)])
    assert dict(unset) == {name: value for name, value in fields.items() if name in ("question", "history")}
