"""``quincunx eval retrieval``, ``eval answers`` and ``eval list``, on a small gold set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from gold_sets import hashing_profile, write_gold


def test_runs_are_listed_with_their_headline_figure_and_an_unreadable_one_says_so(
    quincunx: Any, home: Path, tmp_path: Path
) -> None:
    gold = str(write_gold(tmp_path / "gold"))
    assert "no run in" in quincunx("eval", "list").out
    run = quincunx("eval", "retrieval", gold, "--profile", hashing_profile(), "-n", "3", "--json").json
    assert run["header"]["search"]["n"] == 3
    quincunx("eval", "answers", "chat_bridge", gold, "--profile", hashing_profile(), "-n", "2", "--json")
    (home / "runs" / "broken").mkdir()
    (home / "runs" / "broken" / "header.json").write_text("{}")
    listed = {entry["kind"]: entry for entry in quincunx("eval", "list", "--json").json["runs"]}
    retrieval, answers, broken = listed["retrieval"], listed["answers"], listed[None]
    assert (retrieval["data"], retrieval["split"], retrieval["program"]) == ("gold", "test", None)
    assert (retrieval["n"], retrieval["done"], retrieval["measure"]) == (8, 8, "recall@3")
    assert retrieval["value"] == pytest.approx(run["stages"]["final"]["recall@3"]["mean"])
    assert (answers["program"], answers["measure"], answers["done"]) == (
        "chat_bridge",
        "answered rightly",
        10,
    )
    assert 0 <= answers["value"] <= 1
    assert (retrieval["lm"], retrieval["profile"], retrieval["settings"]) == (None, "hashing", {"n": 3})
    assert (answers["lm"], answers["settings"]) == ("extractive/all-MiniLM-L6-v2", {"n": 2})
    assert (retrieval["tokens"], answers["tokens"]) == (None, None)
    assert broken["name"] == "broken"
    assert broken["error"]
    table = quincunx("eval", "list")
    assert table.status == 0
    assert "figure" in table.out
