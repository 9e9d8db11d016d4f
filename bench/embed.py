"""Embedding many texts: passages a second against sentence-transformers, and what another number format does to an index.

Run: ``python bench/embed.py [--rounds N] [--passages N] [--models minilm,nomic] [--quality 3000] [--out FILE]``. MiniLM has its
own weights; nomic-embed-text's architecture random ones, with MiniLM's tokenizer. Every round draws new texts.
``encode`` sorts texts by length itself, so the library's usual call is its sorted one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).parents[1]))  # `bench` itself, when this file is run by its path

from bench.checkpoints import made_once
from bench.measuring import ROOT, machine, options, print_table, ratio, record, take_turns
from quincunx.eval.goldsets.goldset import read_gold_set
from quincunx.retrieval.models.embedders import SentenceTransformerEmbedder, load_minilm
from quincunx.retrieval.models.passage_precision import fastest_faithful_of
from quincunx.retrieval.models.precision.formats import Precision
from quincunx.retrieval.models.weights import minilm_folder
from quincunx.retrieval.text.chunk_size import Chunking
from quincunx.retrieval.text.chunking import cut

DATA = ROOT.parent / "shared" / "data"
QUALITY_SETS = ("tatqa-dev", "covid-qa")
WORDS: dict[str, Sequence[int]] = {
    "short": range(5, 31),
    "mixed": (5, 10, 15, 20, 30, 40, 50, 60, 80, 100, 120, 140),
    "long": range(100, 151),
}
"""Words of a passage, by mix; a token is some .7 of one."""
MAX_TOKENS = 512
DEEP = 20
FORMATS: tuple[Precision, ...] = ("fp32", "bf16")


def nomic_folder() -> Path:
    """Return a checkpoint of nomic-embed-text v1.5's architecture with random weights."""

    def make(folder: Path) -> None:
        import torch
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.base.modules import Transformer
        from sentence_transformers.sentence_transformer.modules import Pooling
        from transformers import AutoTokenizer, NomicBertConfig, NomicBertModel

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = NomicBertModel(NomicBertConfig(vocab_size=30_528))  # its defaults are v1.5's
        encoder = folder / "encoder"
        network.save_pretrained(encoder)
        AutoTokenizer.from_pretrained(minilm_folder()).save_pretrained(encoder)
        reader = Transformer(str(encoder))
        reader.max_seq_length = MAX_TOKENS
        SentenceTransformer(modules=[reader, Pooling(768, "mean")]).save(str(folder / "model"))

    return made_once("nomic", "nomic-embed-text v1.5, seed 0", make) / "model"


def words_of_reports() -> list[str]:
    """Return the words of TAT-QA's documents, or made-up ones where the checkout lacks it."""
    from bench.corpora import make_up, read_tatqa

    corpus = read_tatqa() or make_up()
    return [word for document in corpus.documents for word in document.text.split()]


def drawn(mix: str, words: Sequence[str], count: int, seed: int) -> list[str]:
    """Return passages of a mix's lengths, which lie somewhere in the words."""
    generator = np.random.default_rng(seed)
    lengths = generator.choice(np.array(WORDS[mix]), size=count)
    begins = generator.integers(0, len(words) - 200, size=count)
    return [" ".join(words[begin : begin + length]) for begin, length in zip(begins, lengths, strict=True)]


def fitting(texts: list[str], embedder: SentenceTransformerEmbedder) -> list[str]:
    """Return the texts without what is over the embedder's limit, which made-up words may reach."""
    most = embedder.identity.max_tokens - 2
    spans = [embedder.offsets(text) for text in texts]
    return [text[: found[:most][-1][1]] for text, found in zip(texts, spans, strict=True)]


