"""What `quincunx advise` found, as a person reads it, each suggestion with the command that tries it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import Any

from ...eval.stats.paired import p_text
from ...eval.tune.advice import Advice, Suggestion
from ...retrieval.models.profiles import DEFAULT_PROFILE
from ...retrieval.settings import SearchSettings
from .figures import difference, figure


def suggestion_lines(found: Advice) -> Iterator[str]:
    """Say how the searches do, and what to change."""
    asked = "questions" if found.gold else "titles"
    yield f"{found.index}: {found.questions} {asked}, score {figure(found.score)} (the mean of recall and mrr); run {found.run}"
    if found.gold:
        better = sum(each.tried is not None for each in found.suggestions)
        yield (
            f"{found.tries} changes of settings were tried, each alone; {better} did better on these questions. What is "
            "expected is less than was measured, as the best of many is flattered; `quincunx eval sweep` confirms a choice on test."
        )
    if not found.suggestions:
        yield "Nothing was found to change."
    for place, suggestion in enumerate(found.suggestions, start=1):
        yield ""
        yield f"{place}. {suggestion.change}"
        yield f"   {_expected(suggestion)}"
        yield f"   try: {command(found, suggestion)}"


def _expected(suggestion: Suggestion) -> str:
    if suggestion.tried is not None:
        result = suggestion.tried.result
        return (
            f"expected: {figure(suggestion.tried.expected_gain)}; measured: {difference(result)}, of {result.n} questions {result.wins} better and {result.losses} worse; "
            f"p {p_text(suggestion.tried.holm_p)} (Holm): {suggestion.tried.verdict.split(':')[0]}"
        )
    behind = f"{suggestion.questions} question{'s' * (suggestion.questions != 1)} behind it"
    if suggestion.gain is None:
        return f"{behind}; what it gains cannot be said beforehand"
    return f"expected: +{figure(suggestion.gain)}, if the {behind} then fared as the others do"


def command(found: Advice, suggestion: Suggestion) -> str:
    """Return the command that tries a suggestion, on the same questions."""
    gold = found.gold or ""
    if suggestion.tried is not None:
        # A set that names no dev split is divided by `advise` itself: `eval retrieval` would ask all of it.
        by_name = ["eval", "retrieval", gold, "--split", "dev", "--index", found.index]
        again = by_name if found.split == "dev" else ["advise", found.index, gold]
        profile = [] if found.profile == DEFAULT_PROFILE else ["--profile", found.profile]
        return shlex.join(["quincunx", *again, *profile, *_options(suggestion.tried.settings)])
    if suggestion.lost == "not in the index":
        return shlex.join(["quincunx", "index", "update", found.index, "PATH"])
    if suggestion.lost == "cut by chunking":
        return shlex.join(["quincunx", "eval", "sweep", gold, "--chunk-tokens", "200,400,800"])
    return shlex.join(["quincunx", "eval", "view", found.run])


def _options(settings: SearchSettings) -> list[str]:
    """Return what sets on the command line whatever of these settings is not the default."""
    usual, options = SearchSettings().as_dict(), []
    for name, value in settings.as_dict().items():
        option = f"--{name.replace('_', '-')}"
        if value == usual[name]:
            continue
        if isinstance(value, bool):
            options.append(option if value else option.replace("--", "--no-", 1))
        else:
            options += [option, f"{value:g}" if isinstance(value, float) else str(value)]
    return options


def advice_as_dict(found: Advice) -> dict[str, Any]:
    """Return advice as JSON values."""
    told = {field.name: getattr(found, field.name) for field in fields(found) if field.name != "suggestions"}
    return {
        **told,
        "suggestions": [
            {
                "change": each.change,
                "gain": each.gain,
                "questions": each.questions,
                "lost": each.lost,
                "tried": None
                if each.tried is None
                else {
                    "settings": each.tried.settings.as_dict(),
                    **asdict(each.tried.result),
                    "holm_p": each.tried.holm_p,
                    "verdict": each.tried.verdict,
                },
                "command": command(found, each),
            }
            for each in found.suggestions
        ],
    }
