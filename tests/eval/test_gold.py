"""Gold sets: what ships, how splits are read, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
from conftest import shared
from five_programs import SPECS

from quincunx.eval.goldsets.goldset import (
    ALL,
    CANONS,
    GoldSpan,
    canon_folder,
    read_gold_set,
)
from quincunx.eval.goldsets.manifest import MANIFEST, manifest_of, write_manifest
from quincunx.eval.metrics.run_scores import units_found
from quincunx.retrieval.errors import GoldSetError
from quincunx.retrieval.passages import Passage
from quincunx.retrieval.text.words import content_words

SIZES = {"builddaily": 300, "paiddaily": 250, "sagedaily": 250}
SPLITS = ("train", "dev", "test")


@pytest.mark.parametrize("name", CANONS)
def test_the_canons_hold_what_they_promise(name: str) -> None:
    gold = read_gold_set(canon_folder(name), ALL)
    questions = list(gold.questions.values())
    unanswerable = [question for question in questions if not question.answerable]
    assert len(gold.documents) >= SIZES[name]
    assert len(questions) >= 150
    assert len(unanswerable) >= 0.15 * len(questions)
    assert all(question.answerable == bool(question.gold) == bool(question.answer) for question in questions)
    assert all((question.kind == "unanswerable") != question.answerable for question in questions)
    assert all((question.kind == "follow_up") == bool(question.history) for question in questions)
    assert {question.program for question in questions} <= SPECS.keys()
    assert all(max(question.gold.values()) == 2 for question in gold.judged)
    if name == "paiddaily":
        assert all(
            document.metadata["fictional"] and "(fictional)" in document.title for document in gold.documents
        )


@pytest.mark.parametrize("name", CANONS)
def test_the_splits_of_a_canon_are_even_and_share_no_gold(name: str) -> None:
    whole = read_gold_set(canon_folder(name), ALL)
    splits = {split: read_gold_set(canon_folder(name), split) for split in SPLITS}
    assert {id: q for gold in splits.values() for id, q in gold.questions.items()} == whole.questions
    assert sum(len(gold.questions) for gold in splits.values()) == len(whole.questions)
    judged = Counter(
        document
        for gold in splits.values()
        for document in {document for grades in gold.relevance.values() for document in grades}
    )
    assert max(judged.values()) == 1
    for split, share in (("train", 0.4), ("dev", 0.2), ("test", 0.4)):
        chosen = list(splits[split].questions.values())
        assert len(chosen) == pytest.approx(share * len(whole.questions), rel=0.1)
        assert all(question.split == split for question in chosen)
        for trait in ("answerable", "program", "kind"):
            everywhere = Counter(getattr(question, trait) for question in whole.questions.values())
            here = Counter(getattr(question, trait) for question in chosen)
            assert all(abs(here[value] - share * n) <= 2 for value, n in everywhere.items())


@pytest.mark.parametrize("name", CANONS)
def test_paraphrases_share_no_word_with_what_answers_them(name: str) -> None:
    gold = read_gold_set(canon_folder(name), ALL)
    texts = {document.id: document.title + " " + document.text for document in gold.documents}
    paraphrases = [question for question in gold.judged if question.kind == "paraphrase"]
    assert len(paraphrases) >= 30
    for question in paraphrases:
        for document in question.gold:
            assert not set(content_words(question.text)) & set(content_words(texts[document])), question.id


@pytest.mark.parametrize("name", CANONS)
def test_the_manifest_of_a_canon_is_that_of_its_files(name: str) -> None:
    folder = canon_folder(name)
    assert json.loads((folder / MANIFEST).read_text()) == manifest_of(folder)


@pytest.mark.parametrize("name", CANONS)
def test_the_readme_of_a_canon_states_its_counts(name: str) -> None:
    said, counted = (canon_folder(name) / "README.md").read_text(), manifest_of(canon_folder(name))
    assert f"`corpus.jsonl`: {counted['documents']} " in said
    assert f"`queries.jsonl`: {counted['questions']} questions" in said
    for split, held in counted["splits"].items():
        assert f"| {split} | {held['questions']} | {held['unanswerable']} | {held['judgements']} |" in said
    kinds = Counter(question.kind for question in read_gold_set(canon_folder(name), ALL).questions.values())
    assert all(f"{n} {kind}" in said for kind, n in kinds.items())


def test_sets_without_splits_of_their_own_read_as_a_whole() -> None:
    tatqa, covid = read_gold_set(shared("tatqa-dev")), read_gold_set(shared("covid-qa"))
    assert len(tatqa.judged) == len(tatqa.questions) == 901
    assert {question.split for question in tatqa.judged} == {"test"}
    assert len(covid.spans) == len(covid.questions) == 1380
    assert {question.split for question in covid.judged} == {None}
    assert read_gold_set(shared("covid-qa"), "dev").relevance == covid.relevance


def small(folder: Path, questions: dict[str, dict[str, object]], **qrels: str) -> Path:
    """A set of the documents a and b."""
    (folder / "qrels").mkdir(parents=True)
    documents = [{"_id": id, "text": f"Document {id}."} for id in "ab"]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(document) + "\n" for document in documents))
    records = [{"_id": id, "text": f"what is {id}", "metadata": held} for id, held in questions.items()]
    (folder / "queries.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    for split, rows in qrels.items():
        (folder / "qrels" / f"{split}.tsv").write_text(f"query-id\tcorpus-id\tscore\n{rows}")
    return folder


def test_a_question_belongs_to_the_split_that_it_names_or_is_judged_in(tmp_path: Path) -> None:
    folder = small(
        tmp_path / "set",
        {
            "named": {"split": "dev"},
            "nowhere": {"split": "test", "answerable": False},
            "judged": {},
            "none": {"answerable": False},
        },
        dev="named\ta\t2\n",
        test="judged\tb\t1\njudged\ta\t0\n",
    )
    assert list(read_gold_set(folder, "dev").questions) == ["named", "none"]
    assert read_gold_set(folder).split == "dev"
    test = read_gold_set(folder, "test")
    assert list(test.questions) == ["nowhere", "judged", "none"]
    assert test.relevance == {"judged": {"b": 1}}
    assert test.questions["judged"].gold == {"b": 1}
    assert test.questions["none"].split is None
    whole = read_gold_set(folder, ALL)
    assert {id: question.split for id, question in whole.questions.items()} == {
        "named": "dev",
        "nowhere": "test",
        "judged": "test",
        "none": None,
    }
    assert whole.relevance == {"named": {"a": 2}, "judged": {"b": 1}}


def test_a_question_says_what_it_carries(tmp_path: Path) -> None:
    turn = {"question": "what is a", "answer": "A letter."}
    held: dict[str, object] = {
        "kind": "follow_up",
        "program": "chat_bridge",
        "answer": "B.",
        "history": [turn],
        "split": "test",
    }
    folder = small(tmp_path / "set", {"q": held, "bare": {}}, test="q\ta\t1\nbare\tb\t1\n")
    questions = read_gold_set(folder).questions
    q, bare = questions["q"], questions["bare"]
    assert (q.kind, q.program, q.answer, q.answerable) == ("follow_up", "chat_bridge", "B.", True)
    assert q.history == [turn]
    assert (bare.kind, bare.program, bare.answer, bare.history, bare.answerable) == ("", "", "", [], True)


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ({"split": 3}, "'split' must be the name of one split"),
        ({"split": "all"}, "'split' must be the name of one split"),
        ({"history": "earlier"}, "'history' must be a list"),
        ({"history": [{"question": "q"}]}, "'history' must be a list"),
        ({"split": "dev"}, "'q' is of split 'dev' in queries.jsonl, yet judged in test.tsv"),
    ],
)
def test_bad_metadata_is_named(tmp_path: Path, held: dict[str, object], message: str) -> None:
    with pytest.raises(GoldSetError, match=message):
        read_gold_set(small(tmp_path / "set", {"q": held}, test="q\ta\t1\n"))


def test_a_split_that_is_not_there_is_refused(tmp_path: Path) -> None:
    folder = small(tmp_path / "set", {"q": {}}, test="q\ta\t1\n")
    with pytest.raises(GoldSetError, match=r"dev.tsv: no such file"):
        read_gold_set(folder, "dev")
    (folder / "qrels" / "dev.tsv").write_text("q\ta\t0\n")
    with pytest.raises(GoldSetError, match="no relevant document for any question of split 'dev'"):
        read_gold_set(folder, "dev")


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    return Path(shutil.copytree(canon_folder("builddaily"), tmp_path / "gold"))


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("queries.jsonl", "{oops", r"queries.jsonl:161: not JSON"),
        ("queries.jsonl", '{"_id": "bd-q01", "text": "again"}', "'bd-q01' stands twice"),
        (
            "queries.jsonl",
            '{"_id": "", "text": "what"}',
            "'_id' must be a non-empty string and 'text' a string",
        ),
        ("queries.jsonl", '{"_id": "z"}', "'_id' must be a non-empty string and 'text' a string"),
        ("queries.jsonl", '{"_id": true, "text": "what"}', "'_id' must be a non-empty string"),
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
        read_gold_set(broken, "test")


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
    assert (gold.questions["q"].gold, gold.questions["q"].spans) == ({"d": 1}, (GoldSpan("d", 100, 200),))
    # Half of the span is enough, less is not; a passage inside the span counts; each unit counts once.
    ranking = [passage(0, 149), passage(0, 150), passage(120, 140), passage(150, 300), passage(151, 300)]
    assert units_found(gold.questions["q"], ranking) == [
        "passage d#0-149",
        "d[100:200]",
        "passage d#120-140",
        "passage d#150-300",
        "passage d#151-300",
    ]


def test_span_gold_is_split_by_what_its_questions_say(tmp_path: Path) -> None:
    folder = spans_set(
        tmp_path,
        {"query-id": "q", "corpus-id": "d", "start": 0, "end": 5},
        {"query-id": "r", "corpus-id": "d", "start": 5, "end": 9},
    )
    lines = [{"_id": id, "text": id, "metadata": {"split": s}} for id, s in (("q", "dev"), ("r", "test"))]
    (folder / "queries.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    write_manifest(folder)
    assert json.loads((folder / MANIFEST).read_text())["splits"]["dev"]["judgements"] == 1
    assert list(read_gold_set(folder, "dev").relevance) == ["q"]
    assert list(read_gold_set(folder, ALL).questions) == ["q", "r"]
    with pytest.raises(GoldSetError, match="no split 'train'; known: dev, test, all"):
        read_gold_set(folder, "train")


@pytest.mark.parametrize(
    ("span", "message"),
    [
        ({"corpus-id": "d", "start": 0, "end": 5}, "no 'query-id' or 'corpus-id'"),
        ({"query-id": "q", "corpus-id": "", "start": 0, "end": 5}, "no 'query-id' or 'corpus-id'"),
        ({"query-id": "q", "corpus-id": "z", "start": 5, "end": 0}, "document 'z'"),
        ({"query-id": "q", "corpus-id": "d", "start": 5, "end": 5}, "span 5 to 5"),
        ({"query-id": "q", "corpus-id": "d", "start": 0, "end": 99999}, "which has 1260 characters"),
        ({"query-id": "q", "corpus-id": "d", "start": "0", "end": 5}, "span '0'"),
    ],
)
def test_a_span_that_lies_nowhere_is_named(tmp_path: Path, span: dict[str, object], message: str) -> None:
    with pytest.raises(GoldSetError, match=f"spans.jsonl:1: .*{message}"):
        read_gold_set(spans_set(tmp_path, span))
