"""Gold sets as others distribute them: what is missing counts as lost and is named, and forms that mean the same read alike.

Invariants:
    1. Gold that nothing can find stays in the denominator of every measure.
    2. One warning says what a set names and does not hold; `quincunx gold check` lists it.
    3. A qrels file reads the same in every form that it is distributed in.
"""

from __future__ import annotations

import json
import logging
import tempfile
from pathlib import Path
from typing import Any

import pytest
from gold_files import written
from gold_sets import hashing_profile
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from quincunx.app.cli import app
from quincunx.eval.evaluate import evaluate_retrieval
from quincunx.eval.goldsets.check import check_gold_set
from quincunx.eval.goldsets.goldset import ALL, read_gold_set
from quincunx.eval.goldsets.importing import import_gold_set
from quincunx.eval.goldsets.manifest import write_manifest
from quincunx.eval.goldsets.qrels import read_qrels
from quincunx.retrieval.errors import GoldSetError

GOLDSETS = "quincunx.eval.goldsets.goldset"


def written_set(
    folder: Path, documents: list[dict[str, Any]], queries: list[dict[str, Any]], qrels: str
) -> Path:
    for name, records in (("corpus", documents), ("queries", queries)):
        written(folder, f"{name}.jsonl", "".join(json.dumps(record) + "\n" for record in records))
    written(folder / "qrels", "test.tsv", qrels)
    return folder


def aeronautics(folder: Path) -> Path:
    """A set of Cranfield's shape: numbered documents of which two are empty, grades of -1 and 1 to 5, gaps in the ids."""
    subjects = (
        "wing",
        "shock wave",
        "boundary layer",
        "propeller",
        "heat shield",
        "nozzle",
        "flutter",
        "drag",
    )
    documents = [
        {
            "_id": str(number),
            "title": "" if number in (4, 9) else f"on the {subjects[number % 8]}",
            "text": ""
            if number in (4, 9)
            else f"Experiment {number} measures the {subjects[number % 8]} at speed {number}.",
            "metadata": {"author": "", "bib": ""},
        }
        for number in range(1, 13)
    ]
    queries = [
        {"_id": str(n), "text": f"which experiment measures speed {n}", "metadata": {}} for n in range(1, 6)
    ]
    rows = [
        "1 1 5", "1 2 -1", "1 4 3", "2 2 1", "2 3 2", "3 9 4", "4 4 1", "4 8 5", "4 77 2", "5 5 -1", "5 6 0", "226 3 1",
    ]  # fmt: skip
    text = "query-id\tcorpus-id\tscore\n" + "".join("\t".join(row.split()) + "\n" for row in rows)
    return written_set(folder, documents, queries, text)


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == GOLDSETS]


