"""What an optimisation is to be, checked and priced before anything is spent.

plan = plan_optimization("chat_bridge", "gold/", optimizer="gepa", lm=lm, prompt_lm=large, caps=Caps(calls=2000))
plan.estimate                # what it will about cost, and which effects the questions can show
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import dspy

from ...programs.artifact.save import adapter_name, prompt_characters
from ...programs.call.predict import require_writer
from ...programs.call.steps import evidence, sentence_choice
from ...programs.engines.lms import require_lm
from ...programs.loading import load
from ...programs.program import GroundedProgram
from ...retrieval.errors import BoundError, GoldSetError, UsageError
from ...retrieval.handle import SearchHandle
from ...retrieval.models.embedders import Progress, no_progress
from ...retrieval.models.profiles import DEFAULT_PROFILE
from ..goldsets.goldset import GoldSet
from ..goldsets.splits import SPLITS, read_splits
from ..metrics.means import detectable_difference
from ..prices import Price, known_price
from ..report.facts import settings_text, told_search
from ..runs.answer_run import plain_settings, program_fingerprint, questions_of
from ..runs.folder import fingerprint, run_folder, run_name, same_run
from ..runs.retrieval_run import GoldLocator, RetrievalSetup, run_header
from .demo_leaks import LeakFilter
from .demo_optimisers import FewShot
from .metric import Metric, Target
from .optimisers import OPTIMIZERS, require_library, require_sizes
from .optimizer_protocol import Cost, Optimizer
from .search_cache import CachingHandle
from .spending import ROLES, Caps

LOOKED_AT = 5
"""Dev questions whose passages are looked up to estimate the length of a prompt."""
CHARACTERS_A_TOKEN = 3.6
"""As estimated: about 3.8 where Qwen2.5 reads the prompts of the canons, fewer where a tokenizer takes marks one by one."""
REPLY_TOKENS = 80
"""Of an answer, as estimated."""
WRITING_TOKENS = (1_200, 300)
"""Of a call that writes a prompt, but for the questions that it shows, and of its reply, as estimated."""
_UNITS = {"calls": "calls", "tokens": "tokens", "usd": "dollars"}


@dataclass(frozen=True)
class CostEstimate:
    """What a run is expected to cost, the search for better prompts and the judging on test questions together."""

    calls: int
    """Of language models."""
    answers: int
    """Of them, those that answer questions, or make them self-contained; the others write prompts."""
    tokens: int
    """Of prompts and replies, demos that are found included, by the length of some questions with their passages."""
    usd: float | None
    """``None`` without prices."""
    tests: int
    """Of the answers, those that judge the programs on the test questions; 0 for a search alone."""
    least: Caps
    """The least budget that holds a verdict, as estimated: the test questions, the usual few-shot baseline, and two programs on
    the dev questions."""
    questions: Mapping[str, int]
    """How many questions each split has."""
    detectable: Mapping[str, float | None]
    """Least difference in a share that the dev and the test questions show with 80 % power, where a fifth differ.

    ``None`` where they are too few to show any.
    """


class _Lengths(NamedTuple):
    """Tokens of a question with its passages, about."""

    prompt: int
    """Of all that is sent when it is asked."""
    question: int
    """Without what is said to every question, as in a demo."""
    shown: int
    """With its passages as they are, as it is shown to who writes prompts."""


@dataclass
class Plan:
    """A run that is ready to begin; nothing is spent yet."""

    program: GroundedProgram
    splits: Mapping[str, GoldSet]
    """With those questions alone that are meant for the program."""
    test_set: GoldSet
    """All test questions."""
    optimizer_name: str
    optimizer: Optimizer
    folder: Path
    header: Mapping[str, object]
    lm: dspy.LM
    prompt_lm: dspy.LM
    metric: Metric
    seeds: tuple[int, ...]
    caps: Caps
    prices: Mapping[str, Price]
    fork: bool
    workers: int = 1
    search_only: bool = False
    """Without a verdict on the test questions."""
    taught: bool = False
    """Whether demos are what `prompt_lm` answers."""
    handle: CachingHandle = field(init=False)
    estimate: CostEstimate = field(init=False)
    """What the run is expected to cost."""

    def __post_init__(self) -> None:
        self.handle = CachingHandle(self.program.retriever.handle)
        self.program.retriever.handle = self.handle
        self.estimate = self._estimated()

    def _estimated(self) -> CostEstimate:
        sizes = {name: len(gold.questions) for name, gold in self.splits.items()}
        train, dev, test = (sizes[name] for name in SPLITS)
        cost: Cost = FewShot().cost(train, dev) + self.optimizer.cost(train, dev)
        cost = cost.times(len(self.seeds))
        tests = 0 if self.search_only else (1 + 2 * len(self.seeds)) * test
        found_demos = FewShot().demos + self.optimizer.demos
        demos = round(cost.demos) + (0 if self.search_only else len(self.seeds) * test * found_demos)
        few_shot = round(FewShot().cost(train, dev).answers)
        # No more than half of a budget is held back for the test questions.
        least = max(2 * tests, tests + few_shot + 2 * dev)
        answers = round(cost.answers) + tests + self._rephrased()
        prompts = round(cost.prompts) + (self.prompt_lm is not self.lm)
        lengths = self._lengths()
        asked = answers * lengths.prompt + demos * (lengths.question + REPLY_TOKENS)
        written = prompts * WRITING_TOKENS[0] + round(cost.shown) * lengths.shown
        taught = round(cost.taught) if self.taught else 0
        tokens = {
            "task": (asked - taught * lengths.prompt, (answers - taught) * REPLY_TOKENS),
            "prompt": (
                written + taught * lengths.prompt,
                prompts * WRITING_TOKENS[1] + taught * REPLY_TOKENS,
            ),
        }
        least_asked = least * asked // answers
        priced = [self.prices[role].of(*taken) for role, taken in tokens.items() if role in self.prices]
        return CostEstimate(
            calls=answers + prompts,
            answers=answers,
            tokens=sum(map(sum, tokens.values())),
            usd=sum(priced) if priced else None,
            tests=tests,
            least=Caps(
                calls=least,
                tokens=least_asked + least * REPLY_TOKENS,
                usd=self.prices["task"].of(least_asked, least * REPLY_TOKENS) or None
                if "task" in self.prices
                else None,
            ),
            questions=sizes,
            detectable={name: detectable_difference(sizes[name]) for name in ("dev", "test")},
        )

    def require_verdict(self) -> None:
        """Raise `BoundError` for a budget that does not hold a verdict, unless it is for the search alone."""
        least = asdict(self.estimate.least)
        for name, cap in asdict(self.caps).items():
            if not self.search_only and None not in (cap, least[name]) and cap < least[name]:
                raise BoundError(
                    f"a budget of {cap:g} {_UNITS[name]} holds no verdict: to search, and to judge on "
                    f"{self.estimate.questions['test']} test questions, takes about {least[name]:.4g} at the least. Give that "
                    "much, or let it search without a verdict (search_only=True, --search-only)"
                )

    def budget_words(self) -> str:
        """Say what of the run its budget will hold, as estimated; empty without a budget."""
        estimate = self.estimate
        tests = estimate.tests / estimate.calls
        expected = {"calls": estimate.calls, "tokens": estimate.tokens, "usd": estimate.usd}
        shares = [
            (cap / whole - tests) / (1 - tests)
            for name, cap in asdict(self.caps).items()
            if cap is not None and (whole := expected[name])
        ]
        if not shares:
            return ""
        if min(shares) >= 1:
            return "The budget holds all of it."
        verdict = "" if self.search_only else "the verdict on the test questions and "
        return f"The budget holds {verdict}about {max(0.0, min(shares)):.0%} of the search: the best program by then is kept."

    def facts(self) -> list[tuple[str, str]]:
        """Return how it is configured, as names and values to be read."""
        caps = [f"{cap:,g} {_UNITS[name]}" for name, cap in asdict(self.caps).items() if cap is not None]
        settings = settings_text(asdict(self.optimizer))  # type: ignore[call-overload]  # dataclasses all
        weights = ", ".join(f"{weight:g} × {name}" for name, weight in self.metric.weights.items())
        sizes = self.estimate.questions
        return [
            ("program", self.program.name),
            ("optimizer", f"{self.optimizer_name}: {settings}"),
            ("metric", f"{weights}; an answer is good from {self.metric.threshold:g} on"),
            ("language model", str(self.lm.model)),
            ("writes prompts and demos" if self.taught else "writes prompts", str(self.prompt_lm.model)),
            ("gold set", self.test_set.folder.name),
            ("questions", ", ".join(f"{sizes[name]} {name}" for name in SPLITS)),
            ("seeds", ", ".join(map(str, self.seeds))),
            ("budget", ", ".join(caps) or "no bound"),
            *((f"price, {role}", str(price)) for role, price in self.prices.items()),
            ("profile", str(self.program.retriever.handle.profile)),
            ("search", told_search(self.program.retriever.settings.as_dict())),
        ]

    def leak_filter(self) -> LeakFilter:
        """Return what leaves out demos that hold a dev or test question, or what answers one."""
        judged = {
            question.id: question
            for name in ("dev", "test")
            for question in self.splits[name].questions.values()
        }
        return LeakFilter(
            {question.text: id for id, question in judged.items()},
            {passage.id: id for id in judged for passage in self.metric.targets[id].passages},
        )

    def _rephrased(self) -> int:
        """Return how many questions are made self-contained first: each once, for it is known from then on."""
        if self.program.rephrase is None:
            return 0
        return sum(len(q.history) > 0 for gold in self.splits.values() for q in gold.questions.values())

    def _lengths(self) -> _Lengths:
        program, choose = self.program, sentence_choice(self.program)
        adapter = adapter_name(program)
        bare = prompt_characters(program.predict, adapter, program.cites)
        looked = list(self.splits["dev"].questions.values())[:LOOKED_AT]
        characters = shown = 0
        for question in looked:
            passages = [evidence(passage) for passage in program.retriever(question=question.text).passages]
            inputs: dict[str, Any] = {
                name: "" for name in program.spec.signature.input_fields if name != "history"
            }
            inputs |= {"question": question.text, "passages": passages}
            characters += prompt_characters(program.predict, adapter, program.cites, inputs, choose)
            shown += sum(len(str(value)) for value in inputs.values())
        prompt = characters / len(looked)
        lengths = (prompt, prompt - bare, shown / len(looked))
        return _Lengths(*(round(length / CHARACTERS_A_TOKEN) for length in lengths))


def plan_optimization(
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
) -> Plan:
    """Check everything, and return a run that is ready to begin; no language model is asked.

    Takes and raises what `optimize` does, but for what a language model's calls may raise.
    """
    lm = require_lm(lm)
    prompt_lm = None if prompt_lm is None else require_lm(prompt_lm)
    for asked in filter(None, (lm, prompt_lm)):
        require_writer(asked, "be optimised")
    if taught and prompt_lm is None:
        raise UsageError(
            "demos that another language model answers (taught, --taught) need one: give prompt_lm"
        )
    caps, prices = caps or Caps(), _known_prices(lm, prompt_lm or lm) if prices is None else prices
    caps.require_prices(prices)
    if not seeds or len(set(seeds)) < len(seeds) or min(seeds) < 0:
        raise BoundError(
            f"seeds must be different whole numbers of 0 or more, at least one (got {list(seeds)})"
        )
    if workers < 1:
        raise BoundError(f"workers must be at least 1 (got {workers})")
    if isinstance(optimizer, str):
        if optimizer not in OPTIMIZERS:
            raise UsageError(f"unknown optimizer {optimizer!r}; known: {', '.join(OPTIMIZERS)}")
        optimizer_name, chosen = optimizer, OPTIMIZERS[optimizer]
    else:
        optimizer_name, chosen = type(optimizer).__name__.lower(), optimizer
    require_sizes(chosen)
    require_library(chosen)
    whole = read_splits(gold)
    setup = RetrievalSetup(whole["dev"], profile, index=index)
    folder = setup.folder(index_progress)
    loaded = _loaded(program, SearchHandle(folder, profile))
    splits = {name: _questions_for(questions, loaded.name) for name, questions in whole.items()}
    locator = GoldLocator(folder)
    targets = {
        question.id: Target(question, tuple(locator.locate(question)[1]))
        for questions in splits.values()
        for question in questions.questions.values()
    }
    metric = Metric(loaded.name, targets, dict(weights or {}))
    header = {
        **run_header("optimise", setup, folder, loaded.retriever.handle.searcher),
        "search": loaded.retriever.settings.as_dict(),
        "queries": loaded.queries,
        "adapter": adapter_name(loaded),
        "cites": loaded.cites,
        "most_sentences": loaded.spec.most_sentences,
        "program": loaded.name,
        "program_state": program_fingerprint(loaded),
        # Spelt as in runs begun before, so that they go on.
        "optimiser": {"name": optimizer_name, **asdict(chosen)},  # type: ignore[call-overload]  # dataclasses all
        "lm": {"model": lm.model, **plain_settings(lm.kwargs)},
        "prompt_lm": {"model": (prompt_lm or lm).model, **plain_settings((prompt_lm or lm).kwargs)},
        "metric": {"weights": dict(metric.weights), "threshold": metric.threshold},
        "questions": {
            name: fingerprint([asdict(q) for q in questions.questions.values()])
            for name, questions in splits.items()
        },
        "seeds": list(seeds),
        **({"taught": True} if taught else {}),
    }
    same = same_run(header)
    plan = Plan(
        program=loaded,
        splits=splits,
        test_set=whole["test"],
        optimizer_name=optimizer_name,
        optimizer=chosen,
        folder=out
        or run_folder(run_name("optimise", loaded.name, optimizer_name, unique=fingerprint(same)[:8])),
        header=header,
        lm=lm,
        prompt_lm=prompt_lm or lm,
        metric=metric,
        seeds=tuple(seeds),
        caps=caps,
        prices=prices,
        fork=fork,
        workers=workers,
        search_only=search_only,
        taught=taught,
    )
    plan.require_verdict()
    return plan


def _known_prices(lm: dspy.LM, prompt_lm: dspy.LM) -> dict[str, Price]:
    """Return the prices by role, where those of both are known."""
    known = {role: known_price(str(asked.model)) for role, asked in zip(ROLES, (lm, prompt_lm), strict=True)}
    prices = {role: price for role, price in known.items() if price is not None}
    return prices if len(prices) == len(known) else {}


def _loaded(program: str | Path | GroundedProgram, handle: SearchHandle) -> GroundedProgram:
    """Return the program that is to be optimised, over the index that the questions are asked of."""
    if not isinstance(program, GroundedProgram):
        return load(program, index=handle, profile=handle.profile)
    copied: GroundedProgram = program.deepcopy()
    copied.retriever.handle = handle
    copied.set_lm(None)  # else its own model would answer, past the caps
    return copied


def _questions_for(gold: GoldSet, program: str) -> GoldSet:
    """Return a split with the questions that are meant for a program; raises `GoldSetError` where there are few."""
    questions = {question.id: question for question in questions_of(gold, program)}
    if len(questions) < 2:
        raise GoldSetError(
            f"{gold.folder}: split {gold.split} has {len(questions)} questions for {program}, and optimising needs at "
            "least 2 in each of train, dev and test"
        )
    return replace(gold, questions=questions)
