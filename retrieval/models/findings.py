"""What a check has found: one line of a report, with the remedy where something is wrong."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at or tried."""

    what: str
    ok: bool
    detail: str
    remedy: str = ""
    """The commands that mend it, one a line, where it is not ok."""
