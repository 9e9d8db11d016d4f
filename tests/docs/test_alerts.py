"""The alert rules of docs/operating.md are rules, and ask for metrics and labels that the service has."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from metric_labels import metric_labels
from pages import ROOT, blocks

OF_HISTOGRAM = ("_bucket", "_count", "_sum")
NOT_LABELS = {"le"}
"""Labels that Prometheus itself gives to the buckets of a histogram."""


def rules() -> list[dict[str, Any]]:
    (shown,) = (block for block in blocks(ROOT / "docs" / "operating.md") if block.title == "alerts.yaml")
    (group,) = yaml.safe_load(shown.code)["groups"]
    return list(group["rules"])


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_a_rule_asks_for_metrics_and_labels_that_there_are(rule: dict[str, Any]) -> None:
    assert set(rule) == {"alert", "expr", "for"}
    assert re.fullmatch(r"\d+[mh]", rule["for"])
    known = {
        name + part: set(labels) for name, labels in metric_labels().items() for part in ("", *OF_HISTOGRAM)
    }
    named = re.findall(r"\b(quincunx_\w+)(?:\{(.*?[^\\]\")\})?", rule["expr"])
    assert named
    for metric, selected in named:
        assert set(re.findall(r"(\w+)=", selected)) <= known[metric], metric
    grouped = {
        label for labels in re.findall(r"by \(([\w, ]+)\)", rule["expr"]) for label in labels.split(", ")
    }
    assert grouped - NOT_LABELS <= set.union(*(known[metric] for metric, _ in named))
    assert rule["expr"].count("(") == rule["expr"].count(")")