def test_a_set_of_cranfields_shape_runs_and_counts_what_is_missing_as_lost(
    home: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gold = aeronautics(tmp_path / "gold")
    with caplog.at_level(logging.WARNING), evaluate_retrieval(gold, profile=hashing_profile()) as run:
        summary = run.summary
    (warning,) = said(caplog)
    assert "3 of 7 gold documents are not in the corpus, or hold no text (4, 77, 9)" in warning
    assert "count as not found for 3 questions" in warning
    assert "1 questions have gold but no text in queries.jsonl (226), and are left out" in warning
    assert "quincunx gold check" in warning
    # Of the five questions the fifth has no relevant document; the third has none but an empty one.
    first = summary.steps[0]
    assert (first.name, first.count, first.n) == ("in the index", 3, 4)
    recall = summary.means["final"]["recall@5"]
    assert recall.n == 4
    values = {id: each["recall@5"] for id, each in summary.scored.values["final"].items()}
    assert values["1"] <= 1 / 2
    assert values["3"] == 0
    assert values["4"] <= 1 / 3
    lost = {(entry.question, entry.unit) for entry in summary.lost if entry.diagnosis == "not in the index"}
    assert lost == {("1", "4"), ("3", "9"), ("4", "4"), ("4", "77")}
    assert all(
        "corpus lacks" in entry.advice for entry in summary.lost if entry.diagnosis == "not in the index"
    )


def test_gold_check_lists_what_is_missing_and_says_truly_why(tmp_path: Path) -> None:
    gold = aeronautics(tmp_path / "gold")
    write_manifest(gold)
    done = CliRunner().invoke(app, ["gold", "check", str(gold), "--json"])
    assert done.exit_code == 1
    found = [
        (f["kind"], f["detail"]) for f in json.loads(done.stdout)["findings"] if f["severity"] == "error"
    ]
    empty = "has neither title nor text in corpus.jsonl, so nothing finds it"
    assert sorted(found) == [
        ("empty_document", f"document '4' {empty}"),
        ("empty_document", f"document '4' {empty}"),
        ("empty_document", f"document '9' {empty}"),
        ("unknown_document", "document '77' is not in corpus.jsonl"),
        ("unknown_question", "question '226' is not in queries.jsonl"),
    ]
    plain = CliRunner().invoke(app, ["gold", "check", str(gold)])
    assert (plain.exit_code, plain.stdout.count("empty_document")) == (1, 3)


def test_the_command_line_runs_such_a_set_with_one_warning(home: Path, tmp_path: Path, caplog: Any) -> None:
    gold = aeronautics(tmp_path / "gold")
    with caplog.at_level(logging.WARNING):
        done = CliRunner().invoke(app, ["eval", "retrieval", str(gold), "--profile", hashing_profile()])
    assert done.exit_code == 0
    assert len(said(caplog)) == 1
    assert "3 of 4" in done.stdout
    assert "not in the index" in done.stdout


def test_spans_of_documents_that_are_not_there_count_as_lost_too(
    home: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    written(tmp_path, "corpus.jsonl", '{"_id": "a", "text": "Parcels are kept for seven days."}\n')
    written(tmp_path, "queries.jsonl", '{"_id": 1, "text": "how long"}\n{"_id": 2, "text": "where"}\n')
    spans = [(1, "a", 0, 12), (2, "gone", 3, 9), (3, "a", 0, 4)]
    lines = [{"query-id": q, "corpus-id": d, "start": start, "end": end} for q, d, start, end in spans]
    written(tmp_path, "spans.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    with caplog.at_level(logging.WARNING), evaluate_retrieval(tmp_path, profile=hashing_profile()) as run:
        assert [(s.count, s.n) for s in run.summary.steps] == [(1, 2)] * 4
        assert [(entry.unit, entry.diagnosis) for entry in run.summary.lost] == [
            ("gone[3:9]", "not in the index")
        ]
    (warning,) = said(caplog)
    assert "1 of 2 gold documents" in warning
    assert "(3), and are left out" in warning


DOCUMENTS = [{"_id": id, "text": f"Document {id}."} for id in ("a", "b", "1", "01", "1.0")]
QUERIES = [{"_id": id, "text": f"what is {id}"} for id in ("q", "1", "01")]


@pytest.mark.parametrize(
    "text",
    [
        "query-id\tcorpus-id\tscore\nq\ta\t2\nq\tb\t1\n01\t01\t1\n",
        "q\ta\t2\nq\tb\t1\n01\t01\t1\n",
        "query_id\tcorpus_id\trelevance\r\nq\ta\t2\r\nq\tb\t1\r\n01\t01\t1\r\n",
        "\ufeffquery-id\tcorpus-id\tscore\nq\ta\t2\nq\tb\t1\n01\t01\t1",
        "\ufeffq\ta\t2\nq\tb\t1\n01\t01\t1",
        "q 0 a 2\nq 0 b 1\n01 0 01 1\n",
        "q\t0\ta\t2\nq\tQ0\tb\t1\n01\t0\t01\t1\n",
        "qid 0 docid rel\nq 0 a 2\nq 0 b 1\n01 0 01 1\n",
        "q a 2\nq  b  1\n01 01 1\n",
        "q\ta\t2.0\nq\tb\t1e0\n01\t01\t+1\n",
        "q\ta\t2\nq\ta\t2\nq\tb\t1\n\n01\t01\t1\n\n",
        "q\ta\t-1\nq\ta\t2\nq\tb\t1\nq\t1\t0\n01\t1.0\t-2\n01\t01\t1\n",
        "q \ta\t2 \nq\t b\t1\t\n01\t01\t1\n",
    ],
)
def test_qrels_read_alike_in_every_form_they_come_in(tmp_path: Path, text: str) -> None:
    gold = read_gold_set(written_set(tmp_path / "gold", DOCUMENTS, QUERIES, text))
    assert gold.relevance == {"q": {"a": 2, "b": 1}, "01": {"01": 1}}
    assert gold.missing == {}


ids = st.text(st.characters(categories=("L", "N", "P"), exclude_characters="\ufeff"), min_size=1, max_size=6)
judged = st.lists(st.tuples(ids, ids, st.integers(-2, 5)), min_size=1, max_size=12)
LAYOUTS = (
    "{0}\t{1}\t{2}",
    "{0}\t0\t{1}\t{2}",
    "{0} 0 {1} {2}",
    "{0} {1} {2}",
    "{0}\t{1}\t{2}.0",
    "{0}\tQ0\t{1}\t{2}\r",
)


@given(judged, st.sampled_from(LAYOUTS), st.booleans(), st.booleans())
def test_a_row_reads_back_whatever_its_layout(
    rows: list[tuple[str, str, int]], layout: str, has_mark: bool, has_heading: bool
) -> None:
    text = ("\ufeff" if has_mark else "") + ("query-id\tcorpus-id\tscore\n" if has_heading else "")
    text += "".join(layout.format(*row) + "\n" for row in rows)
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), "test.tsv", text)
        assert [row[1:] for row in read_qrels(path)] == rows


@pytest.mark.parametrize(
    "line",
    ["q", "q\ta", "q\ta\thigh", "q\ta\t0.5", "q\ta\tnan", "q\ta\tinf", "q\t\t1", "\ta\t1", "q\t0\ta\t1\tx"],
)
def test_a_row_of_no_form_is_named(tmp_path: Path, line: str) -> None:
    gold = written_set(
        tmp_path / "gold", DOCUMENTS, QUERIES, f"query-id\tcorpus-id\tscore\nq\ta\t1\n{line}\n"
    )
    with pytest.raises(GoldSetError, match=r"test.tsv:3: expected query-id, corpus-id and a whole score"):
        read_gold_set(gold)


def test_a_heading_stands_in_the_first_row_alone(tmp_path: Path) -> None:
    gold = written_set(tmp_path / "gold", DOCUMENTS, QUERIES, "q\ta\t1\nquery-id\tcorpus-id\tscore\n")
    with pytest.raises(GoldSetError, match=r"test.tsv:2: "):
        read_gold_set(gold)


def test_numbers_as_ids_of_questions_are_their_text_and_a_zero_in_front_counts(tmp_path: Path) -> None:
    queries: list[dict[str, Any]] = [
        {"_id": 1, "text": "one"},
        {"_id": "01", "text": "zero one"},
        {"_id": 2, "text": "two"},
    ]
    gold = read_gold_set(written_set(tmp_path / "gold", DOCUMENTS, queries, "1\ta\t1\n01\tb\t1\n"))
    assert gold.relevance == {"1": {"a": 1}, "01": {"b": 1}}
    queries.append({"_id": "1", "text": "again"})
    with pytest.raises(GoldSetError, match="question id '1' stands twice"):
        read_gold_set(written_set(tmp_path / "twice", DOCUMENTS, queries, "1\ta\t1\n"))


def test_a_question_without_text_is_left_out_by_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    queries = [*QUERIES, {"_id": "blank", "text": " \n"}, {"_id": "unjudged", "text": ""}]
    folder = written_set(tmp_path / "gold", DOCUMENTS, queries, "q\ta\t1\nblank\tb\t1\n")
    gold = read_gold_set(folder)
    assert list(gold.questions) == ["q", "1", "01"]
    (warning,) = said(caplog)
    assert "1 questions have gold but no text in queries.jsonl (blank), and are left out" in warning
    blank = [finding.detail for finding in check_gold_set(folder) if finding.kind == "blank_question"]
    assert blank == [f"question {id!r} has no text, so it is left out" for id in ("blank", "unjudged")]
    assert not any(finding.kind == "unknown_question" for finding in check_gold_set(folder))


def test_a_part_of_the_questions_may_be_run_with_the_qrels_of_all(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = "".join(f"{id}\ta\t1\n" for id in ("q", *(f"other{n}" for n in range(40))))
    gold = read_gold_set(written_set(tmp_path / "gold", DOCUMENTS, QUERIES, rows))
    assert gold.relevance == {"q": {"a": 1}}
    (warning,) = said(caplog)
    assert "40 questions have gold but no text" in warning
    assert warning.count("other") == 5


def test_ids_of_another_spelling_are_an_error_that_says_so(tmp_path: Path) -> None:
    folder = written_set(tmp_path / "gold", DOCUMENTS, QUERIES, "Q-1\ta\t1\nQ-2\tb\t1\n")
    with pytest.raises(
        GoldSetError, match=r"none of the questions that have gold .*\(Q-1, Q-2\): are the ids spelt"
    ):
        read_gold_set(folder)


def test_a_split_of_grades_of_0_and_below_has_no_gold(tmp_path: Path) -> None:
    folder = written_set(tmp_path / "gold", DOCUMENTS, QUERIES, "q\ta\t0\nq\tb\t-1\n")
    with pytest.raises(GoldSetError, match="no relevant document for any question of split 'test'"):
        read_gold_set(folder)


def test_of_two_grades_the_higher_counts_and_gold_check_names_both(tmp_path: Path) -> None:
    rows = "q\ta\t3\nq\ta\t1\nq\tb\t0\nq\tb\t1\n01\ta\t1\n01\ta\t1\n"
    folder = written_set(tmp_path / "gold", DOCUMENTS, QUERIES, rows)
    assert read_gold_set(folder).relevance == {"q": {"a": 3, "b": 1}, "01": {"a": 1}}
    found = {(f.kind, f.severity, f.where.rpartition(":")[2]) for f in check_gold_set(folder)}
    assert found >= {
        ("contradicting_grades", "error", "2"),
        ("contradicting_grades", "error", "4"),
        ("repeated_judgement", "warning", "6"),
    }


documents = st.lists(st.sampled_from(["a", "b", "1", "gone", "empty", "also gone"]), min_size=1, unique=True)


@given(st.lists(documents, min_size=1, max_size=6))
def test_gold_that_is_missing_is_never_dropped(golds: list[list[str]]) -> None:
    held = [*DOCUMENTS, {"_id": "empty", "title": " ", "text": "\n"}]
    queries = [{"_id": f"q{n}", "text": f"question {n}"} for n in range(len(golds))]
    rows = "".join(f"q{n}\t{document}\t1\n" for n, gold in enumerate(golds) for document in gold)
    with tempfile.TemporaryDirectory() as folder:
        gold = read_gold_set(written_set(Path(folder), held, queries, rows))
    assert gold.relevance == {f"q{n}": dict.fromkeys(documents, 1) for n, documents in enumerate(golds)}
    lacking = {d for documents in golds for d in documents} & {"gone", "also gone", "empty"}
    assert gold.missing.keys() == lacking
    for document, asking in gold.missing.items():
        assert asking == [f"q{n}" for n, documents in enumerate(golds) if document in documents]


def test_an_import_keeps_what_is_missing_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = aeronautics(tmp_path / "in")
    after = import_gold_set(source, "beir", tmp_path / "out")
    assert after.relevance == read_gold_set(source, ALL).relevance
    assert set(after.missing) == {"4", "9", "77"}
    written(source, "topics.txt", "1\tfirst\n2\tsecond\n")
    written(source, "qrels.txt", "1 0 1 4.0\n1 0 4 1\n2 0 77 1\n2 0 3 -1\n226 0 3 1\n")
    caplog.clear()
    trec = import_gold_set(source, "trec", tmp_path / "trec")
    assert trec.relevance == {"1": {"1": 4, "4": 1}, "2": {"77": 1}}
    assert len(said(caplog)) == 1
    assert any("1 judged topics are in no topics file" in record.getMessage() for record in caplog.records)
    table = written(tmp_path, "gold.csv", "question,document,grade\nwhat,1;4,2.0;1\nwho,gone,\n")
    named = import_gold_set(table, "csv", tmp_path / "csv", corpus=source)
    assert [q.gold for q in named.questions.values()] == [{"1": 2, "4": 1}, {"gone": 1}]


def test_a_document_with_neither_title_nor_text_is_lost_at_the_first_step(home: Path, tmp_path: Path) -> None:
    held = [
        {"_id": "a", "title": "Parcels", "text": "Parcels are kept for seven days."},
        {"_id": "b", "title": "", "text": ""},
    ]
    queries = [
        {"_id": "q1", "text": "How often do ferries sail?"},
        {"_id": "q2", "text": "How long are parcels kept?"},
    ]
    folder = written_set(tmp_path / "gold", held, queries, "q1\tb\t1\nq2\ta\t1\n")
    run = CliRunner().invoke(
        app, ["eval", "retrieval", str(folder), "--profile", hashing_profile(), "--json"]
    )
    assert run.exit_code == 0
    assert json.loads(run.stdout)["funnel"][0] == {"name": "in the index", "count": 1, "n": 2}
    assert CliRunner().invoke(app, ["gold", "check", str(folder)]).exit_code == 1
