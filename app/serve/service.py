"""What the service serves, and what it counts and bounds beside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ...programs.trace import CallRecord
from ..served import Served
from .gate import RequestGate
from .metrics import ServiceMetrics


@dataclass
class Service(Served):
    """Programs and indexes by name, their metrics, and the gate that requests go through."""

    on_call: Callable[[CallRecord], None] | None = None
    """Gets the record of every call, beside the metrics."""
    metrics: ServiceMetrics = field(default_factory=ServiceMetrics)
    ready: bool = False

    def __post_init__(self) -> None:
        limits = self.settings.limits
        self.gate = RequestGate(limits.at_once, limits.waiting)

    def load(self) -> None:
        """Load what is served, as `Served.load` does, and count what it does from then on."""
        super().load()
        for program in self.programs.values():
            program.on_call.add(self.metrics.call)
            if self.on_call is not None:
                program.on_call.add(self.on_call)
        self.metrics.watch(self.gate, self.generations)
        self.ready = True
