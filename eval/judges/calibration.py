"""Calibrating a judge: its verdicts compared with human labels of the same answers.

Labels belong to the answers of a run and to what is judged, not to one judge. They are kept in the run's
folder, so that every judge of that kind is measured against them anew each time its mean is shown:

    labels.json     {"groundedness": {"q1": 1, "q2": 0}}

Of a judge that judged several times, its first verdict on each answer is compared with the label, since that
is what it says when it is asked once; how far it agrees with itself is the flip rate.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...retrieval.corpus.beir import read_csv_rows, read_utf8
from ...retrieval.errors import RunError, UsageError
from ...retrieval.storage.disk import publish_file, storing
from ..runs.ledger import RunLedger
from ..stats.agreement import Agreement, agreement
from ..stats.paired import Interval
from .judge import KINDS
from .scores import JudgeScores, answered_rows, judge_scores, verdicts_of

LABELS = "labels.json"
FEWEST_LABELS = 30
"""From so many labels on, an agreement may be believed."""
WIDEST = 0.3
"""So wide may an interval be at most."""
LEAST_KAPPA = 0.4
"""Below it agreement is no more than fair (Landis and Koch 1977)."""
UNCALIBRATED = "not calibrated"


@dataclass(frozen=True)
class Calibration:
    """How a judge's verdicts agree with human labels."""

    judge: str
    agreement: Agreement
    flips: Interval | None
    """How often two repeats disagree; ``None`` where the judge was asked once only."""
    unjudged: Mapping[str, str]
    """Why the judge has no verdict, by id of a label."""
    unlabelled: tuple[str, ...]
    """Answers that the judge has judged, and no human."""
    doubts: tuple[str, ...]
    """Why the figures are not to be believed yet, in words; empty where they are."""

    @property
    def state(self) -> str:
        """What is to stand beside every mean of the judge."""
        said = f"calibrated on {self.agreement.n} labels"
        if self.doubts:
            return f"{said}, not to be believed: {self.doubts[0]}"
        figures = (("TPR", self.agreement.tpr), ("TNR", self.agreement.tnr), ("kappa", self.agreement.kappa))
        return f"{said}: " + ", ".join(
            f"{name} {figure.mean:.2f} [{figure.low:.2f} {figure.high:.2f}]"
            for name, figure in figures
            if figure is not None
        )


@dataclass(frozen=True)
class JudgeReport:
    """A judge's scores, never without what its calibration says of them."""

    scores: JudgeScores
    calibration: Calibration | None

    @property
    def state(self) -> str:
        return UNCALIBRATED if self.calibration is None else self.calibration.state

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        found = None if self.calibration is None else asdict(self.calibration)
        scores = {name: value for name, value in asdict(self.scores).items() if name != "records"}
        return {**scores, "calibration_state": self.state, "calibration": found}


def judge_report(run: RunLedger, name: str) -> JudgeReport:
    """Return what a judge's judgements come to and how far to believe them, from the run's folder alone."""
    scores, labels = judge_scores(run, name), _saved_labels(run).get(kind_of(name), {})
    # Labels of answers that this judge has not judged say nothing of it.
    judged = _first_verdicts(run, name).keys() & labels.keys()
    return JudgeReport(scores, _calibration(run, scores, labels) if judged else None)


