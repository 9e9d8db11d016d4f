"""Removing old runs of the home folder."""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from ...retrieval.errors import BoundError, RunError, StorageError, UsageError, WriterBusyError
from ...retrieval.storage.disk import storing
from ...retrieval.storage.lock import unlock
from .folder import lock_for_writing, read_header, run_folder, run_names
from .notes import read_run_notes

logger = logging.getLogger(__name__)

_REMOVED = ".removed"
"""Ends the name of a folder that is being removed; it begins with a dot, so that it is no run any more."""
_MOST_DAYS = 36_500


@dataclass(frozen=True)
class PrunedRuns:
    """What pruning did, or would do: names of runs, oldest first."""

    removed: list[str]
    busy: list[str]
    """Another process is writing them, so that they stayed."""


def prune_runs(*, keep: int = 0, older_than_days: float = 0, dry_run: bool = False) -> PrunedRuns:
    """Remove old evaluations of the home folder.

    The newest ``keep`` stay, those younger than so many days, and each that has a tag. What is no evaluation stays as well:
    an optimisation holds its program, and what cannot be read may be anything. Killed halfway, it leaves no half of a run.

    Raises:
        UsageError: neither bound was given, so that all would go.
        BoundError: ``keep`` is no whole number from 0 on, or the days are not from 0 to 36,500.
        StorageError: the disk refuses; the runs before that one are gone.

    Example:
        >>> from quincunx.eval.runs.pruning import prune_runs
        >>> prune_runs(keep=20, dry_run=True).removed
        []
    """
    if not (type(keep) is int and keep >= 0):
        raise BoundError(f"keep must be a whole number of at least 0 (got {keep!r})")
    if not 0 <= older_than_days <= _MOST_DAYS:
        raise BoundError(f"older_than_days must be a number from 0 to {_MOST_DAYS} (got {older_than_days!r})")
    if not keep and not older_than_days:
        raise UsageError("say how many runs are kept, or from what age on they go: not all of them may")
    newest_first = sorted(filter(None, map(_evaluation, run_names())), reverse=True)
    latest = datetime.now(UTC) - timedelta(days=older_than_days)
    old = [run for run in reversed(newest_first[keep:]) if run.begun <= latest]
    going = [run.folder for run in old if not run.tags]
    if dry_run:
        return PrunedRuns([folder.name for folder in going], [])
    for begun_to_remove in run_folder("any").parent.glob(f".*{_REMOVED}"):
        _delete(begun_to_remove)
    busy = [folder.name for folder in going if not _remove(folder)]
    return PrunedRuns([folder.name for folder in going if folder.name not in busy], busy)


class _Evaluation(NamedTuple):
    begun: datetime
    folder: Path
    tags: tuple[str, ...]


def _evaluation(name: str) -> _Evaluation | None:
    """Return an evaluation by its name; ``None`` for what is none, or cannot be read."""
    folder = run_folder(name)
    try:
        header = read_header(folder)
        tags = read_run_notes(folder).tags
        begun = datetime.fromisoformat(header["begun"]).astimezone(UTC)
        return None if header["kind"] == "optimise" else _Evaluation(begun, folder, tags)
    except (RunError, KeyError, TypeError, ValueError) as error:
        logger.warning("%s stays, as it cannot be read: %s", folder, error)
        return None


def _remove(folder: Path) -> bool:
    """Remove a run that no other process is writing; return whether it went."""
    try:
        lock = lock_for_writing(folder)
    except WriterBusyError as error:
        logger.warning("%s stays: %s", folder, error)
        return False
    try:
        going = folder.with_name(f".{folder.name}{_REMOVED}")
        with storing(folder):
            folder.rename(going)
        _delete(going)
    finally:
        unlock(lock)
    return True


def _delete(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise StorageError(
            f"{folder}: {error}; it is no run any more, and the next `quincunx eval prune` removes what is left"
        ) from error
