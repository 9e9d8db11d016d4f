"""When the extractive engine declines: it weighs how near the passages are to the question, and reads no meaning.

It declines

- small talk, unless a passage is titled so;
- when the question names a year that the passage of the best sentence does not;
- when no sentence reaches a cosine of `FAR_SENTENCE` and no passage one of `FAR_PASSAGE` with the question.

Otherwise its best sentence may be quoted, and each other one that bears on the question.

Chosen on train and dev of the three canons, and test looked at once. Declined of the unanswerable questions, and wrongly of
the answerable ones:

=================== ============== ============= ============== =============
program             train and dev  wrongly       test           wrongly
=================== ============== ============= ============== =============
chat_bridge         1 of 11        2 of 38       1 of 5         0 of 26
resource_search     0 of 9         1 of 39       3 of 8         0 of 24
ticker_fit          2 of 7         3 of 40       2 of 9         2 of 22
catalyst_precedent  7 of 12        2 of 35       1 of 4         3 of 27
astrology_reading   7 of 20        6 of 74       2 of 13        5 of 49
all                 17 of 59, 29 % 14 of 226, 6 % 9 of 39, 23 % 10 of 148, 7 %
=================== ============== ============= ============== =============

What was tried beside and is no better, at 10 % wrongly at most: a bound on the cosine of the best sentence (10 %), of the best
passage (at most 24 % with the years), of titles, on the sum, mean and least of MaxSim, the share of the question's words that
are found, numbers that are not (19 %), the margin to the next passages; thresholds by program, which fit 37 % and too few
questions to be believed; logistic regression on two signals (31 %) and on all 40 (41 %, ten folds). Most of these work the wrong
way: the unanswerable questions of the canons are nearer to their passages than the answerable ones are (area under the curve .43
for the best sentence), since they ask for one thing more of a page that is there. A rule that declines what lies near would fit
the canons and refuse everybody else's questions.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

from ....retrieval.models.embedders import Embedder
from ....retrieval.processes import working
from ....retrieval.text.normal_form import normal_text
from ....retrieval.text.words import NAME, indexed_words, searched_words
from ....signatures.evidence import Evidence
from ...sentences import BEARS, ScoredPassages, embed_fitting, fitting, flattened
from .small_talk import is_small_talk

FAR_SENTENCE = 0.35
"""Cosine of all-MiniLM-L6-v2 from which on a sentence alone is near enough."""
FAR_PASSAGE = 0.23
"""Cosine from which on a passage, with its title, is near enough."""
NAMED = 0.0
"""Cosine from which on a sentence bears on a question that names its page by a stop word."""

_YEAR = re.compile(r"(?<!\d)(?:1[5-9]|20)\d\d(?!\d)")


def decide(question: str, passages: ScoredPassages, embedder: Embedder) -> ScoredPassages:
    """Return the sentences as they bear on the question: none of them when it is to be declined."""
    least = _least_score(question, passages, embedder)
    names = {word for word in searched_words(question) if word.startswith(NAME)}
    return [
        [replace(s, least=min(least, NAMED) if names & _names(s.passage) else least) for s in sentences]
        for sentences in passages
    ]


def _names(passage: Evidence) -> set[str]:
    """Return the stop words that name a passage's page, such as ``NOW``: to the embedder they are no words at all."""
    return {word for word in indexed_words(passage.title, "", passage.about) if word.startswith(NAME)}


def _least_score(question: str, passages: ScoredPassages, embedder: Embedder) -> float:
    """Return the score from which on a sentence bears on the question; infinite when it is to be declined."""
    sentences = flattened(passages)
    if not sentences:
        return math.inf
    given = [of_passage[0].passage for of_passage in passages if of_passage]
    best = max(sentences, key=lambda sentence: sentence.score)
    if is_small_talk(question) and not _is_title(question, given):
        return math.inf
    if not _names_years(best.passage, question):
        return math.inf
    if best.score < FAR_SENTENCE and _nearest(question, given, embedder) < FAR_PASSAGE:
        return math.inf
    return min(BEARS, best.score)


def _is_title(question: str, passages: Sequence[Evidence]) -> bool:
    asked = normal_text(question).casefold()
    return any(asked in normal_text(passage.title).casefold().split(" › ") for passage in passages)


def _names_years(passage: Evidence, question: str) -> bool:
    """Tell whether a passage names all the years that the question does, if any."""
    held = " ".join([passage.title, passage.text, *passage.about.values()])
    return set(_YEAR.findall(question)) <= set(_YEAR.findall(held))


def _nearest(question: str, passages: Sequence[Evidence], embedder: Embedder) -> float:
    vectors = embed_fitting([f"{passage.title}\n{passage.text}" for passage in passages], embedder)
    (asked,) = embedder.embed_questions([fitting(question, embedder)])
    with working():
        return float((vectors @ asked).max())
