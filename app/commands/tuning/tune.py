"""``quincunx tune …``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...options import (
    EMBEDDED,
    VALUES,
    AsJson,
    GoldDir,
    GoldDirs,
    Numbers,
    ProfileName,
    ProgramModules,
    ProgramName,
)
from ...values import numbers, texts, whole_numbers


def tune_retrieval(
    program: ProgramName,
    gold_dirs: GoldDirs,
    out: Annotated[
        str,
        typer.Option(help="Save the program with the chosen settings, under this name or in this folder."),
    ],
    k: Annotated[str | None, typer.Option("-k", "--k", help=VALUES)] = None,
    dense_weight: Numbers = "1",
    lexical_weight: Numbers = "0.5,1,1.5,2",
    proximity_weight: Numbers = "0,3",
    fusion: Annotated[str, typer.Option(help="Kinds of fusion to try: scores, rrf.")] = "scores,rrf",
    rerank_weight: Numbers = "1,2,4",
    index: Annotated[
        str | None,
        typer.Option(help="The index that the saved program is to search; its own if left out."),
    ] = None,
    profile: ProfileName = EMBEDDED,
    program_modules: ProgramModules = None,
    as_json: AsJson = False,
) -> None:
    """Choose a program's search settings on dev questions, test the choice once, and save it with the program."""
    from ....programs.artifact.read import require_program

    require_program(program)
    from ....eval.tune import settings as sweeping
    from ....programs.loading import load
    from ...output import notes, progress, results, write_json
    from ...render.tuning import sealed_table, trials_table

    loaded = load(program, index=index, profile=profile)
    candidates = sweeping.grid(
        loaded.retriever.settings,
        k=whole_numbers("-k", k),
        dense_weight=numbers("--dense-weight", dense_weight),
        lexical_weight=numbers("--lexical-weight", lexical_weight),
        proximity_weight=numbers("--proximity-weight", proximity_weight),
        fusion=texts(fusion),  # type: ignore[arg-type]  # SearchSettings refuses others
        rerank_weight=numbers("--rerank-weight", rerank_weight),
    )
    with progress("index") as indexing, progress("candidates on dev") as report:
        found = sweeping.sweep(
            gold_dirs, candidates, profile=profile, index_progress=indexing, progress=report
        )
    saved = sweeping.save_chosen(loaded, found, out)
    if as_json:
        write_json({"saved": str(saved), **sweeping.sweep_as_dict(found)})
        return
    results.print(trials_table(found))
    for entry in found.sealed:
        results.print(sealed_table(entry))
    notes.print(f"saved: {saved}", markup=False, soft_wrap=True)


def tune_cross_encoder(
    gold_dir: GoldDir,
    out: Annotated[Path, typer.Option(help="Folder for the weights; it must hold nothing yet.")],
    base: Annotated[
        Path | None, typer.Option(help="Folder of the weights to begin from; those of MiniLM if left out.")
    ] = None,
    negatives: Annotated[int, typer.Option(help="Passages without gold for each train question.")] = 4,
    epochs: Annotated[int, typer.Option(help="Most; fewer when dev gets no better.")] = 8,
    batch: Annotated[int, typer.Option(help="Pairs of a step.")] = 16,
    learning_rate: Annotated[float, typer.Option(help="Greatest, of the encoder.")] = 1e-4,
    seed: Annotated[int, typer.Option(help="Of every random choice.")] = 0,
    profile: ProfileName = EMBEDDED,
    as_json: AsJson = False,
) -> None:
    """Tune a cross-encoder on a gold set, and compare it on sealed test questions with the profile's reranker."""
    from ....eval.tune.reranker import tune_reranker
    from ....eval.tune.training import TrainingRecipe
    from ...output import notes, progress, results, write_json
    from ...render.tuning import tuned_tables

    recipe = TrainingRecipe(
        negatives=negatives, epochs=epochs, batch=batch, learning_rate=learning_rate, seed=seed
    )
    with progress("index") as indexing:
        found = tune_reranker(
            gold_dir,
            out=out,
            base=base,
            recipe=recipe,
            profile=profile,
            index_progress=indexing,
            progress=lambda line: notes.print(line, markup=False),
        )
    if as_json:
        write_json({"folder": str(found.folder), **found.as_dict()})
        return
    for table in tuned_tables(found):
        results.print(table)
    if found.look is None:
        notes.print("it gained nothing on dev, so the test questions stay sealed")
    use = f"use it: QUINCUNX_CROSS_ENCODER={found.folder}"
    keep = "no better than the profile's own reranker: keep that one, begin from a trained cross-encoder (--base), or bring more questions"
    notes.print(use if found.better else keep, markup=False, soft_wrap=True)
