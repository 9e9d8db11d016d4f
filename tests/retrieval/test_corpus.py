"""Reading documents."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from quincunx.retrieval.corpus.reading import read_documents
from quincunx.retrieval.errors import CorpusError, DuplicateIdError


def beir(folder: Path, *records: object) -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    path = folder / "corpus.jsonl"
    path.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in records) + "\n")
    return path


def test_a_beir_folder_and_its_file_read_alike(tmp_path: Path) -> None:
    path = beir(
        tmp_path,
        {"_id": "a", "title": "T", "text": "x", "metadata": {"site": "s"}},
        {"_id": "b", "text": "y"},
    )
    documents = read_documents([tmp_path])
    assert documents == read_documents([path])
    assert [(d.id, d.title, d.text, d.metadata) for d in documents] == [
        ("a", "T", "x", {"site": "s"}),
        ("b", "", "y", {}),
    ]


def test_a_folder_of_files_is_read_in_order_with_relative_paths_as_ids(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.md").write_bytes("# Titel\r\n\r\nText ä".encode())
    (tmp_path / "a.txt").write_text("plain")
    (tmp_path / ".hidden.md").write_text("no")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    documents = read_documents([tmp_path])
    assert [(d.id, d.title, d.headed) for d in documents] == [
        ("a.txt", "a", False),
        ("sub/b.md", "Titel", True),
    ]
    assert documents[1].text == "# Titel\n\nText ä"


def test_files_of_other_kinds_are_passed_over_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.txt").write_text("plain")
    (tmp_path / "b.bin").write_bytes(b"%PDF")
    read_documents([tmp_path])
    assert "1 files of kinds that nothing reads" in caplog.text


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{not json", r"corpus.jsonl:2: not JSON"),
        ("[1]", r"corpus.jsonl:2: must be a JSON object"),
        ('{"text": "no id"}', r"corpus.jsonl:2: '_id' must be a non-empty string"),
        ('{"_id": 3, "text": "x"}', r"corpus.jsonl:2: '_id'"),
        ('{"_id": "b"}', r"corpus.jsonl:2: 'text' and 'title'"),
        ('{"_id": "b", "text": "x", "metadata": [1]}', r"corpus.jsonl:2: 'metadata'"),
    ],
)
def test_a_bad_line_is_named_by_file_and_number(tmp_path: Path, line: str, message: str) -> None:
    beir(tmp_path, {"_id": "a", "text": "x"}, line)
    with pytest.raises(CorpusError, match=message):
        read_documents([tmp_path])


def test_a_duplicate_id_names_both_places(tmp_path: Path) -> None:
    beir(tmp_path, {"_id": "a", "text": "x"}, {"_id": "a", "text": "y"})
    with pytest.raises(DuplicateIdError, match=r"'a' stands twice: .*corpus.jsonl:1 and .*corpus.jsonl:2"):
        read_documents([tmp_path])


def test_a_file_that_is_not_utf8_is_read_as_what_it_is_and_that_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.txt").write_bytes("Schließtage stehen am Eingang, für alle lesbar.".encode("latin-1"))
    (document,) = read_documents([tmp_path])
    assert document.text == "Schließtage stehen am Eingang, für alle lesbar."
    assert "read as cp1252: " in caplog.text


def test_a_lone_surrogate_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    beir(tmp_path, '{"_id": "a", "text": "x \\ud800 y"}')
    with pytest.raises(CorpusError, match=r"corpus.jsonl:1: .*half of a surrogate pair"):
        read_documents([tmp_path])


@pytest.mark.parametrize("name", ["missing", "a.bin", "empty"])
def test_what_cannot_be_read_is_one_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.bin").write_bytes(b"%PDF")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError):
        read_documents([tmp_path / name])


def test_a_document_without_text_is_left_out_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    beir(tmp_path, {"_id": "a", "text": " "}, {"_id": "b", "text": "y"})
    assert [d.id for d in read_documents([tmp_path])] == ["b"]
    assert "'a' has no text" in caplog.text


def test_documents_of_one_file_share_its_facts(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("name,price\nTea,3\nRum,7\n")
    (tmp_path / "b.csv").write_text("name,price\nGin,9\n")
    tea, rum, gin = read_documents(tmp_path)
    assert tea.metadata["file"] is rum.metadata["file"]
    assert tea.metadata["file"] is not gin.metadata["file"]
