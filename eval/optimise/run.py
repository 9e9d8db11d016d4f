"""Optimising a program's prompts: priced beforehand, capped, resumable, and judged on questions it never saw.

    result = optimize("chat_bridge", "gold/", optimizer="gepa", lm=lm, prompt_lm=large, caps=Caps(calls=2000))
    result.program, result.gain()      # saved in result.folder / "program", and what it gained on the test questions

A run is a folder, see `runs.folder`: the configuration, every call of a language model (`call_ledger`), the programs
before and after, and the report.
Killed at any moment, the same call makes the same requests again, is answered from the calls, and goes on.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import dspy

from ...programs.artifact.save import predictors_of
from ...programs.artifact.schema import Score
from ...programs.call.inputs import model_errors
from ...programs.predictor import nearest_demos
from ...programs.program import GroundedProgram
from ...retrieval.errors import BoundError, LanguageModelError, ModelOutputError, StorageError
from ...retrieval.models.embedders import Progress, no_progress
from ...retrieval.models.profiles import DEFAULT_PROFILE
from ...retrieval.storage.lock import unlock
from ..metrics.means import mean_of
from ..prices import Price
from ..runs.answer_run import inputs_of, program_fingerprint
from ..runs.folder import claim_folder, fingerprint
from ..runs.gold_fingerprint import gold_fingerprint
from ..runs.look_counter import count_look
from ..runs.prompts import prompts_of
from ..runs.threads import map_in_threads
from .call_ledger import CallLedger, CapReachedError, LedgerError, ModelDownError, Phase
from .demo_optimisers import FewShot
from .metric import Verdict, example_of
from .optimisers import silenced
from .optimizer_protocol import Optimizer, OptimizerInput
from .plan import Plan, plan_optimization
from .result import (
    OptimizationResult,
    SeedResult,
    changed_questions,
    compute_gains,
    count_refusals,
    write_optimization_report,
)
from .sealed_answers import SealedAnswers
from .spending import Caps, Spent
from .student import LoggingMetric, Student, TrialLog, make_student
from .teacher import AnswersAhead, Teacher


@dataclass(frozen=True)
class OptimizationProgress:
    """How far a run is."""

    calls: int
    expected: int
    best: float | None
    """Best mean score on the dev questions so far."""
    seconds: float
    spent: Spent


OptimizationWatch = Callable[[OptimizationProgress], None]


def ignore_progress(now: OptimizationProgress) -> None:
    """Watch nothing."""


def optimize(
    program: str | Path | GroundedProgram,
    gold: str | Path,
    *,
    optimizer: str | Optimizer = "gepa",
    lm: dspy.LM | str,
    prompt_lm: dspy.LM | str | None = None,
    caps: Caps | None = None,
    prices: Mapping[str, Price] | None = None,
    seeds: Sequence[int] = (0,),
    weights: Mapping[str, float] | None = None,
    profile: str = DEFAULT_PROFILE,
    index: str | None = None,
    out: Path | None = None,
    fork: bool = False,
    workers: int = 1,
    search_only: bool = False,
    taught: bool = False,
    index_progress: Progress = no_progress,
    watch: OptimizationWatch = ignore_progress,
) -> OptimizationResult:
    """Make a program's prompts better on train and dev questions, and say what was gained on test questions.

    Killed at any moment, the same call goes on, and pays for no call of a language model twice. To see what it will
    cost before anything is spent, make the plan with `plan_optimization`, and hand it to `run_optimization`.

    Args:
        program: the name of a program, the name or folder of a saved one to go on from, or one that was loaded: it is copied,
            and its prompts and search settings are what is begun with.
        gold: folder of a gold set with the splits train, dev and test, or the name of one that ships with the package.
        optimizer: ``bootstrap``, ``knn``, ``mipro``, ``gepa``, ``simba``, ``chain`` (demos, then instructions), or one
            with settings of your own, such as ``Gepa(proposals=4)``.
        lm: the language model that answers, or its name as `quincunx.lm` takes it.
        prompt_lm: the one that writes prompts; ``lm`` if left out.
        caps: the most that the whole run may spend, in calls, tokens or dollars; left out, without bounds. At a cap
            the search ends, and the best program so far is judged with what was reserved for that.
        prices: dollars per million tokens, by role: ``task`` (of ``lm``) and ``prompt`` (of ``prompt_lm``); those of
            `known_price` if left out.
        seeds: of every random choice; the search is made once for each, and the best on dev is kept.
        weights: how much each part of the metric counts, see `Metric.weights`; the program's own if left out.
        profile: the models that embed and rerank.
        index: an index of the home folder to search; left out, one is built from the gold set's corpus.
        out: the run's folder; by default one in the home folder, named after what is run.
        fork: begin a new run beside the one that is there.
        workers: how many questions are asked at once; what is found is the same with any number, for a model that answers alike.
        search_only: find a better program, and do not judge it on the test questions.
        taught: whether demos are what ``prompt_lm`` answers, not ``lm``: of a stronger language model a small one learns the form
            that it has not hit by itself. For ``bootstrap``, ``knn``, ``mipro``, ``chain`` and the few-shot baseline.
        index_progress: called with (done, total) documents while the index is built.
        watch: called with an `OptimizationProgress` before every answer of the search, and after every one that is judged.

    Returns:
        The optimised program (``.program``, saved in ``.folder / "program"``), what it gained on the test questions
        over the program before (``.gain()``) with its interval, and what it cost (``.spent``).

    Raises:
        UsageError: an unknown optimizer or part, a language model that cannot write, prices that are missing, or ``taught``
            without ``prompt_lm``.
        GoldSetError: a split lacks questions, or two splits share what they must not.
        BoundError: seeds or caps out of range, or a budget that does not hold a verdict, or the opening calls.
        MissingExtraError: ``mipro`` without the ``optimize`` extra.
        LanguageModelError: a language model cannot be asked, or fails several times in a row; run again, it goes on.
        RunMismatchError: ``out`` holds a run of another configuration. WriterBusyError: another process is at it.
        StorageError: a call cannot be kept, or those that were cannot be read.

    Example:
        The extractive engine quotes and follows no instructions, so there is nothing to optimise in it:

        >>> from quincunx import optimize
        >>> optimize("chat_bridge", "builddaily", optimizer="bootstrap", lm="extractive")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        quincunx.retrieval.errors.UsageError: ...only quotes...
    """
    plan = plan_optimization(
        program,
        gold,
        optimizer=optimizer,
        lm=lm,
        prompt_lm=prompt_lm,
        caps=caps,
        prices=prices,
        seeds=seeds,
        weights=weights,
        profile=profile,
        index=index,
        out=out,
        fork=fork,
        workers=workers,
        search_only=search_only,
        taught=taught,
        index_progress=index_progress,
    )
    return run_optimization(plan, watch)


def run_optimization(plan: Plan, watch: OptimizationWatch = ignore_progress) -> OptimizationResult:
    """Optimise, or go on where a killed run was; save the program and the report.

    At a cap the search ends, and the best program so far is judged with what was reserved for that.

    Raises:
        LanguageModelError: a language model cannot be asked, or fails several times in a row; run again, it goes on.
        BoundError: the budget does not hold the opening calls.
        RunMismatchError: the folder holds a run of another configuration.
        StorageError: a call cannot be kept, or those that were cannot be read.
        WriterBusyError: another process is at this run.
    """
    folder, lock = claim_folder(plan.folder, plan.header, lambda made: None, fork=plan.fork)
    try:
        with contextlib.closing(CallLedger(folder, plan.caps, plan.prices, plan.workers)) as ledger:
            return _RunningOptimization(plan, folder, ledger, watch).run()
    except ModelDownError as lost:
        raise LanguageModelError(f"{lost}; what was asked is kept, so run it again to go on") from lost
    except LedgerError as lost:
        raise StorageError(f"{lost}; check the disk, then run it again to go on") from lost
    finally:
        unlock(lock)


class _RunningOptimization:
    """An optimisation while it is going on."""

    def __init__(self, plan: Plan, folder: Path, ledger: CallLedger, watch: OptimizationWatch) -> None:
        self.plan, self.folder, self.ledger, self.watch = plan, folder, ledger, watch
        self.begun = time.monotonic()
        self.examples = {
            name: [
                example_of(question, inputs_of(plan.program, question))
                for question in gold.questions.values()
            ]
            for name, gold in plan.splits.items()
        }
        self.leak_filter = plan.leak_filter()
        dev = [example.gold_id for example in self.examples["dev"]]
        self.log = TrialLog(dev, self.leak_filter, self._report_progress)
        self.metric = LoggingMetric(plan.metric, self.log)
        self.tests = SealedAnswers(plan, ledger, self.examples["test"], self.leak_filter)
        self.ahead = AnswersAhead(self.examples["train"], plan.workers)
        self.lm = ledger.wrap(plan.lm, "task")
        self.prompt_lm = ledger.wrap(plan.prompt_lm, "prompt")
        self.notes: list[str] = []
        self.streams = sys.stdout, sys.stderr

    def run(self) -> OptimizationResult:
        """Search with every seed, judge on the test questions, save and report."""
        plan = self.plan
        with (
            dspy.context(
                lm=self.lm, adapter=plan.program.adapter or dspy.settings.adapter, disable_history=True
            ),
            self.tests,
        ):
            self._require_answers()
            if not self.ledger.reserve(plan.estimate.tests):
                self.notes.append(
                    f"The budget is too small to hold back the {plan.estimate.tests} answers that judge the programs on "
                    "the test questions, so the search may spend it all."
                )
            seed_results = [self._search_with_seed(seed) for seed in plan.seeds]
            self.ledger.reserve(0)
            best = max(seed_results, key=lambda each: -1.0 if each.dev is None else each.dev)
            scores = self._score_on_test(seed_results, best)
        look = self._count_look(seed_results) if scores else 0
        test = plan.splits["test"].questions
        gains = compute_gains(scores, test, plan.seeds)
        program = self._without_wrappers(best.program)
        result = OptimizationResult(
            folder=self.folder,
            program=program,
            seed=best.seed,
            optimizer=plan.optimizer_name,
            facts=plan.facts(),
            gains=gains,
            scores=scores,
            changed=changed_questions(scores, test, best.seed),
            refusals=count_refusals(scores, test),
            look=look,
            curve=self.log.curve(),
            dev={each.seed: each.dev for each in seed_results},
            evaluations=self.log.evaluations + self.tests.log.evaluations,
            searches=(plan.handle.requested, plan.handle.made),
            spent=self.ledger.spent,
            estimate=plan.estimate,
            before=prompts_of(plan.program),
            after=prompts_of(program),
            notes=(*self.notes, *self.ledger.failed_prompts(), *sorted(self.leak_filter.left_out)),
        )
        self._save(result)
        write_optimization_report(result)
        return result

    def _require_answers(self) -> None:
        """Ask each language model once outright, so that one that is down ends the run before it begins."""
        try:
            with model_errors("the optimizer", str(self.plan.prompt_lm.model)), self.ledger.opening():
                # A reply that is not in form is an answer too: the search will count it.
                with contextlib.suppress(ModelOutputError):
                    self.plan.program(**self.examples["dev"][0].inputs())
                if self.plan.prompt_lm is not self.plan.lm:
                    self.prompt_lm("Reply with the word ready.")
        except CapReachedError as reached:
            raise BoundError(f"the budget does not hold the opening calls: {reached}; raise it") from reached

    def _search_with_seed(self, seed: int) -> SeedResult:
        before = self.plan.program
        few_shot = self._search(FewShot(), seed)
        self.tests.begin_early("before", before)
        if few_shot is not None:
            self.tests.begin_early(f"few-shot {seed}", few_shot)
        after = self._search(self.plan.optimizer, seed) or self._best_so_far(seed)
        dev_before, dev_after = self._score_on_dev(before), self._score_on_dev(after)
        if dev_after is None:
            self.notes.append(f"Seed {seed}: the budget did not hold the dev questions of what was found.")
        if dev_before is not None and (dev_after is None or dev_after < dev_before):
            fared = "was not compared" if dev_after is None else "did worse"
            self.notes.append(f"Seed {seed}: what was found {fared} on dev, so nothing was changed.")
            after, dev_after = before, dev_before
        return SeedResult(seed, after, few_shot, dev_after)

    def _search(self, optimizer: Optimizer, seed: int) -> GroundedProgram | None:
        """Let an optimizer work; ``None`` at a cap."""
        plan, phase, wrap = self.plan, Phase(), self.ledger.wrap
        lm, prompt_lm = wrap(plan.lm, "task", phase), wrap(plan.prompt_lm, "prompt", phase)
        student = make_student(plan.program, self.log)
        asked = prompt_lm if plan.taught else None
        teacher = Teacher(student.program.deepcopy(), self.log, self.ahead, asked)
        train, dev = self.examples["train"], self.examples["dev"]
        data = OptimizerInput(train, dev, self.metric, prompt_lm, seed, plan.workers, teacher)
        self.ahead.order(data.shuffled_train)  # the order in which a search for demos asks them first
        self.log.begin()
        try:
            with dspy.context(lm=lm), silenced(), model_errors("the optimizer", str(plan.prompt_lm.model)):
                compiled = optimizer.compile(student, data)
        except CapReachedError as reached:
            note = f"The search ended at its budget: {reached}."
            if note not in self.notes:
                self.notes.append(note)
            return None
        finally:
            self.ledger.end(phase)  # an optimizer that is stopped does not wait for its threads
        assert isinstance(compiled, Student)
        found: GroundedProgram = compiled.program
        self.log.filter_demos(found)
        return found

    def _best_so_far(self, seed: int) -> GroundedProgram:
        """Return the best program that the search tried on all dev questions before it ended."""
        best = self.log.best()
        if best is not None:
            return best.program
        self.notes.append(f"Seed {seed}: no program was tried on all dev questions, so nothing was changed.")
        return self.plan.program

    def _score_on_dev(self, program: GroundedProgram) -> float | None:
        """Return the mean score on the dev questions; what is known costs nothing. ``None`` at a cap."""
        try:
            student = make_student(program, self.log)
            verdicts = map_in_threads(
                lambda example: self.metric(example, student(**example.inputs())),
                self.examples["dev"],
                self.plan.workers,
            )
        except CapReachedError:
            return None
        return fmean(float(verdict.score) for verdict in verdicts)

    def _score_on_test(
        self, seed_results: list[SeedResult], best: SeedResult
    ) -> dict[str, dict[str, Verdict]]:
        """Return the verdicts on the test questions by program, as far as the budget holds all of a program's."""
        programs = {"before": self.plan.program, f"after {best.seed}": best.program}
        programs |= {f"after {each.seed}": each.program for each in seed_results}
        programs |= {
            f"few-shot {each.seed}": each.few_shot for each in seed_results if each.few_shot is not None
        }
        if self.plan.search_only:
            self.notes.append("Not tested: it was to search alone. The same run without that is judged.")
            return {}
        scores, missing = self.tests.verdicts(programs, self._report_progress)
        self.notes += [missing] if missing else []
        return scores

    def _count_look(self, seed_results: list[SeedResult]) -> int:
        """Count the look at the test questions; a run that goes on after its end looks again."""
        programs = [self.plan.program, *(each.program for each in seed_results)]
        return count_look(self.plan.test_set, fingerprint([program_fingerprint(each) for each in programs]))

    def _without_wrappers(self, program: GroundedProgram) -> GroundedProgram:
        """Return a program as an app would load it: with its own handle, and the language model that it was optimised for."""
        plain: GroundedProgram = self.plan.program.deepcopy()
        plain.retriever.handle = self.plan.handle.inner
        theirs = dict(predictors_of(program))
        for name, predictor in predictors_of(plain):
            predictor.signature, predictor.demos = theirs[name].signature, theirs[name].demos
            predictor.nearest_demos = nearest_demos(theirs[name])
        plain.set_lm(self.plan.lm)
        return plain

    def _save(self, found: OptimizationResult) -> None:
        """Save the program, and beside it what it was before: `programs diff` says in words what changed."""
        questions = list(self.plan.splits["test"].questions.values())
        data = {"gold": gold_fingerprint(self.plan.splits["train"])}
        self._without_wrappers(self.plan.program).save(self.folder / "before", data=data)
        scores = []
        if verdicts := found.scores.get(f"after {found.seed}"):
            values = [float(verdicts[question.id].score) for question in questions]
            mean = mean_of(values, questions, found.seed)
            scores = [Score(name="test", value=mean.mean, n=mean.n, low=mean.low, high=mean.high)]
        notes = {"optimizer": found.optimizer, "seed": found.seed, "run": self.folder.name}
        found.program.save(self.folder / "program", data=data, notes=notes, scores=scores)

    def _report_progress(self) -> None:
        best = self.log.best()
        score = None if best is None else best.mean
        spent = self.ledger.spent
        seconds = time.monotonic() - self.begun
        out, err = self.streams  # the app's own, whatever is kept off them meanwhile
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            self.watch(OptimizationProgress(spent.calls, self.plan.estimate.calls, score, seconds, spent))
