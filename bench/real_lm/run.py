"""The programs on a small language model that really runs: citing by quotes against citing by numbers, on the same questions.

Run: ``python bench/real_lm/run.py --python ENVIRONMENT/bin/python [--model 1.5b|0.5b] [--programs chat_bridge,…]
[--cites quotes,numbers] [--split test] [--limit N] [--out FOLDER]``. The environment holds ``llama-cpp-python[server]``; the
model is fetched once and checked. Every question is asked in each way in turn, on a server that this starts on loopback and
ends. Each answer is a line of ``FOLDER/answers.jsonl``, so a run that was cut off goes on where it stopped. The threads
of llama.cpp wait actively: anything else that runs makes all of it many times slower, so measure alone.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dspy

sys.path.append(str(Path(__file__).parents[2]))  # `bench` itself, when this file is run by its path

import quincunx
from bench.measuring import machine, print_table
from bench.real_lm.models import MODELS, fetch
from bench.real_lm.server import options, serving
from quincunx.eval.goldsets.goldset import GoldQuestion, canon_folder, read_gold_set
from quincunx.eval.stats.paired import compare_paired
from quincunx.programs.program import GroundedProgram
from quincunx.programs.registry import program_spec
from quincunx.retrieval.errors import QuincunxError

MOST_TOKENS = 1500
"""Of one reply: a reply that recites all passages twice has no more."""
FIGURES = ("tokens_out", "tokens_in", "seconds")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__, "1.5b")
    parser.add_argument("--programs", default="chat_bridge")
    parser.add_argument("--cites", default="quotes,numbers")
    parser.add_argument("--split", default="test")
    parser.add_argument("--limit", type=int, default=None, help="of the questions of a program")
    chosen = parser.parse_args(arguments)
    machine()
    print(f"{MODELS[chosen.model].name}, {chosen.split} questions")
    chosen.out.mkdir(parents=True, exist_ok=True)
    answers = chosen.out / "answers.jsonl"
    with serving(fetch(chosen.model), chosen) as address:
        lm = quincunx.lm(
            "hosted_vllm/qwen",
            api_base=address,
            api_key="none",
            temperature=0.0,
            max_tokens=MOST_TOKENS,
            cache=False,
        )
        for name in chosen.programs.split(","):
            questions = list(_questions(name, chosen.split))[: chosen.limit]
            _ask_all(name, questions, chosen.cites.split(","), lm, answers, chosen.model)
    _report(answers, chosen.model, chosen.cites.split(","))


def _questions(program: str, split: str) -> Iterator[GoldQuestion]:
    index = program_spec(program).index
    gold = read_gold_set(canon_folder(str(index)), split)
    yield from (
        question for question in gold.questions.values() if question.metadata.get("program") == program
    )


def _ask_all(
    name: str,
    questions: Sequence[GoldQuestion],
    ways: Sequence[str],
    lm: dspy.BaseLM,
    answers: Path,
    model: str,
) -> None:
    """Ask each question in each way in turn; what the file holds already is not asked again."""
    done = {(row["model"], row["cites"], row["id"]) for row in _rows(answers)}
    for question in questions:
        for cites in ways:
            if (model, cites, question.id) in done:
                continue
            program = quincunx.load(name, lm=lm, cites=cites)  # type: ignore[arg-type]
            row = {"model": model, "program": name, "cites": cites, "id": question.id}
            row |= _asked(program, question, lm)
            with answers.open("a") as file:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _asked(program: GroundedProgram, question: GoldQuestion, lm: Any) -> dict[str, Any]:
    details = {"drawn": question.metadata["cards"]} if "cards" in question.metadata else {}
    before, begin = len(lm.history), time.perf_counter()
    row: dict[str, Any] = {"answerable": question.answerable, "gold": sorted(question.gold)}
    try:
        answer = program(question=question.text, **details)
        row |= {
            "answered": answer.answered,
            "cited": sorted({c.passage_id.partition("#")[0] for c in answer.citations}),
            "output": answer.record()["output"],
            "dropped": [
                {"rule": part.rule, "reason": part.reason, "value": part.value} for part in answer.dropped
            ],
        }
    except QuincunxError as error:
        row["error"] = error.code
    row["seconds"] = time.perf_counter() - begin
    calls = lm.history[before:]
    row["calls"] = len(calls)
    for name, key in (("tokens_in", "prompt_tokens"), ("tokens_out", "completion_tokens")):
        row[name] = sum(int(dict(call["usage"]).get(key) or 0) for call in calls)
    return row


def _rows(answers: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in answers.read_text().splitlines()] if answers.is_file() else []


def _report(answers: Path, model: str, ways: Sequence[str]) -> None:
    rows = [row for row in _rows(answers) if row["model"] == model and row["cites"] in ways]
    for program in dict.fromkeys(row["program"] for row in rows):
        own = [row for row in rows if row["program"] == program]
        both = set.intersection(*({row["id"] for row in own if row["cites"] == way} for way in ways))
        table = [
            [way, *_cells([row for row in own if row["cites"] == way and row["id"] in both])] for way in ways
        ]
        head = [
            "cites",
            "form errors",
            "asked again",
            "tokens out",
            "tokens in",
            "seconds",
            "answered rightly asked",
        ]
        head += ["declined of unanswerable", "citation recall", "citation precision", "dropped by rule"]
        print_table(f"**{program}**, {len(both)} questions, medians of tokens and seconds", head, table)
        if len(ways) == 2:
            _compare([row for row in own if row["id"] in both], ways)


def _cells(rows: Sequence[dict[str, Any]]) -> list[str]:
    right = [row for row in rows if row["answerable"]]
    wrong = [row for row in rows if not row["answerable"]]
    rules: dict[str, int] = {}
    for row in rows:
        for part in row.get("dropped", ()):
            rules[part["rule"]] = rules.get(part["rule"], 0) + 1
    return [
        str(sum("error" in row for row in rows)),
        str(sum(row["calls"] > 1 for row in rows)),
        *(f"{statistics.median(row[name] for row in rows):.0f}" for name in FIGURES),
        f"{sum(row.get('answered', False) for row in right)} of {len(right)}",
        f"{sum(not row.get('answered', False) for row in wrong)} of {len(wrong)}",
        *(f"{statistics.fmean(map(score, right)):.3f}" if right else "–" for score in (_recall, _precision)),
        ", ".join(f"{rule} {count}" for rule, count in sorted(rules.items())),
    ]


def _recall(row: dict[str, Any]) -> float:
    return len(set(row["gold"]) & set(row.get("cited", ()))) / len(row["gold"]) if row["gold"] else 0.0


def _precision(row: dict[str, Any]) -> float:
    cited = row.get("cited", ())
    return len(set(row["gold"]) & set(cited)) / len(cited) if cited else 0.0


def _compare(rows: Sequence[dict[str, Any]], ways: Sequence[str]) -> None:
    """Print the second way against the first, question by question."""
    first, second = (
        {row["id"]: row for row in rows if row["cites"] == way and row["answerable"]} for way in ways
    )
    for name, score in (("citation recall", _recall), ("citation precision", _precision)):
        found = compare_paired(
            [score(first[id]) for id in first], [score(second[id]) for id in first], seed=0
        )
        print(
            f"{name}: {ways[1]} − {ways[0]} = {found.difference:+.3f} ({found.low:+.3f} to {found.high:+.3f})"
        )
    medians = {
        name: [statistics.median(row[name] for row in rows if row["cites"] == way) for way in ways]
        for name in FIGURES
    }
    print("; ".join(f"{name} {new / old:.2f}×" for name, (old, new) in medians.items()))


if __name__ == "__main__":
    main()
