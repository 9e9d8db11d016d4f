"""The language model that a program was given stays with it; without one, the fallback says so."""

from __future__ import annotations

import copy
import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import dspy
import pytest
from dspy.lm15 import Usage
from scripted import Scripted, field_of, in_markers, scripted

from quincunx.programs.call.inputs import read_inputs
from quincunx.programs.engines.lms import lm as language_model
from quincunx.programs.loading import load
from quincunx.programs.program import NO_MODEL, GroundedProgram
from quincunx.programs.prompt.rules import RULES, Cites
from quincunx.programs.registry import program_names
from quincunx.retrieval.errors import UsageError
from quincunx.retrieval.retriever import Retriever
from quincunx.retrieval.settings import SearchSettings

pytestmark = pytest.mark.usefixtures("canons")

QUESTION = "What is Sage Daily?"


def quoting() -> tuple[dspy.LM, Scripted]:
    """Return a language model that cites the first words of the first passage in either form, whatever it is asked."""

    def reply(prompt: str) -> str:
        if "[[ ## passages ## ]]" not in prompt:
            return in_markers("proposed_instruction", "Answer from the passages.")
        passages = field_of(prompt, "passages")
        if passages.startswith("P1 "):
            first = passages.split("[1] ")[1].splitlines()[0]
            return json.dumps({"sentences": [{"text": first, "cites": [1]}], "between": []})
        passage = json.loads(passages)[0]
        first = passage["text"].split(". ")[0]
        cited = {"passage_id": passage["id"], "quote": first}
        return in_markers("reply", {"sentences": [{"text": first, "citations": [cited]}], "between": []})

    return scripted(reply, usage=Usage(input_tokens=1, output_tokens=1, total_tokens=2))


def examples(count: int = 4) -> list[dspy.Example]:
    return [
        dspy.Example(question=f"What is Sage Daily, case {number}?").with_inputs("question")
        for number in range(count)
    ]


def answered(example: dspy.Example, answer: Any, trace: object = None, *_: object) -> float:
    return float(answer.answered)


def never(*_: object) -> float:
    return 0.0


OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "bootstrap": lambda: dspy.BootstrapFewShot(metric=answered, max_labeled_demos=0),
    "bootstrap with labels": lambda: dspy.BootstrapFewShot(metric=answered, max_labeled_demos=2),
    "bootstrap that finds nothing": lambda: dspy.BootstrapFewShot(metric=never, max_labeled_demos=2),
    "labels": lambda: dspy.LabeledFewShot(k=2),
    "random search": lambda: dspy.BootstrapFewShotWithRandomSearch(
        metric=answered, num_candidate_programs=1, max_bootstrapped_demos=1, max_labeled_demos=1
    ),
}


def with_feedback(example: dspy.Example, answer: Any, *_: object) -> dspy.Prediction:
    return dspy.Prediction(score=answered(example, answer), feedback="Quote more.")


def test_a_model_given_to_load_answers_for_gepa_and_after_it() -> None:
    lm, engine = quoting()
    writer, _ = scripted(lambda prompt: "```\nAnswer from the passages.\n```")
    optimizer = dspy.GEPA(metric=with_feedback, max_metric_calls=8, reflection_lm=writer)
    compiled = optimizer.compile(load("chat_bridge", lm=lm), trainset=examples(2), valset=examples(2))
    asked = len(engine.prompts)
    assert asked > 0
    assert compiled(question=QUESTION).engine == "scripted/m"
    assert len(engine.prompts) == asked + 1


def test_a_model_given_to_load_answers_for_simba_and_after_it() -> None:
    lm, engine = quoting()
    optimizer = dspy.SIMBA(
        metric=answered, bsize=2, num_candidates=2, max_steps=1, max_demos=1, num_threads=1
    )
    compiled = optimizer.compile(load("chat_bridge", lm=lm), trainset=examples(2))
    asked = len(engine.prompts)
    assert asked > 0
    assert compiled(question=QUESTION).engine == "scripted/m"
    assert len(engine.prompts) == asked + 1


