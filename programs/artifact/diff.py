"""What a saved program says of itself, and in words how two differ."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from .schema import Artifact, PredictorRecord, RetrievalRecord, Score


def describe_artifact(artifact: Artifact) -> dict[str, Any]:
    """Return what an artifact says of itself as JSON values, its demos counted rather than quoted."""
    described = artifact.model_dump(mode="json")
    for record in described["predictors"].values():
        record["demos"] = len(record["demos"])
    return described


def diff_artifacts(a: Artifact, b: Artifact) -> list[str]:
    """Say in lines how ``b`` differs from ``a``; none when they are equal."""
    lines = [
        f"{name}: {before} → {after}"
        for name in ("program", "quincunx", "dspy", "adapter", "queries")
        if (before := getattr(a, name)) != (after := getattr(b, name))
    ]
    for name in sorted(a.predictors.keys() | b.predictors.keys()):
        if name not in b.predictors:
            lines.append(f"{name}: predictor removed")
        elif name not in a.predictors:
            lines.append(f"{name}: predictor added")
        else:
            lines += [
                f"{name}: {line}" for line in _predictor_changes(a.predictors[name], b.predictors[name])
            ]
    lines += _retrieval_changes(a.retrieval, b.retrieval)
    lines += _changes("score ", _scores(a.scores), _scores(b.scores))
    lines += _changes("data ", a.data, b.data)
    lines += _changes("note ", a.notes, b.notes)
    return lines


def _predictor_changes(a: PredictorRecord, b: PredictorRecord) -> Iterator[str]:
    yield from _instruction_changes(a.instructions, b.instructions)
    mine, theirs = ({field.name: field for field in record.fields} for record in (a, b))
    yield from (f"field {name} removed" for name in mine if name not in theirs)
    yield from (f"field {name} added" for name in theirs if name not in mine)
    common = [name for name in mine if name in theirs]
    if common != [name for name in theirs if name in mine]:
        yield f"fields reordered: {', '.join(mine)} → {', '.join(theirs)}"
    for name in common:
        yield from _changes(f"field {name}: ", mine[name].model_dump(), theirs[name].model_dump())
    yield from _demo_changes([*map(_canonical, a.demos)], [*map(_canonical, b.demos)])
    yield from _shown_changes(a.nearest_demos, b.nearest_demos)
    if a.prompt != b.prompt:
        yield f"prompt: about {a.prompt.estimated_tokens} → {b.prompt.estimated_tokens} tokens (estimate)"


def prompt_changes(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[str]:
    """Say in lines how the ``instructions`` and ``demos`` of one predictor differ from another's."""
    yield from _instruction_changes(a.get("instructions", ""), b.get("instructions", ""))
    yield from _demo_changes([*map(_canonical, a.get("demos", ()))], [*map(_canonical, b.get("demos", ()))])
    yield from _shown_changes(a.get("nearest_demos"), b.get("nearest_demos"))


def _instruction_changes(a: str, b: str) -> Iterator[str]:
    if a != b:
        yield "instructions changed"
        # The first two lines of a unified diff name files.
        yield from list(difflib.unified_diff(a.splitlines(), b.splitlines(), lineterm="", n=1))[2:]


def _demo_changes(a: list[str], b: list[str]) -> Iterator[str]:
    removed, added = ([demo for demo in one if demo not in other] for one, other in ((a, b), (b, a)))
    yield from (f"demo removed: {demo[:100]}" for demo in removed)
    yield from (f"demo added: {demo[:100]}" for demo in added)
    if not removed and not added and a != b:
        yield "demos reordered or repeated"


def _shown_changes(a: int | None, b: int | None) -> Iterator[str]:
    if a != b:
        yield f"demos shown: {a or 'all'} → {b or 'all'}"


def _retrieval_changes(a: RetrievalRecord, b: RetrievalRecord) -> Iterator[str]:
    for name in ("profile", "reranker"):
        if getattr(a, name) != getattr(b, name):
            yield f"{name}: {getattr(a, name)} → {getattr(b, name)}"
    yield from _changes("index ", _indexes(a), _indexes(b))
    yield from _changes("embedder ", a.embedder, b.embedder)
    yield from _changes("search ", a.search.model_dump(), b.search.model_dump())


def _changes(what: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[str]:
    for name in [*a, *(name for name in b if name not in a)]:
        if name not in b:
            yield f"{what}{name}: removed (was {_canonical(a[name])})"
        elif name not in a:
            yield f"{what}{name}: added ({_canonical(b[name])})"
        elif a[name] != b[name]:
            yield f"{what}{name}: {_canonical(a[name])} → {_canonical(b[name])}"


def _scores(scores: tuple[Score, ...]) -> dict[str, str]:
    return {score.name: f"{score.value:g} [{score.low:g}, {score.high:g}] (n={score.n})" for score in scores}


def _indexes(retrieval: RetrievalRecord) -> dict[str, str]:
    return {index.name: f"generation {index.generation}" for index in retrieval.indexes}


def _canonical(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
