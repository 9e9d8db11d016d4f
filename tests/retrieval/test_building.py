"""Building an index: what a rebuild reports, and how little it embeds."""

from __future__ import annotations

import itertools
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts import Hashing

from quincunx.retrieval.corpus.reading import read_documents
from quincunx.retrieval.errors import (
    BoundError,
    CorpusError,
    DuplicateIdError,
    IdentityMismatchError,
    IndexStateError,
    StorageError,
    WriterBusyError,
)
from quincunx.retrieval.index import build as building
from quincunx.retrieval.index.build import build, delete, update
from quincunx.retrieval.index.contents import export_index
from quincunx.retrieval.index.store import Store
from quincunx.retrieval.models.embedders import Embedder, Progress, Vectors, no_progress
from quincunx.retrieval.models.profiles import shared_embedder
from quincunx.retrieval.passages import Document
from quincunx.retrieval.search import Searcher
from quincunx.retrieval.storage.home import DATABASE, index_folder
from quincunx.retrieval.text.chunk_size import Chunking
from quincunx.retrieval.text.chunking import cut


class Counting:
    """The real embedder, counting what it is asked to embed; dies at the batch it is told to."""

    def __init__(self, dies_at: int | None = None) -> None:
        self.inner: Embedder = shared_embedder("embedded")
        self.identity = self.inner.identity
        self.embedded = 0
        self.calls = 0
        self.dies_at = dies_at

    def unread(self, text: str) -> float:
        return 0.0

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        return self.inner.offsets(text)

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        return self.inner.embed_questions(texts)

    def embed_passages(self, texts: Sequence[str], progress: Progress = no_progress) -> Vectors:
        self.calls += 1
        if self.calls == self.dies_at:
            raise KeyboardInterrupt
        self.embedded += len(texts)
        return self.inner.embed_passages(texts, progress)


def documents(count: int) -> list[Document]:
    return [Document(f"d{i}", f"Title {i}", f"Text number {i}.", {"i": i}) for i in range(count)]


def stored(folder: Path) -> dict[str, str]:
    with Store(folder).read() as reading:
        return {document.id: document.text for document in reading.documents()}


def test_a_rebuild_embeds_only_what_changed_and_reports_it(tmp_path: Path) -> None:
    embedder = Counting()
    first = build(tmp_path, documents(5), embedder)
    assert (first.added, first.changed, first.unchanged, first.removed) == (5, 0, 0, 0)
    assert (first.embedded, first.passages, first.generation) == (5, 5, 1)
    changed = [
        replace(documents(5)[0], text="Another text."),
        *documents(5)[1:4],
        Document("new", "", "New."),
    ]
    second = build(tmp_path, changed, embedder)
    assert (second.added, second.changed, second.unchanged, second.removed) == (1, 1, 3, 1)
    assert (second.embedded, second.generation) == (2, 2)
    assert embedder.embedded == 7
    assert stored(tmp_path) == {document.id: document.text for document in changed}


def test_a_build_without_changes_keeps_the_generation(tmp_path: Path) -> None:
    build(tmp_path, documents(3), Counting())
    again = build(tmp_path, documents(3), Counting())
    assert (again.unchanged, again.embedded, again.generation) == (3, 0, 1)


def test_short_texts_and_long_ones_take_turns_so_that_the_time_left_can_be_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "BATCH", 1)
    lengths: list[list[int]] = []

    class Measured(Counting):
        def embed_passages(self, texts: Sequence[str], progress: Progress = no_progress) -> Vectors:
            lengths.append(sorted(map(len, texts)))
            return super().embed_passages(texts, progress)

    told: list[tuple[int, int]] = []
    some = [Document(f"d{i}", "", "word " * (1 + i % 40)) for i in range(160)]
    some = [replace(document, text=f"{document.text}{i}.") for i, document in enumerate(some)]
    build(tmp_path, some, Measured(), progress=lambda done, total: told.append((done, total)))
    by_length = sorted(lengths)
    assert all(one[-1] <= other[0] for one, other in itertools.pairwise(by_length))  # alike in each group
    assert lengths != by_length
    assert told == sorted(told)
    assert told[-1] == (160, 160)


