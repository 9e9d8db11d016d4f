"""The metrics that a service exposes, with the labels of each."""

from __future__ import annotations

from quincunx.app.serve.gate import RequestGate
from quincunx.app.serve.metrics import ServiceMetrics


def metric_labels() -> dict[str, list[str]]:
    """Return the labels of each metric by its name, that of a counter with ``_total``."""
    metrics = ServiceMetrics()
    metrics.watch(RequestGate(1, 1), dict)
    labels: dict[str, list[str]] = {}
    for collector in set(metrics._registry._collector_to_names):
        for family in collector.collect():
            name = f"{family.name}_total" if family.type == "counter" else family.name
            # A metric of the library knows its labels itself; one that is made when it is asked for, says them then.
            holder = collector if hasattr(collector, "_labelnames") else family
            labels[name] = list(getattr(holder, "_labelnames", ()))
    return labels
