"""Ignore files are read as git reads them, and globs leave out what they name."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from quincunx.retrieval.corpus.reading import read_corpus
from quincunx.retrieval.errors import UsageError

FILES = [
    "a.md", "b.md", "x.md", "a.txt", "sub/a.md", "sub/x.md", "sub/deep/x.md", "sub/deep/a.md", "build/a.md",
    "sub/build/a.md", "build/x.txt", "deep.md/a.md",
]  # fmt: skip
PATTERNS = [
    "*", "!*/", "!*.md", "build/", "/build", "sub/*.md", "!sub/a.md", "**/x.md", "a.md", "!a.md", "sub/", "!sub/", "*.txt",
    "sub/**", "!sub/**/x.md", "/sub/deep", "!/sub/deep/", "deep/x.md", "b?.md", "[ab].md", "#a.md", "\\#a.md", "!", "x.md ",
    "sub/deep/", "sub/*", "!sub/deep", "deep", "/*", "**/deep/", "*.md/", "", "sub/**/a.md", "a*", "!/sub",
]  # fmt: skip


def write(folder: Path, names: Sequence[str] = FILES) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"Text of {name}.")


def read(folder: Path, *paths: str) -> set[str]:
    return {document.id for document in read_corpus([folder / path for path in paths] or folder).documents}


@pytest.mark.skipif(shutil.which("git") is None, reason="git is what the rules are compared with")
def test_ignore_files_leave_out_what_git_leaves_out(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    write(tmp_path)
    dice = random.Random(15)
    for _ in range(150):
        for folder, likely in (("", 1.0), ("sub", 0.6), ("sub/deep", 0.2)):
            file = tmp_path / folder / ".gitignore"
            file.unlink(missing_ok=True)
            if dice.random() < likely:
                file.write_text("\n".join(dice.sample(PATTERNS, dice.randrange(1, 5))) + "\n")
        listed = subprocess.run(
            ["git", "-C", tmp_path, "ls-files", "-co", "--exclude-standard"],
            check=True,
            capture_output=True,
            text=True,
        )
        kept = {name for name in listed.stdout.splitlines() if not name.endswith(".gitignore")}
        assert read(tmp_path) == kept


def test_what_is_ignored_is_named_with_its_reason(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / ".gitignore").write_text("build/\n*.txt\n")
    (tmp_path / "sub" / ".quincunxignore").write_text("x.md\n")
    ignored = {skip.path for skip in read_corpus(tmp_path).report.skipped if skip.reason == "ignored"}
    assert ignored == {
        f"{tmp_path}/{name}" for name in ("build", "sub/build", "a.txt", "sub/x.md", "sub/deep/x.md")
    }


def test_the_projects_own_rules_count_before_gits(tmp_path: Path) -> None:
    write(tmp_path, ["made/a.md", "made/b.md"])
    (tmp_path / ".gitignore").write_text("made/*\n")
    (tmp_path / ".quincunxignore").write_text("!made/a.md\n")
    assert read(tmp_path) == {"made/a.md"}


def test_rules_above_a_root_hold_within_its_repository_but_never_against_the_root_itself(
    tmp_path: Path,
) -> None:
    write(
        tmp_path,
        [
            "repository/docs/a.md",
            "repository/docs/drafts/b.md",
            "repository/site/c.md",
            "repository/site/drafts/d.md",
        ],
    )
    (tmp_path / ".gitignore").write_text("*.md\n")  # above the repository
    (tmp_path / "repository" / ".git").mkdir()
    (tmp_path / "repository" / ".gitignore").write_text("drafts/\nsite/\n")
    assert read(tmp_path / "repository" / "docs") == {"a.md"}
    assert read(tmp_path / "repository" / "site") == {"c.md", "drafts/d.md"}
    assert read(tmp_path, "repository/docs/drafts") == {"b.md"}


def test_a_file_that_is_named_is_read_though_it_is_ignored_or_hidden(tmp_path: Path) -> None:
    write(tmp_path, ["a.md", ".hidden/b.md", "node_modules/c.md"])
    (tmp_path / ".gitignore").write_text("*\n")
    assert read(tmp_path, "a.md", ".hidden", "node_modules/c.md") == {"a.md", "b.md", "c.md"}


@pytest.mark.parametrize(
    "junk", [b"\xff\xfe[", b"", b"!\n\\\n[\n/\n# only\n\n", b"a.md\r\n", b"\xef\xbb\xbfa.md\n"]
)
def test_a_damaged_ignore_file_never_ends_the_reading(tmp_path: Path, junk: bytes) -> None:
    write(tmp_path, ["a.md", "b.md"])
    (tmp_path / ".gitignore").write_bytes(junk)
    (tmp_path / ".quincunxignore").mkdir()
    assert read(tmp_path) == ({"b.md"} if b"a.md" in junk else {"a.md", "b.md"})


@pytest.mark.parametrize(
    ("include", "exclude", "kept"),
    [
        ("*.md", (), {"a.md", "b.md", "sub/a.md", "build/a.md"}), ((), "sub/", {"a.md", "b.md", "a.txt", "build/a.md"}),
        (["sub/", "*.txt"], (), {"sub/a.md", "a.txt"}), ("*.md", ["/a.md", "build"], {"b.md", "sub/a.md"}),
        ((), ["*", "!/b.md"], {"b.md"}), ("sub/**", "a.md", set()), ("/a.*", (), {"a.md", "a.txt"}),
    ],
)  # fmt: skip
def test_globs_choose_the_files(
    tmp_path: Path, include: str | Sequence[str], exclude: str | Sequence[str], kept: set[str]
) -> None:
    write(tmp_path, ["a.md", "b.md", "a.txt", "sub/a.md", "build/a.md"])
    corpus = read_corpus(tmp_path, include=include, exclude=exclude)
    assert {document.id for document in corpus.documents} == kept
    assert {skip.reason for skip in corpus.report.skipped} == {"excluded"}


@pytest.mark.parametrize("glob", ["", "#comment", "!", 3])
def test_what_is_no_pattern_is_one_error(tmp_path: Path, glob: str) -> None:
    with pytest.raises(UsageError, match="is no pattern"):
        read_corpus(tmp_path, include=[glob])
    with pytest.raises(UsageError, match="is no pattern"):
        read_corpus(tmp_path, exclude=[glob])


def test_a_corpus_that_is_excluded_gives_way_to_the_files_beside_it(tmp_path: Path) -> None:
    write(tmp_path, ["a.md"])
    (tmp_path / "corpus.jsonl").write_text('{"_id": "row", "text": "Row."}')
    assert read(tmp_path) == {"row"}
    corpus = read_corpus(tmp_path, exclude="corpus.jsonl")
    assert [document.id for document in corpus.documents] == ["a.md"]
