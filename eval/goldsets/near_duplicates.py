"""How alike texts are, counted in words: near-duplicates, and texts held within others.

Likeness is the share of elements that two sets have in common (Jaccard): of questions their content words, of
documents their runs of three words.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...retrieval.text.words import content_words

SAME_QUESTION = 0.8
"""From this likeness on, two questions count as one."""
SAME_DOCUMENT = 0.5
"""From this likeness on, two documents count as one, and from this share of its runs on, a document is held
in a text. Sibling pages of the canons stay below 0.15."""
_SHINGLE_WORDS = 3
_FEW_WORDS = 3
_WORD = re.compile(r"\w+")


def question_words(text: str, history: Iterable[Mapping[str, str]] = ()) -> frozenset[str]:
    """Return what a question is compared by: its content words, and those of the questions before it.

    A question of very few content words is compared by all of its words, since "how to" and "when to" differ.
    """
    whole = " ".join([*(turn["question"] for turn in history), text])
    content = frozenset(content_words(whole))
    return content if len(content) >= _FEW_WORDS else frozenset(_words(whole))


def shingles(text: str) -> frozenset[str]:
    """Return the runs of three words of a text; a shorter one is a run of its own."""
    words = _words(text)
    return frozenset(
        " ".join(words[at : at + _SHINGLE_WORDS])
        for at in range(max(1, len(words) - _SHINGLE_WORDS + 1))
        if words
    )


def similar_pairs(sets: Mapping[str, frozenset[str]], least: float) -> Iterator[tuple[str, str, float]]:
    """Yield each pair of ids whose sets have at least this likeness, with it; empty sets are like nothing.

    Exact: two sets that are alike enough share one of their rarest elements (the prefix filter), so only such
    pairs are compared.
    """
    often = Counter(element for elements in sets.values() for element in elements)
    ids_by_element: defaultdict[str, list[str]] = defaultdict(list)
    for id in sorted(sets):
        rarest = sorted(sets[id], key=lambda element: (often[element], element))
        prefix = rarest[: len(rarest) - math.ceil(least * len(rarest) - 1e-9) + 1]
        for other in sorted({other for element in prefix for other in ids_by_element[element]}):
            likeness = len(sets[id] & sets[other]) / len(sets[id] | sets[other])
            if likeness >= least:
                yield other, id, likeness
        for element in prefix:
            ids_by_element[element].append(id)


@dataclass(frozen=True)
class KnownTexts:
    """What is looked for in a text."""

    questions: Mapping[str, frozenset[str]]
    """`question_words` by id."""
    documents: Mapping[str, frozenset[str]]
    """`shingles` by id."""


def find_contained(value: Any, sought: KnownTexts) -> tuple[list[str], list[str]]:
    """Return the ids of the questions and of the documents that a JSON value holds, sorted.

    A question is held where one string is nearly that question; a document where one string is its id, or
    holds enough of its text.
    """
    questions: set[str] = set()
    documents: set[str] = set()
    for text in _strings(value):
        words, runs = question_words(text), shingles(text)
        questions |= {
            id
            for id, asked in sought.questions.items()
            if asked and len(asked & words) >= SAME_QUESTION * len(asked | words)
        }
        documents |= {
            id
            for id, known in sought.documents.items()
            if text.strip() == id or (known and len(known & runs) >= SAME_DOCUMENT * len(known))
        }
    return sorted(questions), sorted(documents)


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _strings(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _strings(part)
