"""TREC files and SQuAD's JSON as sources of gold sets; CSV and our own form are in test_goldimport."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from gold_files import corpus_of, written

from quincunx.eval.goldsets.goldset import GoldSpan
from quincunx.eval.goldsets.importing import SHARES, import_gold_set
from quincunx.retrieval.errors import GoldSetError
from quincunx.retrieval.passages import Document

DOCUMENTS = [Document(f"d{number}", "", f"Text of {number}.") for number in range(3)]


def corpus(folder: Path) -> Path:
    return corpus_of(folder, DOCUMENTS)


def trec(folder: Path, topics: str, **qrels: str) -> Path:
    corpus(folder)
    written(folder, "topics.txt", topics)
    for split, rows in qrels.items():
        written(folder, "qrels.txt" if split == "none" else f"qrels.{split}.txt", rows)
    return folder


def test_trec_topics_and_qrels_are_read(tmp_path: Path) -> None:
    source = trec(
        tmp_path / "in", "1\tfirst topic\n2\tsecond\n3\tunjudged\n", none="1 0 d0 2\n1 Q0 d1 0\n2 0 d1 1\n"
    )
    gold = import_gold_set(source, "trec", tmp_path / "out")
    assert {id: (q.text, q.gold) for id, q in gold.questions.items()} == {
        "1": ("first topic", {"d0": 2}),
        "2": ("second", {"d1": 1}),
    }
    blocks = "".join(
        f"<top>\n<num> Number: {n}\n<title> topic\n {n}\n<desc> Description:\nlong\n</top>\n"
        for n in (301, 302)
    )
    source = trec(tmp_path / "blocks", blocks, train="301 0 d0 1\n", dev="302 0 d1 -1\n302 0 d2 1\n")
    gold = import_gold_set(source, "trec", tmp_path / "out2")
    assert {q.id: (q.text, q.split, q.gold) for q in gold.questions.values()} == {
        "301": ("topic 301", "train", {"d0": 1}),
        "302": ("topic 302", "dev", {"d2": 1}),
    }


@pytest.mark.parametrize(
    ("topics", "qrels", "message"),
    [
        ("1 no tab\n", "1 0 d0 1\n", "topics.txt:1: '1 no tab' is not 'id<TAB>text'"),
        ("1\ta\n1\tb\n", "1 0 d0 1\n", "topics.txt:2: topic '1' stands twice"),
        ("\n<top>\n<num> 1\n</top>\n", "1 0 d0 1\n", "topics.txt:2: a <top> without <num> or <title>"),
        ("1\ta\n", "1 0 d0\n", "qrels.txt:1: '1 0 d0' is not 'topic iteration document grade'"),
        ("1\ta\n", "\n2 0 d0 1\n", "qrels.txt:2: topic '2' is in no topics file"),
        ("1\ta\n", "1 0 nope 1\n", "qrels.txt:1: document 'nope' is not in the corpus"),
        ("1\ta\n", "1 0 d0 1.5\n", "qrels.txt:1: grade '1.5' is no whole number"),
        ("1\ta\n", "1 0 d0 0\n", "no question has a relevant document"),
    ],
)
def test_a_bad_trec_set_is_named(tmp_path: Path, topics: str, qrels: str, message: str) -> None:
    with pytest.raises(GoldSetError, match=message):
        import_gold_set(trec(tmp_path / "in", topics, none=qrels), "trec", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_trec_set_needs_both_files(tmp_path: Path) -> None:
    source = trec(tmp_path / "in", "1\ta\n")
    with pytest.raises(GoldSetError, match=r"no qrels\* file"):
        import_gold_set(source, "trec", tmp_path / "out")
    written(source, "qrels.dev.txt", "1 0 d0 1\n")
    written(source, "qrels.test.txt", "1 0 d1 1\n")
    with pytest.raises(GoldSetError, match="topic '1' is judged for dev too"):
        import_gold_set(source, "trec", tmp_path / "out")


def squad(folder: Path, *articles: Any) -> Path:
    return written(folder, "squad.json", json.dumps({"version": "2.0", "data": articles}))


def asked(id: str, *answers: tuple[str, int], impossible: bool = False) -> dict[str, Any]:
    found = [{"text": text, "answer_start": start} for text, start in answers]
    return {"id": id, "question": f"question {id}", "answers": found, "is_impossible": impossible}


def article(title: str, *paragraphs: tuple[str, list[dict[str, Any]]]) -> dict[str, Any]:
    return {"title": title, "paragraphs": [{"context": text, "qas": qas} for text, qas in paragraphs]}


def test_squad_answers_become_spans_of_characters(tmp_path: Path) -> None:
    context = "Für 🜚 alle: two words."
    source = squad(
        tmp_path,
        article(
            "One_Name", (context, [asked("a", ("two words", 12), ("two", 12)), asked("b", impossible=True)])
        ),
        article("", ("Other text.", [asked("c", ("Other", 0))])),
    )
    gold = import_gold_set(source, "squad", tmp_path / "out")
    first, second = gold.documents
    assert (first.id, first.title, first.text) == ("One_Name-1", "One Name", context)
    assert (second.id, second.title) == ("article-2", "")
    a, b, c = gold.questions.values()
    assert a.spans == (GoldSpan("One_Name-1", 12, 21), GoldSpan("One_Name-1", 12, 15))
    assert (a.answer, a.answerable) == ("two words", True)
    assert (b.answer, b.answerable, b.spans) == ("", False, ())
    assert c.spans == (GoldSpan("article-2", 0, 5),)


def test_the_paragraphs_of_an_article_stay_in_one_split(tmp_path: Path) -> None:
    articles = [
        article(f"A{n}", *((f"Text {n} {p}.", [asked(f"{n}-{p}", ("Text", 0))]) for p in range(3)))
        for n in range(20)
    ]
    gold = import_gold_set(squad(tmp_path, *articles), "squad", tmp_path / "out")
    for n in range(20):
        assert len({gold.questions[f"{n}-{p}"].split for p in range(3)}) == 1
    assert {question.split for question in gold.questions.values()} == set(SHARES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{\n oops", "squad.json:2: not JSON"),
        ('"\\ud800"', "squad.json: not JSON that can be read"),
        ("[]", "'data' must be a list"),
        ('{"data": []}', "no paragraph in 'data'"),
        ('{"data": [3]}', r"squad.json.data\[0\]: must be an object \(got '3'\)"),
        (
            '{"data": [{"paragraphs": [{"context": " ", "qas": []}]}]}',
            r"paragraphs\[0\]: 'context' must be a text",
        ),
        ('{"data": [{"paragraphs": [{"context": "a", "qas": [{}]}]}]}', r"qas\[0\]: no 'id'"),
    ],
)
def test_json_that_is_not_squads_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(GoldSetError, match=message):
        import_gold_set(written(tmp_path, "squad.json", text), "squad", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("qas", "message"),
    [
        ([asked("q")], r"qas\[0\]: question 'q' has no answer; add one, or say"),
        (
            [asked("q", ("text", 1))],
            r"answers\[0\]: answer 'text' does not stand at character 1 of its context",
        ),
        ([asked("q", ("text", -4))], "does not stand at character -4"),
        ([asked("q", ("text", 5)), asked("q", ("text", 5))], r"qas\[1\]: question id 'q' stands twice"),
    ],
)
def test_a_squad_question_that_cannot_be_is_named(
    tmp_path: Path, qas: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(GoldSetError, match=message):
        import_gold_set(squad(tmp_path, article("A", ("Some text", qas))), "squad", tmp_path / "out")
