"""For an app's own tests: a run that must not be worse than the one that was kept.

from quincunx.eval.testing import require_gate

def test_answers_are_no_worse():
    require_gate("answers-new", against="answers-kept", measure="citation_recall", min_effect=0.02)
"""

from __future__ import annotations

from pathlib import Path

from .gate import Gate, gate
from .runs.ledger import RunLedger


def require_gate(
    run: RunLedger | str | Path,
    *,
    against: RunLedger | str | Path,
    measure: str,
    min_effect: float = 0.0,
    max_failed: float = 0.02,
    undecided_fails: bool = False,
) -> Gate:
    """Raise ``AssertionError``, with the figures, when a run is worse than another or cannot be judged.

    A run that has too few questions to tell passes unless ``undecided_fails``; see `gate` for the rest.
    """
    found = gate(run, against, measure, min_effect=min_effect, max_failed=max_failed)
    fails = {"worse", "too many failures"} | ({"cannot tell"} if undecided_fails else set())
    if found.verdict in fails:
        raise AssertionError(f"{found.verdict}: {found.reason}")
    return found
