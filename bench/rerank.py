"""The second stage against its peers: the same weights, the same pairs, the same device, in turns.

Run: ``python bench/rerank.py [--rounds N] [--mixes short,mixed,long] [--size base|tiny] [--out FILE]``. Peers that
are not installed are rows that say so; `bench/README.md` says how to install them. Every round draws new texts, so
that nothing which remembers texts, ours included, ever meets one twice.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).parents[1]))  # `bench` itself, when this file is run by its path

from bench.checkpoints import LENGTHS, Asked, Size, add_size, asked, cross_encoder, histogram, token_counts
from bench.measuring import (
    device,
    machine,
    options,
    percentile_ms,
    print_table,
    ratio,
    record,
    take_turns,
)
from bench.peers import PEERS, Absent, Logits, Score, load_peer
from quincunx.retrieval.models.compute_thread import computing
from quincunx.retrieval.models.cross_encoder import CrossEncoderReranker

OURS = ("default", "fp32")


class Watched:
    """A contestant that keeps what it was asked and what it said."""

    def __init__(self, score: Score) -> None:
        self._score = score
        self._seen = hashlib.sha256()
        self.said: list[Logits] = []

    def __call__(self, work: Asked) -> None:
        self._seen.update(repr(work).encode())
        self.said.append(np.asarray(self._score(work), dtype=np.float64))

    @property
    def pairs(self) -> str:
        """Digest of every pair it was asked, in order: equal for those that were measured on the same."""
        return self._seen.hexdigest()[:16]


def load_ours(folder: Path) -> dict[str, CrossEncoderReranker]:
    return {
        "default": CrossEncoderReranker(folder, model="bge-base architecture", revision="random"),
        "fp32": CrossEncoderReranker(
            folder, model="bge-base architecture", revision="random", precision="fp32"
        ),
    }


def reference(folder: Path, device: str) -> Score:
    """Return the raw logits as sentence-transformers computes them, each pair alone, so without padding."""
    import torch
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(str(folder), device=device, activation_fn=torch.nn.Identity())

    def score(work: Asked) -> Logits:
        return np.asarray(model.predict(work.pairs, batch_size=1, show_progress_bar=False), dtype=np.float64)

    return score


def measure(
    mix: str, rounds: int, contestants: Mapping[str, Score], truth: Callable[[Asked], Logits]
) -> dict[str, dict[str, Any]]:
    """Return what one mix gave, by contestant."""
    watched = {name: Watched(score) for name, score in contestants.items()}
    works = [asked(mix, seed=1 + number) for number in range(rounds)]
    seconds = take_turns(watched, asked(mix, seed=0), works)
    expected = np.concatenate([truth(work) for work in works])
    figures: dict[str, dict[str, Any]] = {}
    for name, contestant in watched.items():
        said = np.concatenate(contestant.said[1:])  # the first is the warm-up's
        figures[name] = {
            "p50_ms": percentile_ms(seconds[name], 0.5),
            "p95_ms": percentile_ms(seconds[name], 0.95),
            "seconds": seconds[name],
            "pairs": contestant.pairs,
            "correlation": float(np.corrcoef(said, expected)[0, 1]),
            "max_logit_difference": float(np.abs(said - expected).max()),
        }
    for ours in OURS:
        for peer in PEERS.keys() & figures.keys():
            figures[ours][f"ratio_vs_{peer}"] = ratio(seconds[peer], seconds[ours])
    return figures


def print_mix(
    mix: str, counts: str, figures: Mapping[str, Mapping[str, Any]], labels: Mapping[str, str]
) -> None:
    rows = []
    for name, label in labels.items():
        if name not in figures:
            rows.append([label, "–", "–", "–", "–", "–", "–"])
            continue
        row = figures[name]
        of = [f"{ratio(row['seconds'], figures[ours]['seconds']):.2f}×" for ours in OURS]
        times = [f"{row[key]:.0f}" for key in ("p50_ms", "p95_ms")]
        rows.append([label, *times, *of, f"{row['correlation']:.5f}", f"{row['max_logit_difference']:.1e}"])
    head = ["what", "p50 ms", "p95 ms", "÷ default", "÷ fp32", "correlation", "max Δ logit"]
    rounds = len(figures["fp32"]["seconds"])
    print_table(f"**{mix}**, {rounds} rounds; {counts}", head, rows)


@computing  # ours computes in a thread of its own; peers in another would slow both down
def main(arguments: list[str] | None = None) -> None:
    parser = options(__doc__)
    add_size(parser)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--mixes", default=",".join(LENGTHS))
    chosen = parser.parse_args(arguments)
    size: Size = chosen.size

    facts = machine()
    place = device()
    folder = cross_encoder(size)
    ours = load_ours(folder)
    automatic = ours["default"].precision
    precision = automatic.precision
    print(f"default: {automatic}; checkpoint of size {size}, random weights, on {place}")
    contestants: dict[str, Score] = {}
    labels: dict[str, str] = {}
    for key in PEERS:
        try:
            labels[key], contestants[key] = load_peer(key, folder, place)
        except Absent as absent:
            labels[key] = str(absent)
    for key, reranker in ours.items():
        labels[key] = f"ours, {key}" + (f" ({precision})" if key == "default" else "")
        contestants[key] = _of(reranker)

    sections: dict[str, Any] = {"size": size, "precision": precision, "default": automatic.as_dict()}
    sections["absent"] = {key: labels[key] for key in PEERS if key not in contestants}
    for mix in chosen.mixes.split(","):
        counts = token_counts(folder, asked(mix, seed=1))
        figures = measure(mix, chosen.rounds, contestants, reference(folder, place))
        print_mix(mix, histogram(counts), figures, labels)
        sections[mix] = {**figures, "rounds": chosen.rounds, "tokens": counts}
    record(chosen.out, "rerank", sections, facts)


def _of(reranker: CrossEncoderReranker) -> Score:
    return lambda work: np.asarray(reranker.score(work.question, work.passages), dtype=np.float64)


if __name__ == "__main__":
    main()
