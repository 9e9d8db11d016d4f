"""The funnel of a gold set: measures against other libraries, losses that are explained, runs on real questions."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import TORTURE
from gold_sets import hashing_profile, write_gold
from hypothesis import given
from hypothesis import strategies as st

from quincunx.eval.goldsets.goldset import GoldQuestion, GoldSpan, canon_folder, read_gold_set
from quincunx.eval.metrics.diagnosis import ADVICE, diagnose
from quincunx.eval.metrics.means import funnel, steps_reached
from quincunx.eval.metrics.ranking import measures, per_question
from quincunx.eval.metrics.run_scores import STAGES, score_run, units_found
from quincunx.eval.metrics.trec import export_trec
from quincunx.eval.report.summary import Summary, report_of
from quincunx.eval.runs.retrieval_run import RetrievalSetup, run_retrieval
from quincunx.retrieval.errors import RunError
from quincunx.retrieval.passages import Passage
from quincunx.retrieval.settings import SearchSettings
from quincunx.retrieval.text.chunk_size import Chunking


def test_measures_by_hand() -> None:
    """nDCG from its definition: gain 2 at rank 2 over the ideal at rank 1 is 1/log2(3)."""
    values = per_question(measures(5, 20), {"q": {"b": 2}, "lost": {"a": 1, "c": 1}}, {"q": ["a", "b", "c"]})
    assert values["q"] == pytest.approx(
        {"recall@5": 1, "mrr@5": 0.5, "ndcg@5": 0.6309297535714575, "hit@5": 1, "map": 0.5, "recall@20": 1}
    )
    assert set(values["lost"].values()) == {0.0}


@given(st.integers(0, 10_000))
def test_measures_equal_trec_evals(seed: int) -> None:
    """pytrec_eval, which is trec_eval's own code, on the same run and judgements."""
    import pytrec_eval

    dice = random.Random(seed)
    documents = [f"d{i}" for i in range(30)]
    grades = {
        f"q{i}": {d: dice.choice([1, 2]) for d in dice.sample(documents, dice.randint(1, 6))}
        for i in range(5)
    }
    rankings = {id: dice.sample(documents, dice.randint(0, 25)) for id in grades}
    mine = per_question(measures(5, 20), grades, rankings)
    judge = pytrec_eval.RelevanceEvaluator(
        grades, {"recall_5,20", "recip_rank", "ndcg_cut_5", "success_5", "map"}
    )
    runs = {
        id: {d: -float(rank) for rank, d in enumerate(ranking)} for id, ranking in rankings.items() if ranking
    }
    for id, theirs in judge.evaluate(runs).items():
        first = 1 / theirs["recip_rank"] if theirs["recip_rank"] else 99
        assert mine[id] == pytest.approx(
            {
                "recall@5": theirs["recall_5"], "mrr@5": theirs["recip_rank"] if first <= 5 else 0.0,
                "ndcg@5": theirs["ndcg_cut_5"], "hit@5": theirs["success_5"], "map": theirs["map"],
                "recall@20": theirs["recall_20"],
            },
            abs=1e-9,
        )  # fmt: skip


def test_the_exported_run_gives_trec_eval_the_same_figures(home: Path, tmp_path: Path) -> None:
    import pytrec_eval

    with run_retrieval(searched(write_gold(tmp_path / "gold"))) as run:
        scored = score_run(run)
        files = export_trec(run, tmp_path / "trec")
        with pytest.raises(RunError, match="is there already"):
            export_trec(run, tmp_path / "trec")
    assert [path.name for path in files] == ["qrels.txt", *(f"{stage}.run" for stage in STAGES)]
    with (tmp_path / "trec" / "qrels.txt").open() as qrels:
        judge = pytrec_eval.RelevanceEvaluator(pytrec_eval.parse_qrel(qrels), {"recall_5", "map"})
    for stage in STAGES:
        with (tmp_path / "trec" / f"{stage}.run").open() as lines:
            theirs = judge.evaluate(pytrec_eval.parse_run(lines))
        for id, values in scored.values[stage].items():
            assert values["recall@5"] == pytest.approx(theirs[id]["recall_5"], abs=1e-9)
            assert values["map"] == pytest.approx(theirs[id]["map"], abs=1e-9)


