"""Optimising a program's prompts: priced beforehand, capped, resumable, and judged on questions it never saw.

    plan = prepare("chat_bridge", "gold/", optimiser="gepa", lm=lm, prompt_lm=large, caps=Caps(calls=2000))
    plan.estimate                # what it will about cost, and which effect the test questions can show
    result = plan.run()          # the optimised program, saved, and what it gained on the test questions

A run is a folder, see `runs`: the configuration, every call of a language model (`calls`), the artifact and the report.
Killed at any moment, the same call makes the same requests again, is answered from the calls, and goes on.
"""

from __future__ import annotations

import contextlib
import io
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import dspy

from ..programs.grounded import GroundedProgram
from ..programs.loading import load
from ..programs.predicting import require_writer
from ..programs.saving import predictors_of
from ..retrieval.embedders import Progress, no_progress
from ..retrieval.errors import GoldSetError, UsageError
from ..retrieval.handle import SearchHandle
from ..retrieval.profiles import DEFAULT_PROFILE
from .answers import inputs_of, plain_settings, program_fingerprint, questions_of
from .calls import CallLedger, CapReachedError, Caps, Price, Spent
from .goldcheck import check_gold_set
from .goldset import GoldSet, read_gold_set
from .looks import count_look
from .optimisers import OPTIMISERS, Cost, FewShot, Optimiser
from .optimreport import Gain, Optimised, gain, write_report
from .retrieval import Held, Searched, header_of
from .runs import claim, fingerprint, run_folder
from .searches import RememberingHandle
from .student import Notebook, NotedMetric, Student, Tried
from .tables import detectable
from .verdicts import Metric, Target, Verdict, example_of

SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class Estimate:
    """What a run is expected to cost, the search for better prompts and the judging on test questions together."""

    calls: int
    """Of language models."""
    answers: int
    """Of them, those that answer questions."""
    questions: Mapping[str, int]
    """How many questions each split has."""
    detectable: float
    """Least difference of the mean score that the test questions show with 80 % power, where a fifth differ."""


@dataclass(frozen=True)
class Standing:
    """How far a run is."""

    calls: int
    expected: int
    best: float | None
    """Best mean score on the dev questions so far."""
    seconds: float
    spent: Spent


Watch = Callable[[Standing], None]


@dataclass
class Plan:
    """A run that is ready to begin; nothing is spent yet."""

    program: GroundedProgram
    splits: Mapping[str, GoldSet]
    optimiser_name: str
    optimiser: Optimiser
    folder: Path
    header: Mapping[str, Any]
    lm: dspy.LM
    prompt_lm: dspy.LM
    metric: Metric
    seed: int
    caps: Caps
    prices: Mapping[str, Price]
    fork: bool
    handle: RememberingHandle = field(init=False)

    def __post_init__(self) -> None:
        self.handle = RememberingHandle(self.program.retriever.handle)
        self.program.retriever.handle = self.handle

    @property
    def estimate(self) -> Estimate:
        """What the run is expected to cost."""
        sizes = {name: len(gold.questions) for name, gold in self.splits.items()}
        cost = self.optimiser.cost(sizes["train"], sizes["dev"]) + FewShot().cost(
            sizes["train"], sizes["dev"]
        )
        cost += Cost(3 * sizes["test"], 0)
        return Estimate(
            calls=round(cost.answers + cost.prompts),
            answers=round(cost.answers),
            questions=sizes,
            detectable=detectable(sizes["test"]),
        )

    def run(self, watch: Watch = lambda progress: None) -> Optimised:
        """Optimise, or go on where a killed run was; save the program and the report.

        At a cap the search ends, and the best program so far is judged with what the caps still allow.

        Raises:
            RunMismatchError: the folder holds a run of another configuration.
            QuincunxError: the language model cannot be asked at all.
        """
        folder, lock = claim(self.folder, self.header, lambda made: None, fork=self.fork)
        try:
            with contextlib.closing(CallLedger(folder, self.caps, self.prices)) as ledger:
                return _Running(self, folder, ledger, watch).all()
        finally:
            os.close(lock)


