"""``quincunx eval sweep``"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ...options import EMBEDDED, VALUES, AsJson, GoldDirs, Numbers, ProfileName
from ...search_options import SearchOptions, Where
from ...values import numbers, texts, whole_numbers, yes_or_no


def eval_sweep(
    gold_dirs: GoldDirs,
    k: Annotated[str | None, typer.Option("-k", "--k", help=VALUES)] = None,
    n: Annotated[
        str | None,
        typer.Option("-n", "--n", help="One value for all: figures of different n do not compare."),
    ] = None,
    where: Where = None,
    dense_weight: Numbers = None,
    lexical_weight: Numbers = None,
    proximity_weight: Numbers = None,
    fusion: Annotated[str | None, typer.Option(help="Kinds of fusion to try: scores, rrf.")] = None,
    rrf_constant: Numbers = None,
    depth: Annotated[int | None, typer.Option(help="One value for all.")] = None,
    collapse: Annotated[float | None, typer.Option(help="One value for all.")] = None,
    rerank: Annotated[
        str | None, typer.Option(help="With and without the reranker: yes, no or yes,no.")
    ] = None,
    final: Annotated[str | None, typer.Option(help="Final orders to try: combined, reranked.")] = None,
    rerank_weight: Numbers = None,
    name_weight: Numbers = None,
    neighbours: Annotated[
        int | None, typer.Option(help="One value for all; it changes no figure here.")
    ] = None,
    chunk_tokens: Numbers = None,
    chunk_overlap: Annotated[
        int | None, typer.Option(help="One value for all; if left out, a fifth of the tokens.")
    ] = None,
    profile: ProfileName = EMBEDDED,
    as_json: AsJson = False,
) -> None:
    """Choose search settings on the dev questions, and report the choice once on the sealed test questions."""
    from ....eval.tune import settings as sweeping
    from ....retrieval.settings import SearchSettings
    from ....retrieval.text.chunk_size import Chunking
    from ...output import progress, results, write_json
    from ...render.tuning import sealed_table, trials_table

    now = SearchOptions(where=where, depth=depth, collapse=collapse, neighbours=neighbours).over(
        SearchSettings()
    )
    axes: dict[str, Any] = {
        "k": whole_numbers("-k", k),
        "n": whole_numbers("-n", n),
        "dense_weight": numbers("--dense-weight", dense_weight),
        "lexical_weight": numbers("--lexical-weight", lexical_weight),
        "proximity_weight": numbers("--proximity-weight", proximity_weight),
        "fusion": texts(fusion),
        "rrf_constant": numbers("--rrf-constant", rrf_constant),
        "name_weight": numbers("--name-weight", name_weight),
        "chunking": [
            Chunking(size, size // 5 if chunk_overlap is None else chunk_overlap)
            for size in whole_numbers("--chunk-tokens", chunk_tokens)
        ],
    }
    of_reranker: dict[str, Any] = {
        "final": texts(final),
        "rerank_weight": numbers("--rerank-weight", rerank_weight),
    }
    candidates: list[sweeping.TrialSettings] = []
    for used in yes_or_no("--rerank", rerank) or [True]:
        # Without the reranker, settings of its order would only try the same again.
        candidates += sweeping.grid(now, **axes, rerank=[used], **(of_reranker if used else {}))
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
