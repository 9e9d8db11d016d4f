"""The check of support on labelled claims: how many unsupported ones it finds, and how many supported ones it drops.

Run: ``python bench/claims.py [--split train,dev] [--layers details,polarity,similarity] [--show]``. Reads
``eval/claims/SPLIT.jsonl`` and the canons in ``eval/gold``; the similarity layer asks the ``embedded`` profile's model.
``--show`` prints each claim that is judged wrongly, with the reason; keep it to the split ``train``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, cast

import numpy as np

sys.path.append(str(Path(__file__).parents[1]))  # `bench` itself, when this file is run by its path

from quincunx.programs.check.support.cited import CitedSentence, Fault
from quincunx.programs.check.support.layers import LAYERS, Layer
from quincunx.programs.check.support.rules import check_support
from quincunx.programs.check.support.similarity import SupportModel, TokenSupport
from quincunx.retrieval.models.late_interaction import load_minilm_late_interaction

EVAL = Path(__file__).parents[1] / "eval"


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]


def read_documents() -> dict[str, dict[str, Any]]:
    return {
        document["_id"]: document
        for path in sorted((EVAL / "gold").glob("*/corpus.jsonl"))
        for document in read_lines(path)
    }


def cited_sentences(row: dict[str, Any], documents: dict[str, dict[str, Any]]) -> list[CitedSentence]:
    found = []
    for cited in row["evidence"]:
        document = documents[cited["document_id"]]
        about = {name: str(value) for name, value in document["metadata"].items()}
        found.append(CitedSentence(cited["text"], document["title"], about, cited["document_id"]))
    return found


def print_split(name: str, layers: list[Layer], model: SupportModel | None, show: bool) -> None:
    documents = read_documents()
    asked: Counter[tuple[bool, str]] = Counter()
    dropped: defaultdict[tuple[bool, str], Counter[str]] = defaultdict(Counter)
    for row in read_lines(EVAL / "claims" / f"{name}.jsonl"):
        kind = (row["supported"], row["kind"])
        cited = cited_sentences(row, documents)
        fault = check_support(row["claim"], cited, row["question"], layers=layers, model=model)
        asked[kind] += 1
        if fault:
            dropped[kind][fault.rule] += 1
        if show and bool(fault) == row["supported"]:
            print_wrong(row, fault)
    print(f"\n{name}, layers: {', '.join(layers)}")
    for supported, title in ((False, "unsupported, found"), (True, "supported, wrongly dropped")):
        kinds = sorted(kind for kind in asked if kind[0] == supported)
        of, total = sum(map(asked.__getitem__, kinds)), sum(dropped[kind].total() for kind in kinds)
        print(f"  {title}: {total} of {of} ({total / max(of, 1):.1%})")
        for kind in kinds:
            rules = ", ".join(f"{rule} {count}" for rule, count in dropped[kind].most_common())
            print(f"    {kind[1]:18} {dropped[kind].total():3} of {asked[kind]:3}  {rules}")


def print_wrong(row: dict[str, Any], fault: Fault | None) -> None:
    print(f"{'dropped' if fault else 'missed'} {row['id']} {row['kind']}: {fault.reason if fault else ''}")
    print(f"    {row['claim']}")
    for cited in row["evidence"]:
        print(f"    <- {cited['text']}")


def print_scores(name: str, model: SupportModel) -> None:
    """Print how many claims score below bounds that drop a given share of the supported ones: for a model's row."""
    rows = read_lines(EVAL / "claims" / f"{name}.jsonl")
    scores = np.array([model(row["claim"], [cited["text"] for cited in row["evidence"]]) for row in rows])
    supported = np.array([row["supported"] for row in rows])
    elsewhere = np.array([row["kind"] in ("other_subject", "not_in_evidence") for row in rows])
    print(
        f"\n{name}, {model.name}: bound, supported below it, of another subject or not in evidence below it"
    )
    for share in (0.005, 0.01, 0.015, 0.02, 0.03, 0.05):
        bound = float(np.quantile(scores[supported], share))
        below = scores < bound
        print(
            f"  {bound:.3f}  {below[supported].sum()} of {supported.sum()}  {below[elsewhere].sum()} of {elsewhere.sum()}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--split", default="train,dev")
    parser.add_argument("--layers", default=",".join(LAYERS))
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--scores", action="store_true", help="print bounds for the model's score as well")
    given = parser.parse_args()
    layers = cast(list[Layer], [layer for layer in LAYERS if layer in given.layers.split(",")])
    model = TokenSupport(load_minilm_late_interaction()) if "similarity" in layers else None
    for name in given.split.split(","):
        print_split(name, layers, model, given.show)
        if given.scores and model:
            print_scores(name, model)


if __name__ == "__main__":
    main()
