"""How much of float32's order the reduced precisions keep, over real questions and their 20 candidates.

Beside what is measured stands what the probe of the reranker says of the same format, from a few dozen pairs of its own.

Run: ``python bench/fidelity.py [--questions N] [--models bge,minilm] [--size base|tiny] [--out FILE]``. Measured
are bge-base's architecture on random weights and a cross-encoder tuned from MiniLM (see `tuned.py`); the late
interaction of the embedded profile always computes in fp32. Needs ../shared/data/tatqa-dev, and says so where it is absent.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import kendalltau  # type: ignore[import-untyped]

sys.path.append(str(Path(__file__).parents[1]))  # `bench` itself, when this file is run by its path

from bench.checkpoints import Asked, Size, add_size, cross_encoder, words_of
from bench.corpora import TATQA, Corpus, read_gold, read_tatqa
from bench.measuring import machine, options, print_table, record
from bench.tuned import Example, tuned_minilm
from quincunx.retrieval.index.build import build
from quincunx.retrieval.models.cross_encoder import CrossEncoderReranker
from quincunx.retrieval.models.embedders import load_minilm
from quincunx.retrieval.models.precision.choice import FormatTrial
from quincunx.retrieval.models.rerankers import Reranker, Scores
from quincunx.retrieval.search import Searcher
from quincunx.retrieval.settings import SearchSettings

TOP = 5
REDUCED = ("bf16", "int8")
Load = Callable[[str], CrossEncoderReranker]


@contextmanager
def searching(corpus: Corpus) -> Iterator[Searcher]:
    """Give the first stage of the embedded profile over a corpus."""
    embedder = load_minilm()
    with tempfile.TemporaryDirectory() as name:
        build(Path(name) / "index", corpus.documents, embedder)
        yield Searcher(Path(name) / "index", embedder, None)


def candidates(searcher: Searcher, questions: Sequence[str]) -> list[Asked]:
    """Return each question with the 20 passages that the first stage finds for it."""
    found = [searcher.search(question, SearchSettings(rerank=False)) for question in questions]
    return [
        Asked(result.question, tuple(candidate.passage.reading for candidate in result.candidates))
        for result in found
    ]


def overlap(exact: Scores, reduced: Scores, top: int = TOP) -> float:
    """Return the share of the first ``top`` that both orders have."""
    best = [set(np.argsort(-scores, kind="stable")[:top].tolist()) for scores in (exact, reduced)]
    return len(best[0] & best[1]) / min(top, len(exact))


def compare(exact: Sequence[Scores], reduced: Sequence[Scores]) -> dict[str, Any]:
    """Return mean overlap and Kendall's τ over the questions, each with the half-width of its 95 % interval."""
    pairs = list(zip(exact, reduced, strict=True))
    overlaps = [overlap(a, b) for a, b in pairs]
    taus = [float(kendalltau(a, b).statistic) for a, b in pairs]
    figures: dict[str, Any] = {"questions": len(pairs)}
    for name, values in (("top5_overlap", overlaps), ("kendall_tau", taus)):
        figures[name] = float(np.mean(values))
        figures[f"{name}_within"] = float(1.96 * np.std(values, ddof=1) / np.sqrt(len(values)))
    figures["correlation"] = float(np.corrcoef(np.concatenate(exact), np.concatenate(reduced))[0, 1])
    return figures


def mrr5(works: Sequence[Asked], scores: Sequence[Scores], answers: Mapping[str, str]) -> float:
    """Return the mean of 1 ÷ the place of the first passage of the answering text, 0 beyond the fifth."""
    found = []
    for work, said in zip(works, scores, strict=True):
        best = [work.passages[i] for i in np.argsort(-said, kind="stable")[:TOP]]
        right = [place for place, text in enumerate(best, start=1) if text in answers.get(work.question, "")]
        found.append(1 / right[0] if right else 0.0)
    return float(np.mean(found))


def loaders(
    wanted: Sequence[str], size: Size, corpus: Corpus, searcher: Searcher, measured: set[str]
) -> dict[str, Load]:
    """Return, by the model's name, how it is loaded at a precision; none has met a question of ``measured``."""
    made: dict[str, Load] = {}
    if "bge" in wanted:
        folder = cross_encoder(size, words_of(document.text for document in corpus.documents))
        made[f"bge-{size} architecture, random weights"] = _cross_encoder(folder)
    if "minilm" in wanted:
        made["MiniLM, tuned as a cross-encoder"] = _cross_encoder(
            tuned_minilm(_examples(corpus, searcher, measured))
        )
    return made


