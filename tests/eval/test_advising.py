"""`advise` measures each change of a setting, and counts the questions behind what takes another index."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gold_sets import hashing_profile, write_split_gold
from hypothesis import given
from hypothesis import strategies as st

from quincunx.eval.evaluate import evaluate_retrieval
from quincunx.eval.stats.paired import compare_paired
from quincunx.eval.tune.advice import TriedChange, advise, single_changes
from quincunx.retrieval.corpus.beir import BEIR_CORPUS
from quincunx.retrieval.errors import GoldSetError
from quincunx.retrieval.index.manage import build_index
from quincunx.retrieval.settings import SearchSettings

INDEX = "pages"
weight = st.sampled_from([0.0, 0.5, 1.0, 3.0])


@pytest.fixture
def gold(tmp_path: Path, home: Path) -> Path:
    return write_split_gold(tmp_path / "gold", "chat_bridge", n=24)


def indexed(gold: Path, keep: int | None = None) -> str:
    """Index the corpus of a gold set, or so many of its first documents."""
    lines = (gold / BEIR_CORPUS).read_text().splitlines(keepends=True)[:keep]
    corpus = gold.parent / "kept" / BEIR_CORPUS
    corpus.parent.mkdir()
    corpus.write_text("".join(lines))
    build_index(INDEX, corpus, profile=hashing_profile())
    return INDEX


def score(gold: Path, settings: SearchSettings) -> float:
    with evaluate_retrieval(gold, profile=hashing_profile(), index=INDEX, settings=settings) as run:
        means = run.means()
    return (means["recall@5"].mean + means["mrr@5"].mean) / 2


@given(
    st.builds(
        SearchSettings,
        dense_weight=weight.filter(bool),
        lexical_weight=weight,
        proximity_weight=weight,
        name_weight=weight,
        fusion=st.sampled_from(["scores", "rrf"]),
        rerank=st.booleans(),
        final=st.sampled_from(["combined", "reranked"]),
        k=st.sampled_from([5, 20, 9_000]),
    ),
    st.booleans(),
)
def test_each_change_is_of_one_setting_and_none_comes_twice(now: SearchSettings, reranks: bool) -> None:
    changes = single_changes(now, reranks=reranks)
    assert len(set(changes)) == len(changes) >= 2
    before = now.as_dict()
    differing = [
        [name for name, value in each.as_dict().items() if value != before[name]] for each in changes
    ]
    assert {len(names) for names in differing} == {1}
    of_reranker = {"rerank", "final", "rerank_weight"}
    assert reranks or of_reranker.isdisjoint(name for names in differing for name in names)


def test_a_gain_is_what_an_evaluation_with_the_changed_setting_shows(gold: Path) -> None:
    now = SearchSettings(final="reranked")  # the reranker prefers short passages: it is better without
    found = advise(indexed(gold), gold, profile=hashing_profile(), settings=now)
    tried = [(each, each.tried) for each in found.suggestions if each.tried is not None]
    assert {trial.settings.final for _, trial in tried} == {"combined", "reranked"}
    assert found.score == pytest.approx(score(gold, now))
    for each, trial in tried:
        assert trial.result.difference == pytest.approx(score(gold, trial.settings) - found.score)
        assert each.gain == trial.expected_gain
        assert 0 < trial.expected_gain < trial.result.difference
        assert each.questions == trial.result.wins + trial.result.losses > 0
    gains = [each.gain or 0.0 for each in found.suggestions]
    assert gains == sorted(gains, reverse=True)
    assert found.tries == len(single_changes(now, reranks=True)) >= len(tried)


def test_a_gain_counts_for_less_the_less_certain_it_is() -> None:
    draw = np.random.default_rng(0)
    expected = []
    for n in (20, 200, 2_000):
        before = np.zeros(n)
        after = before + np.tile([0.4, -0.3], n // 2)[draw.permutation(n)]  # +.05 on average, whatever n
        trial = TriedChange(SearchSettings(), compare_paired(before, after, seed=0), 1.0)
        assert trial.result.difference == pytest.approx(0.05)
        expected.append(trial.expected_gain)
    assert 0 < expected[0] < expected[1] < expected[2] < 0.05
    assert expected[0] < 0.005
    assert expected[2] > 0.045  # .05 at a standard error of .35 / √2000 = .008 is plain


def test_what_the_index_lacks_is_put_at_what_the_other_questions_reach(gold: Path) -> None:
    found = advise(indexed(gold, keep=36), gold, profile=hashing_profile())
    (lacking,) = [each for each in found.suggestions if each.lost == "not in the index"]
    with evaluate_retrieval(gold, profile=hashing_profile(), index=INDEX) as run:
        values, lost = run.summary.scored.values["final"], run.summary.lost
    absent = {unit.question for unit in lost if unit.diagnosis == "not in the index"}
    scores = {id: (each["recall@5"] + each["mrr@5"]) / 2 for id, each in values.items()}
    others = [value for id, value in scores.items() if id not in absent]
    assert lacking.questions == len(absent) == 11
    assert lacking.gain == pytest.approx(len(absent) * (sum(others) / len(others)) / len(scores))
    assert found.suggestions[0] == lacking


def test_where_the_index_lacks_all_of_it_no_gain_is_made_up(gold: Path) -> None:
    found = advise(indexed(gold, keep=1), gold, profile=hashing_profile())
    (lacking,) = [each for each in found.suggestions if each.lost == "not in the index"]
    assert (lacking.gain, lacking.questions) == (None, found.questions)
    assert found.score == 0


def test_without_a_gold_set_titles_are_searched_for_and_no_setting_is_tried(gold: Path) -> None:
    found = advise(indexed(gold), profile=hashing_profile())
    assert (found.gold, found.split, found.tries) == (None, "titles", 0)
    titles = Counter(json.loads(line)["title"] for line in (gold / BEIR_CORPUS).read_text().splitlines())
    assert found.questions == list(titles.values()).count(1) < len(titles)
    assert all(each.tried is None for each in found.suggestions)


def test_without_a_gold_set_titles_are_needed(tmp_path: Path, home: Path) -> None:
    corpus = tmp_path / BEIR_CORPUS
    corpus.write_text('{"_id": "a", "title": "", "text": "Tea is served at four."}\n')
    build_index(INDEX, corpus, profile=hashing_profile())
    with pytest.raises(GoldSetError, match="no document of pages has a title of its own"):
        advise(INDEX, profile=hashing_profile())


def test_the_command_of_a_suggestion_tries_it(gold: Path, quincunx: Any) -> None:
    indexed(gold)
    told = quincunx(
        "advise", INDEX, str(gold), "--profile", hashing_profile(), "--final", "reranked", "--json"
    ).json
    assert told["tries"] == len(single_changes(SearchSettings(final="reranked"), reranks=True))
    suggestion = next(each for each in told["suggestions"] if each["tried"])
    program, *arguments = shlex.split(suggestion["command"])
    assert program == "quincunx"
    means = quincunx(*arguments, "--json").json["stages"]["final"]
    now = (means["recall@5"]["mean"] + means["mrr@5"]["mean"]) / 2
    assert now == pytest.approx(told["score"] + suggestion["tried"]["difference"])
    shown = quincunx("advise", INDEX, str(gold), "--profile", hashing_profile(), "--final", "reranked").out
    assert f"try: {suggestion['command']}" in shown


def test_a_set_without_splits_is_tried_by_the_same_part_of_it(gold: Path, quincunx: Any) -> None:
    indexed(gold)
    rows = [
        row for split in sorted((gold / "qrels").glob("*.tsv")) for row in split.read_text().splitlines()[1:]
    ]
    for split in (gold / "qrels").glob("*.tsv"):
        split.unlink()
    (gold / "qrels" / "all.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *rows, ""]))
    queries = [json.loads(line) for line in (gold / "queries.jsonl").read_text().splitlines()]
    for query in queries:
        query["metadata"].pop("split")
    (gold / "queries.jsonl").write_text("".join(json.dumps(query) + "\n" for query in queries))
    told = quincunx(
        "advise", INDEX, str(gold), "--profile", hashing_profile(), "--final", "reranked", "--json"
    ).json
    assert told["split"] == "dev by document"
    suggestion = next(each for each in told["suggestions"] if each["tried"])
    again = quincunx(*shlex.split(suggestion["command"])[1:], "--json").json
    assert again["questions"] == told["questions"]
    assert again["score"] == pytest.approx(told["score"] + suggestion["tried"]["difference"])