def calibrate(run: RunLedger, name: str, labels: Mapping[str, int]) -> JudgeReport:
    """Keep human labels (0 or 1 by question id) in a run, in place of those kept before, and compare a judge with
    them.

    Raises `UsageError` where no label is of an answer that the judge has judged; nothing is kept then.
    """
    if not _first_verdicts(run, name).keys() & labels.keys():
        ids = ", ".join(sorted(labels)[:3]) or "none"
        raise UsageError(
            f"no label (ids: {ids}) is of an answer that {name} has judged in run {run.name!r}: label "
            "answers of this run "
            "by their question's id"
        )
    kept = {**_saved_labels(run), kind_of(name): dict(labels)}
    path = run.folder / LABELS
    text = json.dumps(kept, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    with storing(path):
        publish_file(path, [memoryview(text.encode())])
    return judge_report(run, name)


def kind_of(name: str) -> str:
    """Return what a judge of that name judges: its kind, with the name of a criterion or of another run where it has one."""
    return name.partition(":")[0]


def is_of_kind(name: str, kind: str) -> bool:
    """Whether a judge of that name is of a kind, such as ``rubric``, or judges just that, such as ``rubric tone``."""
    return kind in (kind_of(name), kind_of(name).partition(" ")[0])


def find_judge(run: RunLedger, name_or_kind: str) -> str:
    """Return the name of a judge that has judged a run: that name, or the only one of a kind.

    Raises `UsageError` where there is none, or several of the kind.
    """
    known = run.judges()
    if name_or_kind in known:
        return name_or_kind
    found = [name for name in known if is_of_kind(name, name_or_kind)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"{len(found)} judges of kind {name_or_kind!r} have judged run {run.name!r}: name one of "
            f"{', '.join(found)}"
        )
    raise UsageError(
        f"no judge {name_or_kind!r} has judged run {run.name!r}; known: {', '.join(known) or 'none yet'}. "
        "Let one judge "
        f"it with `quincunx eval score {run.name} --judge {next(iter(KINDS))} --lm NAME`"
    )


def read_labels(path: Path, name: str) -> dict[str, int]:
    """Read the human labels for a judge from CSV: columns ``id``, ``label`` (0 or 1) and, if there,
    ``judge``.

    A row whose ``judge`` names another kind or another judge is passed over.

    Raises `UsageError`, with the line, for what is no such file.
    """
    rows = read_csv_rows(path, UsageError)
    labels: dict[str, int] = {}
    header = [cell.strip().lower() for cell in next(rows, (1, []))[1]]
    if len(set(header)) < len(header) or not {"id", "label"} <= set(header) <= {"id", "label", "judge"}:
        raise UsageError(
            f"{path}:1: the columns must be id, label and, if wanted, judge (got {', '.join(header) or 'nothing'}): "
            "name them in the first row"
        )
    for number, row in rows:
        cells = dict(zip(header, (cell.strip() for cell in row), strict=True))
        _read_label(labels, cells, f"{path}:{number}", name)
    if not labels:
        raise UsageError(f"{path}: no label for {name}; add rows of a question's id and 0 or 1")
    return labels


def _read_label(labels: dict[str, int], cells: Mapping[str, str], where: str, name: str) -> None:
    judge, id, label = cells.get("judge", ""), cells["id"], cells["label"]
    if judge and not any(is_of_kind(judge, kind) for kind in KINDS):
        raise UsageError(
            f"{where}: unknown judge {judge!r}; known kinds: {', '.join(KINDS)}. Leave the cell empty for any"
        )
    if judge not in ("", name, kind_of(name)):
        return
    if not id or label not in ("0", "1"):
        raise UsageError(f"{where}: a row needs a question's id and 0 or 1 (got {id!r} and {label!r})")
    if labels.setdefault(id, int(label)) != int(label):
        raise UsageError(f"{where}: {id!r} is labelled 0 and 1; keep one of the two rows")


def _first_verdicts(run: RunLedger, name: str) -> dict[str, int]:
    """Return a judge's first verdict by question id."""
    found = run.judgements(name)
    return {id: verdicts[0] for id, records in found.items() if (verdicts := verdicts_of(records))}


def _calibration(run: RunLedger, scores: JudgeScores, labels: Mapping[str, int]) -> Calibration:
    verdicts = _first_verdicts(run, scores.judge)
    both = sorted(verdicts.keys() & labels.keys())
    found = agreement([labels[id] for id in both], [verdicts[id] for id in both])
    return Calibration(
        judge=scores.judge,
        agreement=found,
        flips=scores.flips,
        unjudged=_unjudged(run, scores.judge, sorted(labels.keys() - verdicts.keys())),
        unlabelled=tuple(sorted(verdicts.keys() - labels.keys())),
        doubts=tuple(doubts_about(found)),
    )


def _unjudged(run: RunLedger, name: str, ids: list[str]) -> dict[str, str]:
    rows, answers, tried = run.rows(), answered_rows(run), run.judgements(name)
    why = {}
    for id in ids:
        if id not in rows:
            why[id] = "not in the run"
        elif rows[id].failed:
            why[id] = "its question failed"
        elif id not in answers:
            why[id] = "refused"
        else:
            why[id] = "its judgement failed" if id in tried else "not judged yet"
    return why


def doubts_about(found: Agreement) -> list[str]:
    """Say why a judge that agrees with people so far is not to be trusted yet, in words; nothing where it is."""
    doubts = []
    if found.n < FEWEST_LABELS:
        doubts.append(
            f"{found.n} labels are too few: {FEWEST_LABELS} or more are needed, of answers drawn by chance"
        )
    sides = (("TPR", found.tpr, "no label is 1"), ("TNR", found.tnr, "no label is 0"))
    for figure, value, why in (*sides, ("kappa", found.kappa, "humans and judge called all the same")):
        if value is None:
            doubts.append(f"{figure} cannot be computed: {why}")
        elif value.high - value.low > WIDEST:
            doubts.append(
                f"{figure} may lie anywhere from {value.low:.2f} to {value.high:.2f} (n={value.n}): label "
                "more answers"
            )
    if found.kappa is not None and found.kappa.low < LEAST_KAPPA and not doubts:
        doubts.append(
            f"kappa is {found.kappa.mean:.2f}, and may be as low as {found.kappa.low:.2f} where {LEAST_KAPPA:g} is the least: "
            "judge and humans agree little more than by chance; take another model"
        )
    return doubts


def _saved_labels(run: RunLedger) -> dict[str, dict[str, int]]:
    path = run.folder / LABELS
    if not path.exists():
        return {}
    try:
        kept = json.loads(read_utf8(path, RunError))
    except ValueError as error:
        raise RunError(
            f"{path}: not JSON ({error}); remove it and run `quincunx eval calibrate` again"
        ) from error
    whole = isinstance(kept, dict) and all(
        isinstance(labels, dict) and all(type(label) is int and label in (0, 1) for label in labels.values())
        for labels in kept.values()
    )
    if not whole:
        raise RunError(
            f"{path}: holds something else than labels of 0 and 1; remove it and run `quincunx eval "
            "calibrate` again"
        )
    return {str(kind): labels for kind, labels in kept.items()}
