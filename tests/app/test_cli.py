"""The command line: one JSON document on stdout, notes on stderr, exit 0, 1 or 2, and no traceback."""

from __future__ import annotations

import inspect
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from five_programs import SPECS
from ollama_server import OllamaServer

from quincunx.app.eval_commands import eval_retrieval
from quincunx.retrieval.settings import SearchSettings
from quincunx.retrieval.text.chunking import Chunking


def test_demo_shows_five_cited_answers(quincunx: Any, canons: Path) -> None:
    done = quincunx("demo", "--json")
    assert done.status == 0
    programs = done.json["programs"]
    assert programs.keys() == SPECS.keys()
    for answer in programs.values():
        texts = {passage["id"]: passage["text"] for passage in answer["passages"]}
        assert (len(texts), len(answer["candidates"])) == (5, 20)
        assert answer["answered"]
        assert answer["citations"]
        assert all(citation["quote"] in texts[citation["passage_id"]] for citation in answer["citations"])
    assert "there already" in done.err


def test_demo_reads_well_to_a_person(quincunx: Any, canons: Path) -> None:
    out = quincunx("demo").out
    assert out.count("20 candidates → 5 passages") == 5
    assert "No investment advice" in out
    assert "extractive" in out


def test_build_search_info_and_list(quincunx: Any, home: Path, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Refunds\n\nRefunds take five days.\n")
    (tmp_path / "b.txt").write_text("Shipping is free.")
    built = quincunx("index", "build", "mine", str(tmp_path / "a.md"), str(tmp_path / "b.txt"), "--json").json
    assert (built["index"], built["added"], built["passages"]) == ("mine", 2, 2)
    found = quincunx("search", "mine", "how long do refunds take", "-k", "2", "-n", "1", "--json").json
    assert [passage["id"] for passage in found["passages"]] == ["a.md"]
    assert len(found["candidates"]) == 2
    shown = quincunx("search", "mine", "refunds", "--explain")
    assert "2 candidates → 2 passages" in shown.out
    assert "Refunds take five days." in shown.out
    assert "–" in quincunx("search", "mine", "refunds", "--no-rerank", "--explain").out
    assert quincunx("index", "list", "--json").json["indexes"] == ["mine"]
    info = quincunx("index", "info", "mine", "--json").json
    assert info["identity"]["model"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert "MiniLM" in quincunx("index", "info", "mine").out
    asked = quincunx("ask", "chat_bridge", "how long do refunds take", "--index", "mine", "--json").json
    assert asked["citations"] == [{"passage_id": "a.md", "quote": "Refunds take five days."}]


def test_update_delete_verify_compact_and_export(quincunx: Any, home: Path, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Refunds\n\nRefunds take five days.\n")
    (tmp_path / "b.txt").write_text("Shipping is free.")
    quincunx("index", "build", "mine", str(tmp_path / "a.md"), "--json")
    updated = quincunx("index", "update", "mine", str(tmp_path / "b.txt"), "--json").json
    assert (updated["added"], updated["removed"], updated["passages"]) == (1, 0, 2)
    assert quincunx("index", "compact", "mine", "--kind", "hnsw", "--json").json["generation"] == 3
    assert quincunx("index", "info", "mine", "--json").json["snapshot"]["kind"] == "hnsw"
    assert quincunx("index", "export", "mine", str(tmp_path / "out"), "--json").json["documents"] == 2
    assert quincunx("index", "delete", "mine", "b.txt", "--json").json["removed"] == 1
    assert quincunx("index", "verify", "mine").status == 0
    (snapshot,) = [p for p in (home / "indexes" / "mine" / "snap").iterdir() if p.name.startswith("g4")]
    snapshot.write_bytes(snapshot.read_bytes()[:-1])
    verified = quincunx("index", "verify", "mine", "--json")
    assert verified.status == 1
    assert len(verified.json["faults"]) == 1
    searched = quincunx("search", "mine", "refunds")
    assert searched.status == 0
    assert "read from the database instead" in searched.err.replace("\n", " ")


def test_where_is_part_of_the_search_and_several_indexes_are_one(quincunx: Any, canons: Path) -> None:
    found = quincunx(
        "search", "paiddaily", "unlock", "--where", "kind=catalyst and date>=2024-01-01", "--json"
    ).json
    assert len(found["candidates"]) == 20
    assert all(c["passage"]["metadata"]["date"] >= "2024-01-01" for c in found["candidates"])
    both = quincunx("search", "builddaily,sagedaily", "Sage Daily readings", "--json").json
    assert both["passages"][0]["id"] == "builddaily/bd-sage-daily"
    assert (
        quincunx(
            "ask", "ticker_fit", "a tight range before the report", "--where", "kind=ticker", "--json"
        ).status
        == 0
    )


def test_saved_programs_are_listed_shown_compared_and_asked(
    quincunx: Any, canons: Path, tmp_path: Path
) -> None:
    import quincunx as package

    program = package.load("chat_bridge")
    program.save(tmp_path / "plain")
    program.predict.signature = program.predict.signature.with_instructions("Answer in one plain sentence.")
    try:
        program.save("terse")
        assert quincunx("programs", "list", "--json").json["saved"] == ["terse"]
        shown = quincunx("programs", "show", "terse", "--json").json
        assert shown["predictors"]["predict"]["instructions"] == "Answer in one plain sentence."
        changes = quincunx("programs", "diff", str(tmp_path / "plain"), "terse").out
        assert "+Answer in one plain sentence." in changes
        asked = quincunx("ask", "terse", "What is Sage?", "--json").json
        assert (asked["program"], asked["answered"]) == ("chat_bridge", True)
        assert quincunx("programs", "show", "nope").status == 2
    finally:
        shutil.rmtree(canons / "programs")


def test_doctor_examines_the_profile_and_every_index(quincunx: Any, canons: Path) -> None:
    report = quincunx("doctor", "--json")
    assert report.status == 0
    lines = {finding["what"]: finding for finding in report.json["findings"]}
    assert all(finding["ok"] for finding in lines.values())
    assert {"versions", "embedder", "reranker", "reranker: time", "index builddaily"} <= lines.keys()


def test_pull_lets_the_server_fetch_a_model(
    quincunx: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OllamaServer() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        assert quincunx("pull").out.strip() == "nomic-embed-text: there"
        assert [request.body["model"] for request in server.requests if request.path == "/api/pull"] == [
            "nomic-embed-text"
        ]
    assert quincunx("pull").status == 1


def test_doctor_says_what_mends_a_failing_line(
    quincunx: Any, canons: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    report = quincunx("doctor", "--profile", "ollama", "--json")
    assert report.status == 1
    failing = {finding["what"]: finding["remedy"] for finding in report.json["findings"] if not finding["ok"]}
    assert failing["embedder"] == "ollama serve"


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


def test_a_bad_corpus_line_leaves_nothing_behind(quincunx: Any, home: Path, tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text('{"_id": "a", "text": "x"}\n{oops\n')
    done = quincunx("index", "build", "mine", str(tmp_path))
    assert done.status == 1
    assert "corpus.jsonl:2: not JSON" in done.err.replace("\n", "")
    assert quincunx("index", "list", "--json").json["indexes"] == []


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


def test_the_command_that_measures_retrieval_searches_by_the_defaults() -> None:
    """They are written there again, so that ``--help`` need not load what searching takes."""
    defaults = {name: p.default for name, p in inspect.signature(eval_retrieval).parameters.items()}
    settings = SearchSettings().as_dict()
    shared = defaults.keys() & settings.keys()
    assert shared == {"k", "n", "final", "dense_weight", "lexical_weight"}
    assert {name: defaults[name] for name in shared} == {name: settings[name] for name in shared}
    assert (defaults["chunk_tokens"], defaults["chunk_overlap"]) == (Chunking().tokens, Chunking().overlap)
