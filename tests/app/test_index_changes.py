"""``quincunx index build|update|delete|docs|drop``: what they say of a change, done or only looked at."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "guide").mkdir(parents=True)
    (folder / "guide" / "returns.md").write_text("# Returns\n\nReturns are accepted for 30 days.\n")
    (folder / "delivery.md").write_text("# Delivery\n\nDelivery takes two days.\n")
    return folder


def test_an_update_of_a_nested_file_is_answered_from_alone(quincunx: Any, home: Path, docs: Path) -> None:
    quincunx("index", "build", "kb", str(docs))
    (docs / "guide" / "returns.md").write_text("# Returns\n\nReturns are accepted for 14 days.\n")
    updated = quincunx("index", "update", "kb", str(docs / "guide" / "returns.md"), "--json").json
    assert (updated["added"], updated["changed"]) == (0, 1)
    asked = quincunx(
        "ask", "chat_bridge", "For how long are returns accepted?", "--index", "kb", "--json"
    ).json
    cited = [{name: value for name, value in citation.items() if value} for citation in asked["citations"]]
    assert cited == [
        {
            "passage_id": "guide/returns.md",
            "quote": "Returns are accepted for 14 days.",
            "title": "Returns",
            "path": "guide/returns.md",
            "url": "guide/returns.md",
            "start": 11,
            "end": 44,
        }
    ]


def test_a_dry_run_names_the_ids_and_changes_nothing(quincunx: Any, home: Path, docs: Path) -> None:
    built = quincunx("index", "build", "kb", str(docs), "--dry-run", "--json").json
    assert built["dry_run"] is True
    assert built["ids"]["added"] == ["delivery.md", "guide/returns.md"]
    assert quincunx("index", "list", "--json").json["indexes"] == []
    quincunx("index", "build", "kb", str(docs))
    (docs / "delivery.md").unlink()
    (docs / "new.md").write_text("New.")
    shown = quincunx("index", "update", "kb", str(docs), "--prune", "--dry-run").out
    assert "nothing was written" in shown
    assert "removed: ids" in shown
    assert "new.md" in shown
    deleted = quincunx("index", "delete", "kb", "delivery.md", "--dry-run", "--json").json
    assert (deleted["removed"], deleted["ids"]["removed"]) == (1, ["delivery.md"])
    held = quincunx("index", "docs", "kb", "--json").json
    assert [document["id"] for document in held["documents"]] == ["delivery.md", "guide/returns.md"]


def test_docs_lists_documents_and_roots(quincunx: Any, home: Path, docs: Path) -> None:
    quincunx("index", "build", "kb", f"shop={docs}")
    listed = quincunx("index", "docs", "kb", "--json").json
    assert [(root["path"], root["name"]) for root in listed["roots"]] == [(str(docs), "shop")]
    assert listed["documents"][1] == {
        "id": "shop/guide/returns.md", "title": "Returns", "passages": 1, "source": f"{docs}/guide/returns.md", "root": "shop",
    }  # fmt: skip
    table = quincunx("index", "docs", "kb").out
    assert "shop/delivery.md" in table
    assert "Returns" in table


def test_drop_asks_first(quincunx: Any, home: Path, docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quincunx("index", "build", "kb", str(docs))
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda prompt: "n")
    assert quincunx("index", "drop", "kb").status == 1
    assert (home / "indexes" / "kb").is_dir()
    assert quincunx("index", "drop", "kb", "--yes", "--json").json["index"] == "kb"
    assert not (home / "indexes" / "kb").exists()
    assert (docs / "delivery.md").exists()
    assert quincunx("index", "drop", "kb", "--yes").status == 2


def test_what_was_left_out_is_all_in_the_json_and_counted_in_the_table(
    quincunx: Any, home: Path, docs: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(5):
        (docs / f"{number}.bin").write_text("x")
    (docs / "old.txt").write_bytes("Für Rückfragen: die Geschäftsstelle öffnet um neun.".encode("latin-1"))
    (docs / "empty.md").write_text("")
    built = quincunx("index", "build", "kb", str(docs), "--json")
    assert built.json["read"] == {".md": 2, ".txt": 1}
    assert {(Path(skip["path"]).name, skip["reason"]) for skip in built.json["skipped"]} == {
        *((f"{number}.bin", "unknown_kind") for number in range(5)), ("empty.md", "empty"),
    }  # fmt: skip
    assert built.json["encodings"] == {f"{docs}/old.txt": "cp1252"}
    assert "5 files of kinds that nothing reads" in caplog.text
    table = quincunx("index", "update", "kb", str(docs)).out
    assert "5 unknown_kind, 1 empty" in table
    assert "2 .md, 1 .txt" in table
    refused = quincunx("index", "build", "kb", str(docs), "--strict")
    assert refused.status == 1
    assert "error [bad_corpus]" in refused.err
    kept = quincunx(
        "index", "build", "kb", str(docs), "--strict", "--include", "*.md", "--include", "*.txt", "--exclude", "empty.md", "--json"
    )  # fmt: skip
    assert (kept.status, kept.json["unchanged"]) == (0, 3)


def test_a_document_that_became_empty_is_removed_and_that_is_said(
    quincunx: Any, home: Path, docs: Path, caplog: pytest.LogCaptureFixture
) -> None:
    quincunx("index", "build", "kb", str(docs))
    (docs / "delivery.md").write_text("")
    updated = quincunx("index", "update", "kb", str(docs), "--json")
    assert updated.json["notices"] == [f"removed 'delivery.md': {docs}/delivery.md is empty"]
    assert "removed 'delivery.md'" in caplog.text


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_file_names_of_any_bytes_never_end_in_a_traceback(home: Path, tmp_path: Path, encoding: str) -> None:
    """The whole command line, as a process whose streams hold no more than their encoding does."""
    folder = os.fsencode(tmp_path / "docs")
    os.makedirs(folder)
    for name in (b"caf\xe9.md", b"new\nline.md", b"\xff.bin", "冬.md".encode()):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(b"# Hours\n\nThe office opens at nine.\n")

    def run(*arguments: str | bytes) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "quincunx.app", *arguments],
            capture_output=True,
            check=False,
            env={**os.environ, "PYTHONIOENCODING": encoding},
        )

    dry = run("index", "build", "kb", folder, "--dry-run")
    assert (dry.returncode, b"Traceback" in dry.stderr) == (0, False)
    dry = run("index", "build", "kb", folder, "--dry-run", "--json")
    assert (dry.returncode, b"caf\\\\xe9.md" in dry.stdout) == (0, True)
    missing = run("index", "build", "kb", folder + b"/no\xe9.md", "--json")
    assert (missing.returncode, b"Traceback" in missing.stderr) == (1, False)
    assert b"no such file" in missing.stdout
