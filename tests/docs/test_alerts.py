"""The alert rules of docs/operating.md are rules, and ask for metrics and labels that the service has."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from pages import ROOT, blocks

from quincunx.app.serve.gate import RequestGate
from quincunx.app.serve.metrics import ServiceMetrics

NOT_LABELS = {"le"}
"""Labels that Prometheus itself gives to the buckets of a histogram."""


def rules() -> list[dict[str, Any]]:
    (shown,) = (block for block in blocks(ROOT / "docs" / "operating.md") if block.title == "alerts.yaml")
    (group,) = yaml.safe_load(shown.code)["groups"]
    return list(group["rules"])


def labels_of_metrics() -> dict[str, set[str]]:
    """Return the labels of each name that a rule may ask for."""
    metrics = ServiceMetrics()
    metrics.watch(RequestGate(1, 1), lambda: {"builddaily": 1})
    collectors = metrics._registry._names_to_collectors
    return {name: set(getattr(collector, "_labelnames", ())) for name, collector in collectors.items()}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_a_rule_asks_for_metrics_and_labels_that_there_are(rule: dict[str, Any]) -> None:
    assert set(rule) == {"alert", "expr", "for"}
    assert re.fullmatch(r"\d+[mh]", rule["for"])
    known = labels_of_metrics()
    named = re.findall(r"\b(quincunx_\w+)(?:\{(.*?[^\\]\")\})?", rule["expr"])
    assert named
    for metric, selected in named:
        assert set(re.findall(r"(\w+)=", selected)) <= known[metric], metric
    grouped = {
        label for labels in re.findall(r"by \(([\w, ]+)\)", rule["expr"]) for label in labels.split(", ")
    }
    assert grouped - NOT_LABELS <= set.union(*(known[metric] for metric, _ in named))
    assert rule["expr"].count("(") == rule["expr"].count(")")
