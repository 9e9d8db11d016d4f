"""Judges held against human labels.

1. The figures are those of `agreement` on the same labels.
2. Ids that stand on one side only are named, with why.
3. Too few labels, or too wide an interval, is said in words, and goes wherever the judge's mean goes.
4. Labels belong to the answers: every judge of the kind is held against them.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from quincunx.eval.goldsets.goldset import GoldQuestion
from quincunx.eval.judges.calibration import (
    LABELS,
    UNCALIBRATED,
    calibrate,
    doubts_about,
    find_judge,
    judge_report,
    read_labels,
)
from quincunx.eval.runs.ledger import Row, RunLedger
from quincunx.eval.stats.agreement import agreement
from quincunx.retrieval.errors import RunError, UsageError

JUDGE = "groundedness:m:temperature=0.0:abc"
OTHER = "groundedness:n:temperature=0.0:abc"


def made(folder: Path, n: int = 120) -> RunLedger:
    """A run of n answers, a refusal and a failure; the judge calls every second answer 1, and flips once."""
    ids = [f"q{i:03}" for i in range(n)]
    questions = [GoldQuestion(id, id, {}, gold={f"d{id}": 1}) for id in [*ids, "refused", "failed"]]
    run = RunLedger.begin(folder, {"kind": "answers", "seed": 0}, questions)
    for id in ids:
        run.add(Row(id, {"answered": True}))
    run.add(Row("refused", {"answered": False}))
    run.add(Row("failed", {}, {}, "language_model", "gone"))
    for i, id in enumerate(ids):
        run.judge(id, JUDGE, 0, {"repeat": 0, "verdict": i % 2 == 1})
        run.judge(id, JUDGE, 1, {"repeat": 1, "verdict": i % 2 == 1 or i == 0})
    return run


def labels_of(n: int, wrong: int = 0) -> dict[str, int]:
    return {f"q{i:03}": int((i % 2 == 1) != (i < wrong)) for i in range(n)}


def test_the_figures_are_those_of_agreement_on_the_same_labels(tmp_path: Path) -> None:
    with made(tmp_path / "run") as run:
        labels = labels_of(100, wrong=6)
        found = calibrate(run, JUDGE, labels)
        calibration = found.calibration
        assert calibration is not None
        said = [i % 2 for i in range(100)]
        assert calibration.agreement == agreement(list(labels.values()), said)
        assert calibration.agreement.tpr is not None
        assert calibration.agreement.tpr.mean == pytest.approx(47 / 50)
        assert calibration.flips is not None
        assert calibration.flips.n == 120
        assert calibration.flips.mean == pytest.approx(1 / 120)
        assert calibration.unlabelled == tuple(f"q{i:03}" for i in range(100, 120))
        assert calibration.doubts == ()
        assert found.state.startswith("calibrated on 100 labels: TPR 0.94 [")
        assert found.scores.mean is not None
        assert found.scores.mean.mean == pytest.approx((60 + 0.5) / 120)
        assert judge_report(run, JUDGE) == found


def test_a_mean_without_labels_is_not_calibrated(tmp_path: Path) -> None:
    with made(tmp_path / "run", n=4) as run:
        assert judge_report(run, JUDGE).state == UNCALIBRATED
        assert judge_report(run, JUDGE).as_dict()["calibration_state"] == UNCALIBRATED
        assert judge_report(run, JUDGE).as_dict()["calibration"] is None


def test_ids_of_one_side_only_are_named_with_why(tmp_path: Path) -> None:
    with made(tmp_path / "run", n=4) as run:
        run.judge("q000", OTHER, 0, {"repeat": 0, "verdict": True})
        run.judge("q001", OTHER, 0, {"repeat": 0, "code": "bad_model_output", "message": "?"})
        labels = {"q000": 1, "q001": 1, "q002": 0, "refused": 1, "failed": 1, "zz": 0}
        found = calibrate(run, OTHER, labels)
        assert found.calibration is not None
        assert found.calibration.unjudged == {
            "q001": "its judgement failed",
            "q002": "not judged yet",
            "refused": "refused",
            "failed": "its question failed",
            "zz": "not in the run",
        }
        assert found.calibration.unlabelled == ()
        # The labels were kept: they hold for the other judge of the kind, too.
        other = judge_report(run, JUDGE).calibration
        assert other is not None
        assert (other.agreement.n, other.unlabelled) == (3, ("q003",))


def test_what_is_too_few_is_said_in_words(tmp_path: Path) -> None:
    with made(tmp_path / "run") as run:
        few = calibrate(run, JUDGE, labels_of(12))
        assert few.state == (
            "calibrated on 12 labels, not to be believed: 12 labels are too few: 30 or more are needed, of "
            "answers drawn "
            "by chance"
        )
        wide = calibrate(run, JUDGE, labels_of(30, wrong=10)).calibration
        assert wide is not None
        assert [doubt.split()[0] for doubt in wide.doubts] == ["TPR", "TNR", "kappa"]
        assert "may lie anywhere from" in wide.doubts[0]
        ones = calibrate(run, JUDGE, {f"q{i:03}": 1 for i in range(1, 120, 2)}).calibration
        assert ones is not None
        assert ones.doubts == (
            "TNR cannot be computed: no label is 0",
            "kappa cannot be computed: humans and judge called all the same",
        )


def test_a_judge_that_agrees_no_more_than_by_chance_is_not_to_be_trusted() -> None:
    truth = [0, 1] * 100
    one_in_three_wrong = [1 - label if place % 3 == 0 else label for place, label in enumerate(truth)]
    (doubt,) = doubts_about(agreement(truth, one_in_three_wrong))
    assert doubt.startswith("kappa is 0.33, and may be as low as 0.2")
    one_in_ten_wrong = [1 - label if place % 10 in (0, 5) else label for place, label in enumerate(truth)]
    assert doubts_about(agreement(truth, one_in_ten_wrong)) == []


def test_a_judge_is_found_by_name_or_by_its_kind_alone(tmp_path: Path) -> None:
    with made(tmp_path / "run", n=2) as run:
        assert find_judge(run, "groundedness") == find_judge(run, JUDGE) == JUDGE
        run.judge("q000", OTHER, 0, {"repeat": 0, "verdict": True})
        assert find_judge(run, OTHER) == OTHER
        with pytest.raises(
            UsageError, match="2 judges of kind 'groundedness' have judged run 'run': name one of"
        ):
            find_judge(run, "groundedness")
        with pytest.raises(
            UsageError, match=r"no judge 'helpfulness' has judged run 'run'; known: groundedness"
        ):
            find_judge(run, "helpfulness")


def test_labels_of_nothing_judged_are_refused_and_not_kept(tmp_path: Path) -> None:
    with made(tmp_path / "run", n=2) as run:
        with pytest.raises(UsageError, match=r"no label \(ids: zz\) is of an answer that"):
            calibrate(run, JUDGE, {"zz": 1})
        assert not (run.folder / LABELS).exists()
        for text in ("no json", "[]", '{"groundedness": {"q000": 2}}'):
            (run.folder / LABELS).write_text(text)
            with pytest.raises(RunError, match="remove it"):
                judge_report(run, JUDGE)


def test_labels_are_read_for_one_judge(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(
        "\ufeffID,label,judge\r\nq1,1,\r\nq2,0,groundedness\r\n\r\nq3,1,helpfulness\r\n"
        f"q4,1,{OTHER}\r\nq1,1,groundedness\r\n",
        newline="",
    )
    assert read_labels(path, JUDGE) == {"q1": 1, "q2": 0}
    assert read_labels(path, OTHER) == {"q1": 1, "q2": 0, "q4": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ":1: the columns must be id, label"),
        ("id,score\nq1,1\n", r":1: the columns must be id, label.*got id, score"),
        ("id,label,label\nq1,1,1\n", ":1: the columns must be"),
        ("id,label\nq1,0.5\n", ":2: a row needs a question's id and 0 or 1 .*'0.5'"),
        ("id,label\n,1\n", ":2: a row needs a question's id"),
        ("id,label\nq1,1,x\n", ":2: 3 cells under 2 columns"),
        ("id,label\nq1,1\nq1,0\n", ":3: 'q1' is labelled 0 and 1"),
        ("id,label,judge\nq1,1,taste\n", ":2: unknown judge 'taste'; known kinds: groundedness, helpfulness"),
        ('id,label\n"q1,1\n', ": not CSV"),
        ("id,label\n", ": no label for"),
    ],
)
def test_a_bad_label_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        read_labels(path, JUDGE)
    with pytest.raises(UsageError, match="No such file"):
        read_labels(tmp_path / "none.csv", JUDGE)


def test_labels_are_json_that_a_person_can_read(tmp_path: Path) -> None:
    with made(tmp_path / "run", n=2) as run:
        calibrate(run, JUDGE, {"q001": 1, "q000": 0})
        assert json.loads((run.folder / LABELS).read_text()) == {"groundedness": {"q000": 0, "q001": 1}}
