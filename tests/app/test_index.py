"""``quincunx index …`` and ``quincunx search``."""

from __future__ import annotations

from pathlib import Path
from typing import Any


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
    assert [entry["name"] for entry in quincunx("index", "list", "--json").json["indexes"]] == ["mine"]
    info = quincunx("index", "info", "mine", "--json").json
    assert info["identity"]["model"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert "MiniLM" in quincunx("index", "info", "mine").out
    asked = quincunx("ask", "chat_bridge", "how long do refunds take", "--index", "mine", "--json").json
    assert asked["citations"] == [
        {
            "passage_id": "a.md",
            "quote": "Refunds take five days.",
            "title": "Refunds",
            "link": "",
            "path": "a.md",
            "page": None,
            "place": "",
            "url": "a.md",
            "start": 11,
            "end": 34,
        }
    ]


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


def test_a_bad_corpus_line_leaves_nothing_behind(quincunx: Any, home: Path, tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text('{"_id": "a", "text": "x"}\n{oops\n')
    done = quincunx("index", "build", "mine", str(tmp_path))
    assert done.status == 1
    assert "corpus.jsonl:2: not JSON" in done.err.replace("\n", "")
    assert quincunx("index", "list", "--json").json["indexes"] == []


def test_the_list_of_indexes_is_a_table_in_which_an_unreadable_one_says_so(
    quincunx: Any, home: Path, tmp_path: Path
) -> None:
    assert "no index in" in quincunx("index", "list").out
    (tmp_path / "a.md").write_text("# Refunds\n\nRefunds take five days.\n")
    quincunx(
        "index", "build", "mine", str(tmp_path / "a.md"), "--chunk-tokens", "100", "--chunk-overlap", "0"
    )
    assert quincunx("index", "info", "mine", "--json").json["chunking"] == {"tokens": 100, "overlap": 0}
    (home / "indexes" / "broken").mkdir()
    (home / "indexes" / "broken" / "index.sqlite").write_text("no database")
    listed = quincunx("index", "list", "--json").json
    broken, mine = listed["indexes"]
    assert listed["home"] == str(home)
    assert (mine["name"], mine["documents"], mine["passages"], mine["kind"]) == ("mine", 1, 1, "flat")
    assert mine["model"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert mine["bytes"] > 1000
    assert mine["error"] is None
    assert (broken["name"], broken["documents"]) == ("broken", None)
    assert broken["error"]
    table = quincunx("index", "list")
    assert table.status == 0
    assert "documents" in table.out
    assert "cannot be" in table.out
