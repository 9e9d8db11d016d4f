"""For an app's own tests: a run that must not be worse than the one that was kept.

from quincunx.eval.testing import require_gate

def test_answers_are_no_worse():
    require_gate("answers-new", against="answers-kept", measure="citation_recall", min_effect=0.02)
"""

from __future__ import annotations

from pathlib import Path

from .compare import Gate, gate
from .runs.ledger import open_run


def require_gate(
    run: str | Path,
    *,
    against: str | Path,
    measure: str,
    min_effect: float = 0.0,
    max_failed: float = 0.02,
    undecided_fails: bool = False,
) -> Gate:
    """Raise ``AssertionError``, with the figures, when a run is worse than another or cannot be judged.

    A run of which n cannot tell passes unless ``undecided_fails``; see `comparing.gate` for the rest.
    """
    with open_run(run) as judged, open_run(against) as kept:
        found = gate(judged, kept, measure, min_effect=min_effect, max_failed=max_failed)
    fails = {"worse", "too many failures"} | ({"cannot tell"} if undecided_fails else set())
    if found.verdict in fails:
        raise AssertionError(f"{found.verdict}: {found.reason}")
    return found
