"""In what two runs differ: settings, models and the words of their prompts. No question is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..programs.artifact.diff import prompt_changes
from .report.run_entries import read_report
from .runs.folder import existing_run, header_differences, read_header

_STAND_FOR_PROMPTS = "program_state"
"""A sha256 over the prompts, which says nothing to a reader."""


@dataclass(frozen=True)
class RunDifference:
    """Run b as it differs from run a."""

    a: str
    b: str
    configured: Mapping[str, tuple[Any, Any]]
    """The value in a and in b, by dotted name such as ``search.k``; what one lacks is ``"none"`` there."""
    prompts: Mapping[str, tuple[str, ...]] | None
    """Lines by predictor, those that differ alone; ``None`` where one of the runs keeps no prompts, as one that only
    searches, or was begun with an older version.
    """


def diff_runs(a: str | Path, b: str | Path) -> RunDifference:
    """Return in what two runs differ, by their names or folders.

    An optimisation is taken with the prompts that it saved, where it has ended.

    Raises:
        UnknownRunError: there is no such run. RunError: one cannot be read.
    """
    folders = [existing_run(run) for run in (a, b)]
    headers = [read_header(folder) for folder in folders]
    configured = header_differences(*headers)
    before, after = (_prompts(*run) for run in zip(folders, headers, strict=True))
    prompts = None
    if before is not None and after is not None:
        configured.pop(_STAND_FOR_PROMPTS, None)
        lines = {
            name: tuple(prompt_changes(before.get(name, {}), after.get(name, {})))
            for name in dict.fromkeys([*before, *after])
        }
        prompts = {name: changes for name, changes in lines.items() if changes}
    return RunDifference(folders[0].name, folders[1].name, configured, prompts)


def _prompts(folder: Path, header: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]] | None:
    if header["kind"] == "optimise":
        found: Mapping[str, Mapping[str, Any]] | None = read_report(folder).get("prompts", {}).get("after")
        return found
    return header.get("prompts")