def test_measures_equal_ranxs_where_definitions_agree() -> None:
    """All but nDCG of graded gold, whose gain ranx squares: of 0/1 gold it agrees."""
    ranx = pytest.importorskip("ranx", reason="ranx is not installed")
    dice = random.Random(1)
    documents = [f"d{i}" for i in range(30)]
    grades = {f"q{i}": dict.fromkeys(dice.sample(documents, 3), 1) for i in range(20)}
    rankings = {id: dice.sample(documents, 25) for id in grades}
    mine = per_question(measures(5, 20), grades, rankings)
    run = ranx.Run({id: {d: 100.0 - rank for rank, d in enumerate(r)} for id, r in rankings.items()})
    names = {
        "recall@5": "recall@5",
        "mrr@5": "mrr@5",
        "ndcg@5": "ndcg@5",
        "hit_rate@5": "hit@5",
        "map": "map",
    }
    theirs = ranx.evaluate(ranx.Qrels(grades), run, list(names))
    for name, own in names.items():
        assert theirs[name] == pytest.approx(sum(values[own] for values in mine.values()) / 20, abs=1e-9)


def searched(gold: Path, **settings: Any) -> RetrievalSetup:
    return RetrievalSetup(read_gold_set(gold), hashing_profile(), SearchSettings(**settings))


def test_a_run_measures_every_stage_and_counts_its_funnel(home: Path, tmp_path: Path) -> None:
    with run_retrieval(searched(write_gold(tmp_path / "gold"))) as run:
        summary = Summary(run)
    scored = summary.scored
    assert len(scored.scored) == 8
    assert list(summary.means) == list(STAGES)
    recall = {scored.values[stage]["q0"]["recall@20"] for stage in ("fused", "reranked", "final")}
    assert len(recall) == 1
    steps = funnel(scored)
    assert [step.count for step in steps] == sorted((step.count for step in steps), reverse=True)
    assert steps[0].count == 8
    assert steps[-1].count == sum(scored.values["final"][id]["hit@5"] for id in scored.scored)
    assert [sum(steps_reached(scored, id)[place] for id in scored.scored) for place in range(4)] == [
        s.count for s in steps
    ]


def test_every_lost_gold_is_explained_and_no_found_one_is(home: Path, tmp_path: Path) -> None:
    with run_retrieval(searched(write_gold(tmp_path / "gold"), k=6, n=2)) as run:
        scored = score_run(run)
        told = report_of(Summary(run)).losses
    lost = diagnose(scored)
    assert sum(each.gold for each in told) == len(lost)
    assert {each.diagnosis: each.questions for each in told} == {
        name: len({entry.question for entry in lost if entry.diagnosis == name})
        for name in {entry.diagnosis for entry in lost}
    }
    named = {(entry.question, entry.unit) for entry in lost}
    for id in scored.scored:
        kept = scored.rankings["final"][id][:2]
        for unit in scored.questions[id].gold:
            assert ((id, unit) in named) == (unit not in kept)
    assert lost
    for entry in lost:
        assert entry.advice == ADVICE[entry.diagnosis]
        assert entry.displaced_by not in (None, entry.unit)


def row_of(scored: Any, **ranks: int | None) -> Any:
    """Put the gold of q0 at these ranks and nowhere else, and return its diagnosis."""
    others = [f"d{i}" for i in range(10, 30)]
    order = {stage: list(others) for stage in STAGES}
    for stage, rank in ranks.items():
        if rank is not None:
            order[stage].insert(rank - 1, "d0")
    ids = list(dict.fromkeys([*order["fused"][:20]]))
    record = {
        **scored.rows["q0"].record,
        "dense": order["dense"], "lexical": order["lexical"], "held": {"d0": ["d0"]}, "absent": [],
        "candidates": [
            {
                "id": id, "dense_rank": 1, "lexical_rank": 1, "fused_rank": order["fused"].index(id) + 1,
                "rerank_rank": order["reranked"].index(id) + 1 if id in order["reranked"] else 99,
                "final_rank": order["final"].index(id) + 1 if id in order["final"] else 99,
            }
            for id in ids
        ],
    }  # fmt: skip
    rankings = {stage: {**scored.rankings[stage], "q0": order[stage]} for stage in STAGES}
    rows = {**scored.rows, "q0": replace(scored.rows["q0"], record=record)}
    questions = {**scored.questions, "q0": replace(scored.questions["q0"], gold={"d0": 2})}
    changed = replace(scored, rankings=rankings, rows=rows, questions=questions)
    return next(entry for entry in diagnose(changed) if entry.question == "q0")


