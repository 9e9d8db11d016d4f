"""What to change about the searches of an index, in order of what it is expected to gain.

    found = advise("handbook", "gold/")
    for suggestion in found.suggestions:
        print(suggestion.change, suggestion.gain, suggestion.questions)

Every setting is changed alone, and the dev questions are searched for again. What is measured is drawn towards 0, the
more the less certain it is, before it is believed: of five sets the best change as measured was +.016 on dev, and −.013 on the
questions that had no part in it; drawn in, the best one was −.005 there. So confirm it on test questions. What takes another
index is put at what the questions behind it would gain if they then fared as the others do; where nothing can be said
beforehand, the suggestion has no figure and stands last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import cauchy, norm  # type: ignore[import-untyped]

from ...retrieval.errors import GoldSetError
from ...retrieval.index.contents import index_documents
from ...retrieval.models.embedders import Progress, no_progress
from ...retrieval.models.profiles import DEFAULT_PROFILE, shared_embedder
from ...retrieval.search import Searcher
from ...retrieval.settings import MOST_CANDIDATES, SearchSettings
from ...retrieval.storage.home import require_index
from ..evaluate import evaluate_retrieval
from ..goldsets.goldset import GoldQuestion, GoldSet, gold_folder
from ..metrics.diagnosis import ADVICE, Diagnosis, LostUnit
from ..runs.runner import RowWatch, no_watch
from ..stats.paired import Comparison, FamilyComparison, holm
from .settings import compare_scores, dev_and_test, question_scores, remembering_reranker

_Scores = Mapping[str, float]
"""By question id, the mean of recall@n and mrr@n, 0 to 1."""

TITLES = 200
"""Documents whose titles are searched for where there is no gold set."""
USUAL_GAIN = 0.003
"""Half of all single changes of settings that are about right truly change the score by less than this. Of .001 to .005 it
chose the same on five sets, and better than .01 for the questions that had no part in the choice (`bench/README.md`)."""
_GAINS = np.linspace(-1, 1, 4001)
_OF_THE_INDEX: tuple[Diagnosis, ...] = ("not in the index", "cut by chunking")
"""Losses that no setting can mend."""


@dataclass(frozen=True)
class TriedChange(FamilyComparison):
    """The settings as they are against one change of them, in the mean of recall@n and mrr@n."""

    settings: SearchSettings
    result: Comparison
    holm_p: float
    """p after Holm's correction over all changes that were tried."""

    @property
    def expected_gain(self) -> float:
        """The measured difference drawn towards 0: its mean under a Cauchy prior of `USUAL_GAIN`, which leaves what is plain as it is."""
        error = max((self.result.high - self.result.low) / (2 * 1.96), _GAINS[1] - _GAINS[0])
        weights = cauchy.pdf(_GAINS, scale=USUAL_GAIN) * norm.pdf(self.result.difference, _GAINS, error)
        return float(_GAINS @ weights / weights.sum())


@dataclass(frozen=True)
class Suggestion:
    """One thing to change."""

    change: str
    gain: float | None
    """Expected, in the mean of recall@n and mrr@n over all questions; ``None`` where nothing can be said beforehand."""
    questions: int
    """How many it rests on: those that a setting changed, or those that were lost in this way."""
    tried: TriedChange | None = None
    """Of a setting, what it came to."""
    lost: Diagnosis | None = None
    """Of another change, the way of losing gold that it is for."""


@dataclass(frozen=True)
class Advice:
    """What was found out about an index."""

    index: str
    gold: str | None
    """The gold set, as it was given; ``None`` where titles were searched for instead."""
    profile: str
    """The models that embedded and reranked."""
    split: str
    """Which questions were asked."""
    run: str
    """Name of the run that shows every question."""
    questions: int
    score: float
    """The mean of recall@n and mrr@n as things are."""
    tries: int
    """How many changes of settings were tried."""
    suggestions: tuple[Suggestion, ...]
    """The most expected gain first."""


