"""What an optimisation came to, as a person reads it on a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType

from ...eval.optimise.result import Gain, OptimizationResult
from .text import table_of, with_words


def optimised_tables(found: OptimizationResult) -> Iterator[RenderableType]:
    """The gain on the test questions, and what was spent for it."""
    columns = ("seed", "against", "from", "to", "difference", "failed", "verdict")
    table = with_words(table_of("gain on the test questions, paired", *columns), "against", "verdict")
    for gain in found.gains:
        table.add_row(*_gain_cells(gain, found.seed))
    yield table
    spent, estimate = found.spent, found.estimate
    usd = "" if spent.usd is None else f", ${spent.usd:.4f}"
    yield (
        f"{spent.calls} calls of language models (about {estimate.calls} expected, {spent.failed} failed), "
        f"{spent.input_tokens + spent.output_tokens:,} tokens{usd}; {found.evaluations} answers of the program, "
        f"{found.searches[1]} searches made of {found.searches[0]} asked for; look {found.look} at these test questions"
    )


def _gain_cells(gain: Gain, chosen: int) -> list[str]:
    result = gain.result
    return [
        "mean" if gain.seed is None else f"{gain.seed}{' (saved)' * (gain.seed == chosen)}",
        gain.baseline,
        f"{result.mean_a:.3f}",
        f"{result.mean_b:.3f}",
        f"{result.difference:+.3f} [{result.low:.3f}, {result.high:.3f}]",
        f"{gain.failed[0]:g} → {gain.failed[1]:g}",
        result.verdict,
    ]
