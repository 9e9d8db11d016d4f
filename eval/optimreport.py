"""What an optimisation came to: what was gained on the test questions, and what it cost."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..programs.grounded import GroundedProgram
from ..retrieval.disk import publish_file, storing
from .calls import Spent
from .goldset import Question
from .statistics import Comparison, compare
from .tables import groups_of
from .verdicts import Verdict

REPORT = "report.json"


@dataclass(frozen=True)
class Gain:
    """The optimised program against another, on the same test questions."""

    result: Comparison
    failed: tuple[int, int]
    """Test questions that the other and the optimised program failed on; they count as 0 here, and as failures there."""

    @property
    def verdict(self) -> str:
        """In words: ``better``, ``worse``, or that n cannot tell."""
        return self.result.verdict


@dataclass(frozen=True)
class Optimised:
    """An optimised program, and all that is said of it."""

    folder: Path
    program: GroundedProgram
    """As saved in ``folder / "program"``."""
    optimiser: str
    gains: Mapping[str, Gain]
    """Against ``before`` and ``few_shot``; empty where the budget did not hold the test questions."""
    scores: Mapping[str, Mapping[str, Verdict]]
    """Of the test questions, by program and id."""
    look: int
    """How many times these test questions have been looked at now; 0 where they were not."""
    curve: Sequence[Mapping[str, Any]]
    """The states tried on all dev questions, in order. Their scores chose the program: they are not its result."""
    evaluations: int
    """Calls of the program, known answers too."""
    searches: tuple[int, int]
    """How often something was searched for, and how many searches were made."""
    spent: Spent
    estimate: Mapping[str, Any]
    before: Mapping[str, Mapping[str, Any]]
    after: Mapping[str, Mapping[str, Any]]
    """Instructions and number of demos, by predictor."""
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON values: the same for a run that was killed and one that was not."""
        return {
            "optimiser": self.optimiser,
            "gains": {
                name: {**asdict(gain.result), "verdict": gain.verdict, "failed": list(gain.failed)}
                for name, gain in self.gains.items()
            },
            "scores": {
                name: {
                    id: {"score": v.score, "parts": v.parts, "failed": v.failed} for id, v in verdicts.items()
                }
                for name, verdicts in self.scores.items()
            },
            "curve": [dict(step) for step in self.curve],
            "evaluations": self.evaluations,
            "searches": {"asked": self.searches[0], "made": self.searches[1]},
            "spent": self.spent.as_dict(),
            "estimate": dict(self.estimate),
            "prompts": {"before": dict(self.before), "after": dict(self.after)},
            "notes": list(self.notes),
        }


def gain(
    before: Mapping[str, Verdict], after: Mapping[str, Verdict], questions: Mapping[str, Question], seed: int
) -> Gain:
    """Return what was gained, paired by question and clustered by the documents that they ask about."""
    ids = list(before)
    result = compare(
        [float(before[id].score) for id in ids],
        [float(after[id].score) for id in ids],
        clusters=groups_of([questions[id] for id in ids]),
        seed=seed,
    )
    failed = [sum(verdict.failed is not None for verdict in told.values()) for told in (before, after)]
    return Gain(result, (failed[0], failed[1]))


def write_report(found: Optimised) -> Path:
    """Write the report into the run's folder, whole or not at all; returns its path."""
    path = found.folder / REPORT
    text = json.dumps(found.as_dict(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    with storing(path):
        publish_file(path, [memoryview(text.encode())])
    return path