@pytest.mark.parametrize("cites", RULES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_model_given_to_load_answers_before_and_after_an_optimizer(name: str, cites: Cites) -> None:
    lm, engine = quoting()
    program = load("chat_bridge", lm=lm, cites=cites)
    compiled = OPTIMIZERS[name]().compile(program, trainset=examples())
    asked = len(engine.prompts)
    answer = compiled(question=QUESTION)
    assert len(engine.prompts) == asked + 1
    assert (answer.engine, answer.answered, answer.notes) == ("scripted/m", True, [])
    assert compiled.cites == cites
    assert compiled.get_lm() is lm
    assert program.get_lm() is lm


COPIES: dict[str, Callable[[GroundedProgram], GroundedProgram]] = {
    "deepcopy method": lambda program: program.deepcopy(),
    "copy.deepcopy": copy.deepcopy,
    "copy.copy": copy.copy,
    "reset_copy": lambda program: program.reset_copy(),
    "reset twice": lambda program: program.reset_copy().deepcopy().reset_copy(),
}


@pytest.mark.parametrize("made", COPIES)
@pytest.mark.parametrize("name", program_names())
def test_copies_share_the_model_of_every_predictor(name: str, made: str) -> None:
    lm, engine = quoting()
    engine.lock = threading.Lock()  # type: ignore[attr-defined]  # as a client's connection pool: it cannot be copied
    program = load(name, lm=lm)
    copied = COPIES[made](program)
    assert len(copied.predictors()) == len(program.predictors()) > 0
    assert all(predictor.lm is lm for predictor in copied.predictors())


def test_a_copy_learns_apart_from_its_original() -> None:
    program = load("chat_bridge", lm=quoting()[0])
    copied = program.deepcopy()
    copied.predict.demos.append(dspy.Example(question="a"))
    copied.set_lm("extractive")
    assert program.predict.demos == []
    assert program.predict.lm is not None
    assert program.predict.lm.model == "scripted/m"


def test_reset_forgets_demos() -> None:
    program = load("chat_bridge", lm=quoting()[0])
    program.predict.demos = examples()
    assert program.reset_copy().predict.demos == []
    assert len(program.deepcopy().predict.demos) == 4


def test_a_state_holds_no_model_and_loading_one_keeps_the_programs_own() -> None:
    secret = dspy.LM("openai/gpt-4o-mini", api_key="sk-secret", api_base="http://elsewhere")
    learnt = load("chat_bridge", lm=secret)
    learnt.predict.signature = learnt.predict.signature.with_instructions("Be terse.")
    state = learnt.dump_state()
    assert {part["lm"] for part in state.values()} == {None}
    assert "sk-secret" not in json.dumps(state)
    assert "elsewhere" not in json.dumps(state)
    assert learnt.predict.lm is secret

    lm, _ = quoting()
    program = load("chat_bridge", lm=lm)
    program.load_state(state)
    assert program.predict.signature.instructions == "Be terse."
    assert all(predictor.lm is lm for predictor in program.predictors())


def test_a_state_that_names_a_model_does_not_set_it() -> None:
    state = load("chat_bridge").dump_state()
    named = dspy.LM("openai/gpt-4o-mini").dump_state()
    program = load("chat_bridge")
    program.load_state({name: {**part, "lm": named} for name, part in state.items()})
    assert all(predictor.lm is None for predictor in program.predictors())


def test_an_engine_without_a_state_of_its_own_does_not_keep_a_program_from_being_dumped() -> None:
    assert load("chat_bridge", lm=quoting()[0]).dump_state()


def test_a_program_within_another_keeps_its_model() -> None:
    class App(dspy.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = load("chat_bridge", lm=lm)

        def forward(self, question: str) -> Any:
            return self.inner(question=question)

    lm, _ = quoting()
    compiled = dspy.LabeledFewShot(k=1).compile(App(), trainset=examples())
    assert compiled(question=QUESTION).engine == "scripted/m"


def test_the_programs_model_goes_before_that_of_the_context() -> None:
    mine, _ = quoting()
    other, engine = quoting()
    program = load("chat_bridge", lm=mine).reset_copy()
    with dspy.context(lm=other):
        assert program(question=QUESTION).usage.lm_calls == 1
        assert not engine.prompts
        program.set_lm(None)
        program(question=QUESTION)
        assert len(engine.prompts) == 1


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_falling_back_to_the_extractive_engine_is_logged_once_and_stands_in_every_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    program = load("chat_bridge")
    answers = [program(question=QUESTION), *program.batch([QUESTION] * 6), program(question=QUESTION)]
    assert [answer.notes for answer in answers] == [[NO_MODEL]] * 8
    assert warnings(caplog) == [f"chat_bridge: {NO_MODEL}"]
    assert "lm=" in NO_MODEL
    load("chat_bridge")(question=QUESTION)
    assert len(warnings(caplog)) == 2


@pytest.mark.parametrize("given", ["load", "set_lm", "context"])
def test_an_extractive_engine_that_was_asked_for_is_no_fallback(
    given: str, caplog: pytest.LogCaptureFixture
) -> None:
    program = load("chat_bridge", lm="extractive" if given == "load" else None)
    if given == "set_lm":
        program.set_lm("extractive")
    with dspy.context(lm=load("chat_bridge", lm="extractive").get_lm() if given == "context" else None):
        answer = program(question=QUESTION)
    assert answer.answered
    assert answer.notes == []
    assert warnings(caplog) == []


@pytest.mark.parametrize("command", [["ask", "chat_bridge", QUESTION], ["demo"]])
def test_the_command_line_whose_default_is_the_extractive_engine_does_not_nag(
    command: list[str], quincunx: Any
) -> None:
    done = quincunx(*command)
    assert done.status == 0
    assert "no language model" not in done.out + done.err


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "settings as a dict": ({"settings": {"k": 10}}, "SearchSettings(k=30"),
    "empty settings": ({"settings": {}}, "SearchSettings(k=30"),
    "settings as a number": ({"settings": 10}, "SearchSettings(k=30"),
    "budget as a dict": ({"budget": {}}, "Budget(seconds=30)"),
    "budget as a number": ({"budget": 30}, "Budget(seconds=30)"),
    "lm as a number": ({"lm": 3}, "ollama/llama3.2"),
    "lm as an engine": ({"lm": Scripted(str)}, "ollama/llama3.2"),
    "lm as a class": ({"lm": dspy.LM}, "ollama/llama3.2"),
    "lm without a name": ({"lm": ""}, "''"),
    "cites as a word": ({"cites": "words"}, "numbers, quotes"),
    "cites as a number": ({"cites": 3}, "numbers, quotes"),
    "cites as a list": ({"cites": ["numbers"]}, "numbers, quotes"),
    "queries as text": ({"queries": "2"}, "1 to 8"),
    "queries as a truth": ({"queries": True}, "1 to 8"),
    "queries as a fraction": ({"queries": 1.5}, "1 to 8"),
    "index as a number": ({"index": 5}, "name of an index"),
    "index as a dict": ({"index": {"builddaily": 1}}, "name of an index"),
    "index among others": ({"index": ["builddaily", 3]}, "name of an index"),
    "no index": ({"index": []}, "none"),
    "on_call as a number": ({"on_call": 3}, "function"),
    "on_call as text": ({"on_call": "print"}, "function"),
    "profile as a number": ({"profile": 3}, "name of a profile"),
}


@pytest.mark.parametrize("name", WRONG)
def test_load_refuses_a_wrong_type_at_once(name: str) -> None:
    given, remedy = WRONG[name]
    with pytest.raises(UsageError) as caught:
        load("ticker_fit", **given)
    ((argument, value),) = given.items()
    message = str(caught.value)
    assert remedy in message
    if name not in ("no index", "index among others", "lm without a name"):
        assert message.startswith(argument)
        assert repr(value)[:40] in message


@pytest.mark.parametrize(
    "name", [name for name in WRONG if set(WRONG[name][0]) <= {"settings", "index", "profile"}]
)
def test_a_retriever_refuses_a_wrong_type_at_once(name: str) -> None:
    given, remedy = WRONG[name]
    with pytest.raises(UsageError, match=remedy.replace("(", r"\(")):
        Retriever(**{"index": "builddaily", **given})


@pytest.mark.parametrize("program", [3, None, ["chat_bridge"]])
def test_load_refuses_what_names_no_program(program: Any) -> None:
    with pytest.raises(UsageError, match="a program is its name"):
        load(program)


def test_what_is_set_afterwards_is_refused_too() -> None:
    program = load("chat_bridge")
    settings: Any = {"k": 10}
    with pytest.raises(UsageError, match="settings must be a SearchSettings"):
        program.retriever.settings = settings
    with pytest.raises(UsageError, match="lm must be"):
        program.set_lm(settings)
    program.budget = settings
    with pytest.raises(UsageError, match="budget must be a Budget"):
        program(question=QUESTION)
    with dspy.context(lm=3), pytest.raises(UsageError, match="lm must be"):
        load("chat_bridge")(question=QUESTION)
    with pytest.raises(UsageError, match="settings must be"):
        program.retriever.handle.search(QUESTION, settings)


def test_a_model_named_in_the_context_is_found_as_load_finds_it() -> None:
    with dspy.context(lm="extractive"):
        answer = load("chat_bridge")(question=QUESTION)
    assert answer.answered
    assert answer.notes == []


def test_settings_that_are_right_pass(tmp_path: Path) -> None:
    program = load("chat_bridge", settings=SearchSettings(k=7, n=2), lm="extractive")
    assert len(program(question=QUESTION).candidates) == 7


def test_a_model_that_is_no_name_and_settings_of_a_wrong_type_are_refused() -> None:
    with pytest.raises(UsageError, match=r"model must be a name.* \(got 4\)"):
        language_model(cast(Any, 4))
    for wrong in ({"dense_weight": "1"}, {"collapse": "high"}, {"rerank": "no"}):
        with pytest.raises(UsageError, match=f"{next(iter(wrong))} must be"):
            SearchSettings(**cast(Any, wrong))


def test_dspys_history_is_read_as_the_turns_before() -> None:
    turns = [{"question": "What is Sage?", "answer": "A site."}]
    read = read_inputs(["history"], "And Sage Daily?", {"history": dspy.History(messages=turns)})
    assert [(turn.question, turn.answer) for turn in read.history] == [("What is Sage?", "A site.")]
