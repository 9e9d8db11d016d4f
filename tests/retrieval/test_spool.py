"""A spool gives back what was appended: in order, as often as wanted, and less what was cut back; what the disk refuses is told."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quincunx.retrieval.corpus.documents import Documents
from quincunx.retrieval.corpus.reading import read_corpus
from quincunx.retrieval.errors import CorpusError, StorageError
from quincunx.retrieval.passages import Document, Part
from quincunx.retrieval.storage import spool
from quincunx.retrieval.storage.spool import Spool

CHARACTERS = st.characters()  # half surrogate pairs among them
TEXTS = st.text(CHARACTERS | st.sampled_from("\n\r\u2028\ud83d\ude00\0é"), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.builds(
    Document,
    TEXTS,
    TEXTS,
    TEXTS,
    st.dictionaries(TEXTS, VALUES, max_size=3),
    st.booleans(),
    st.lists(st.builds(Part, st.integers(0), TEXTS, st.integers(1)), max_size=3).map(tuple),
)
SIZES = st.sampled_from([0, 100, spool.IN_MEMORY])
"""Bytes up to which the spool stays in memory."""


def of_values() -> Spool[Any]:
    return Spool(lambda value: [value], lambda written: written[0])


@pytest.fixture
def _in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "IN_MEMORY", 100)


@given(st.lists(VALUES, max_size=20), st.lists(VALUES, max_size=5), SIZES)
def test_what_was_appended_comes_back(kept: list[Any], forgotten: list[Any], size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "IN_MEMORY", size)
        values = of_values()
        places = [values.append(value) for value in kept[:10]]
        mark = values.mark()
        for value in forgotten:
            values.append(value)
        assert list(values) == kept[:10] + forgotten
        values.cut_back(mark)
        assert (list(values), len(values)) == (kept[:10], len(kept[:10]))
        places += [values.append(value) for value in kept[10:]]
    assert list(values) == kept
    assert [values.at(place) for place in places] == kept


@given(st.lists(DOCUMENTS, max_size=8, unique_by=lambda document: document.id))
def test_documents_come_back_as_they_were(each: list[Document]) -> None:
    documents = Documents()
    for number, document in enumerate(each):
        documents.append(document, f"file-{number}", f"file-{number}:1" if number % 2 else "")
    assert list(documents) == each
    assert list(documents.sources) == [document.id for document in each]
    for number, document in enumerate(each):
        assert documents.place(document.id) == f"file-{number}" + (":1" if number % 2 else "")


@pytest.mark.usefixtures("_in_a_file")
def test_several_read_while_more_is_appended() -> None:
    values = of_values()
    for value in range(1000):
        values.append("x" * value)
    one, other = iter(values), iter(values)
    for value in range(1000):
        assert next(one) == "x" * value
        if value % 3 == 0:
            assert next(other) == "x" * (value // 3)
            values.append("later")
    assert list(one) == ["later"] * 334
    assert len(values) == 1334


def test_infinities_and_no_numbers_come_back() -> None:
    values = of_values()
    values.append([float("inf"), -float("inf"), float("nan")])
    assert repr(list(values)) == "[[inf, -inf, nan]]"


@pytest.mark.parametrize(
    "metadata", [{"a": object()}, {"a": b"x"}, {(1, 2): "a"}], ids=["object", "bytes", "key"]
)
def test_metadata_that_are_no_json_are_refused(metadata: Any) -> None:
    documents = Documents()
    with pytest.raises(CorpusError, match=r"a\.x: the metadata of document 'd' are no JSON values"):
        documents.append(Document("d", "", "x", metadata), "a.x")
    assert (len(documents), documents.sources) == (0, {})


def test_metadata_that_hold_themselves_are_refused() -> None:
    metadata: dict[str, Any] = {}
    metadata["self"] = metadata
    with pytest.raises(CorpusError, match="the metadata of document 'd' are no JSON values"):
        Documents().append(Document("d", "", "x", metadata))


@pytest.mark.usefixtures("_in_a_file")
def test_a_temporary_folder_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text("Tea is served at four. " * 10)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(
        StorageError, match=r"temporary folder .*gone: No such file .* by the variable TMPDIR"
    ):
        read_corpus(tmp_path)


@pytest.mark.usefixtures("_in_a_file")
def test_where_there_is_no_temporary_folder_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_folder() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "gettempdir", no_folder)
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: no_folder())
    with pytest.raises(
        StorageError, match=r"no temporary folder: No usable .*'/tmp'.* by the variable TMPDIR"
    ):
        of_values().append("x" * 200)


FULL = """
import resource, sys, tempfile
from quincunx.retrieval.errors import StorageError
from quincunx.retrieval.storage import spool

spool.IN_MEMORY = 1000
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
values = spool.Spool(lambda value: value, lambda written: written)
try:
    for _ in range(1000):
        values.append("x" * 1000)
    list(values)
except StorageError as error:
    print(tempfile.gettempdir() in str(error), "TMPDIR" in str(error))
"""


def test_a_full_disk_is_told() -> None:
    done = subprocess.run([sys.executable, "-c", FULL], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("True True\n", "")


def test_a_file_is_closed_with_its_spool() -> None:
    code = (
        "from quincunx.retrieval.storage import spool\n"
        "spool.IN_MEMORY = 10\n"
        "values = spool.Spool(lambda value: value, lambda written: written)\n"
        "values.append('x' * 100)\n"
        "assert list(values) == ['x' * 100]\n"
        "del values\n"
    )
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", code], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