def speed(name: str, folder: Path, count: int, rounds: int) -> dict[str, dict[str, Any]]:
    """Print and return passages a second of each contestant, by mix."""
    from sentence_transformers import SentenceTransformer

    library = SentenceTransformer(str(folder), local_files_only=True, model_kwargs={"dtype": "float32"})
    halved = SentenceTransformer(str(folder), local_files_only=True, model_kwargs={"dtype": "bfloat16"})
    for model in (library, halved):
        model.max_seq_length = MAX_TOKENS
    ours = SentenceTransformerEmbedder(folder, model=name, revision="bench", max_tokens=MAX_TOKENS)
    chosen = fastest_faithful_of(ours)

    def encoding(model: SentenceTransformer) -> Callable[[list[str]], object]:
        return lambda texts: model.encode(
            texts, normalize_embeddings=True, show_progress_bar=False, convert_to_tensor=True
        )

    contestants: dict[str, Callable[[list[str]], object]] = {
        "encode": encoding(library),
        "encode, model in bf16": encoding(halved),
        "ours, fp32": lambda texts: ours.embed_in("fp32", texts),
        f"ours, default ({chosen})": lambda texts: ours.embed_in(chosen, texts),
    }
    figures: dict[str, dict[str, Any]] = {}
    words, rows = words_of_reports(), []
    for mix in WORDS:
        works = [fitting(drawn(mix, words, count, seed), ours) for seed in range(rounds + 1)]
        seconds = take_turns(contestants, works[0][:16], works[1:])
        tokens = [sum(len(ours.offsets(text)) + 2 for text in work) for work in works[1:]]
        figures[mix] = {
            contestant: {
                "passages_a_second": float(np.median([count / second for second in took])),
                "tokens_a_second": float(np.median(np.array(tokens) / np.array(took))),
                "times_encode": ratio(seconds["encode"], took),
            }
            for contestant, took in seconds.items()
        }
        for contestant, told in figures[mix].items():
            rows.append(
                [
                    mix,
                    contestant,
                    *(f"{told[key]:.0f}" for key in ("passages_a_second", "tokens_a_second")),
                    f"{told['times_encode']:.2f}×",
                ]
            )
    head = ["passages", "", "passages a second", "tokens a second", "times `encode`"]
    print_table(f"**embedding**, {name}, {count} passages a round, {rounds} rounds", head, rows)
    return figures


def quality(most: int) -> dict[str, dict[str, float]]:
    """Print and return how an index in bf16 differs from one in float32, MiniLM's weights, dense stage alone."""
    embedder, figures = load_minilm(), {}
    for name in QUALITY_SETS:
        if not (DATA / name).is_dir():
            print(f"{name}: not in this checkout")
            continue
        gold = read_gold_set(DATA / name, "all")
        owners: list[str] = []
        texts: list[str] = []
        for document in gold.documents:
            if len(texts) >= most:
                break
            for passage in cut(document, Chunking(), embedder.offsets):
                owners.append(document.id)
                texts.append(passage.reading)
        known = set(owners)
        asked = [question for question in gold.judged if known & question.gold.keys()]
        questions = embedder.embed_questions([question.text for question in asked])
        orders: dict[Precision, list[list[int]]] = {}
        for precision in FORMATS:
            vectors = embedder.embed_in(precision, texts)
            orders[precision] = np.argsort(-(questions @ vectors.T), axis=1, kind="stable")[:, :DEEP].tolist()
        both = zip(orders["fp32"], orders["bf16"], strict=True)
        figures[name] = {
            "passages": len(texts),
            "questions": len(asked),
            "overlap@20": float(np.mean([len(set(one) & set(other)) / DEEP for one, other in both])),
        }
        for precision, order in orders.items():
            found = [
                [owners[place] in question.gold for place in places]
                for places, question in zip(order, asked, strict=True)
            ]
            figures[name] |= {
                f"hit@20 {precision}": float(np.mean([any(hits) for hits in found])),
                f"hit@5 {precision}": float(np.mean([any(hits[:5]) for hits in found])),
                f"MRR@5 {precision}": float(
                    np.mean([1 / (1 + hits.index(True)) if any(hits[:5]) else 0 for hits in found])
                ),
            }
    if figures:
        head = list(next(iter(figures.values())))
        rows = [[name, *(f"{value:.4g}" for value in told.values())] for name, told in figures.items()]
        print_table("**an index in bf16** against float32, all-MiniLM-L6-v2", ["set", *head], rows)
    return figures


def main(arguments: list[str] | None = None) -> None:
    parser = options(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--passages", type=int, default=256)
    parser.add_argument("--models", default="minilm,nomic")
    parser.add_argument("--quality", type=int, default=3000, help="most passages of a set; 0 for none")
    chosen = parser.parse_args(arguments)
    facts = machine()
    folders = {"minilm": minilm_folder, "nomic": nomic_folder}
    figures: dict[str, Any] = {
        name: speed(name, folders[name](), chosen.passages, chosen.rounds)
        for name in chosen.models.split(",")
        if name
    }
    if chosen.quality:
        figures["quality"] = quality(chosen.quality)
    record(chosen.out, "embed", figures, facts)


if __name__ == "__main__":
    main()
