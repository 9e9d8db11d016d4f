"""A gate: whether a run is worse than the one that was kept, failing only on what is certain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..retrieval.errors import BoundError
from .compare import MeasureComparison, compare
from .results import opened
from .runs.ledger import RunLedger

GateVerdict = Literal["holds", "worse", "cannot tell", "too many failures"]
EXIT_STATUS: Mapping[GateVerdict, int] = {"holds": 0, "worse": 1, "cannot tell": 3, "too many failures": 4}


@dataclass(frozen=True)
class Gate:
    """Whether a run may pass."""

    verdict: GateVerdict
    reason: str
    measured: MeasureComparison | None
    """``None`` where nothing was judged."""

    @property
    def exit_status(self) -> int:
        """What the command line exits with: 0 for a run that holds."""
        return EXIT_STATUS[self.verdict]


def gate(
    run: RunLedger | str | Path,
    against: RunLedger | str | Path,
    measure: str,
    *,
    min_effect: float = 0.0,
    max_failed: float = 0.02,
) -> Gate:
    """Say whether a run is worse than another in one measure, declared in advance.

    ``holds``: it is no worse, or by less than ``min_effect`` for certain. ``worse``: it is, by the test and by at least
    ``min_effect``. ``cannot tell``: the interval allows for a loss of ``min_effect`` or more, and n does not settle it.
    ``too many failures``: more than ``max_failed`` of either run's examples failed or are missing, so nothing is judged.

    Args:
        run: the run that is judged, its name or its folder.
        against: the run that is to be kept up with.
        measure: such as ``recall@5`` or ``citation_recall``.
        min_effect: a loss below this does not count, in the unit of the measure.
        max_failed: a share of the examples, from 0 to 1.

    Raises:
        BoundError: ``min_effect`` or ``max_failed`` outside 0 to 1. UsageError, UnknownRunError: see `compare`.
    """
    for name, value in (("min_effect", min_effect), ("max_failed", max_failed)):
        if not 0 <= value <= 1:
            raise BoundError(f"{name} must be from 0 to 1 (got {value})")
    with opened(run) as judged, opened(against) as kept:
        for each in (judged, kept):
            if reason := _too_many_failures(each, max_failed):
                return Gate("too many failures", reason, None)
        measured = compare(kept, judged, [measure]).measures[0]
    result = measured.result
    if measured.outcome == "worse" and -result.difference >= min_effect:
        return Gate("worse", f"{measured}, p={result.p:.3g}", measured)
    if result.low >= -min_effect or not result.losses or measured.outcome == "better":
        return Gate("holds", str(measured), measured)
    return Gate("cannot tell", f"{measured}: {measured.verdict}", measured)


def _too_many_failures(run: RunLedger, max_failed: float) -> str | None:
    """Say in words why nothing can be judged by a run; ``None`` where it can."""
    total, rows = len(run.questions()), run.rows()
    failed, missing = sum(row.failed for row in rows.values()), total - len(rows)
    if failed + missing <= max_failed * total:
        return None
    return (
        f"{failed} of {total} examples of {run.name} failed and {missing} are missing, more than "
        f"{max_failed:.0%}: nothing is judged"
    )
