"""`quincunx gold import`: what comes out reads back as what went in, split by document; or nothing does.

Invariants:
    1. Import, then read: the same documents, questions and gold as the source.
    2. No document, and no article that documents were cut from, is gold in two splits.
    3. A source that cannot be read raises one `GoldSetError`, and no file or folder is left behind.
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from conftest import shared
from gold_files import corpus_of, written
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from quincunx.app.cli import app
from quincunx.app.commands.gold import GoldForm
from quincunx.eval.goldsets.check import check_gold_set
from quincunx.eval.goldsets.formats import FORMS
from quincunx.eval.goldsets.goldset import ALL, GoldQuestion, GoldSet, canon_folder, read_gold_set
from quincunx.eval.goldsets.importing import SHARES, import_gold_set, split_by_document, write_gold_set
from quincunx.retrieval.errors import GoldSetError
from quincunx.retrieval.passages import Document

ids = st.text("abcä-1 ;,\"'", min_size=1, max_size=3).map(str.strip).filter(bool)
texts = st.text(min_size=1, max_size=20).filter(lambda text: text.strip() and "\r" not in text)
grades = st.dictionaries(st.sampled_from(["d0", "d1", "d2", "d3", "d4", "d5"]), st.integers(1, 3), max_size=3)
DOCUMENTS = [Document(f"d{number}", f"Title {number}", f"Text of {number}. " * 3) for number in range(6)]


def questions_of(golds: list[dict[str, int]]) -> list[GoldQuestion]:
    return [
        GoldQuestion(f"q{number}", f"question {number}", {"answerable": bool(gold)}, None, gold)
        for number, gold in enumerate(golds)
    ]


def assert_split_by_document(questions: list[GoldQuestion], split: dict[str, str]) -> None:
    held = defaultdict(set)
    for question in questions:
        for document in question.gold:
            held[document].add(split[question.id])
    assert all(len(splits) == 1 for splits in held.values())


@given(st.lists(grades, max_size=30), st.integers(0, 5), st.randoms(use_true_random=False))
def test_no_document_is_gold_in_two_splits(golds: list[dict[str, int]], seed: int, order: Any) -> None:
    questions = questions_of(golds)
    split = split_by_document(questions, seed=seed)
    assert split.keys() == {question.id for question in questions}
    assert set(split.values()) <= SHARES.keys()
    assert_split_by_document(questions, split)
    order.shuffle(questions)
    assert split_by_document(questions, seed=seed) == split


def test_splits_get_their_share_of_every_kind_and_change_with_the_seed() -> None:
    questions = [
        GoldQuestion(
            f"q{n}", "", {"kind": kind, "answerable": kind != "c"}, None, {f"d{n}": 1} if kind != "c" else {}
        )
        for n, kind in enumerate("a" * 50 + "b" * 30 + "c" * 20)
    ]
    split = split_by_document(questions)
    for name, share in SHARES.items():
        here = [question.kind for question in questions if split[question.id] == name]
        assert [here.count(kind) for kind in "abc"] == [50 * share, 30 * share, 20 * share]
    assert split_by_document(questions, seed=1) != split


def test_questions_and_gold_that_nearly_are_one_stay_together(tmp_path: Path) -> None:
    for number in range(40):
        text = (
            f"Entry {number} of the long list of things that differ. "
            if number > 1
            else "One text, told twice. "
        )
        written(tmp_path / "docs", f"d{number}.md", text * 2 + ("Again." if number else ""))
    rows = [f"entry {number} of the list?,d{number}.md\n" for number in range(38)]
    rows += ["How tall is Everest mountain,d38.md\n", "how tall is mountain EVEREST?,d39.md\n"]
    source = written(tmp_path, "gold.csv", "question,document\n" + "".join(rows))
    import_gold_set(source, "csv", tmp_path / "out", corpus=tmp_path / "docs")
    assert not any(finding.severity == "error" for finding in check_gold_set(tmp_path / "out"))


def test_documents_of_one_source_stay_together() -> None:
    questions = questions_of([{f"d{number}": 1} for number in range(40)])
    split = split_by_document(
        questions, sources={f"d{number}": f"article {number % 8}" for number in range(40)}
    )
    assert all(split[f"q{number}"] == split[f"q{number % 8}"] for number in range(40))
    assert set(split.values()) == set(SHARES)


@given(
    st.dictionaries(ids, st.tuples(texts, grades, st.sampled_from([None, "train", "test"])), max_size=8),
    st.dictionaries(ids, texts, min_size=1, max_size=3),
)
def test_what_is_written_reads_back(
    asked: dict[str, tuple[str, dict[str, int], str | None]], more: dict[str, str]
) -> None:
    documents = [
        *DOCUMENTS,
        *(Document(f"more {id}", "", text, {"x": [1]}, True) for id, text in more.items()),
    ]
    questions = [
        GoldQuestion(id, text, {"answerable": bool(gold), "split": split} if split else {}, split, gold)
        for id, (text, gold, split) in asked.items()
    ]
    if not any(question.gold for question in questions):
        return
    with tempfile.TemporaryDirectory() as folder:
        write_gold_set(Path(folder) / "out", documents, questions)
        gold = read_gold_set(Path(folder) / "out", ALL)
        assert [path.name for path in Path(folder).iterdir()] == ["out"]
    assert list(gold.documents) == documents
    assert {id: (q.text, q.metadata, q.gold) for id, q in gold.questions.items()} == {
        q.id: (q.text, q.metadata, q.gold) for q in questions
    }


def corpus(folder: Path) -> Path:
    return corpus_of(folder, DOCUMENTS)


@given(st.lists(st.tuples(texts, grades), min_size=1, max_size=8, unique_by=lambda row: row[0].strip()))
def test_csv_reads_back_as_it_was(rows: list[tuple[str, dict[str, int]]]) -> None:
    if not any(gold for _, gold in rows):
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with (folder / "gold.csv").open("w", newline="", encoding="utf-8") as out:
            table = csv.writer(out)
            table.writerow(["Question", "document", "grade", "answer"])
            for text, gold in rows:
                table.writerow([text, ";".join(gold), ";".join(map(str, gold.values())), "An answer."])
        gold_set = import_gold_set(
            folder / "gold.csv", "csv", folder / "out", corpus=corpus(folder / "corpus")
        )
    assert [(q.text, q.gold) for q in gold_set.questions.values()] == [(t.strip(), gold) for t, gold in rows]
    assert all(question.answerable == bool(question.gold) for question in gold_set.questions.values())
    assert all(question.answer == "An answer." for question in gold_set.questions.values())
    splits = {id: question.split or "" for id, question in gold_set.questions.items()}
    assert_split_by_document(list(gold_set.questions.values()), splits)


def from_csv(folder: Path, text: str) -> GoldSet:
    source = written(folder, "gold.csv", text)
    return import_gold_set(source, "csv", folder / "out", corpus=corpus(folder / "corpus"))


def test_csv_columns_mean_what_is_documented(tmp_path: Path) -> None:
    gold = from_csv(
        tmp_path,
        "id,question,document,grade,split,kind,history\n"
        'x,"what, then",d0;d1,2;1,dev,plain,\n'
        'x,"what, then",d2,,dev,,\n'
        "\n"
        'y,and why,d3,3,test,follow_up,"[{""question"": ""q"", ""answer"": ""a""}]"\n'
        "z,who,,,test,,\n",
    )
    x, y, z = gold.questions.values()
    assert (x.text, x.gold, x.split, x.kind) == ("what, then", {"d0": 2, "d1": 1, "d2": 1}, "dev", "plain")
    assert (y.id, y.gold, y.history) == ("y", {"d3": 3}, [{"question": "q", "answer": "a"}])
    assert (z.answerable, z.gold, z.split) == (False, {}, "test")
    assert check_gold_set(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"gold.csv:1: no column document and question \(got nothing\)"),
        ("question,answer\nq,a\n", r"gold.csv:1: no column document \(got question, answer\)"),
        ("question,document,question\n", "gold.csv:1: column 'question' stands twice"),
        ("question,document\nq,nope\n", "gold.csv:2: document 'nope' is not in the corpus"),
        ("question,document\n\nq,d0,more\n", "gold.csv:3: 3 cells under 2 columns"),
        ("question,document\n ,d0\n", "gold.csv:2: the question is empty"),
        ("question,document,grade\nq,d0,high\n", "gold.csv:2: grade 'high' is no whole number"),
        ("question,document,grade\nq,d0,0\n", "gold.csv:2: grade '0' is below 1"),
        ("question,document,grade\nq,d0;d1;d2,1;2\n", "gold.csv:2: 2 grades for 3 documents"),
        ("question,document,split\nq,d0,dev\nq,d1,test\n", "gold.csv:3: question 'q1' has .* split 'test'"),
        ("question,document,split\nq,d0,../up\n", "split '../up' cannot name a file"),
        ("question,document,split\nq,d0,all\n", "split 'all' cannot name a file"),
        ('question,document,history\nq,d0,"[{"\n', "gold.csv:2: history:1: not JSON"),
        ("question,document,history\nq,d0,3\n", "gold.csv:2: history '3' is no list of objects"),
        ('question,document\nq,"d0\n', "gold.csv:2: not CSV"),
        ("question,document\nq,\n", "no question has a relevant document"),
        ("id,question,document\na\tb,q,d0\n", "id .* holds a tab"),
    ],
)
def test_a_bad_csv_is_named_and_nothing_is_left(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(GoldSetError, match=message):
        from_csv(tmp_path, text)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus", "gold.csv"]


def test_csv_needs_a_corpus_and_squad_takes_none(tmp_path: Path) -> None:
    source = written(tmp_path, "gold.csv", "question,document\nq,d0\n")
    with pytest.raises(GoldSetError, match="pass --corpus"):
        import_gold_set(source, "csv", tmp_path / "out")
    with pytest.raises(GoldSetError, match="leave --corpus"):
        import_gold_set(source, "squad", tmp_path / "out", corpus=source)


@pytest.mark.parametrize("name", ["builddaily", "paiddaily"])
def test_a_set_of_our_own_form_comes_through_unchanged(tmp_path: Path, name: str) -> None:
    before = read_gold_set(canon_folder(name), ALL)
    after = import_gold_set(canon_folder(name), "beir", tmp_path / "out")
    assert (after.documents, after.questions) == (before.documents, before.questions)
    assert check_gold_set(tmp_path / "out") == []


def test_spans_without_splits_are_split_by_document(tmp_path: Path) -> None:
    before = read_gold_set(shared("covid-qa"), ALL)
    after = import_gold_set(shared("covid-qa"), "beir", tmp_path / "out", seed=3)
    assert (after.documents, after.spans) == (before.documents, before.spans)
    splits = {split: read_gold_set(tmp_path / "out", split) for split in SHARES}
    assert sum(len(gold.questions) for gold in splits.values()) == len(before.questions)
    assert check_gold_set(tmp_path / "out") == []


def test_what_is_there_already_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(GoldSetError, match="out: is there already"):
        import_gold_set(canon_folder("builddaily"), "beir", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("quincunx.eval.goldsets.importing.write_manifest", full)
    with pytest.raises(OSError, match="No space left"):
        import_gold_set(canon_folder("builddaily"), "beir", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_what_it_wrote(tmp_path: Path) -> None:
    run = CliRunner()
    source = written(tmp_path, "gold.csv", "question,document\nwhat,d0\nwho,d1\n")
    arguments = ["gold", "import", str(source), "--form", "csv", "--corpus", str(corpus(tmp_path / "corpus"))]
    done = run.invoke(app, [*arguments, "--out", str(tmp_path / "out"), "--json"])
    assert (done.exit_code, json.loads(done.stdout)["questions"]) == (0, 2)
    assert run.invoke(app, ["gold", "check", str(tmp_path / "out")]).exit_code == 0
    again = run.invoke(app, [*arguments, "--out", str(tmp_path / "out")])
    assert isinstance(again.exception, GoldSetError)
    said = run.invoke(app, [*arguments, "--out", str(tmp_path / "out2")]).stdout
    assert "6 documents, 2 questions" in said.replace("\n", " ")


def test_the_command_knows_every_form(tmp_path: Path) -> None:
    assert [form.value for form in GoldForm] == list(FORMS)
    with pytest.raises(GoldSetError, match="unknown form 'xml'; known: beir, csv, trec, squad"):
        import_gold_set(tmp_path, "xml", tmp_path / "out")