@pytest.mark.parametrize(
    ("ranks", "diagnosis"),
    [
        ({}, "found by neither stage"),
        ({"dense": 21}, "dense only"),
        ({"lexical": 21}, "lexical only"),
        ({"dense": 21, "lexical": 21}, "cut by the fusion"),
        ({"dense": 2, "lexical": 2, "fused": 2, "reranked": 9, "final": 9}, "lost by the rerank"),
        ({"dense": 2, "lexical": 2, "fused": 9, "reranked": 2, "final": 9}, "lost by the final order"),
        ({"dense": 9, "fused": 9, "reranked": 9, "final": 9}, "dense only"),
        ({"dense": 9, "lexical": 9, "fused": 9, "reranked": 9, "final": 9}, "ranked too low"),
    ],
)
def test_a_loss_is_put_down_to_the_stage_that_lost_it(
    home: Path, tmp_path: Path, ranks: dict[str, int | None], diagnosis: str
) -> None:
    gold = write_gold(tmp_path / "gold", n=30)
    with run_retrieval(searched(gold)) as run:
        scored = score_run(run)
    lost = row_of(scored, **ranks)
    assert lost.diagnosis == diagnosis
    assert {stage: rank for stage, rank in lost.ranks.items() if rank} == {
        k: v for k, v in ranks.items() if v
    }
    if diagnosis == "lost by the rerank":
        assert lost.displaced_by == "d11"  # the best of those lifted over it: it stood at 3


def test_gold_that_no_passage_holds_is_told_from_a_document_that_is_not_there(
    home: Path, tmp_path: Path
) -> None:
    gold = write_gold(tmp_path / "gold", n=2, unanswerable=0)
    (gold / "qrels" / "test.tsv").unlink()
    (gold / "qrels").rmdir()
    text = " ".join(f"Sentence {i} is here." for i in range(40))
    with (gold / "corpus.jsonl").open("a") as file:
        file.write(json.dumps({"_id": "long", "title": "", "text": text}) + "\n")
    spans = [{"query-id": "q0", "corpus-id": "long", "start": 0, "end": len(text)}]
    spans += [{"query-id": "q1", "corpus-id": "d1", "start": 0, "end": 5}]
    (gold / "spans.jsonl").write_text("".join(json.dumps(span) + "\n" for span in spans))
    where = replace(searched(gold), chunking=Chunking(40, 0))
    with run_retrieval(where) as run:
        held = run.rows()["q0"].record["held"]
    assert all(held.values())  # a passage inside a longer span counts as holding it
    question = GoldQuestion("q", "q", {}, gold={"long": 1}, spans=(GoldSpan("long", 0, 400),))
    cut = [Passage("p1", "long", "", "x", 380, 700), Passage("p2", "other", "", "x", 0, 400)]
    assert units_found(question, cut) == ["passage p1", "passage p2"]


def test_a_follow_up_is_searched_with_the_question_before_it(home: Path, tmp_path: Path) -> None:
    gold = write_gold(tmp_path / "gold")
    lines = (gold / "queries.jsonl").read_text().splitlines()
    first = json.loads(lines[0])
    first["metadata"]["history"] = [
        {"question": "before", "answer": "so"},
        {"question": "what of tea", "answer": "yes"},
    ]
    (gold / "queries.jsonl").write_text("\n".join([json.dumps(first), *lines[1:]]))
    with run_retrieval(searched(gold)) as run:
        assert run.rows()["q0"].record["searched"] == ["what of tea tea number 0"]


def test_a_canon_is_measured_end_to_end(home_of_canons: Path) -> None:
    gold = read_gold_set(canon_folder("builddaily"), "dev")
    with run_retrieval(RetrievalSetup(gold, index="builddaily")) as run:
        summary = Summary(run)
    assert summary.counts.failed == 0
    assert len(summary.scored.scored) == len(gold.judged)
    assert summary.means["final"]["recall@5"].mean > summary.means["lexical"]["recall@5"].mean


@pytest.mark.torture
@pytest.mark.skipif(not TORTURE, reason="in make torture")
def test_the_reranked_stage_beats_the_dense_one_on_real_questions(
    home: Path, tmp_path: Path, tatqa: Path
) -> None:
    """A sample of TAT-QA: every tenth question, the whole corpus."""
    sample = tmp_path / "sample"
    (sample / "qrels").mkdir(parents=True)
    (sample / "corpus.jsonl").write_bytes((tatqa / "corpus.jsonl").read_bytes())
    lines = (tatqa / "queries.jsonl").read_text().splitlines()[::10]
    (sample / "queries.jsonl").write_text("\n".join(lines))
    ids = {json.loads(line)["_id"] for line in lines}
    rows = (tatqa / "qrels" / "test.tsv").read_text().splitlines()
    (sample / "qrels" / "test.tsv").write_text(
        "\n".join([rows[0], *(r for r in rows[1:] if r.split("\t")[0] in ids)])
    )
    with run_retrieval(RetrievalSetup(read_gold_set(sample))) as run:
        means = Summary(run).means
    assert means["reranked"]["recall@5"].mean > means["dense"]["recall@5"].mean
    best = max(means[stage]["recall@20"].mean for stage in ("dense", "lexical"))
    assert means["fused"]["recall@20"].mean >= best
