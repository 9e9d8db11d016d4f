"""What reading a corpus leaves out: every path is named with its reason, and nothing ends the whole."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from gold_sets import hashing_profile

import quincunx
from quincunx.eval.goldsets.check import check_gold_set
from quincunx.retrieval.corpus.read_report import ASKED_FOR, REASONS
from quincunx.retrieval.corpus.reading import Corpus, read_corpus, read_documents
from quincunx.retrieval.errors import CorpusError


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, data in files.items():
        path = os.path.join(os.fsencode(folder), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Path(os.fsdecode(path)).write_bytes(data.encode() if isinstance(data, str) else data)
    return folder


def skips(corpus: Corpus, folder: Path) -> dict[str, str]:
    return {skip.path.removeprefix(f"{folder}/"): skip.reason for skip in corpus.report.skipped}


def ids(corpus: Corpus) -> list[str]:
    return [document.id for document in corpus.documents]


def test_everything_that_is_left_out_is_named_with_its_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(
        tmp_path,
        {
            "a.md": "Text.", "b.TXT": "Text.", ".env.md": "no", ".git/x.md": "no", "node_modules/p/readme.md": "no",
            "sub/__pycache__/c.md": "no", "c.bin": b"%PDF", "d.iso": "{}", "README": "no", "e.md": "", "f.txt": " \n\t",
            "g.md": b"a\0b", ".gitignore": "h.md\n", "h.md": "no",
        },
    )  # fmt: skip
    (tmp_path / "gone.md").symlink_to("nowhere.md")
    (tmp_path / "round").symlink_to(".")
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "folder.md").mkdir()
    corpus = read_corpus(tmp_path)
    assert ids(corpus) == ["a.md", "b.TXT"]
    assert skips(corpus, tmp_path) == {
        ".env.md": "hidden", ".git": "hidden", "node_modules": "tool_folder", "sub/__pycache__": "tool_folder",
        "c.bin": "unknown_kind", "d.iso": "unknown_kind", "README": "unknown_kind", "e.md": "empty", "f.txt": "empty",
        "g.md": "binary", "h.md": "ignored", "gone.md": "dangling_link", "round": "already_read", "pipe.md": "not_a_file",
    }  # fmt: skip
    assert corpus.report.read == {".md": 1, ".txt": 1}
    corpus.report.log()
    assert "3 files of kinds that nothing reads were left out: " in caplog.text
    assert all(reason in REASONS for reason in skips(corpus, tmp_path).values())


def test_the_log_names_the_first_few_of_each_reason(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, {"a.md": "Text.", **{f"{i}.bin": "x" for i in range(9)}})
    with caplog.at_level(logging.WARNING):
        read_documents(tmp_path)
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("9 files of kinds that nothing reads")
    assert line.endswith(f"{tmp_path}/0.bin, {tmp_path}/1.bin, {tmp_path}/2.bin, and 6 more")


def test_linked_files_and_folders_are_read_once_at_their_own_place_first(tmp_path: Path) -> None:
    docs = write(tmp_path / "docs", {"hours.md": "We open at nine.", "z/own.md": "Own."})
    write(tmp_path / "shared", {"prices.md": "A pallet costs forty euro.", "sub/more.md": "More."})
    (docs / "shared").symlink_to("../shared")
    (docs / "a-copy").symlink_to("z")
    (docs / "b.md").symlink_to("hours.md")
    (docs / "again").symlink_to(tmp_path / "shared" / "sub")
    (tmp_path / "shared" / "back").symlink_to(docs)
    corpus = read_corpus(docs)
    assert ids(corpus) == ["again/more.md", "hours.md", "shared/prices.md", "z/own.md"]
    assert skips(corpus, docs) == {
        "a-copy": "already_read", "b.md": "already_read", "shared/back": "already_read", "shared/sub": "already_read",
    }  # fmt: skip


def test_links_that_lead_in_circles_or_nowhere_end_nothing(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "Text.", "x/b.md": "Text."})
    for name, target in {
        "x/up": "..",
        "self.md": "self.md",
        "p": "q",
        "q": "p",
        "x/file.md": "../a.md/below",
    }.items():
        (tmp_path / name).symlink_to(target)
    corpus = read_corpus(tmp_path)
    assert ids(corpus) == ["a.md", "x/b.md"]
    assert skips(corpus, tmp_path) == {
        "x/up": "already_read", "self.md": "dangling_link", "p": "dangling_link", "q": "dangling_link",
        "x/file.md": "dangling_link",
    }  # fmt: skip


def test_two_names_of_one_file_are_two_documents_if_neither_is_a_link(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "Text."})
    os.link(tmp_path / "a.md", tmp_path / "b.md")
    assert ids(read_corpus(tmp_path)) == ["a.md", "b.md"]


def test_a_file_that_cannot_be_read_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "Text."})
    (tmp_path / "broken.md").symlink_to("/proc/self/mem")  # opens, but reading it is an error
    corpus = read_corpus(tmp_path)
    assert ids(corpus) == ["a.md"]
    assert skips(corpus, tmp_path) == {"broken.md": "unreadable"}


@pytest.mark.skipif(os.geteuid() != 0, reason="takes a second user")
def test_what_permissions_forbid_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "Text.", "locked.md": "no", "closed/b.md": "no"})
    # What is imported at the first reading is imported before: the second user may not read the environment.
    code = (
        "import os, sys, json; from quincunx.retrieval.corpus.reading import read_corpus; read_corpus(sys.argv[1]); "
        "os.setgroups([]); os.setuid(65534); c = read_corpus(sys.argv[1]); "
        "print(json.dumps([[d.id for d in c.documents], [[s.path, s.reason] for s in c.report.skipped]]))"
    )
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == "root" and folder != Path("/") and not folder.stat().st_mode & 0o005:
            folder.chmod(0o755)
    (tmp_path / "locked.md").chmod(0)
    (tmp_path / "closed").chmod(0o700)
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )
    read, skipped = json.loads(done.stdout)
    assert read == ["a.md"]
    assert skipped == [[f"{tmp_path}/closed", "unreadable"], [f"{tmp_path}/locked.md", "unreadable"]]


def test_a_document_with_a_title_alone_is_indexed_by_it(home: Path, tmp_path: Path) -> None:
    rows = [
        {"_id": "a", "title": "Parcels", "text": "Parcels are kept for seven days."},
        {"_id": "b", "title": "Ferries sail every hour", "text": ""},
        {"_id": "c", "title": " ", "text": " "},
    ]
    write(
        tmp_path,
        {
            "corpus.jsonl": "\n".join(map(json.dumps, rows)),
            "page/d.md": "---\ntitle: Trams stop at ten\n---\n",
        },
    )
    corpus = read_corpus([tmp_path / "corpus.jsonl", tmp_path / "page"])
    assert ids(corpus) == ["a", "b", "d.md"]
    assert skips(corpus, tmp_path) == {"corpus.jsonl:3": "empty"}
    quincunx.build_index("kb", [tmp_path / "corpus.jsonl", tmp_path / "page"], profile=hashing_profile())
    found = quincunx.open_index("kb", profile=hashing_profile()).search("how often do ferries sail")
    passage = next(c.passage for c in found.candidates if c.lexical_rank == 1)
    assert (passage.id, passage.title, passage.text, passage.reading) == (
        "b",
        *["Ferries sail every hour"] * 1,
        "",
        "Ferries sail every hour",
    )
    assert [d.passages for d in quincunx.index_documents("kb")] == [1, 1, 1]


def test_a_title_alone_can_be_quoted(home: Path, tmp_path: Path) -> None:
    write(
        tmp_path, {"corpus.jsonl": json.dumps({"_id": "b", "title": "Ferries sail every hour", "text": ""})}
    )
    quincunx.build_index("kb", tmp_path)
    answer = quincunx.load("chat_bridge", index="kb")(question="How often do ferries sail?")
    assert [(c.passage_id, c.quote) for c in answer.citations] == [("b", "Ferries sail every hour")]


def test_gold_that_is_a_title_alone_is_measured(home: Path, tmp_path: Path) -> None:
    rows = [{"_id": "a", "title": "Parcels", "text": "Parcels are kept for seven days."}, {"_id": "b", "title": "Ferries sail every hour", "text": ""}]  # fmt: skip
    asked = [
        {"_id": "q1", "text": "How often do ferries sail?"},
        {"_id": "q2", "text": "How long are parcels kept?"},
    ]
    write(
        tmp_path / "gold",
        {
            "corpus.jsonl": "\n".join(map(json.dumps, rows)), "queries.jsonl": "\n".join(map(json.dumps, asked)),
            "qrels/test.tsv": "query-id\tcorpus-id\tscore\nq1\tb\t1\nq2\ta\t1\n",
        },
    )  # fmt: skip
    assert [finding.kind for finding in check_gold_set(tmp_path / "gold")] == ["no_manifest"]
    run = quincunx.evaluate_retrieval(tmp_path / "gold", profile=hashing_profile(), out=tmp_path / "run")
    found = {id: row.record["held"] for id, row in run.rows().items()}
    assert found == {"q1": {"b": ["b"]}, "q2": {"a": ["a"]}}


NAMES = {
    b"caf\xe9.md": "caf\\xe9.md", "café.md".encode(): "café.md", b"caf\\xe9.md": "caf\\x5cxe9.md", b"cafe\xcc\x81.md": "cafe\u0301.md",
    b"Cafe.md": "Cafe.md", b"cafe.md": "cafe.md", b"new\nline.md": "new\nline.md", b"a#0-5.md": "a#0-5.md", b"a%20b.md": "a%20b.md",
    b"a b.md": "a b.md", b"\xff\xfe/\x80.txt": "\\xff\\xfe/\\x80.txt", b"x" * 250 + b".md": "x" * 250 + ".md", b"-rf.md": "-rf.md",
    b"\xed\xa0\x80.md": "\\xed\\xa0\\x80.md",
}  # fmt: skip


def test_names_of_any_bytes_get_readable_ids_that_stay_apart(home: Path, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    for number, name in enumerate(NAMES):
        write(docs, {os.fsdecode(name): f"Text number {number}."})
    report = quincunx.build_index("kb", docs, profile=hashing_profile())
    assert report.added == len(NAMES)
    held = {document.id: document for document in quincunx.index_documents("kb")}
    assert held.keys() == set(NAMES.values())
    for number, (name, id) in enumerate(NAMES.items()):
        write(docs, {os.fsdecode(name): f"Changed {number}."})
        changed = quincunx.update_index("kb", docs / os.fsdecode(name), profile=hashing_profile())
        assert changed.changes.changed == (id,)
    assert quincunx.delete_documents("kb", list(NAMES.values())[:5]).removed == 5


def test_files_beside_a_corpus_are_named(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "corpus.jsonl": '{"_id": "a", "text": "x"}', "queries.jsonl": "", "qrels/test.tsv": "", "manifest.json": "{}",
            "README.md": "Read me.", "notes/more.txt": "More.", "LICENSE": "Mine.", ".hidden.md": "no",
        },
    )  # fmt: skip
    (tmp_path / "link.md").symlink_to("README.md")
    corpus = read_corpus(tmp_path)
    assert ids(corpus) == ["a"]
    assert skips(corpus, tmp_path) == {
        "README.md": "beside_corpus", "notes/more.txt": "beside_corpus", "LICENSE": "unknown_kind", ".hidden.md": "hidden",
        "link.md": "beside_corpus",
    }  # fmt: skip
    assert read_corpus(tmp_path / "corpus.jsonl").report.skipped == ()


def test_a_corpus_in_another_encoding_is_read(tmp_path: Path) -> None:
    row = '{"_id": "ä", "title": "Größe", "text": "Die Geschäftsstelle öffnet für Rückfragen um neun."}'
    write(
        tmp_path, {"one.jsonl": row.encode("utf-16"), "two.jsonl": row.replace("ä", "ö", 1).encode("latin-1")}
    )
    corpus = read_corpus([tmp_path / "one.jsonl", tmp_path / "two.jsonl"])
    assert [(d.id, d.title) for d in corpus.documents] == [("ä", "Größe"), ("ö", "Größe")]
    assert len(corpus.report.encodings) == 2


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"b.md": ""}, "b.md: empty"), ({"b.md": b"\0"}, "b.md: binary"), ({"b.bin": "x"}, "b.bin: unknown_kind"),
        ({f"{i}.bin": "x" for i in range(9)}, "and 4 more"),
    ],
)  # fmt: skip
def test_strict_reading_makes_an_error_of_what_was_left_out_unasked(
    home: Path, tmp_path: Path, files: dict[str, str | bytes], said: str
) -> None:
    write(tmp_path / "docs", {"a.md": "Text.", **files})
    with pytest.raises(CorpusError, match=said):
        quincunx.build_index("kb", tmp_path / "docs", profile=hashing_profile(), strict=True)
    assert not (home / "indexes").exists()
    exclude = ["*.bin", "b.md"]
    built = quincunx.build_index(
        "kb", tmp_path / "docs", profile=hashing_profile(), strict=True, exclude=exclude
    )
    assert built.added == 1
    assert (
        quincunx.update_index("kb", tmp_path / "docs", profile=hashing_profile(), strict=True).unchanged == 1
    )
    with pytest.raises(CorpusError, match=said):
        quincunx.update_index("kb", tmp_path / "docs", profile=hashing_profile(), strict=True, include="*")


def test_strict_reading_allows_what_rules_leave_out(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"a.md": "Text.", ".hidden.md": "no", "node_modules/x.md": "no", ".gitignore": "b.md", "b.md": "no"},
    )
    (tmp_path / "again").symlink_to(".")
    corpus = read_corpus(tmp_path, strict=True)
    assert ids(corpus) == ["a.md"]
    assert {skip.reason for skip in corpus.report.skipped} <= ASKED_FOR


def test_nothing_to_read_names_what_was_left_out(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "", "b.bin": "x"})
    with pytest.raises(CorpusError, match=r"no document found \(.*a.md: empty; .*b.bin: unknown_kind\)"):
        read_documents(tmp_path)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# Refunds\n\nText.", "Refunds"), ("# Refunds #\n\nText.", "Refunds"), ("Refunds\n=======\n\nText.", "Refunds"),
        ("\n\n  #  Two  words\nText.", "Two words"), ("#Refunds\n", "page"), ("Text.\n\n# Refunds", "page"),
        ("## Refunds\n", "page"), ("    # code\n", "page"), ("# \n\nText.", "page"), ("---\nx: 1\n---\n# Refunds\n", "Refunds"),
    ],
)  # fmt: skip
def test_the_title_of_a_page_is_the_heading_it_begins_with(tmp_path: Path, text: str, title: str) -> None:
    write(tmp_path, {"page.md": text})
    assert [document.title for document in read_documents(tmp_path)] == [title]
