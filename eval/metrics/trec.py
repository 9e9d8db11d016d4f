"""Runs and judgements as TREC's tools read them, so that trec_eval gives the same figures."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from ...retrieval.errors import RunError
from ...retrieval.storage.disk import make_folder, publish_file, storing
from ..runs.ledger import RunLedger
from .run_scores import STAGES, score_run


def export_trec(run: RunLedger, folder: Path) -> list[Path]:
    """Write ``qrels.txt`` and one ``STAGE.run`` for each stage into a new folder; return the files.

    Ids are percent-encoded where they hold white space. Scores fall strictly with the rank. A question that failed
    is in the qrels and in no run: trec_eval counts it with ``-c``, and leaves it out without.

    Raises:
        RunError: the folder is there already. StorageError: the disk refused.
    """
    if folder.exists():
        raise RunError(f"{folder} is there already: export to another folder, or move it away first")
    scored = score_run(run)
    judged = {id: scored.questions[id].grades for id in scored.rows}
    files = {
        "qrels.txt": (
            f"{_id(question)} 0 {_id(unit)} {grade}\n"
            for question, grades in judged.items()
            for unit, grade in grades.items()
        )
    }
    for stage in STAGES:
        files[f"{stage}.run"] = (
            f"{_id(question)} Q0 {_id(unit)} {rank} {-rank} {run.name}\n"
            for question, ranking in scored.rankings[stage].items()
            if judged[question]
            for rank, unit in enumerate(ranking, start=1)
        )
    with storing(folder):
        make_folder(folder)
        return [_write(folder / name, lines) for name, lines in files.items()]


def _write(path: Path, lines: Iterable[str]) -> Path:
    publish_file(path, [memoryview("".join(lines).encode())])
    return path


def _id(name: str) -> str:
    return quote(name, safe="/:;,.!?#[]()@&=+-_~'*")
