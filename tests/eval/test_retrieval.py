"""The funnel of a gold set."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from quincunx.eval.goldset import GoldSet, Question, canon_folder, read_gold_set
from quincunx.eval.retrieval import MEASURES, STAGES, evaluate_retrieval, score
from quincunx.retrieval.passages import Document


def test_measures_by_hand() -> None:
    """nDCG from its definition: gain 2 at rank 2 over the ideal at rank 1 is 1/log2(3)."""
    gold = GoldSet(
        Path(),
        tuple(Document(id, "", id) for id in "abc"),
        {"q": Question("q", "q", {}), "lost": Question("lost", "lost", {})},
        {"q": {"b": 2}, "lost": {"a": 1, "c": 1}},
    )
    means = score(gold, {"q": ["a", "b", "c"]})
    assert means["recall@5"] == pytest.approx(0.5)
    assert means["mrr@5"] == pytest.approx(0.25)
    assert means["ndcg@5"] == pytest.approx(0.6309297535714575 / 2)
    assert means["recall@20"] == pytest.approx(0.5)


def test_every_stage_is_measured_on_all_questions_with_gold(home: Path) -> None:
    gold = read_gold_set(canon_folder("builddaily"))
    report = evaluate_retrieval(gold)
    assert report.n_queries == len(gold.relevance) == 36
    assert list(report.stages) == list(STAGES)
    assert all(list(means) == list(MEASURES) for means in report.stages.values())
    same_set = {report.stages[stage]["recall@20"] for stage in ("fused", "reranked", "final")}
    assert len(same_set) == 1
    assert report.stages["reranked"]["recall@5"] > report.stages["lexical"]["recall@5"]


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
    stages = evaluate_retrieval(read_gold_set(sample)).stages
    assert stages["reranked"]["recall@5"] > stages["dense"]["recall@5"]
    assert stages["fused"]["recall@20"] >= max(stages["dense"]["recall@20"], stages["lexical"]["recall@20"])
