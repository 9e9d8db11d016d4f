"""A gold set in splits, some of whose questions nothing answers any more, made of one whose every question is answered.

Run: ``python bench/real_lm/withheld.py GOLD OUT [--train 60] [--dev 40] [--test 150] [--share .16] [--seed 0]``. Questions are
divided by document. From each split documents are withheld, which leave the corpus, so that about so great a share of the
questions that are drawn have no answer there; another document may answer one of them by chance.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

sys.path.append(str(Path(__file__).parents[2]))  # `bench` itself, when this file is run by its path

from quincunx.eval.goldsets.goldset import ALL, GoldQuestion, read_gold_set
from quincunx.eval.goldsets.importing import split_by_document, write_gold_set

SPLITS = ("train", "dev", "test")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gold", type=Path)
    parser.add_argument("out", type=Path)
    for split, most in zip(SPLITS, (60, 40, 150), strict=True):
        parser.add_argument(f"--{split}", type=int, default=most)
    parser.add_argument("--share", type=float, default=0.16)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    whole = read_gold_set(chosen.gold, ALL)
    sizes = {split: getattr(chosen, split) for split in SPLITS}
    shares = {split: size / sum(sizes.values()) for split, size in sizes.items()}
    splits = split_by_document(whole.judged, shares=shares, seed=chosen.seed)
    drawn, withheld = [], set[str]()
    for split, size in sizes.items():
        questions = [
            replace(q, split=split) for q in whole.judged if splits[q.id] == split and len(q.gold) == 1
        ]
        some, left_out = _drawn(questions, size, chosen.share, Random(f"{chosen.seed} {split}"))
        drawn += some
        withheld |= left_out
    documents = [document for document in whole.documents if document.id not in withheld]
    write_gold_set(chosen.out, documents, drawn)
    without = sum(not question.answerable for question in drawn)
    print(
        f"{len(drawn)} questions, {without} without an answer; {len(documents)} documents, {len(withheld)} withheld"
    )


def _drawn(
    questions: Sequence[GoldQuestion], size: int, share: float, random: Random
) -> tuple[list[GoldQuestion], set[str]]:
    """Return so many questions, and the documents that are withheld for those that nothing answers."""
    by_document: dict[str, list[GoldQuestion]] = {}
    for question in questions:
        by_document.setdefault(next(iter(question.gold)), []).append(question)
    documents = sorted(by_document)
    random.shuffle(documents)
    wanted, withheld, unanswered = round(share * size), set[str](), list[GoldQuestion]()
    while len(unanswered) < wanted:
        withheld.add(documents.pop())
        unanswered = [question for id in sorted(withheld) for question in by_document[id]]
    others = [question for id in documents for question in by_document[id]]
    told = {"answerable": False}
    gone = [
        replace(question, gold={}, spans=(), metadata={**question.metadata, **told})
        for question in random.sample(unanswered, wanted)
    ]
    return [*random.sample(others, min(size - wanted, len(others))), *gone], withheld


if __name__ == "__main__":
    main()
