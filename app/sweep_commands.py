"""``quincunx eval sweep``"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from .eval_commands import eval_app
from .options import EMBEDDED, AsJson, ProfileName

Number = TypeVar("Number", int, float)
Numbers = Annotated[str | None, typer.Option(help="Values to try, joined by commas.")]


@eval_app.command("sweep")
def sweep(
    gold_dirs: Annotated[list[Path], typer.Argument(help="Gold sets; the choice is made over all of them.")],
    k: Numbers = None,
    n: Numbers = None,
    dense_weight: Numbers = None,
    lexical_weight: Numbers = None,
    fusion: Annotated[str | None, typer.Option(help="Kinds of fusion to try: scores, rrf.")] = None,
    rrf_constant: Numbers = None,
    rerank_weight: Numbers = None,
    final: Annotated[
        str | None, typer.Option(help="Final orders to try: combined, reranked, fused (no reranker).")
    ] = None,
    chunk_tokens: Numbers = None,
    profile: ProfileName = EMBEDDED,
    as_json: AsJson = False,
) -> None:
    """Choose settings on the dev questions, and report the choice once on the sealed test questions."""
    from ..eval.tune import settings as sweeping
    from ..retrieval.settings import SearchSettings
    from ..retrieval.text.chunking import Chunking
    from .eval_render import sealed_table, trials_table
    from .output import progress, results, write_json

    orders = texts(final)
    candidates: list[sweeping.TrialSettings] = []
    for rerank in (True, False):
        chosen = [order for order in orders if (order != "fused") == rerank]
        if not chosen and (orders or not rerank):
            continue
        candidates += sweeping.grid(
            SearchSettings(),
            k=wholes("k", k),
            n=wholes("n", n),
            dense_weight=reals("dense-weight", dense_weight),
            lexical_weight=reals("lexical-weight", lexical_weight),
            fusion=texts(fusion),  # type: ignore[arg-type]  # SearchSettings refuses others
            rrf_constant=reals("rrf-constant", rrf_constant),
            rerank_weight=reals("rerank-weight", rerank_weight),
            final=chosen if rerank else (),  # type: ignore[arg-type]  # SearchSettings refuses others
            rerank=[rerank],
            chunking=[Chunking(size, size // 5) for size in wholes("chunk-tokens", chunk_tokens)],
        )
    with progress("index") as indexing, progress("candidates on dev") as report:
        found = sweeping.sweep(
            gold_dirs,
            list(dict.fromkeys(candidates)),
            profile=profile,
            index_progress=indexing,
            progress=report,
        )
    if as_json:
        write_json(sweeping.sweep_as_dict(found))
        return
    results.print(trials_table(found))
    for entry in found.sealed:
        results.print(sealed_table(entry))


def texts(values: str | None) -> list[str]:
    return [value.strip() for value in (values or "").split(",") if value.strip()]


def wholes(name: str, values: str | None) -> list[int]:
    return _numbers(int, f"--{name} takes whole numbers", values)


def reals(name: str, values: str | None) -> list[float]:
    return _numbers(float, f"--{name} takes numbers", values)


def _numbers(kind: Callable[[str], Number], what: str, values: str | None) -> list[Number]:
    from ..retrieval.errors import BoundError

    try:
        return [kind(value) for value in texts(values)]
    except ValueError as error:
        raise BoundError(f"{what} joined by commas, such as 20,30 (got {values!r})") from error
