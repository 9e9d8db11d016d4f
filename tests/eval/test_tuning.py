"""Tuning a cross-encoder: repeatable, kept with its identity, used by one setting."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from checkpoints import bge
from gold_sets import hashing_profile, write_gold, write_split_gold
from parts import Hashing
from typer.testing import CliRunner

from quincunx.app.cli import app
from quincunx.eval.runs.look_counter import LOOKS
from quincunx.eval.tune.reranker import TunedReranker, splits_of, tune_reranker
from quincunx.eval.tune.training import TrainingRecipe
from quincunx.programs.artifact.read import read_artifact
from quincunx.retrieval.errors import BoundError, GoldSetError, MissingWeightsError, UsageError
from quincunx.retrieval.models.profiles import Profile, add_profile, find_profile, profile_names
from quincunx.retrieval.models.rerankers import Scores
from quincunx.retrieval.models.weights import folder_revision

RECIPE = TrainingRecipe(epochs=2, negatives=2, batch=8, patience=1)


class WordsShared:
    """Ranks by the words that question and passage share: on the gold set of these tests nothing can do better."""

    name = "words shared"

    def score(self, question: str, passages: Sequence[str]) -> Scores:
        asked = set(question.lower().strip("?").split())
        return np.array([len(asked & set(re.findall(r"\w+", text.lower()))) for text in passages], np.float32)


class WordsNotShared(WordsShared):
    """Ranks the other way round: anything else does better."""

    name = "words not shared"

    def score(self, question: str, passages: Sequence[str]) -> Scores:
        return -super().score(question, passages)


@pytest.fixture(scope="module", autouse=True)
def profiles() -> None:
    """Make known a profile whose reranker is best, and one whose reranker is worst."""
    for name, reranker in (("best", WordsShared), ("worst", WordsNotShared)):
        if name not in profile_names():
            add_profile(Profile(name, Hashing, reranker))


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    return write_split_gold(tmp_path / "gold", "chat_bridge", n=12)


def tuned(gold: Path, out: Path) -> TunedReranker:
    base = bge(out.parent / f"base-{out.name}")
    return tune_reranker(gold, out=out, base=base, recipe=RECIPE, profile="worst")


def test_the_same_recipe_makes_the_same_weights(home: Path, gold: Path, tmp_path: Path) -> None:
    first, second = tuned(gold, tmp_path / "first"), tuned(gold, tmp_path / "second")
    assert first.revision == second.revision == folder_revision(tmp_path / "first")
    assert (first.pairs, list(first.dev)) == (second.pairs, list(second.dev))
    assert first.revision != folder_revision(tmp_path / "base-first")
    assert first.better
    assert (first.look, second.look) == (1, 2)
    told = json.loads((tmp_path / "first.tuning.json").read_text())
    assert told["revision"] == first.revision
    assert {stage.name for stage in first.stages} == {"fused", "before", "after"}


def test_what_is_no_better_on_dev_leaves_the_test_questions_sealed(
    home: Path, gold: Path, tmp_path: Path
) -> None:
    base = bge(tmp_path / "base")
    found = tune_reranker(gold, out=tmp_path / "out", base=base, recipe=RECIPE, profile="best")
    assert found.on_dev.difference <= 0
    assert not found.better
    assert (found.look, list(found.stages), dict(found.comparisons)) == (None, [], {})
    assert not (gold / LOOKS).exists()
    told = json.loads((tmp_path / "out.tuning.json").read_text())
    assert (told["better"], told["look"], told["on_dev"]["n"]) == (False, None, found.on_dev.n)
    arguments = ["tune", "reranker", str(gold), "--base", str(base), "--epochs", "1", "--profile", "best"]
    done = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "again")])
    assert done.exit_code == 0, done.output
    assert "keep that one" in done.output
    assert "the test questions stay sealed" in done.output
    assert "use it:" not in done.output


def test_one_setting_puts_it_to_use(
    home: Path, gold: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = tuned(gold, tmp_path / "mine")
    monkeypatch.setenv("QUINCUNX_CROSS_ENCODER", str(found.folder))
    for name in ("embedded", "local", "ollama"):
        reranker = find_profile(name).load_reranker()
        assert reranker is not None
        assert reranker.name == "mine"


def test_a_set_without_splits_is_divided_by_document(tmp_path: Path) -> None:
    splits = splits_of(write_gold(tmp_path / "gold", n=30, unanswerable=0))
    gold = [{id for question in split.judged for id in question.gold} for split in splits.values()]
    assert all(gold)
    assert not any(one & other for one, other in itertools.combinations(gold, 2))


def test_splits_named_by_qrels_alone_are_kept(tmp_path: Path) -> None:
    gold = write_split_gold(tmp_path / "gold", "chat_bridge", n=12)
    records = [json.loads(line) for line in (gold / "queries.jsonl").read_text().splitlines()]
    answerable = [record for record in records if record["metadata"].pop("answerable")]
    for record in answerable:
        del record["metadata"]["split"]
    (gold / "queries.jsonl").write_text("".join(json.dumps(record) + "\n" for record in answerable))
    for name, split in splits_of(gold).items():
        rows = (gold / "qrels" / f"{name}.tsv").read_text().splitlines()[1:]
        assert set(split.questions) == {row.split("\t")[0] for row in rows}


def test_wrong_input_is_refused_before_anything_is_trained(home: Path, gold: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(UsageError, match="not an empty folder"):
        tune_reranker(gold, out=tmp_path / "full", profile=hashing_profile())
    with pytest.raises(UsageError, match="not an empty folder"):
        tune_reranker(gold, out=gold / "corpus.jsonl", profile=hashing_profile())
    with pytest.raises(MissingWeightsError):
        tune_reranker(gold, out=tmp_path / "out", base=tmp_path / "nothing", profile=hashing_profile())
    with pytest.raises(BoundError, match="seed must be at least 0"):
        TrainingRecipe(seed=-1)
    with pytest.raises(BoundError, match="negatives must be at least 1"):
        TrainingRecipe(negatives=0)
    with pytest.raises(BoundError, match="learning_rate"):
        TrainingRecipe(learning_rate=2)
    with pytest.raises(BoundError, match="at most 512"):
        tune_reranker(
            gold, out=tmp_path / "out", base=bge(tmp_path / "base"), recipe=TrainingRecipe(max_tokens=513),
            profile=hashing_profile(),
        )  # fmt: skip
    (gold / "qrels" / "train.tsv").unlink()
    with pytest.raises(GoldSetError):
        tune_reranker(gold, out=tmp_path / "out", profile=hashing_profile())
    assert not (tmp_path / "out").exists()


def test_tune_retrieval_saves_the_program_with_the_chosen_settings(
    home: Path, gold: Path, tmp_path: Path
) -> None:
    from quincunx.retrieval.index.manage import build_index

    build_index("mine", [gold], profile=hashing_profile())
    done = CliRunner().invoke(
        app,
        ["tune", "retrieval", "chat_bridge", str(gold), "--out", str(tmp_path / "saved"), "--index", "mine",
         "--profile", hashing_profile(), "--lexical-weight", "0.5,2", "--json"],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    search = read_artifact(tmp_path / "saved").retrieval.search
    assert search.lexical_weight == told["chosen"]["lexical_weight"]
    assert search.fusion == told["chosen"]["fusion"]
