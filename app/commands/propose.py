"""``quincunx gold propose`` and ``quincunx gold accept``"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ..options import AsJson, GoldDir


def gold_propose(
    gold_dir: GoldDir,
    lm: Annotated[str, typer.Option(help="The language model that drafts: any name that dspy.LM takes.")],
    out: Annotated[Path, typer.Option(help="The file of drafts, one JSON line each; run again, it goes on.")],
    per_passage: Annotated[int, typer.Option(help="Most questions of one passage.")] = 2,
    split: Annotated[
        str, typer.Option(help="Draft from documents of this split; all for every one.")
    ] = "train",
    limit: Annotated[int | None, typer.Option(help="Most passages to draft from this time.")] = None,
    seed: Annotated[int, typer.Option(help="Of the order in which passages are drawn.")] = 0,
    program: Annotated[
        str,
        typer.Option(help="The program that the questions are meant for; left out, as others of the page."),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Let a language model draft questions from a gold set's documents, for a person to accept, edit or
    reject.

    Decide in the file: write accept, edit (with the question in "edited") or reject into "decision".
    """
    from ...eval.goldsets import propose as proposing
    from ...programs.engines.lms import lm as language_model
    from ..output import notes, progress, results, write_json

    with progress("passages") as report:
        found = proposing.propose_questions(
            gold_dir,
            language_model(lm),
            out,
            per_passage=per_passage,
            split=split,
            limit=limit,
            seed=seed,
            program=program,
            progress=report,
        )
    if as_json:
        write_json({"gold": str(gold_dir), "out": str(out), **asdict(found)})
        return
    results.print(
        f"{out}: {found.drafts} drafts of {found.passages} passages wait for a decision, {found.left} "
        "passages are left",
        markup=False,
        soft_wrap=True,
    )
    if found.borrowed is not None:
        results.print(
            f"  of their content words {found.borrowed:.0%} stand in the passage: a real user knows few of "
            "them",
            markup=False,
        )
    for reason, count in found.dropped.items():
        results.print(f"  dropped {count}: {reason}", markup=False)
    for id, code in found.failed.items():
        notes.print(f"{id}: no draft ({code}); run again to try again", style="yellow", markup=False)


def gold_accept(
    drafts: Annotated[Path, typer.Argument(help="The file of drafts with their decisions.")],
    gold_dir: GoldDir,
    out: Annotated[Path, typer.Option(help="Folder to write; it must not be there yet.")],
    as_json: AsJson = False,
) -> None:
    """Write a copy of a gold set with the drafts that were accepted as new questions."""
    from ...eval.goldsets import propose as proposing
    from ..output import results, write_json

    found = proposing.accept_drafts(drafts, gold_dir, out)
    if as_json:
        write_json({"gold": str(out), **asdict(found)})
        return
    left = ", ".join(f"{count} {why}" for why, count in found.left_out.items() if count)
    results.print(
        f"{out}: {found.added} questions added, {found.edited} of them edited"
        + (f"; left out: {left}" if left else ""),
        markup=False,
        soft_wrap=True,
    )
    results.print(f"quincunx gold check {out}", style="dim", markup=False, soft_wrap=True)
