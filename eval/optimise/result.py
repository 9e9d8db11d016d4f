"""The result of an optimisation: what was gained on the test questions, and what it cost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from ...programs.program import GroundedProgram
from ...retrieval.storage.disk import publish_file, storing
from ..goldsets.goldset import GoldQuestion
from ..metrics.means import cluster_labels
from ..metrics.records import Refusals
from ..report.optimised import render_optimization_page
from ..report.page import publish_page
from ..runs.folder import read_header
from ..stats.paired import Comparison, compare_paired
from .metric import Verdict
from .plan import CostEstimate
from .spending import Spent

REPORT = "report.json"
PAGE = "report.html"
BASELINES = ("before", "few-shot")
"""What the optimised program is compared with."""

Verdicts = Mapping[str, Verdict]
"""By id of a test question."""


@dataclass(frozen=True)
class Gain:
    """The optimised program against another, on the same test questions."""

    seed: int | None
    """Of the search; ``None`` for the mean over all seeds."""
    baseline: str
    result: Comparison
    failed: tuple[float, float]
    """Test questions that the baseline and the optimised program failed on; they count as 0 here."""


@dataclass(frozen=True)
class SeedResult:
    """What the search of one seed found."""

    seed: int
    program: GroundedProgram
    few_shot: GroundedProgram | None
    """``None`` where the budget ended it."""
    dev: float | None
    """Mean score on the dev questions, by which the best seed is chosen; ``None`` where the budget did not hold them."""


@dataclass(frozen=True)
class OptimizationResult:
    """An optimised program, what it gained and what it cost."""

    folder: Path
    program: GroundedProgram
    """As saved in ``folder / "program"``; what it was before is saved in ``folder / "before"``."""
    seed: int
    """The seed that the program came from: the best on the dev questions."""
    optimizer: str
    facts: Sequence[tuple[str, str]]
    """How it was configured, as names and values to be read."""
    gains: Sequence[Gain]
    """Of each seed, and of all where there are several; empty where the budget did not hold the test questions."""
    scores: Mapping[str, Verdicts]
    """Verdicts on the test questions: of ``before``, ``few-shot SEED`` and ``after SEED``."""
    changed: Sequence[Mapping[str, Any]]
    """The test questions on which the saved program does better or worse than the one before, the worst first."""
    refusals: Mapping[str, Refusals]
    """The 2 × 2 of the test questions, by program as in ``scores``."""
    look: int
    """How many times these test questions have been looked at now; 0 where they were not."""
    curve: Sequence[Mapping[str, Any]]
    """The states tried on all dev questions, in order. Their scores chose the program: they are not its result."""
    dev: Mapping[int, float | None]
    """Mean score on the dev questions, by seed."""
    evaluations: int
    """Calls of the program, those whose answer was known too."""
    searches: tuple[int, int]
    """Searches that were asked for, and those that were made: the others were answered from a cache."""
    spent: Spent
    estimate: CostEstimate
    before: Mapping[str, Mapping[str, Any]]
    after: Mapping[str, Mapping[str, Any]]
    """Instructions and demos, by predictor."""
    notes: tuple[str, ...]

    def gain(self, baseline: str = "before") -> Gain | None:
        """Return what the saved program gained over a baseline; ``None`` where it was not tested."""
        return next((g for g in self.gains if (g.seed, g.baseline) == (self.seed, baseline)), None)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON values: the same for a run that was killed and one that was not."""
        return {
            "optimizer": self.optimizer,
            "seed": self.seed,
            "facts": [list(fact) for fact in self.facts],
            "gains": [
                {
                    "seed": gain.seed,
                    "baseline": gain.baseline,
                    **asdict(gain.result),
                    "verdict": gain.result.verdict,
                    "failed": list(gain.failed),
                }
                for gain in self.gains
            ],
            "scores": {
                name: {
                    id: {"score": v.score, "parts": v.parts, "failed": v.failed} for id, v in verdicts.items()
                }
                for name, verdicts in self.scores.items()
            },
            "changed": [dict(question) for question in self.changed],
            "refusals": {name: asdict(counts) for name, counts in self.refusals.items()},
            "look": self.look,
            "curve": [dict(step) for step in self.curve],
            "dev": {str(seed): score for seed, score in self.dev.items()},
            "evaluations": self.evaluations,
            "searches": {"asked": self.searches[0], "made": self.searches[1]},
            "spent": self.spent.as_dict(),
            "estimate": asdict(self.estimate),
            "prompts": {"before": dict(self.before), "after": dict(self.after)},
            "notes": list(self.notes),
        }