def test_changed_metadata_needs_no_embedding(tmp_path: Path) -> None:
    build(tmp_path, documents(3), Counting())
    moved = [replace(document, metadata={"i": -1}) for document in documents(3)]
    report = build(tmp_path, moved, Counting())
    assert (report.changed, report.embedded) == (3, 0)
    with Store(tmp_path).read() as reading:
        [(numbers, _)] = reading.vectors()
        assert all(p.metadata == {"i": -1} for p in reading.passages(numbers.tolist()).values())


def test_chunks_of_other_lengths_cut_everything_anew(tmp_path: Path) -> None:
    text = " ".join(f"Sentence number {i} stands here." for i in range(40))
    build(tmp_path, [Document("d", "", text)], Counting())
    report = build(tmp_path, [Document("d", "", text)], Counting(), Chunking(50, 0))
    assert (report.unchanged, report.generation) == (1, 2)
    assert report.passages > 4


def test_an_index_whose_recipe_calls_the_tokens_of_a_chunk_its_size_still_opens(tmp_path: Path) -> None:
    build(tmp_path, documents(3), Counting(), Chunking(50, 10))
    with closing(sqlite3.connect(tmp_path / DATABASE)) as database, database:
        database.execute("UPDATE meta SET value = ? WHERE key = 'chunking'", ('{"size": 50, "overlap": 10}',))
    with Store(tmp_path).read() as reading:
        assert reading.chunking == Chunking(50, 10)
    report = build(tmp_path, documents(3), Counting(), Chunking(50, 10))
    assert (report.unchanged, report.embedded, report.generation) == (3, 0, 1)


def test_an_interrupted_build_goes_on_where_it_stopped(tmp_path: Path) -> None:
    wanted = documents(600)
    with pytest.raises(KeyboardInterrupt):
        build(tmp_path, wanted, Counting(dies_at=2))
    with pytest.raises(IndexStateError, match="first build was not finished"), Store(tmp_path).read():
        pass
    embedder = Counting()
    report = build(tmp_path, wanted, embedder)
    assert report.passages == 600
    assert embedder.embedded == 600 - 256


def test_a_text_that_stands_often_is_embedded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quincunx.retrieval.index.build.ASKED_AT_ONCE", 3)
    each = [Document(f"d{i}", "", f"Text {i % 7}{'.' * (i % 7)}") for i in range(40)]
    embedder = Hashing()
    report = build(tmp_path, each, embedder)
    assert (report.embedded, embedder.embedded, report.passages) == (7, 7, 40)
    assert set(stored(tmp_path)) == {document.id for document in each}
    assert build(tmp_path, [*each, Document("new", "", "Text 3...")], Hashing()).embedded == 0


@pytest.mark.parametrize("later", [True, False])
def test_a_document_called_as_a_piece_of_another_is_refused_before_anything_is_embedded(
    tmp_path: Path, later: bool
) -> None:
    long = Document("a", "", "\n\n".join("x" * 100 for _ in range(6)))
    pieces = [passage.id for passage in cut(long, Chunking(), Hashing().offsets)]
    assert len(pieces) > 2
    clashing = Document(pieces[1], "", "Short.")
    embedder = Hashing()
    owners = ("a", pieces[1]) if later else (pieces[1], "a")
    said = f"passage id {pieces[1]!r} would belong to documents {owners[0]!r} and {owners[1]!r}: rename one of them"
    with pytest.raises(DuplicateIdError) as refused:
        build(tmp_path, [long, clashing] if later else [clashing, long], embedder)
    assert (str(refused.value), embedder.embedded) == (said, 0)
    # Of which several passages are made has none of that name.
    assert build(tmp_path, [long, replace(long, id=pieces[1])], embedder).passages == 2 * len(pieces)


def test_vectors_read_back_are_those_embedded(tmp_path: Path) -> None:
    embedder = Counting()
    build(tmp_path, documents(3), embedder)
    with Store(tmp_path).read() as reading:
        [(numbers, vectors)] = reading.vectors()
        passages = reading.passages(numbers.tolist())
    expected = embedder.inner.embed_passages([passages[int(number)].reading for number in numbers])
    np.testing.assert_allclose(vectors, expected, atol=1e-6)


