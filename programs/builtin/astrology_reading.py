"""Astrology readings: a card or transit read for the asker's question, from the canon of sagedaily.io."""

from __future__ import annotations

from ...signatures.astrology_reading import AstrologyReading, Reading
from ..measures import AnswerCase, Measure, words
from ..sentences import ScoredPassages, as_claims, best, flattened
from ..spec import ProgramSpec


def fill_reading(passages: ScoredPassages, question: str) -> Reading:
    """Return the four sentences that bear most on the question; the subject is that of the passage of the best one."""
    chosen = best(flattened(passages), 4)
    if not chosen:
        return Reading(subject="", sentences=[])
    passage = max(chosen, key=lambda sentence: sentence.score).passage
    return Reading(subject=passage.about.get("subject") or passage.title, sentences=as_claims(chosen))


def covers_card(case: AnswerCase) -> float | None:
    """Whether it cites a passage whose subject the question names; ``None`` where the question names no card."""
    cards = set(words(str(case.metadata.get("cards") or "")))
    subjects = [set(words(str(passage.metadata.get("subject") or passage.title))) for passage in case.cited]
    return float(any(subject and subject <= cards for subject in subjects)) if cards else None


SPEC = ProgramSpec(
    "astrology_reading",
    AstrologyReading,
    index="sagedaily",
    fill=fill_reading,
    measures={"covers_card": Measure(covers_card)},
    metric={"covers_card": 2, "citation_recall": 2, "citation_precision": 1, "kept": 1},
    example="I drew The Star reversed, should I stay in my job?",
)
