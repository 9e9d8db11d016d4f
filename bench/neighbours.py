"""What neighbours of the passages bring: how often what a program reads holds the whole gold span, and how much it reads.

Run: ``python bench/neighbours.py [SET [EVERY]]``, a folder of documents with ``spans.jsonl``; covid-qa of the shared data by
default, and every question of it.
Both sides of a row read the same search; a question counts once for each of its spans. Nothing is timed.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # `bench` itself, when this file is run by its path

from bench.measuring import ROOT
from quincunx.eval.goldsets.goldset import read_questions
from quincunx.retrieval.corpus.reading import read_documents
from quincunx.retrieval.index.build import build
from quincunx.retrieval.models.profiles import shared_embedder, shared_reranker
from quincunx.retrieval.search import Searcher
from quincunx.retrieval.settings import SearchSettings

COVID = ROOT.parent / "shared" / "data" / "covid-qa"
ROWS = ((5, 0), (5, 1), (5, 2), (3, 1), (8, 0), (12, 0), (20, 0))
"""(passages, neighbours): the later ones read about as much as some of the former."""


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else COVID
    every = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    spans = defaultdict[str, list[tuple[str, int, int]]](list)
    for line in (folder / "spans.jsonl").read_text().splitlines():
        row = json.loads(line)
        end = row["start"] + len(row["text"].rstrip())
        spans[row["query-id"]].append((row["corpus-id"], row["start"], end))
    questions = {id: question.text for id, question in read_questions(folder).items() if id in spans}
    with tempfile.TemporaryDirectory() as index:
        embedder = shared_embedder("embedded")
        build(Path(index), read_documents([folder / "corpus.jsonl"]), embedder)
        searcher = Searcher(Path(index), embedder, shared_reranker("embedded"))
        held = defaultdict[tuple[int, int], list[bool]](list)
        read = defaultdict[tuple[int, int], list[int]](list)
        for id, text in list(questions.items())[::every]:
            found = searcher.search(text, SearchSettings(k=20, neighbours=1))
            for n, neighbours in ROWS:
                passages = replace(found, n=n, neighbours=neighbours).passages
                read[n, neighbours].append(sum(len(passage.text) for passage in passages))
                held[n, neighbours] += [
                    any(p.document_id == d and p.start <= s and e <= p.end for p in passages)
                    for d, s, e in spans[id]
                ]
    print(f"{folder.name}, {len(read[ROWS[0]])} questions")
    print(f"{'n':>3} {'neighbours':>10} {'whole span read':>16} {'characters read':>16}")
    for row in ROWS:
        share, characters = sum(held[row]) / len(held[row]), sum(read[row]) / len(read[row])
        print(f"{row[0]:3} {row[1]:10} {share:16.3f} {characters:16.0f}")


if __name__ == "__main__":
    main()
