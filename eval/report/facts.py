"""What reports and lists say of a run, from its header and its report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...retrieval.settings import SearchSettings
from ..prices import Price
from ..runs.notes import RunNotes

_DEFAULTS = SearchSettings().as_dict()


def origin_facts(header: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return when a run was begun, and with what code, as names and values to be read."""
    commit = header["commit"]
    # The plus marks changes beside the commit.
    short = "outside of a repository" if commit is None else commit[:12] + "+" * commit.endswith("+")
    return [("begun", header["begun"]), ("commit", short), ("quincunx", header["quincunx"])]


def note_facts(notes: RunNotes) -> list[tuple[str, str]]:
    """Return what people say of a run, as names and values to be read; empty where they say nothing."""
    said = [("tags", ", ".join(notes.tags)), ("note", notes.note)]
    return [fact for fact in said if fact[1]]


def spent_text(calls: int, tokens: Mapping[str, int], price: Price | None) -> str:
    """Return in one line how often a language model was asked, what it read and wrote, and what that cost.

    ``tokens`` are ``input`` and ``output``, empty where the model did not tell them.
    """
    asked = f"{calls:,} calls of the language model"
    if not tokens:
        return f"{asked}, which told no tokens"
    into, out = tokens.get("input", 0), tokens.get("output", 0)
    told = f"{asked}, {into:,} tokens in and {out:,} out"
    return f"{told}, no price known" if price is None else f"{told}, {price.of(into, out):.4f} USD at {price}"


def settings_text(settings: Mapping[str, Any]) -> str:
    """Return settings in one line, without those that are off."""
    return ", ".join(f"{name} {value}" for name, value in settings.items() if value is not None)


def told_search(settings: Mapping[str, Any]) -> str:
    """Return the settings of a search in one line: first those that are not the default, which it says."""
    changed = {name: value for name, value in changed_settings(settings).items() if value is not None}
    usual = settings_text({name: value for name, value in settings.items() if name not in changed})
    return f"{settings_text(changed)} (not the default), {usual}" if changed else f"{usual}: all by default"


def changed_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return those settings that differ from the defaults."""
    return {name: value for name, value in settings.items() if _DEFAULTS.get(name) != value}


def saved_gain(report: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return what the saved program of an optimisation gained over the one before; ``None`` where it was not tested."""
    found = (
        gain for gain in report["gains"] if (gain["seed"], gain["baseline"]) == (report["seed"], "before")
    )
    return next(found, None)
