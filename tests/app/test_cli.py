"""The command line as a whole: one JSON document on stdout, notes on stderr, exit 0, 1 or 2, and no traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("arguments", "code", "status"),
    [
        (("search", "nope", "x"), "unknown_index", 2),
        (("index", "info", "nope"), "unknown_index", 2),
        (("ask", "nope", "x"), "unknown_program", 2),
        (("ask", "chat_bridge", " "), "empty_question", 2),
        (("search", "builddaily", ""), "empty_question", 2),
        (("search", "builddaily", "x", "-k", "3", "-n", "4"), "bad_bound", 2),
        (("search", "builddaily", "x", "-n", "0"), "bad_bound", 2),
        (("search", "builddaily", "x", "--profile", "nope"), "unknown_profile", 2),
        (("search", "builddaily", "x", "--where", "site="), "bad_filter", 2),
        (("search", "builddaily", "x", "--collapse", "2"), "bad_bound", 2),
        (("index", "compact", "builddaily", "--kind", "tree"), "bad_bound", 2),
        (("index", "delete", "builddaily", "nope"), "bad_corpus", 1),
        (("index", "update", "nope", "."), "unknown_index", 2),
        (("index", "build", "../x", "."), "bad_name", 2),
        (("index", "build", "x", "/no/such/folder"), "bad_corpus", 1),
        (("eval", "retrieval", "/no/such/folder"), "bad_gold_set", 1),
        (("eval", "sweep", ".", "--n", "5.5"), "bad_bound", 2),
    ],
)
def test_each_fault_is_one_typed_line(
    quincunx: Any, canons: Path, arguments: tuple[str, ...], code: str, status: int
) -> None:
    done = quincunx(*arguments)
    assert (done.status, done.out) == (status, "")
    assert f"error [{code}]: " in done.err.replace("\n", " ")
    assert "Traceback" not in done.err
    assert quincunx(*arguments, "--json").json["error"]["code"] == code


def test_missing_weights_name_the_extra(quincunx: Any, canons: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from quincunx.retrieval.models import profiles, weights

    monkeypatch.setitem(sys.modules, weights.MINILM_PACKAGE, None)
    monkeypatch.setattr(profiles, "_loaded", {})
    done = quincunx("search", "builddaily", "x")
    assert done.status == 1
    assert "error [missing_weights]" in done.err
    assert "quincunx[embedded]" in done.err


def test_wrong_use_exits_with_2() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "quincunx.app", "search"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "Usage" in done.stderr