class _Running:
    """A run while it is going on."""

    def __init__(self, plan: Plan, folder: Path, ledger: CallLedger, watch: Watch) -> None:
        self.plan, self.folder, self.ledger, self.watch = plan, folder, ledger, watch
        self.begun = time.monotonic()
        self.expected = plan.estimate.calls
        self.examples = {
            name: [
                example_of(question, inputs_of(plan.program, question))
                for question in gold.questions.values()
            ]
            for name, gold in plan.splits.items()
        }
        self.notebook = Notebook([example.gold_id for example in self.examples["dev"]], self._tell)
        self.metric = NotedMetric(plan.metric, self.notebook)
        self.lm = ledger.through(plan.lm, "task")
        self.prompt_lm = ledger.through(plan.prompt_lm, "prompt")
        self.notes: list[str] = []

    def all(self) -> Optimised:
        plan = self.plan
        before = self._student(plan.program)
        with dspy.context(lm=self.lm, adapter=plan.program.adapter or dspy.settings.adapter):
            self._require_answer()
            few = self._search(
                lambda: FewShot().compile(self._student(plan.program), *self._taught()), plan.program
            )
            after = self._search(
                lambda: plan.optimiser.compile(self._student(plan.program), *self._taught()), plan.program
            )
            tested = self._tested({"before": before.program, "few_shot": few, "after": after})
        program = self._plain(after)
        gains = self._gains(tested)
        program.save(
            self.folder / "program",
            data={"gold": str(plan.header["data"]["questions"])},
            notes={"optimiser": plan.optimiser_name, "seed": plan.seed, "run": self.folder.name},
        )
        found = Optimised(
            folder=self.folder,
            program=program,
            optimiser=plan.optimiser_name,
            gains=gains,
            scores=tested,
            look=self.look,
            curve=self.notebook.curve(),
            evaluations=self.notebook.evaluations,
            searches=(plan.handle.asked, plan.handle.searched),
            spent=self.ledger.spent,
            estimate=asdict(plan.estimate),
            before=_prompts(plan.program),
            after=_prompts(program),
            notes=tuple(self.notes),
        )
        write_report(found)
        return found

    def _student(self, program: GroundedProgram) -> Student:
        return Student(program.deepcopy(), self.notebook)

    def _taught(self) -> tuple[list[dspy.Example], list[dspy.Example], NotedMetric, dspy.LM, int]:
        return self.examples["train"], self.examples["dev"], self.metric, self.prompt_lm, self.plan.seed

    def _require_answer(self) -> None:
        """Ask one question outright, so that a language model that is down ends the run before it begins."""
        example = self.examples["dev"][0]
        self.plan.program(**example.inputs())

    def _search(self, compile: Callable[[], dspy.Module], otherwise: GroundedProgram) -> GroundedProgram:
        """Let an optimiser work; at a cap, return the best of what it has tried."""
        try:
            with _quiet():
                found: GroundedProgram = compile().program
        except CapReachedError as reached:
            best = self.notebook.best()
            note = f"The search ended at its budget: {reached}. "
            note += (
                "The best program so far was kept."
                if best
                else "No program was tried on all dev questions yet."
            )
            if note not in self.notes:
                self.notes.append(note)
            found = otherwise if best is None else best.program
        return found

    def _tested(self, programs: Mapping[str, GroundedProgram]) -> dict[str, dict[str, Verdict]]:
        """Return the verdicts on the test questions by program; none where the budget does not hold them all."""
        self.look = 0
        found: dict[str, dict[str, Verdict]] = {}
        try:
            for name, program in programs.items():
                student = self._student(program)
                found[name] = {
                    example.gold_id: self.plan.metric(example, student(**example.inputs()))
                    for example in self.examples["test"]
                }
        except CapReachedError as reached:
            self.notes.append(f"The test questions were not all asked: {reached}. No gain can be told.")
            return {}
        self.look = count_look(
            self.plan.splits["test"], fingerprint([program_fingerprint(p) for p in programs.values()])
        )
        return found

    def _gains(self, tested: Mapping[str, Mapping[str, Verdict]]) -> dict[str, Gain]:
        questions = self.plan.splits["test"].questions
        return {
            name: gain(tested[name], tested["after"], questions, self.plan.seed)
            for name in ("before", "few_shot")
            if tested
        }

    def _plain(self, program: GroundedProgram) -> GroundedProgram:
        """Return the optimised program as an app would load it: with its own handle and language model."""
        plain = self.plan.program.deepcopy()
        theirs = dict(predictors_of(program))
        for name, predictor in predictors_of(plain):
            predictor.signature, predictor.demos = theirs[name].signature, theirs[name].demos
            predictor.lm = None
        return plain

    def _tell(self, tried: Tried) -> None:
        best = self.notebook.best()
        score = None if best is None else fmean(best.scores.values())
        spent = self.ledger.spent
        self.watch(Standing(spent.calls, self.expected, score, time.monotonic() - self.begun, spent))


