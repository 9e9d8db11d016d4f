"""Gold sets: what ships, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from quincunx.eval.goldset import CANONS, canon_folder, read_gold_set
from quincunx.programs.loading import TASKS
from quincunx.retrieval.errors import GoldSetError
from quincunx.retrieval.lexical import content_words
from quincunx.retrieval.passages import Passage


@pytest.mark.parametrize("name", CANONS)
def test_the_canons_hold_what_they_promise(name: str) -> None:
    gold = read_gold_set(canon_folder(name))
    questions = list(gold.questions.values())
    assert len(gold.documents) >= 60
    assert len(questions) >= 25
    assert all(question.answerable == (question.id in gold.relevance) for question in questions)
    assert sum(not question.answerable for question in questions) >= 4
    assert {question.metadata["program"] for question in questions} <= TASKS.keys()
    assert all(max(grades.values()) == 2 for grades in gold.relevance.values())
    if name == "paiddaily":
        assert all(
            document.metadata["fictional"] and "(fictional)" in document.title for document in gold.documents
        )


@pytest.mark.parametrize("name", CANONS)
def test_paraphrases_share_no_word_with_what_answers_them(name: str) -> None:
    gold = read_gold_set(canon_folder(name))
    texts = {document.id: document.title + " " + document.text for document in gold.documents}
    paraphrases = [q for q in gold.judged if q.metadata["kind"] == "paraphrase"]
    assert len(paraphrases) >= 10
    for question in paraphrases:
        for document in gold.relevance[question.id]:
            assert not set(content_words(question.text)) & set(content_words(texts[document])), question.id


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    return Path(shutil.copytree(canon_folder("builddaily"), tmp_path / "gold"))


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("queries.jsonl", "{oops", r"queries.jsonl:45: not JSON"),
        ("queries.jsonl", '{"_id": "bd-q01", "text": "again"}', "'bd-q01' stands twice"),
        ("queries.jsonl", '{"_id": "z", "text": " "}', "must be non-empty strings"),
        ("qrels/test.tsv", "bd-q01\tnope\t1", "document 'nope' is not in corpus.jsonl"),
        ("qrels/test.tsv", "nope\tbd-sage\t1", "question 'nope' is not in queries.jsonl"),
        ("qrels/test.tsv", "bd-q01\tbd-sage\thigh", "expected query-id, corpus-id and a whole score"),
        ("qrels/test.tsv", "bd-q01", "expected query-id"),
    ],
)
def test_a_bad_line_is_named(broken: Path, file: str, line: str, message: str) -> None:
    with (broken / file).open("a") as out:
        out.write(line + "\n")
    with pytest.raises(GoldSetError, match=message):
        read_gold_set(broken)


@pytest.mark.parametrize("file", ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"])
def test_a_missing_file_is_named(broken: Path, file: str) -> None:
    (broken / file).unlink()
    with pytest.raises(GoldSetError, match=Path(file).name):
        read_gold_set(broken)


def spans_set(folder: Path, *spans: dict[str, object]) -> Path:
    text = "One two three four. Five six seven eight. " * 30
    (folder / "corpus.jsonl").write_text(json.dumps({"_id": "d", "text": text}) + "\n")
    (folder / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": "what"}) + "\n")
    (folder / "spans.jsonl").write_text("".join(json.dumps(span) + "\n" for span in spans))
    return folder


def test_span_gold_is_mapped_to_whatever_the_passages_are(tmp_path: Path) -> None:
    gold = read_gold_set(spans_set(tmp_path, {"query-id": "q", "corpus-id": "d", "start": 100, "end": 200}))
    (document,) = gold.documents

    def passage(start: int, end: int) -> Passage:
        return Passage(f"d#{start}-{end}", "d", "", document.text[start:end], start, end)

    assert gold.relevance == {"q": {"d[100:200]": 1}}
    # Half of the span is enough, less is not; a passage inside the span counts; each unit counts once.
    ranking = [passage(0, 149), passage(0, 150), passage(120, 140), passage(150, 300), passage(151, 300)]
    assert gold.units("q", ranking) == [
        "passage d#0-149",
        "d[100:200]",
        "passage d#120-140",
        "passage d#150-300",
        "passage d#151-300",
    ]


@pytest.mark.parametrize(
    ("span", "message"),
    [
        ({"query-id": "z", "corpus-id": "d", "start": 0, "end": 5}, "question 'z'"),
        ({"query-id": "q", "corpus-id": "z", "start": 0, "end": 5}, "document 'z'"),
        ({"query-id": "q", "corpus-id": "d", "start": 5, "end": 5}, "span 5 to 5"),
        ({"query-id": "q", "corpus-id": "d", "start": 0, "end": 99999}, "which has 1260 characters"),
        ({"query-id": "q", "corpus-id": "d", "start": "0", "end": 5}, "span '0'"),
    ],
)
def test_a_span_that_lies_nowhere_is_named(tmp_path: Path, span: dict[str, object], message: str) -> None:
    with pytest.raises(GoldSetError, match=f"spans.jsonl:1: .*{message}"):
        read_gold_set(spans_set(tmp_path, span))
