"""Where the number format of the reranker is told: the doctor, a search, a run and its report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from checkpoints import bge
from gold_sets import write_gold

from quincunx import open_index
from quincunx.eval.report.summary import facts
from quincunx.retrieval.models.options import ModelOptions
from quincunx.retrieval.models.profiles import embedded_profile


@pytest.fixture
def cross_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cross-encoder that every profile reranks with."""
    folder = bge(tmp_path / "mine")
    monkeypatch.setenv("QUINCUNX_CROSS_ENCODER", str(folder))
    return folder


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("bf16", "bf16, asked for: speed and fidelity to fp32 unknown"),
        ("int8", "int8, asked for: speed and fidelity to fp32 unknown"),
        ("fp32", "fp32, asked for"),
    ],
)
def test_the_doctor_names_a_format_that_was_asked_for(
    quincunx: Any,
    home_of_canons: Path,
    cross_encoder: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: str,
    told: str,
) -> None:
    monkeypatch.setenv("QUINCUNX_PRECISION", asked)
    findings = {finding["what"]: finding for finding in quincunx("doctor", "--json").json["findings"]}
    assert findings["reranker: number format"]["detail"] == told


def test_the_doctor_names_what_the_probe_chose_and_a_reranker_without_a_choice_has_no_such_line(
    quincunx: Any, home_of_canons: Path, cross_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUINCUNX_PRECISION", "auto")
    findings = {
        finding["what"]: finding["detail"] for finding in quincunx("doctor", "--json").json["findings"]
    }
    assert "chosen by the probe" in findings["reranker: number format"]
    monkeypatch.delenv("QUINCUNX_CROSS_ENCODER")
    assert "reranker: number format" not in quincunx("doctor").out


def test_a_search_says_what_its_reranker_computed_in(
    quincunx: Any, home_of_canons: Path, cross_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUINCUNX_PRECISION", "bf16")
    told = quincunx("search", "builddaily", "Sage", "--json").json["precision"]
    assert (told["precision"], told["forced"], told["speed"], told["fidelity"]) == ("bf16", True, None, None)
    monkeypatch.delenv("QUINCUNX_CROSS_ENCODER")
    assert quincunx("search", "builddaily", "Sage", "--json").json["precision"] is None
    profile = embedded_profile(ModelOptions(cross_encoder=cross_encoder, precision="fp32"))
    found = open_index("builddaily", profile=profile).search("What is Sage Daily?")
    assert found.precision is not None
    assert (found.precision.precision, found.precision.speed) == ("fp32", 1.0)


def test_a_run_names_the_format_and_goes_on_where_only_its_figures_differ(
    quincunx: Any, home: Path, tmp_path: Path, cross_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUINCUNX_PRECISION", "bf16")
    gold, out = str(write_gold(tmp_path / "gold")), tmp_path / "run"
    command = ("eval", "retrieval", gold, "--out", str(out), "--json")
    report = quincunx(*command).json
    path = out / "header.json"
    header = json.loads(path.read_text())
    assert header["precision"]["text"] == "bf16, asked for: speed and fidelity to fp32 unknown"
    assert ("number format", header["precision"]["text"]) in facts(header)
    assert "precision" not in report["header"]  # no duration is in it
    header["precision"]["speed"] = 2.5
    path.write_text(json.dumps(header))
    again = quincunx(*command)
    assert again.status == 0
    assert again.json["counts"] == report["counts"]