def prepare(
    program: str,
    gold_dir: str | Path,
    *,
    optimiser: str | Optimiser = "gepa",
    lm: dspy.LM,
    prompt_lm: dspy.LM | None = None,
    caps: Caps | None = None,
    prices: Mapping[str, Price] | None = None,
    seed: int = 0,
    weights: Mapping[str, float] | None = None,
    profile: str = DEFAULT_PROFILE,
    index: str | None = None,
    out: Path | None = None,
    fork: bool = False,
    index_progress: Progress = no_progress,
) -> Plan:
    """Check everything, and return a run that is ready to begin; no language model is asked.

    Args:
        program: one of the five, or a saved one to go on from.
        gold_dir: a gold set with the splits train, dev and test.
        optimiser: ``bootstrap``, ``mipro``, ``gepa``, ``simba``, ``chain``, or one with settings of your own.
        lm: answers.
        prompt_lm: writes prompts; ``lm`` if left out.
        caps: the most that may be spent.
        prices: by role, ``task`` and ``prompt``.
        seed: of every random choice.
        weights: of the metric's parts, see `verdicts.PARTS`; the program's own if left out.
        profile, index: as for `retrieval.Searched`.
        out: the run's folder; by default one in the home folder, named after what is run.
        fork: begin a new run beside the one that is there.
        index_progress: told of the building of the index.

    Raises:
        GoldSetError: a split lacks questions, or two splits share what they must not.
        UsageError, BoundError: an unknown optimiser, part or program, a budget of nothing.
    """
    for asked in filter(None, (lm, prompt_lm)):
        require_writer(asked, "be optimised")
    if isinstance(optimiser, str):
        if optimiser not in OPTIMISERS:
            raise UsageError(f"unknown optimiser {optimiser!r}; known: {', '.join(OPTIMISERS)}")
        optimiser_name, chosen = optimiser, OPTIMISERS[optimiser]
    else:
        optimiser_name, chosen = type(optimiser).__name__.lower(), optimiser
    _require_no_leak(Path(gold_dir))
    whole = {name: read_gold_set(gold_dir, name) for name in SPLITS}
    searched = Searched(whole["dev"], profile, index=index)
    folder = searched.folder(index_progress)
    loaded = load(program, index=SearchHandle(folder, profile), profile=profile)
    splits = {name: _asked(gold, loaded.name) for name, gold in whole.items()}
    held = Held(folder)
    targets = {
        question.id: Target(question, tuple(held.look(question)[1]))
        for gold in splits.values()
        for question in gold.questions.values()
    }
    metric = Metric(loaded.name, targets, dict(weights or {}))
    header = {
        **header_of("optimise", searched, folder, loaded.retriever.handle.searcher.reranker),
        "program": loaded.name,
        "program_state": program_fingerprint(loaded),
        "optimiser": {"name": optimiser_name, **asdict(chosen)},  # type: ignore[call-overload]  # dataclasses all
        "lm": {"model": lm.model, **plain_settings(lm.kwargs)},
        "prompt_lm": {"model": (prompt_lm or lm).model, **plain_settings((prompt_lm or lm).kwargs)},
        "metric": {"weights": dict(metric.weights), "threshold": metric.threshold},
        "questions": {
            name: fingerprint([asdict(q) for q in gold.questions.values()]) for name, gold in splits.items()
        },
        "seed": seed,
    }
    same = {name: value for name, value in header.items() if name not in ("begun", "commit")}
    return Plan(
        program=loaded,
        splits=splits,
        optimiser_name=optimiser_name,
        optimiser=chosen,
        folder=out or run_folder(f"optimise-{loaded.name}-{optimiser_name}-{fingerprint(same)[:8]}"),
        header=header,
        lm=lm,
        prompt_lm=prompt_lm or lm,
        metric=metric,
        seed=seed,
        caps=caps or Caps(),
        prices=prices or {},
        fork=fork,
    )


def _asked(gold: GoldSet, program: str) -> GoldSet:
    """Return a split with the questions that are meant for a program; raises `GoldSetError` where there are few."""
    questions = {question.id: question for question in questions_of(gold, program)}
    if len(questions) < 2:
        raise GoldSetError(
            f"{gold.folder}: split {gold.split} has {len(questions)} questions for {program}, and optimising needs at "
            "least 2 in each of train, dev and test"
        )
    return replace(gold, questions=questions)


def _require_no_leak(folder: Path) -> None:
    """Raise `GoldSetError` for a set whose splits share questions or documents: its test would not be one."""
    shared = [
        finding
        for finding in check_gold_set(folder)
        if finding.severity == "error"
        and finding.kind.endswith(("in_two_splits", "near_duplicate_questions"))
    ]
    if shared:
        raise GoldSetError(
            f"{shared[0].where}: {shared[0].kind}, {shared[0].detail}: what is optimised on would be tested on. "
            f"{shared[0].remedy}; `quincunx gold check` lists all of it"
        )


def _prompts(program: GroundedProgram) -> dict[str, dict[str, Any]]:
    return {
        name: {"instructions": predictor.signature.instructions, "demos": len(predictor.demos)}
        for name, predictor in predictors_of(program)
    }


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the optimisers print, log and draw off the terminal: progress is told in one way for all."""
    dspy.disable_logging()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        dspy.enable_logging()
