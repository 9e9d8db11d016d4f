"""The splits train, dev and test of a gold set, with nothing of one in another."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

from ...retrieval.errors import GoldSetError
from .check import check_gold_set
from .goldset import GoldSet, read_gold_set

SPLITS = ("train", "dev", "test")
LEAKS = (
    "question_in_two_splits",
    "document_in_two_splits",
    "near_duplicate_questions",
    "near_duplicate_documents",
)
"""What `check_gold_set` may find that lets test questions be learnt."""


def names_split(whole: GoldSet, split: str) -> bool:
    """Whether any question of a gold set is of a split, by its metadata or by the qrels file that judges it."""
    return any(question.split == split for question in whole.questions.values())


def read_splits(folder: str | Path) -> dict[str, GoldSet]:
    """Read train, dev and test.

    Raises:
        GoldSetError: a split is missing, or two share questions or documents, so that what is learnt from would be
            tested on.
    """
    shared = [finding for finding in check_gold_set(folder) if finding.kind in LEAKS]
    if shared:
        raise GoldSetError(
            f"{shared[0].where}: {shared[0].kind}, {shared[0].detail}: what is learnt from would be tested on. "
            f"{shared[0].remedy}; `quincunx gold check` lists all of it"
        )
    splits = {name: read_gold_set(folder, name) for name in SPLITS}
    for one, other in combinations(SPLITS, 2):
        both = sorted(splits[one].questions.keys() & splits[other].questions.keys())
        if both:
            raise GoldSetError(
                f"{folder}: question {both[0]!r} is in {one} and in {other}, as are {len(both) - 1} others, so what is "
                "learnt from would be tested on: set 'split' in the metadata of each question to one of train, dev, test"
            )
    return splits
