"""Which format a reranker computes in by itself: the fastest of those that keep the order of float32, or float32."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .fidelity import Fidelity
from .formats import CANDIDATES, Precision

WORTH = 1.3
"""How many times faster than float32 another format must be, for what it costs in exactness."""
PREFERRED = 1.15
"""How many times faster than bf16 int8 or fp16 must be: the one is less exact, the other overflows sooner."""
_SAFEST_FIRST = tuple(dict.fromkeys(name for names in CANDIDATES.values() for name in names))


@dataclass(frozen=True)
class FormatTrial:
    """What the probe found of one format with the loaded weights."""

    speed: float
    """Times as fast as float32 for the same pairs."""
    fidelity: Fidelity
    """How much of float32's order it kept."""

    @property
    def passes(self) -> bool:
        """Whether it may be chosen: clearly faster, and it keeps the order."""
        return self.speed > WORTH and self.fidelity.keeps_order


def fastest_faithful(trials: Mapping[Precision, FormatTrial]) -> Precision:
    """Return the fastest format that passes, bf16 where no other is clearly faster than it, float32 where none does."""
    passing = [name for name in _SAFEST_FIRST if name in trials and trials[name].passes]
    weight = {"bf16": PREFERRED}
    return max(passing, key=lambda name: weight.get(name, 1.0) * trials[name].speed, default="fp32")


@dataclass(frozen=True)
class PrecisionReport:
    """The format that a reranker computes in, and what is known of it and of the others here."""

    precision: Precision
    forced: bool
    """Whether a setting asked for it; else the probe chose it."""
    trials: Mapping[Precision, FormatTrial] = field(default_factory=dict)
    """What was measured of formats other than float32; those that a linear layer showed to be slow are not there."""

    @property
    def speed(self) -> float | None:
        """Times as fast as float32; ``None`` where it was not measured."""
        if self.precision == "fp32":
            return 1.0
        return self.trials[self.precision].speed if self.precision in self.trials else None

    @property
    def fidelity(self) -> Fidelity | None:
        """How much of float32's order it keeps; ``None`` where it was not measured."""
        if self.precision == "fp32":
            return Fidelity.exact()
        return self.trials[self.precision].fidelity if self.precision in self.trials else None

    def as_dict(self) -> dict[str, Any]:
        """Return what it says as JSON values."""
        fidelity = self.fidelity
        return {
            "precision": self.precision,
            "forced": self.forced,
            "speed": self.speed,
            "fidelity": None if fidelity is None else asdict(fidelity),
            "text": str(self),
        }

    def __str__(self) -> str:
        """Say the format with both figures, and why faster ones were left."""
        said = f"{self.precision}, {'asked for' if self.forced else 'chosen by the probe'}"
        if self.precision != "fp32":
            said += f": {_figures(self.speed, self.fidelity)}"
        if self.forced:
            return said
        left = [
            f"{name} left: {_figures(trial.speed, trial.fidelity)}"
            for name, trial in self.trials.items()
            if name != self.precision
        ]
        return "; ".join([said, *left])


def _figures(speed: float | None, fidelity: Fidelity | None) -> str:
    if speed is None or fidelity is None:
        return "speed and fidelity to fp32 unknown"
    return f"{speed:.1f}× as fast as fp32, {fidelity}"