def test_two_writers_are_not_let_in_together(tmp_path: Path) -> None:
    with Store(tmp_path).write(), pytest.raises(WriterBusyError, match="another process is writing"):
        build(tmp_path, documents(1), Counting())


def test_nothing_to_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no document"):
        build(tmp_path, [], Counting())


def test_a_chunk_size_over_the_models_limit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BoundError, match=r"a chunk of 300 tokens does not fit .*256 tokens"):
        build(tmp_path, documents(1), Counting(), Chunking(300, 0))


def test_a_folder_that_cannot_be_made_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="Not a directory; nothing was changed"):
        build(tmp_path / "file" / "index", documents(1), Counting())


def test_a_file_that_is_no_database_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "index.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(IndexStateError, match="index build"), Store(tmp_path).read():
        pass


def test_a_store_of_another_schema_is_left_alone(tmp_path: Path) -> None:
    build(tmp_path, documents(2), Counting())
    with sqlite3.connect(tmp_path / "index.sqlite") as connection:
        connection.execute("UPDATE meta SET value = '999' WHERE key = 'schema'")
    for use in (lambda: build(tmp_path, documents(1), Counting()), lambda: stored(tmp_path)):
        with pytest.raises(IndexStateError, match="schema 999, this version reads"):
            use()


def test_an_update_adds_and_replaces_and_leaves_the_rest(tmp_path: Path) -> None:
    build(tmp_path, documents(4), Counting(), kind="hnsw")
    embedder = Counting()
    report = update(
        tmp_path, [replace(documents(1)[0], text="Changed."), Document("n", "", "New.")], embedder
    )
    assert (report.added, report.changed, report.removed, report.embedded, report.passages) == (1, 1, 0, 2, 5)
    pruned = update(tmp_path, documents(2), embedder, prune=True)
    assert (pruned.changed, pruned.unchanged, pruned.removed, pruned.passages) == (1, 1, 3, 2)
    with Store(tmp_path).read() as reading:
        assert reading.snapshot.kind == "hnsw"


def test_an_update_by_another_embedder_is_refused_before_anything_is_embedded(tmp_path: Path) -> None:
    build(tmp_path, documents(2), Counting())
    other = Counting()
    other.identity = replace(other.identity, revision="another")
    with pytest.raises(IdentityMismatchError, match=r"revision: .* != 'another'"):
        update(tmp_path, documents(3), other)
    assert other.calls == 0


def test_deleting_an_unknown_document_removes_nothing(tmp_path: Path) -> None:
    build(tmp_path, documents(3), Counting())
    with pytest.raises(CorpusError, match="no document 'nope'"):
        delete(tmp_path, ["d1", "nope"])
    assert len(stored(tmp_path)) == 3
    assert delete(tmp_path, ["d1"]).removed == 1
    assert sorted(stored(tmp_path)) == ["d0", "d2"]


def test_an_index_can_be_emptied_and_filled_again(tmp_path: Path) -> None:
    build(tmp_path, documents(2), Counting())
    assert delete(tmp_path, ["d0", "d1"]).passages == 0
    assert Searcher(tmp_path, Counting(), None).search("text").candidates == ()
    assert update(tmp_path, documents(2), Counting()).passages == 2


@given(st.lists(st.builds(
    Document,
    id=st.text(st.characters(codec="utf-8"), min_size=1, max_size=8),
    title=st.text(st.characters(codec="utf-8"), max_size=8),
    text=st.text(st.characters(codec="utf-8"), min_size=1, max_size=60).filter(str.strip),
    metadata=st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=4), st.integers() | st.booleans() | st.none() | st.text(st.characters(codec="utf-8"), max_size=4), max_size=3),
    headed=st.booleans(),
), min_size=1, max_size=5, unique_by=lambda d: d.id))  # fmt: skip
def test_an_export_reads_back_as_the_same_documents(every: list[Document]) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("QUINCUNX_HOME", folder)
        build(index_folder("x"), every, Hashing())
        assert export_index("x", Path(folder) / "out") == len(every)
        again = read_documents([Path(folder) / "out"])
        assert sorted(again, key=lambda d: d.id) == sorted(every, key=lambda d: d.id)
        with pytest.raises(CorpusError, match="there already"):
            export_index("x", Path(folder) / "out")
