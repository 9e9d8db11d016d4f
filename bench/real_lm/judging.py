"""How a judge on a small language model that really runs agrees with labelled claims: may its verdicts be trusted?

Run: ``python bench/real_lm/judging.py --python ENVIRONMENT/bin/python|--llama-server PATH [--model 1.5b] [--split dev] [--limit N]
[--out FOLDER]``. The servers are those of `optimising.py`; the model is fetched once and checked. The groundedness judge is asked of each claim of
``eval/claims/SPLIT.jsonl`` with the sentences that it cites. Each verdict is a line of ``FOLDER/verdicts.jsonl``, so a run that was
cut off goes on where it stopped.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[2]))  # `bench` itself, when this file is run by its path

import quincunx
from bench.claims import EVAL, read_documents, read_lines
from bench.measuring import machine, print_table
from bench.real_lm.models import fetch
from bench.real_lm.server import AT_ONCE, options, serving
from quincunx.eval.goldsets.goldset import GoldQuestion
from quincunx.eval.judges.calibration import doubts_about
from quincunx.eval.judges.judge import Judge, judge
from quincunx.eval.runs.threads import map_in_threads
from quincunx.eval.stats.agreement import agreement
from quincunx.retrieval.errors import QuincunxError
from quincunx.retrieval.passages import Passage

MOST_TOKENS = 300
"""Of one verdict with its reason."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__, "1.5b")
    parser.add_argument("--split", default="dev")
    parser.add_argument("--limit", type=int, default=None, help="of the claims")
    chosen = parser.parse_args(arguments)
    machine()
    chosen.out.mkdir(parents=True, exist_ok=True)
    claims = read_lines(EVAL / "claims" / f"{chosen.split}.jsonl")[: chosen.limit]
    verdicts = chosen.out / "verdicts.jsonl"
    with serving(fetch(chosen.model), chosen) as address:
        lm = quincunx.lm(
            f"hosted_vllm/{chosen.model}",
            api_base=address,
            api_key="none",
            max_tokens=MOST_TOKENS,
            timeout=1200,
        )
        by, documents = judge("groundedness", lm), read_documents()
        known = {row["id"] for row in _made(verdicts, chosen.model)}
        writing = threading.Lock()

        def keep_verdict(claim: dict[str, Any]) -> None:
            row = {"model": chosen.model, "id": claim["id"], **_judged(by, claim, documents)}
            with writing, verdicts.open("a") as file:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")

        waiting = [claim for claim in claims if claim["id"] not in known]
        map_in_threads(keep_verdict, waiting, AT_ONCE if chosen.llama_server else 1)
    _report({claim["id"]: claim for claim in claims}, _made(verdicts, chosen.model))


def _judged(by: Judge, claim: dict[str, Any], documents: dict[str, dict[str, Any]]) -> dict[str, Any]:
    passages, citations = {}, []
    for place, cited in enumerate(claim["evidence"]):
        document, id = documents[cited["document_id"]], f"p{place}"
        text = cited["text"]
        passages[id] = Passage(id, document["_id"], document["title"], text, 0, len(text))
        citations.append({"passage_id": id, "quote": text})
    record = {"output": {"claims": [{"text": claim["claim"], "citations": citations}]}}
    try:
        return by.judgement(GoldQuestion(claim["id"], claim["question"], {}), record, passages)
    except QuincunxError as error:
        return {"error": error.code}


def _made(verdicts: Path, model: str) -> list[dict[str, Any]]:
    return [row for row in read_lines(verdicts) if row["model"] == model] if verdicts.is_file() else []


def _report(claims: dict[str, dict[str, Any]], rows: Sequence[dict[str, Any]]) -> None:
    told = [row for row in rows if "verdict" in row and row["id"] in claims]
    found = agreement(
        [int(claims[row["id"]]["supported"]) for row in told], [int(row["verdict"]) for row in told]
    )
    figures = (("TPR", found.tpr), ("TNR", found.tnr), ("kappa", found.kappa))
    print_table(
        f"**groundedness judge**, {found.n} labelled claims, {len(rows) - len(told)} without a verdict",
        ["", "value", "95 %"],
        [
            [name, f"{figure.mean:.2f}", f"{figure.low:.2f} to {figure.high:.2f}"]
            for name, figure in figures
            if figure is not None
        ],
    )
    for doubt in doubts_about(found):
        print(f"not to be trusted: {doubt}")


if __name__ == "__main__":
    main()