def _examples(corpus: Corpus, searcher: Searcher, measured: set[str]) -> list[Example]:
    """Return each question with its answer, one of its other candidates and two passages drawn at random."""
    generator = np.random.default_rng(0)
    gold = [(question, answer) for question, answer in read_gold() if question not in measured]
    examples: list[Example] = []
    for (question, answer), work in zip(
        gold, candidates(searcher, [question for question, _ in gold]), strict=True
    ):
        near = [passage for passage in work.passages if passage not in answer][:10]
        others = generator.choice(len(corpus.documents), size=2, replace=False)
        wrong = [str(generator.choice(near)), *(corpus.documents[place].text for place in others)]
        examples += [(question, answer, True), *((question, passage, passage == answer) for passage in wrong)]
    return examples


def _cross_encoder(folder: Path) -> Load:
    def load(precision: str) -> CrossEncoderReranker:
        choice: Any = precision
        return CrossEncoderReranker(folder, model=folder.name, revision="bench", precision=choice)

    return load


def main(arguments: list[str] | None = None) -> None:
    parser = options(__doc__)
    add_size(parser)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--models", default="bge,minilm")
    chosen = parser.parse_args(arguments)
    size: Size = chosen.size
    corpus = read_tatqa()
    if corpus is None:
        print(f"fidelity: not measured, {TATQA} is not in this checkout")
        return
    facts = machine()
    with searching(corpus) as searcher:
        works = candidates(searcher, corpus.questions[: chosen.questions])
        measured = {work.question for work in works}
        models = loaders(chosen.models.split(","), size, corpus, searcher, measured)
    figures: dict[str, Any] = {}
    rows = []
    for name, load in models.items():
        figures[name] = _measure(load, works, dict(read_gold()))
        for precision, row in figures[name].items():
            cells = [
                f"{row[key]:.4f} ± {row[f'{key}_within']:.4f}" for key in ("top5_overlap", "kendall_tau")
            ]
            cells += [f"{row['correlation']:.5f}", f"{row['mrr5']:.4f}", f"{row['mrr5_change']:+.4f}"]
            cells.append(_probe_cell(row["probe"]))
            rows.append([name, precision, "yes" if row["default"] else "", *cells])
    title = f"**fidelity** to fp32, {corpus.name}, {len(works)} questions × 20 candidates"
    head = [
        "model",
        "precision",
        "default here",
        "top-5 overlap",
        "Kendall τ",
        "correlation",
        "MRR@5",
        "change",
        "the probe: speed, overlap, τ",
    ]
    print_table(title, head, rows)
    headline = _worst([row for model in figures.values() for row in model.values() if row["default"]])
    record(chosen.out, "fidelity", {**headline, "models": figures, "size": size}, facts)


def _measure(load: Load, works: Sequence[Asked], answers: Mapping[str, str]) -> dict[str, Any]:
    """Return what each reduced precision kept of float32's order; ``default`` marks what the probe chooses here."""
    exact = _scores(load("fp32"), works)
    report = load("auto").precision
    chosen = report.precision
    trials: Mapping[Any, FormatTrial] = report.trials
    rows: dict[str, Any] = {}
    for precision in dict.fromkeys([chosen, *REDUCED]):
        said = exact if precision == "fp32" else _scores(load(precision), works)
        found = mrr5(works, said, answers)
        change = found - mrr5(works, exact, answers)
        rows[precision] = {
            **compare(exact, said),
            "default": precision == chosen,
            "mrr5": found,
            "mrr5_change": change,
            "probe": asdict(trials[precision]) if precision in trials else None,
        }
    return rows


def _probe_cell(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "not tried"
    fidelity = found["fidelity"]
    return f"{found['speed']:.2f}×, {fidelity['overlap']:.4f}, {fidelity['kendall_tau']:.4f}"


def _scores(reranker: Reranker, works: Sequence[Asked]) -> list[Scores]:
    return [reranker.score(work.question, work.passages) for work in works]


def _worst(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return the lowest figures of any model at its default precision."""
    if not rows:
        return {}
    return {key: min(row[key] for row in rows) for key in ("top5_overlap", "kendall_tau")}


if __name__ == "__main__":
    main()
