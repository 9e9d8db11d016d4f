"""What reading a corpus found: how much of which kind, and everything that was left out, with the reason."""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

logger = logging.getLogger(__name__)

REASONS: Mapping[str, str] = {
    "hidden": "hidden files or folders were left out",
    "tool_folder": "folders of tools were left out",
    "ignored": "files or folders were left out by .gitignore or .quincunxignore",
    "excluded": "files or folders were left out by --include or --exclude",
    "already_read": "links to what is read at a place of its own were left out",
    "unknown_kind": "files of kinds that nothing reads were left out",
    "needs_extra": "files need what is not installed",
    "empty": "documents with neither text nor title were left out",
    "no_text": "files show no text that can be read",
    "unmapped": "files have no field that is known for their text",
    "unreadable": "files or folders could not be read",
    "damaged": "files are damaged, or are not what their names say",
    "encrypted": "files are encrypted",
    "too_large": "files are too large",
    "too_slow": "files took too long",
    "not_a_file": "pipes, sockets or devices were left out",
    "dangling_link": "links lead nowhere",
    "binary": "files hold no text",
    "beside_corpus": "files beside a corpus.jsonl were not read, which is read in their place",
    "missing": "files or folders are no longer there",
}
"""What is said of each reason for leaving something out, after how many it were."""
ASKED_FOR = frozenset({"hidden", "tool_folder", "ignored", "excluded", "already_read", "missing"})
"""Reasons that the user or a documented rule gave; every other one is an error where reading is strict."""
_NAMED = 3
"""Names in a line of the log."""


@dataclass(frozen=True)
class Skip:
    """One file, folder or row that was left out."""

    path: str
    """Absolute; of a row of a corpus, with its line number (``corpus.jsonl:7``)."""
    reason: str
    """One of `REASONS`."""
    detail: str = ""
    """What exactly was wrong, where there is more to say."""
    document: str | None = None
    """The id of the row that was left out."""

    def __str__(self) -> str:
        return f"{_short(self.path)}{f' ({self.detail})' if self.detail else ''}"


@dataclass(frozen=True)
class ReadReport:
    """What was read and what was not."""

    read: Mapping[str, int] = field(default_factory=dict)
    """Documents by the suffix of their file."""
    skipped: tuple[Skip, ...] = ()
    encodings: Mapping[str, str] = field(default_factory=dict)
    """By path, where a file was not plain UTF-8."""
    notices: tuple[str, ...] = ()
    """What else should be known of a file, such as front matter that is none."""

    def by_reason(self) -> dict[str, list[Skip]]:
        """Return what was left out by reason, in the order of `REASONS`."""
        found: dict[str, list[Skip]] = defaultdict(list)
        for skip in self.skipped:
            found[skip.reason].append(skip)
        return {reason: found[reason] for reason in REASONS if reason in found}

    def summary(self) -> str:
        """Return how much was left out for which reason, on one line; empty where nothing was."""
        return ", ".join(f"{len(skips)} {reason}" for reason, skips in self.by_reason().items())

    def lines(self) -> list[str]:
        """Return a line for each reason, encoding and notice, the first few names in it."""
        left_out = [
            f"{len(skips)} {REASONS[reason]}: {_first(list(map(str, skips)))}"
            for reason, skips in self.by_reason().items()
        ]
        by_encoding: dict[str, list[str]] = defaultdict(list)
        for path, encoding in self.encodings.items():
            by_encoding[encoding].append(_short(path))
        read_as = [f"read as {encoding}: {_first(paths)}" for encoding, paths in sorted(by_encoding.items())]
        return [*left_out, *read_as, *self.notices[:_NAMED], *_more(len(self.notices))]

    def log(self) -> None:
        """Say it where a command or a program shows its warnings."""
        for line in self.lines():
            logger.warning("%s", line)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values, with every path."""
        return {
            "read": dict(self.read),
            "skipped": [
                {"path": skip.path, "reason": skip.reason, "detail": skip.detail} for skip in self.skipped
            ],
            "encodings": dict(self.encodings),
        }


def _first(names: list[str]) -> str:
    return ", ".join([*names[:_NAMED], *_more(len(names))])


def _more(count: int) -> list[str]:
    return [f"and {count - _NAMED} more"] if count > _NAMED else []


def _short(path: str) -> str:
    """Return a path as one would type it, on one line."""
    here = os.path.join(os.getcwd(), "")
    return " ".join(path.removeprefix(here).split("\n"))
