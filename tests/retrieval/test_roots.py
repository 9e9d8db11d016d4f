"""Ids and roots: an update finds its documents, prunes what was named alone, and removes what its file no longer says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from gold_sets import hashing_profile
from hypothesis import given
from hypothesis import strategies as st

import quincunx
from quincunx.retrieval.corpus.roots import KnownPaths, Origin, Root, given_paths, innermost, roots_of
from quincunx.retrieval.errors import BadNameError, CorpusError, DuplicateIdError, UsageError, WriterBusyError
from quincunx.retrieval.index.changes import BuildReport
from quincunx.retrieval.index.contents import document_ids, index_info, read_index
from quincunx.retrieval.index.store import Store
from quincunx.retrieval.storage.home import index_folder, require_index
from quincunx.retrieval.text.file_names import path_of, readable


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def build(paths: Any, **options: Any) -> BuildReport:
    return quincunx.build_index("kb", paths, profile=hashing_profile(), **options)


def update(paths: Any, **options: Any) -> BuildReport:
    return quincunx.update_index("kb", paths, profile=hashing_profile(), **options)


def texts() -> dict[str, str]:
    return read_index(require_index("kb"), lambda reading: {d.id: d.text for d in reading.documents()})


@pytest.fixture
def docs(home: Path, tmp_path: Path) -> Path:
    return write(
        tmp_path / "docs",
        {"a.md": "A one.", "guide/b.md": "B one.", "guide/deep/c.txt": "C one.", "other/d.md": "D one."},
    )


@pytest.mark.parametrize("named", ["guide/deep/c.txt", "guide/deep", "guide", "."])
def test_an_update_of_any_part_of_a_root_finds_its_document(docs: Path, named: str) -> None:
    build([docs])
    write(docs, {"guide/deep/c.txt": "C two."})
    report = update([docs / named])
    assert (report.added, report.changes.changed, report.removed) == (0, ("guide/deep/c.txt",), 0)
    assert texts()["guide/deep/c.txt"] == "C two."
    assert index_info("kb").roots == (Root(str(docs)),)


def test_a_new_file_below_a_root_gets_the_id_that_a_build_would_give_it(docs: Path) -> None:
    build(str(docs))
    write(docs, {"guide/new.md": "New."})
    assert update(docs / "guide/new.md").changes.added == ("guide/new.md",)
    assert build(docs).unchanged == 5


@pytest.mark.parametrize("how", ["linked root", "real path of a linked folder", "relative", "dots"])
def test_a_path_that_is_named_through_or_past_a_link_is_the_same_document(
    docs: Path, tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "shared", {"prices.md": "Forty euro."})
    (docs / "shared").symlink_to("../shared")
    (tmp_path / "way").symlink_to("docs")
    build([docs])
    assert "shared/prices.md" in document_ids("kb")
    write(tmp_path / "shared", {"prices.md": "Fifty euro."})
    monkeypatch.chdir(docs / "guide")
    path = {
        "linked root": tmp_path / "way" / "shared" / "prices.md",
        "real path of a linked folder": tmp_path / "shared" / "prices.md",
        "relative": Path("../shared/prices.md"),
        "dots": docs / "guide" / ".." / "shared",
    }[how]
    report = update([path])
    assert (report.added, report.changes.changed) == (0, ("shared/prices.md",))
    assert texts()["shared/prices.md"] == "Fifty euro."


def test_a_link_to_the_root_or_above_it_is_not_read_again_by_an_update_below(
    docs: Path, tmp_path: Path
) -> None:
    (docs / "guide" / "up").symlink_to(tmp_path)
    (docs / "guide" / "copy.md").symlink_to("../other/d.md")
    build([docs])
    before = texts()
    report = update([docs / "guide"])
    assert (report.added, report.changed, report.removed) == (0, 0, 0)
    assert texts() == before
    reasons = {Path(skip.path).name: skip.reason for skip in report.reading.skipped}
    assert reasons["copy.md"] == reasons["docs"] == "already_read"


def test_pruning_removes_what_is_gone_below_what_was_named_and_nothing_else(docs: Path) -> None:
    build([docs])
    for gone in ("guide/b.md", "other/d.md"):
        (docs / gone).unlink()
    assert update(docs / "guide").removed == 0
    report = update(docs / "guide", prune=True)
    assert report.changes.removed == ("guide/b.md",)
    assert document_ids("kb") == {"a.md", "guide/deep/c.txt", "other/d.md"}
    assert index_info("kb").roots == (Root(str(docs)),)


def test_pruning_leaves_alone_what_a_pattern_leaves_out(docs: Path) -> None:
    build(docs)
    assert update(docs, prune=True, exclude="guide/").removed == 0
    assert update(docs, prune=True, include=["*.md"]).removed == 0
    assert document_ids("kb") == {"a.md", "guide/b.md", "guide/deep/c.txt", "other/d.md"}


@pytest.mark.parametrize(
    ("becomes", "why"),
    [("", "empty"), ("a\0b", "binary"), (None, "missing"), ("---\nkind: x\n---\n", "empty"), ("->other/d.md", "already_read")],
)  # fmt: skip
def test_a_document_whose_file_says_nothing_any_more_goes_and_that_is_told(
    docs: Path, becomes: str | None, why: str
) -> None:
    build(docs)
    (docs / "a.md").unlink()
    if becomes is not None and becomes.startswith("->"):
        (docs / "a.md").symlink_to(becomes[2:])
    elif becomes is not None:
        write(docs, {"a.md": becomes})
    assert update(docs / "a.md", dry_run=True).changes.removed == ("a.md",)
    report = update(docs / "a.md")
    assert report.changes.removed == ("a.md",)
    assert f"removed 'a.md': {docs}/a.md is {why}" in report.notices
    assert "a.md" not in document_ids("kb")


def test_a_folder_that_is_gone_is_an_error_unless_pruned(docs: Path) -> None:
    build(docs)
    (docs / "other" / "d.md").unlink()
    (docs / "other").rmdir()
    with pytest.raises(CorpusError, match=r"other: no such file or folder, though.*--prune"):
        update(docs / "other")
    assert update(docs / "other", prune=True).changes.removed == ("other/d.md",)
    with pytest.raises(CorpusError, match="no such file or folder"):
        update(docs / "other", prune=True)


def test_a_row_that_became_empty_goes_and_one_that_is_gone_only_by_pruning(
    home: Path, tmp_path: Path
) -> None:
    row = '{{"_id": "{}", "text": "{}"}}\n'
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("".join(row.format(id, f"Text {id}.") for id in "abc"))
    build(tmp_path)
    corpus.write_text(row.format("a", "Text a.") + row.format("b", ""))
    assert update(corpus).changes.removed == ("b",)
    assert update(corpus, prune=True).changes.removed == ("c",)


def test_rows_of_another_corpus_take_the_place_of_those_of_their_ids(home: Path, tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "one/corpus.jsonl": '{"_id": "a", "text": "one"}',
            "two/corpus.jsonl": '{"_id": "a", "text": "two"}',
        },
    )
    build(tmp_path / "one")
    assert update(tmp_path / "two").changes.changed == ("a",)


def test_named_roots_keep_equal_paths_apart(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        tmp_path,
        {"a/readme.md": "Of a.", "b/readme.md": "Of b.", "b/corpus.jsonl": '{"_id": "1", "text": "row"}'},
    )
    (tmp_path / "b" / "corpus.jsonl").rename(tmp_path / "rows.jsonl")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DuplicateIdError, match=r"'readme.md' stands twice: .*first=PATH second=PATH"):
        build(["a", "b"])
    build({"docs": "a", "wiki": Path("b"), "rows": "rows.jsonl"})
    assert document_ids("kb") == {"docs/readme.md", "wiki/readme.md", "rows/1"}
    assert build(["docs=a", "wiki=b", "rows=rows.jsonl"]).unchanged == 3
    write(tmp_path, {"b/readme.md": "Of b, two."})
    assert update("b/readme.md").changes.changed == ("wiki/readme.md",)
    assert update("wiki=b").unchanged == 1
    write(tmp_path, {"c/readme.md": "Of c."})
    assert update("more=c").changes.added == ("more/readme.md",)


def test_an_update_by_a_folder_without_a_name_never_takes_another_files_id(
    home: Path, tmp_path: Path
) -> None:
    write(tmp_path, {"a/readme.md": "Of a.", "b/readme.md": "Of b."})
    build(tmp_path / "a")
    for dry_run in (True, False):
        with pytest.raises(DuplicateIdError, match=r"would stand twice: .*a/readme.md has it.*name=PATH"):
            update(tmp_path / "b", dry_run=dry_run)
    (tmp_path / "a" / "readme.md").unlink()
    assert update(tmp_path / "b").changes.changed == ("readme.md",)


def test_a_named_root_inside_another_has_its_files_to_itself(docs: Path) -> None:
    build([docs])
    report = update(f"inner={docs}/guide")
    assert report.changes.added == ("inner/b.md", "inner/deep/c.txt")
    assert report.changes.removed == ("guide/b.md", "guide/deep/c.txt")
    assert "removed 'guide/b.md': it is 'inner/b.md' now" in report.notices
    assert update(docs, prune=True).unchanged == 4
    assert build([docs, f"inner={docs}/guide"]).unchanged == 4


def test_paths_inside_one_another_are_one_root(docs: Path) -> None:
    build([docs / "guide", docs, docs / "guide" / "b.md"])
    assert index_info("kb").roots == (Root(str(docs)),)
    assert document_ids("kb") == {"a.md", "guide/b.md", "guide/deep/c.txt", "other/d.md"}


def test_an_update_never_gives_other_ids_to_what_is_there(docs: Path) -> None:
    build(docs / "guide")
    report = update(docs)
    assert (report.removed, report.unchanged) == (0, 2)
    assert document_ids("kb") == {"b.md", "deep/c.txt", "a.md", "other/d.md"}


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ("", "is no path"), ([3], r"entry 1 is no document \(int\)"), (["a\0b"], "holds a NUL"), ({"a/b": "."}, "name 'a/b' of a root"),
        ({3: "."}, "name 3 of a root"), (["x=.", "x=.."], "'x' stands twice"), (["x=.", "y=."], "under two names"),
        ("x=", "is no path"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_root_is_one_error(home: Path, paths: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build(paths)


def test_a_name_is_not_given_to_another_path_nor_a_path_another_name(docs: Path, tmp_path: Path) -> None:
    build({"kb": docs})
    write(tmp_path, {"new/a.md": "A."})
    with pytest.raises(UsageError, match=r"knows 'kb' as .*docs, not .*new"):
        update(f"kb={tmp_path}/new")
    with pytest.raises(UsageError, match=r"knows .*docs as 'kb', not as 'mine'"):
        update({"mine": docs})


def test_a_path_that_holds_an_equals_sign_is_read_as_it_is(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"a=b/x.md": "X.", "b/y.md": "Y."})
    monkeypatch.chdir(tmp_path)
    build("a=b")
    assert document_ids("kb") == {"x.md"}
    build([Path("a=b"), "n=a=b/x.md"])
    assert document_ids("kb") == {"n/x.md"}


def test_the_home_of_a_user_is_found_behind_a_name_too(docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(docs.parent))
    build(["mine=~/docs"])
    assert index_info("kb").roots == (Root(str(docs), "mine"),)
    assert update("~/docs/guide").unchanged == 2


def test_one_text_or_path_is_that_path_and_one_id(docs: Path) -> None:
    assert build(str(docs)).added == 4
    assert [document.id for document in quincunx.index_documents("kb")] == sorted(document_ids("kb"))
    assert quincunx.delete_documents("kb", "a.md", dry_run=True).changes.removed == ("a.md",)
    assert quincunx.delete_documents("kb", "a.md").changes.removed == ("a.md",)
    assert len(document_ids("kb")) == 3


def test_a_dry_run_writes_nothing_and_loads_no_model(docs: Path, home: Path) -> None:
    def no_model() -> Any:
        raise AssertionError("a dry run embeds nothing")

    never = quincunx.Profile("never", no_model, no_model)
    dry = quincunx.build_index("kb", docs, profile=never, dry_run=True)
    assert (dry.dry_run, dry.added, dry.generation) == (True, 4, 0)
    assert not index_folder("kb").exists()
    build(docs)
    files = {path: path.read_bytes() for path in index_folder("kb").rglob("*") if path.name == "index.sqlite"}
    write(docs, {"a.md": "A two.", "e.md": "E."})
    (docs / "other" / "d.md").unlink()
    dry = quincunx.build_index("kb", docs, profile=never, dry_run=True)
    assert (dry.changes.added, dry.changes.changed, dry.changes.removed) == (
        ("e.md",),
        ("a.md",),
        ("other/d.md",),
    )
    dry = quincunx.update_index("kb", docs, profile=never, dry_run=True)
    assert (dry.changes.added, dry.changes.changed, dry.changes.removed) == (("e.md",), ("a.md",), ())
    assert quincunx.build_index("kb", docs, profile=never, fresh=True, dry_run=True).added == 4
    assert {path: path.read_bytes() for path in files} == files


def test_dropping_waits_for_no_writer_and_leaves_other_files(docs: Path) -> None:
    build(docs)
    folder = require_index("kb")
    (folder / "notes.txt").write_text("mine")
    with Store(folder).write(), pytest.raises(WriterBusyError):
        quincunx.drop_index("kb")
    quincunx.drop_index("kb")
    assert sorted(path.name for path in folder.iterdir()) == ["notes.txt"]
    build(docs)
    (folder / "notes.txt").unlink()
    quincunx.drop_index("kb")
    assert not folder.exists()


def test_many_files_named_one_by_one_are_roots_each(home: Path, tmp_path: Path) -> None:
    write(tmp_path, {f"{i}.md": f"Page {i}." for i in range(3000)})
    paths = [str(tmp_path / f"{i}.md") for i in range(3000)]
    roots = roots_of(given_paths(paths))
    assert len(roots) == 3000
    known = KnownPaths(Origin(roots, {f"{i}.md": path for i, path in enumerate(paths)}))
    assert [known.name(path) for path in paths] == paths
    assert paths[7] in known
    assert str(tmp_path) in known
    assert str(tmp_path / "other") not in known


segments = st.lists(st.sampled_from(["a", "b", "a b", "é", "a=b"]), min_size=1, max_size=4)


@given(st.lists(segments, min_size=1, max_size=5), segments)
def test_a_file_belongs_to_the_innermost_root_above_it(roots: list[list[str]], path: list[str]) -> None:
    by_path = {"/" + "/".join(parts): Root("/" + "/".join(parts)) for parts in roots}
    source = "/" + "/".join(path)
    above = [root for root in by_path if source == root or source.startswith(root + "/")]
    found = innermost(by_path, source)
    assert (found.path if found else None) == max(above, key=len, default=None)


@given(
    st.lists(st.binary(min_size=1, max_size=12).map(lambda raw: raw.replace(b"\0", b"\\x5c\xe9")), max_size=6)
)
def test_a_file_name_is_readable_distinct_and_told_back(names: list[bytes]) -> None:
    texts = {name: readable(os.fsdecode(name)) for name in names}
    assert len(set(texts.values())) == len(texts)
    for name, text in texts.items():
        assert os.fsencode(path_of(text)) == name
        text.encode()


def test_paths_and_names_of_a_wrong_type_are_one_typed_error(home: Path) -> None:
    with pytest.raises(UsageError, match=r"paths must be .* \(got 5\)"):
        quincunx.build_index("kb", cast(Any, 5))
    with pytest.raises(BadNameError, match="5"):
        quincunx.build_index(cast(Any, 5), [home])
