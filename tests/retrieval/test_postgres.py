"""An index in Postgres is the index in a folder, wherever its server runs.

1. The same candidates, ranks and scores for any question and filter; the same texts back, whatever characters they hold.
2. A model of the index agrees through every change, reopening and interruption.
3. Killed at any moment, a writer leaves the former generation or the new one, and a rerun completes it.
4. A server that is killed, gone or damaged is one typed error, and nothing is half-visible.
5. Copied there and back, an index is the same; its password stands nowhere.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import psycopg
import pytest
from conftest import TORTURE
from filter_cases import filters
from filter_cases import metadata as any_metadata
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test
from index_machine import IndexMachine, Interrupted, random_filter, texts
from index_machine import metadata as some_metadata
from parts import Hashing
from postgres_server import Server, postgres_server
from psycopg.sql import SQL, Identifier
from store_worker import AFTER, BASE, contents, work

import quincunx
from quincunx.retrieval.errors import (
    BoundError,
    IndexStateError,
    QuincunxError,
    StorageError,
    StoreUnreachableError,
    UsageError,
    WriterBusyError,
)
from quincunx.retrieval.index.build import build, compact, delete, update
from quincunx.retrieval.index.postgres.place import DatabasePlace, read_place, write_place
from quincunx.retrieval.index.postgres.session import escaped, unescaped
from quincunx.retrieval.index.postgres.vectors import make_hnsw
from quincunx.retrieval.index.postgres.writer import PostgresWriter
from quincunx.retrieval.index.sqlite.writer import SQLiteWriter
from quincunx.retrieval.index.store import Store
from quincunx.retrieval.models.embedders import Vectors
from quincunx.retrieval.passages import Document
from quincunx.retrieval.search import Searcher, SearchResult
from quincunx.retrieval.settings import SearchSettings
from quincunx.retrieval.storage.home import ELSEWHERE

WORKER = Path(__file__).parents[1] / "store_worker.py"


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with postgres_server() as running:
        yield running


@pytest.fixture
def there(server: Server, tmp_path: Path) -> Path:
    """A folder that names an empty schema."""
    return placed(server, tmp_path / "there")


def placed(server: Server, folder: Path) -> Path:
    write_place(folder, DatabasePlace.of(server.address, f"test_{uuid4().hex}"))
    return folder


def schema_of(folder: Path) -> str:
    return str(json.loads((folder / ELSEWHERE).read_text())["schema"])


def run_sql(server: Server, folder: Path, sql: str) -> list[Any]:
    with psycopg.connect(server.address) as connection:
        connection.execute(SQL("SET search_path TO {}, public").format(Identifier(schema_of(folder))))
        cursor = connection.execute(sql.encode())
        return cursor.fetchall() if cursor.description else []


# 1. The same index

WORDS = [
    *("alpha", "beta", "gamma", "running", "runs", "ran", "max_tokens", "2026-01-31", "c++", "naïve", "I/O", "NOW"),
    *("the", "It", "東京都", "東京", "ภาษาไทย", "a_b_c", "x86_64", "don't", "Œuvre", "straße", "3.14", "$IT"),
]  # fmt: skip


def random_text(randomness: random.Random, most: int) -> str:
    return " ".join(randomness.choice(WORDS) for _ in range(randomness.randint(1, most)))


def figures(result: SearchResult) -> list[tuple[Any, ...]]:
    return [
        (
            candidate.passage,
            (candidate.dense_rank, candidate.lexical_rank, candidate.fused_rank, candidate.final_rank),
            tuple(
                None if score is None else pytest.approx(score, rel=1e-5, abs=1e-5)
                for score in (candidate.dense_score, candidate.lexical_score, candidate.fused_score)
            ),
        )
        for candidate in result.candidates
    ]


def scores(result: SearchResult) -> list[tuple[Any, ...]]:
    return [
        (
            candidate.passage,
            (candidate.dense_rank, candidate.lexical_rank, candidate.fused_rank, candidate.final_rank),
            (candidate.dense_score, candidate.lexical_score, candidate.fused_score),
        )
        for candidate in result.candidates
    ]


@pytest.mark.torture
def test_any_question_and_filter_find_the_same_as_in_a_folder(there: Path, tmp_path: Path) -> None:
    randomness = random.Random(11)
    documents = [
        Document(
            f"d{i}", random_text(randomness, 3), random_text(randomness, 60), some_metadata(randomness, i)
        )
        for i in range(200)
    ]
    changed = [Document(f"d{i}", "", random_text(randomness, 60), {"i": i}) for i in range(0, 60, 3)]
    searchers = []
    for folder in (tmp_path / "here", there):
        build(folder, documents, Hashing())
        update(folder, changed, Hashing())
        delete(folder, [f"d{i}" for i in range(100, 120)])
        searchers.append(Searcher(folder, Hashing(), None))
    found = 0
    for _ in range(3000 if TORTURE else 250):
        where = random_filter(randomness) if randomness.random() < 0.8 else None
        asked = SearchSettings(
            k=randomness.choice([1, 5, 20]), n=1, depth=randomness.choice([20, 50, 200]), where=where
        )
        question = random_text(randomness, 6)
        here, elsewhere = (searcher.search(question, asked) for searcher in searchers)
        assert scores(elsewhere) == figures(here), (question, str(where))
        assert [p.id for p in elsewhere.lexical] == [p.id for p in here.lexical], (question, str(where))
        assert [p.id for p in elsewhere.dense] == [p.id for p in here.dense], (question, str(where))
        found += len(here.candidates)
    assert found > 1000


anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.sampled_from(
    [
        "\x00",
        "\x01",
        "\x01\x02",
        "\x00\x01\x00",
        "\x02",
        "a\x00b",
        "\\x00",
        "'; DROP TABLE meta; --",
        "%s ? {}",
    ]
)


@settings(max_examples=400 if TORTURE else 25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(anything, anything, any_metadata), min_size=1, max_size=4), filters)
def test_any_text_and_metadata_come_back_and_are_filtered_alike(
    there: Path, rows: list[tuple[str, str, dict[str, Any]]], where: Any
) -> None:
    documents = [Document(f"d{i}", title, f"x{text}", values) for i, (title, text, values) in enumerate(rows)]
    build(there, documents, Hashing(), fresh=True)
    with Store(there).read() as reading:
        assert repr(sorted(reading.documents(), key=lambda d: d.id)) == repr(documents)
        assert reading.faults() == []
        every = next(reading.vectors())[0]
        numbers = reading.matching(where, every).tolist()
        accepted = {passage.document_id for passage in reading.passages(numbers).values()}
    assert accepted == {document.id for document in documents if where.matches(document.metadata)}


@given(anything, anything)
def test_texts_without_nul_sort_as_the_texts_do(one: str, other: str) -> None:
    assert unescaped(escaped(one)) == one
    assert "\0" not in escaped(one)
    assert (escaped(one).encode() < escaped(other).encode()) == (one.encode() < other.encode())


def test_ties_beyond_the_depth_are_all_returned(there: Path, tmp_path: Path) -> None:
    documents = [Document(f"d{i:03}", "", "alpha beta", {"i": i}) for i in range(150)]
    for folder in (tmp_path / "here", there):
        build(folder, documents, Hashing())
    here, elsewhere = (Searcher(folder, Hashing(), None) for folder in (tmp_path / "here", there))
    asked = SearchSettings(k=5, n=1, depth=20)
    assert scores(elsewhere.search("alpha", asked)) == figures(here.search("alpha", asked))


def test_a_graph_finds_as_much_as_it_says_and_all_of_a_filter(there: Path, tmp_path: Path) -> None:
    documents = [Document(f"d{i:03}", "", f"text {i}", {"i": i}) for i in range(400)]
    build(tmp_path / "here", documents, Hashing())
    build(there, documents, Hashing(), kind="hnsw")
    with Store(there).read() as reading:
        recall = reading.snapshot.recall
    assert 0.9 < recall <= 1
    here, elsewhere = (Searcher(folder, Hashing(), None) for folder in (tmp_path / "here", there))
    dense = SearchSettings(k=20, n=1, depth=20, lexical_weight=0)
    asked = [f"question {i}" for i in range(40)]
    found = [
        [{p.id for p in searcher.search(question, dense).dense[:20]} for question in asked]
        for searcher in (here, elsewhere)
    ]
    shared = sum(len(one & other) for one, other in zip(*found, strict=True)) / (20 * len(asked))
    assert shared == pytest.approx(recall, abs=0.1)
    assert all(len(ids) == 20 for ids in found[1])
    within = SearchSettings(k=20, n=1, depth=20, where="i<300")
    assert scores(elsewhere.search("text 7", within)) == figures(here.search("text 7", within))
    update(there, [Document("new", "", "question 1", {})], Hashing())
    assert elsewhere.search("question 1", dense).dense[0].id == "new"
    with pytest.raises(BoundError, match="2000 dimensions"):
        build(there, documents[:2], Wide(), kind="hnsw", fresh=True)


class Wide(Hashing):
    """Vectors of more dimensions than a graph takes."""

    def __init__(self) -> None:
        super().__init__()
        self.identity = replace(self.identity, dims=2001)

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        return np.eye(len(texts), 2001, dtype=np.float32)


# 2. A model of the index


@pytest.mark.torture
def test_a_model_agrees_through_every_change(server: Server) -> None:
    class InPostgres(IndexMachine):
        def place(self) -> Path:
            return placed(server, super().place())

        @rule(kind=st.sampled_from(["flat", "hnsw"]))
        def publish(self, kind: Any) -> None:
            compact(self.folder, kind)

        @rule(text=texts)
        def crash_before_the_commit(self, text: str) -> None:
            def interrupted(*_: object) -> None:
                raise Interrupted

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(PostgresWriter, "_part", interrupted)
                with pytest.raises(Interrupted):
                    update(self.folder, [Document("crashed", "", text + " crash", {})], Hashing())

    run_state_machine_as_test(
        InPostgres,
        settings=settings(
            max_examples=150 if TORTURE else 6, stateful_step_count=30 if TORTURE else 15, deadline=None
        ),
    )


# 3. Killed writers


def state(folder: Path) -> list[Document] | None:
    """Return what the index holds, every part of it checked; ``None`` before the first generation."""
    try:
        documents = contents(folder)
    except IndexStateError:
        return None
    store = Store(folder)
    with store.read() as reading:
        assert reading.faults() == []
    store.close()
    return sorted(documents, key=str)


@pytest.mark.torture
@pytest.mark.parametrize("operation", ["build", "update", "delete", "compact"])
def test_killed_at_any_moment_the_index_is_whole_and_a_rerun_completes_it(
    server: Server, tmp_path: Path, operation: str
) -> None:
    after = sorted(AFTER[operation], key=str)
    randomness = random.Random(operation)
    seen = []
    for case in range(40 if TORTURE else 3):
        folder = placed(server, tmp_path / f"index{case}")
        if operation != "build":
            build(folder, BASE, Hashing())
        before = state(folder)
        process = subprocess.Popen(
            [sys.executable, "-B", "-u", str(WORKER), str(folder), operation, "--announce"],
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"begins\n"
        time.sleep(randomness.uniform(0, 0.25))
        process.kill()
        process.wait()
        process.stdout.close()
        found = state(folder)
        assert found in (before, after)
        seen.append(found == after)
        work(folder, operation)
        assert state(folder) == after
    if TORTURE:
        sys.stderr.write(f"\n{operation}: {len(seen)} kills, {sum(seen)} after the change was whole\n")


def test_one_writer_at_a_time_while_readers_see_the_former_generation(there: Path) -> None:
    build(there, BASE, Hashing())
    with Store(there).write() as writing:
        with pytest.raises(WriterBusyError, match="another process is writing"):
            update(there, BASE[:1], Hashing())
        before = contents(there)
        writing.replace((), ["d00"])
        assert len(contents(there)) == len(before) - 1
    with Store(there).read() as reading:
        delete(there, ["d01"])
        assert reading.counts()[0] == len(before) - 1
        assert "d01" in {document.id for document in reading.documents()}
    assert "d01" not in {document.id for document in contents(there)}


# 4. Servers that fail


@pytest.mark.torture
def test_a_server_killed_while_it_is_searched_and_changed_is_typed_errors_and_no_half_change(
    tmp_path: Path,
) -> None:
    randomness = random.Random(5)
    with postgres_server() as server:
        folder = placed(server, tmp_path / "index")
        build(folder, BASE, Hashing())
        for round_ in range(12 if TORTURE else 2):
            before = len(contents(folder))
            came = [
                Document(f"r{round_}-{i}", "", f"Text {i} of round {round_}. " * 30, {}) for i in range(60)
            ]
            errors: list[BaseException] = []
            ended = threading.Event()
            threads = [
                threading.Thread(target=keep_searching, args=(folder, ended, errors)),
                threading.Thread(target=keep_searching, args=(folder, ended, errors)),
                threading.Thread(
                    target=collect, args=(errors, lambda came=came: update(folder, came, Hashing()))
                ),
            ]
            for thread in threads:
                thread.start()
            time.sleep(randomness.uniform(0.02, 0.3))
            server.kill()
            time.sleep(0.1)
            ended.set()
            for thread in threads:
                thread.join()
            assert errors
            assert all(isinstance(error, StoreUnreachableError) for error in errors), errors
            server.start()
            assert len(contents(folder)) in (before, before + len(came))
            with Store(folder).read() as reading:
                assert reading.faults() == []
            update(folder, came, Hashing())
            assert len(contents(folder)) == before + len(came)


def keep_searching(folder: Path, ended: threading.Event, errors: list[BaseException]) -> None:
    searcher = Searcher(folder, Hashing(), None)
    while not ended.is_set():
        collect(errors, lambda: searcher.search("document text", SearchSettings(k=20, n=5)))


def collect(errors: list[BaseException], call: Any) -> None:
    try:
        call()
    except (QuincunxError, psycopg.Error, OSError) as error:
        errors.append(error)


def test_a_searcher_goes_on_when_its_server_was_started_again(tmp_path: Path) -> None:
    with postgres_server() as server:
        folder = placed(server, tmp_path / "index")
        build(folder, BASE, Hashing())
        searcher = Searcher(folder, Hashing(), None)
        before = searcher.search("document").passages
        server.kill(signal.SIGINT)
        with pytest.raises(StoreUnreachableError, match="See that the server runs"):
            searcher.search("document")
        server.start()
        assert searcher.search("document").passages == before


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("DELETE FROM searched WHERE passage = 1", "is not its vector"),
        ("UPDATE searched SET value = value * value WHERE passage = 2", "is not its vector"),
        ("DELETE FROM lengths WHERE passage = 1", "the lexical stage holds"),
        ("UPDATE postings SET places = places || 99 WHERE passage = 1", "tokens, not the"),
        ("DELETE FROM postings WHERE passage = 1", "tokens, not the"),
        ("DELETE FROM vectors", "lacks its vector"),
        ("UPDATE passages SET text = 'other' WHERE number = 1", "is not its span"),
    ],
)
def test_damage_is_found_by_verify(server: Server, there: Path, damage: str, told: str) -> None:
    build(there, BASE, Hashing())
    run_sql(server, there, damage)
    with Store(there).read() as reading:
        faults = reading.faults()
    assert any(told in fault for fault in faults), faults


@pytest.mark.parametrize(
    "damage",
    [
        "DROP TABLE passages",
        "DROP TABLE meta",
        "DELETE FROM meta",
        "UPDATE meta SET value = '999' WHERE key = 'schema'",
        "ALTER TABLE documents DROP COLUMN text",
    ],
)
def test_a_damaged_schema_is_one_error_that_says_how_to_go_on(
    server: Server, there: Path, damage: str
) -> None:
    build(there, BASE, Hashing())
    run_sql(server, there, damage)
    with pytest.raises(IndexStateError, match="index build --fresh"), Store(there).read() as reading:
        reading.faults()
    build(there, BASE, Hashing(), fresh=True)
    assert sorted(contents(there), key=str) == sorted(BASE, key=str)


def test_tables_of_other_schemas_that_are_called_alike_are_left_alone(server: Server, tmp_path: Path) -> None:
    with psycopg.connect(server.address, autocommit=True) as connection:
        connection.execute("CREATE DATABASE shared")
    address = server.address.replace("/postgres?", "/shared?")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA tools; CREATE EXTENSION vector SCHEMA tools")
        connection.execute("CREATE TABLE meta (key text PRIMARY KEY, value text NOT NULL)")
        connection.execute("INSERT INTO meta VALUES ('schema', '4'), ('generation', '1')")
        connection.execute("CREATE TABLE documents (id text)")
        connection.execute("CREATE SCHEMA app; CREATE TABLE app.orders (i int)")
    folder = tmp_path / "index"
    write_place(folder, DatabasePlace.of(address, "mine"))
    with pytest.raises(IndexStateError, match="there is no index in that schema"):
        contents(folder)
    theirs = tmp_path / "theirs"
    write_place(theirs, DatabasePlace.of(address, "app"))
    for call in (
        lambda: contents(theirs),
        lambda: build(theirs, BASE, Hashing()),
        lambda: build(theirs, BASE, Hashing(), fresh=True),
        lambda: Store(theirs).drop(),
    ):
        with pytest.raises(UsageError, match="'orders', which is of no index"):
            call()
    build(folder, BASE, Hashing())
    assert sorted(contents(folder), key=str) == sorted(BASE, key=str)
    assert Searcher(folder, Hashing(), None).search("document").passages
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT count(*) FROM meta").fetchone() == (2,)
        assert connection.execute("SELECT count(*) FROM documents").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM app.orders").fetchone() == (0,)
        connection.execute("CREATE TABLE mine.notes (i int)")
    Store(folder).drop()
    with psycopg.connect(address) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'mine'").fetchall()
    assert tables == [("notes",)]


def test_a_database_of_another_encoding_is_refused(server: Server, tmp_path: Path) -> None:
    with psycopg.connect(server.address, autocommit=True) as connection:
        connection.execute(
            "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        )
    folder = tmp_path / "index"
    write_place(folder, DatabasePlace.of(server.address.replace("/postgres?", "/latin?"), "mine"))
    with pytest.raises(StorageError, match="ENCODING 'UTF8'"):
        build(folder, BASE, Hashing())


def test_what_cannot_be_there_is_one_error_and_nothing_is_written(server: Server, there: Path) -> None:
    with pytest.raises(BoundError, match="known are flat, hnsw"):
        build(there, BASE, Hashing(), kind="ivf")
    build(there, BASE, Hashing())
    with pytest.raises(StorageError, match="2,600 bytes"):
        update(there, [Document("".join(map(chr, range(256, 4000))), "", "text", {})], Hashing())
    assert len(contents(there)) == len(BASE)
    with Store(there).read() as reading:
        assert reading.faults() == []


# 5. Names, copies and passwords


@pytest.fixture
def menu(home: Path, tmp_path: Path) -> str:
    folder = tmp_path / "menu"
    folder.mkdir()
    for name in ("tea", "rum", "milk"):
        (folder / f"{name}.md").write_text(f"# {name}\n\nWe serve {name}. " * 3)
    quincunx.build_index("menu", str(folder))
    return "menu"


def test_an_index_is_built_searched_synced_and_dropped_there(
    server: Server, menu: str, tmp_path: Path
) -> None:
    schema = f"test_{uuid4().hex}"
    report = quincunx.build_index("bar", str(tmp_path / "menu"), store=server.address, schema=schema)
    assert (report.added, report.generation) == (3, 1)
    here, elsewhere = (quincunx.open_index(name).search("Which tea?") for name in (menu, "bar"))
    assert scores(elsewhere) == figures(here)
    (tmp_path / "menu" / "rum.md").unlink()
    assert quincunx.sync_index("bar").changes.removed == ("rum.md",)
    quincunx.detach_index("bar")
    with pytest.raises(quincunx.UnknownIndexError):
        quincunx.open_index("bar")
    attached = quincunx.attach_index("again", server.address, schema=schema)
    assert (attached.documents, attached.place) == (2, f"{server.address} (schema {schema})")
    quincunx.drop_index("again")
    with pytest.raises(IndexStateError):
        quincunx.attach_index("again", server.address, schema=schema)
    assert quincunx.index_documents(menu)


def test_copied_there_and_back_an_index_is_the_same(server: Server, menu: str, tmp_path: Path) -> None:
    schema = f"test_{uuid4().hex}"
    quincunx.copy_index(menu, "there", store=server.address, schema=schema)
    quincunx.copy_index("there", "back")
    found = [quincunx.open_index(name).search("rum or milk") for name in (menu, "there", "back")]
    assert scores(found[1]) == figures(found[0])
    assert scores(found[2]) == figures(found[0])
    assert quincunx.index_documents("back") == quincunx.index_documents(menu)
    assert quincunx.sync_index("there").embedded == 0
    with pytest.raises(UsageError, match="already"):
        quincunx.copy_index(menu, "there", store=server.address)
    for call in (
        lambda: quincunx.copy_index(menu, "other", store=server.address, schema=schema),
        lambda: quincunx.build_index("other", str(tmp_path / "menu"), store=server.address, schema=schema),
    ):
        with pytest.raises(UsageError, match="holds an index already"):
            call()
    assert not (tmp_path / "home" / "indexes" / "other").exists()


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("mysql://host/db", "postgresql://HOST/DATABASE"),
        ("postgresql://user:secret@host/db", "PGPASSWORD"),
        ("postgresql://host/db?password=secret", "PGPASSWORD"),
        ("postgresql://host/db?sslpassword=secret", "PGPASSWORD"),
        ("postgresq://user:secret@host/db", "postgresql://HOST/DATABASE"),
        ("postgresql://[half/db", "store"),
    ],
)
def test_an_address_that_cannot_be_one_or_holds_a_password_is_refused(
    menu: str, tmp_path: Path, address: str, told: str
) -> None:
    with pytest.raises(UsageError, match=told) as raised:
        quincunx.copy_index(menu, "there", store=address)
    assert "secret" not in str(raised.value)
    assert not (tmp_path / "home" / "indexes" / "there").exists()


def test_a_copy_that_fails_can_be_made_again(
    menu: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise StorageError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(SQLiteWriter, "_publish", failing)
        with pytest.raises(StorageError, match="the disk is full"):
            quincunx.copy_index(menu, "copied")
    assert not (tmp_path / "home" / "indexes" / "copied").exists()
    assert quincunx.copy_index(menu, "copied").documents == 3


def test_a_server_that_is_not_there_is_one_error_and_leaves_no_name(menu: str, tmp_path: Path) -> None:
    nowhere = f"postgresql:///db?host={tmp_path}&user=postgres"
    for call in (
        lambda: quincunx.build_index("there", str(tmp_path / "menu"), store=nowhere),
        lambda: quincunx.attach_index("there", nowhere),
        lambda: quincunx.copy_index(menu, "there", store=nowhere),
    ):
        with pytest.raises(StoreUnreachableError, match="See that the server runs"):
            call()
    assert not (tmp_path / "home" / "indexes" / "there").exists()


def test_searches_go_on_while_a_graph_is_made_and_a_stuck_reader_holds_nobody_for_long(there: Path) -> None:
    build(there, BASE, Hashing(), kind="hnsw")
    made = threading.Event()

    def slowly(*given: Any) -> float:
        made.wait(20)
        return make_hnsw(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("quincunx.retrieval.index.postgres.writer.make_hnsw", slowly)
        writer = threading.Thread(target=compact, args=(there, "hnsw"))
        writer.start()
        assert Searcher(there, Hashing(), None).search("document").passages
        made.set()
        writer.join()
    with Store(there).read() as stuck:
        assert next(stuck.vectors())[0].size
        stuck.load_vectors({})
        with pytest.raises(WriterBusyError, match="does not end"):
            compact(there, "flat")
    assert compact(there, "flat") == 3


@pytest.mark.parametrize(
    "written", ["", "{}", "[]", '{"address": "x", "schema": "y"}', '{"address": 1, "schema": 2}']
)
def test_a_file_that_does_not_say_where_the_index_lies_is_one_error(there: Path, written: str) -> None:
    (there / ELSEWHERE).write_text(written)
    with pytest.raises(IndexStateError, match="attach it again"):
        Store(there)
    write_place(there, DatabasePlace.of("postgresql:///db", "mine"))
    assert read_place(there) == DatabasePlace("postgresql:///db", "mine")


def test_the_commands_build_copy_attach_list_and_detach(
    server: Server, menu: str, tmp_path: Path, quincunx: Any
) -> None:
    def run(*arguments: str) -> Any:
        done = quincunx("index", *arguments, "--json")
        assert done.status == 0, done.err
        return json.loads(done.out)

    schema = f"test_{uuid4().hex}"
    where = ["--store", server.address, "--schema", schema]
    assert run("build", "bar", str(tmp_path / "menu"), *where)["added"] == 3
    entries = {entry["name"]: entry for entry in run("list")["indexes"]}
    assert (entries["bar"]["documents"], entries["bar"]["kind"], entries["bar"]["error"]) == (3, "flat", None)
    assert run("copy", "bar", "copied")["passages"] == 3
    assert run("info", "bar")["place"] == f"{server.address} (schema {schema})"
    assert run("detach", "bar")["detached"]
    assert run("attach", "bar", server.address, "--schema", schema)["documents"] == 3
    assert run("verify", "bar")["faults"] == []
    assert (
        run("fields", "bar")["fields"] == run("fields", "copied")["fields"] == run("fields", menu)["fields"]
    )
    assert run("docs", "bar")["documents"] == run("docs", menu)["documents"]
    assert run("compact", "bar")["generation"] == 2
