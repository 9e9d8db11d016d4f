"""A run that asks a program every question of a gold set, the unanswerable ones too, and keeps what it said."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import dspy
from pydantic_core import to_jsonable_python

from ...programs.answer import Answer
from ...programs.artifact.save import predictors_of
from ...programs.program import GroundedProgram
from ...programs.prompt.compact_adapter import default_adapter
from ..goldsets.goldset import GoldQuestion, GoldSet
from .folder import fingerprint
from .ledger import RunLedger
from .look_counter import count_look_of_run
from .prompts import prompts_of, shown_demos
from .retrieval_run import (
    GoldLocator,
    RetrievalSetup,
    default_folder,
    passages_seen,
    run_header,
    search_record,
)
from .runner import ExampleResult, RowWatch, no_watch, run_examples


def run_answers(
    program: GroundedProgram,
    setup: RetrievalSetup,
    folder: Path,
    *,
    out: Path | None = None,
    fork: bool = False,
    workers: int = 1,
    repeat: int = 0,
    watch: RowWatch = no_watch,
) -> RunLedger:
    """Ask every question of the program's own (``metadata.program``), or all where the set names no program.

    ``folder`` is that of the index that the program searches. ``repeat`` tells runs of one configuration apart.
    Otherwise as `run_retrieval`.
    """
    questions = questions_of(setup.gold, program.name)
    model = program.predict.lm or dspy.settings.lm
    adapter = program.adapter or dspy.settings.adapter or default_adapter(program.cites)
    header = {
        **run_header("answers", setup, folder, program.retriever.handle.searcher),
        "search": program.retriever.settings.as_dict(),  # a program may have its own, such as a filter
        "program": program.name,
        "program_state": program_fingerprint(program),
        "prompts": prompts_of(program),
        "lm": "extractive" if model is None else str(model.model),
        "lm_settings": {} if model is None else plain_settings(model.kwargs),
        "adapter": type(adapter).__name__,
        "cites": program.cites,
        "most_sentences": program.spec.most_sentences,
        "queries": program.queries,
        "repeat": repeat,
    }
    run = RunLedger.begin(out or default_folder(header), header, questions, fork=fork)
    try:
        count_look_of_run(run.folder, setup.gold)
        locator = GoldLocator(folder)
        run_examples(run, lambda question: _ask(program, locator, question), workers=workers, watch=watch)
    except BaseException:
        run.close()
        raise
    return run


def questions_of(gold: GoldSet, program: str) -> list[GoldQuestion]:
    """Return the questions that are meant for a program; all of them where none is meant for any."""
    questions = list(gold.questions.values())
    named = [question for question in questions if question.program]
    return [question for question in named if question.program == program] if named else questions


def program_fingerprint(program: GroundedProgram) -> str:
    """Return a sha256 over what optimisation may change of a program: instructions, wording of fields, demos."""
    return fingerprint(
        {
            name: {
                "instructions": predictor.signature.instructions,
                "fields": {field: str(info) for field, info in predictor.signature.fields.items()},
                "demos": [str(dict(demo)) for demo in predictor.demos],
                **shown_demos(predictor),
            }
            for name, predictor in predictors_of(program)
        }
    )


def plain_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Leave out what may be a secret, and what is no JSON value."""
    kept = ("temperature", "max_tokens", "max_completion_tokens", "top_p", "top_k", "seed", "n", "stop")
    return {name: settings[name] for name in kept if settings.get(name) is not None}


def inputs_of(program: GroundedProgram, question: GoldQuestion) -> dict[str, Any]:
    """Return what a program is called with for a question."""
    if question.history and "history" in program.predict.signature.input_fields:
        return {"question": question.text, "history": question.history}
    return {"question": question.text}


def _ask(program: GroundedProgram, locator: GoldLocator, question: GoldQuestion) -> ExampleResult:
    answer: Answer = program(**inputs_of(program, question))
    record, passages = locator.locate(question)
    return ExampleResult(
        record={**search_record(answer.search), **record, **answer_record(answer)},
        seconds=dict(answer.seconds),
        passages=[*passages_seen(answer.search), *passages],
    )


def answer_record(answer: Answer) -> dict[str, Any]:
    """Return what was said, as JSON values; passages by id."""
    return {
        "answered": answer.answered,
        "refusal": answer.refusal,
        "output": to_jsonable_python(answer.output),
        "citations": [citation.model_dump() for citation in answer.citations],
        "dropped": [asdict(dropped) for dropped in answer.dropped],
        "given": [passage.id for passage in answer.passages],
        "engine": answer.engine,
        "usage": asdict(answer.usage),
    }