def advise(
    index: str,
    gold: str | Path | None = None,
    *,
    profile: str = DEFAULT_PROFILE,
    settings: SearchSettings | None = None,
    progress: Progress = no_progress,
    watch: RowWatch = no_watch,
) -> Advice:
    """Say what to change about the searches of an index, in order of what it is expected to gain.

    Args:
        index: an index of the home folder, whose documents bear the ids that the gold names.
        gold: folder of a gold set, or the name of one that ships with the package: its dev questions are asked, or two fifths of
            its questions where it names none. Left out, documents are searched for by their titles, which shows those
            that cannot be found, and no setting is tried.
        profile: the models that embed and rerank.
        settings: those that are changed one at a time; the defaults if left out.
        progress: called with (done, total) changes of settings.
        watch: called with (done, total, row) after every question of the first run.

    Raises:
        UnknownIndexError, UnknownProfileError: a name that is not known.
        GoldSetError: the gold set is faulty, or is left out and no document has a title of its own.

    Example:
        >>> import quincunx
        >>> found = quincunx.advise("builddaily", "builddaily")
        >>> found.tries > 5, [each.gain for each in found.suggestions if each.tried and each.gain <= 0]
        (True, [])
    """
    questions = _titles(index) if gold is None else dev_and_test(gold_folder(gold))[0]
    if not questions.judged:
        raise GoldSetError(
            f"{questions.folder.name} has no question with gold: nothing can be advised without"
        )
    now = settings or SearchSettings()
    with evaluate_retrieval(questions, profile=profile, index=index, settings=now, watch=watch) as run:
        lost, name = run.summary.lost, run.name
    searcher = Searcher(require_index(index), shared_embedder(profile), remembering_reranker(profile))
    before = question_scores(searcher, questions, now)
    changes = [] if gold is None else single_changes(now, reranks=searcher.reranker is not None)
    after = []
    for done, changed in enumerate(changes, start=1):
        after.append(question_scores(searcher, questions, changed))
        progress(done, len(changes))
    tried = _compare(questions, before, dict(zip(changes, after, strict=True)))
    suggestions = [
        Suggestion(_told(now, each.settings), each.expected_gain, each.result.wins + each.result.losses, each)
        for each in tried
        if each.result.difference > 0
    ]
    suggestions += _of_losses(lost, before)
    return Advice(
        index,
        None if gold is None else str(gold),
        profile,
        questions.split,
        name,
        len(before),
        sum(before.values()) / len(before),
        len(tried),
        tuple(sorted(suggestions, key=lambda each: -(each.gain or 0.0))),
    )


def single_changes(now: SearchSettings, *, reranks: bool) -> list[SearchSettings]:
    """Return settings that differ from those of now in one value each; ``reranks``: whether there is a reranker."""
    changes: dict[str, list[Any]] = {
        "k": [2 * now.k],
        "depth": [2 * now.depth],
        "name_weight": _weights(now, "name_weight"),
    }
    if now.lexical_weight and now.dense_weight:
        changes |= {
            "dense_weight": [0.0],
            "lexical_weight": [0.0, now.lexical_weight / 2, 2 * now.lexical_weight],
            "fusion": ["rrf" if now.fusion == "scores" else "scores"],
        }
    if now.lexical_weight and now.fusion == "scores":
        changes["proximity_weight"] = _weights(now, "proximity_weight")
    if reranks:
        changes["rerank"] = [not now.rerank]
    if reranks and now.rerank:
        changes["final"] = ["reranked" if now.final == "combined" else "combined"]
        changes["rerank_weight"] = (
            [now.rerank_weight / 2, 2 * now.rerank_weight] if now.final == "combined" else []
        )
    return [
        replace(now, **{name: value})
        for name, values in changes.items()
        for value in values
        if name not in ("k", "depth") or value <= MOST_CANDIDATES
    ]


def _weights(now: SearchSettings, name: str) -> list[float]:
    value: float = getattr(now, name)
    return [0.0, 2 * value] if value else [getattr(SearchSettings(), name)]


def _told(now: SearchSettings, changed: SearchSettings) -> str:
    (name,) = (name for name in now.__dataclass_fields__ if getattr(now, name) != getattr(changed, name))
    return f"{name} {_value(getattr(changed, name))} instead of {_value(getattr(now, name))}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _compare(
    questions: GoldSet, before: _Scores, after: Mapping[SearchSettings, _Scores]
) -> list[TriedChange]:
    results = {settings: compare_scores(questions, before, scores) for settings, scores in after.items()}
    adjusted = (
        holm({str(place): result.p for place, result in enumerate(results.values())}) if results else {}
    )
    return [
        TriedChange(settings, result, adjusted[str(place)])
        for place, (settings, result) in enumerate(results.items())
    ]


def _of_losses(lost: Sequence[LostUnit], scores: _Scores) -> Iterator[Suggestion]:
    behind: dict[Diagnosis, set[str]] = {}
    for unit in lost:
        behind.setdefault(unit.diagnosis, set()).add(unit.question)
    of_index = set().union(*(behind.get(each, set()) for each in _OF_THE_INDEX))
    others = [score for id, score in scores.items() if id not in of_index]
    for diagnosis in _OF_THE_INDEX:
        if ids := behind.get(diagnosis):
            gain = None
            if others:
                usual = sum(others) / len(others)
                gain = sum(max(0.0, usual - scores[id]) for id in ids) / len(scores)
            yield Suggestion(ADVICE[diagnosis], gain, len(ids), lost=diagnosis)
    if ids := behind.get("found by neither stage"):
        yield Suggestion(ADVICE["found by neither stage"], None, len(ids), lost="found by neither stage")


def _titles(index: str) -> GoldSet:
    """Return titles that one document of an index has alone, each as the question that it answers."""
    documents = index_documents(index)
    by_title: dict[str, list[str]] = {}
    for document in documents:
        by_title.setdefault(document.title.strip(), []).append(document.id)
    alone = [(title, ids[0]) for title, ids in by_title.items() if title and len(ids) == 1]
    if not alone:
        raise GoldSetError(
            f"no document of {index} has a title of its own to be searched for: pass a gold set"
        )
    step = max(1, len(alone) // TITLES)
    questions = {id: GoldQuestion(id, title, {}, gold={id: 1}) for title, id in alone[::step][:TITLES]}
    return GoldSet(require_index(index), (), questions, "titles")