def count_refusals(
    scores: Mapping[str, Verdicts], questions: Mapping[str, GoldQuestion]
) -> dict[str, Refusals]:
    """Return the 2 × 2 of each program's answers; questions that it failed on are in none of the four."""
    found = {}
    for name, verdicts in scores.items():
        counts = Counter(
            (questions[id].answerable, bool(verdict.answered))
            for id, verdict in verdicts.items()
            if verdict.failed is None
        )
        found[name] = Refusals.of(counts)
    return found


def changed_questions(
    scores: Mapping[str, Verdicts], questions: Mapping[str, GoldQuestion], seed: int
) -> list[dict[str, Any]]:
    """Return the questions whose score differs between the program before and that of a seed, the worst first."""
    before, after = scores.get("before", {}), scores.get(f"after {seed}", {})
    found = [
        {
            "id": id,
            "text": questions[id].text,
            "before": float(before[id].score),
            "after": float(verdict.score),
        }
        for id, verdict in after.items()
        if verdict.score != before[id].score
    ]
    return sorted(found, key=lambda each: (each["after"] - each["before"], each["id"]))


def compute_gains(
    scores: Mapping[str, Verdicts], questions: Mapping[str, GoldQuestion], seeds: Sequence[int]
) -> list[Gain]:
    """Return what each seed's program gained over each baseline, and the mean over the seeds where several are there.

    Paired by question, clustered by the documents that they ask about. Programs that were not tested are left out.
    """
    tested = [seed for seed in seeds if f"after {seed}" in scores]
    found = []
    for baseline in BASELINES:
        pairs: list[tuple[Verdicts, Verdicts]] = []
        for seed in tested:
            other = scores.get(baseline if baseline == "before" else f"{baseline} {seed}")
            if other is None:
                continue
            pairs.append((other, scores[f"after {seed}"]))
            found.append(_gain(seed, baseline, pairs[-1:], questions))
        if len(pairs) > 1:
            found.append(_gain(None, baseline, pairs, questions))
    return found


def _gain(
    seed: int | None,
    baseline: str,
    pairs: Sequence[tuple[Verdicts, Verdicts]],
    questions: Mapping[str, GoldQuestion],
) -> Gain:
    ids = list(pairs[0][0])
    columns = list(zip(*pairs, strict=True))  # the baseline's verdicts, and the optimised program's
    a, b = ([fmean(float(verdicts[id].score) for verdicts in column) for id in ids] for column in columns)
    failed = [fmean(_count_failures(verdicts) for verdicts in column) for column in columns]
    result = compare_paired(a, b, clusters=cluster_labels([questions[id] for id in ids]), seed=seed or 0)
    return Gain(seed, baseline, result, (failed[0], failed[1]))


def _count_failures(verdicts: Verdicts) -> int:
    return sum(verdict.failed is not None for verdict in verdicts.values())


def write_optimization_report(found: OptimizationResult) -> Path:
    """Write the report into the run's folder, as JSON and as a page; returns the path of the first."""
    path, report = found.folder / REPORT, found.as_dict()
    text = json.dumps(report, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    with storing(path):
        publish_file(path, [memoryview(text.encode())])
    html = render_optimization_page(found.folder.name, read_header(found.folder), report)
    publish_page(found.folder / PAGE, html)
    return path
