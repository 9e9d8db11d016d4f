"""``quincunx gold …``"""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..options import AsJson, GoldDir, ProgramModules


class GoldForm(StrEnum):
    """The forms that `eval.goldsets.formats` reads; a test holds the list to it."""

    beir = "beir"
    csv = "csv"
    trec = "trec"
    squad = "squad"


def gold_check(
    gold_dir: GoldDir,
    program: Annotated[
        str | None,
        typer.Option(help="A saved program (name or folder) whose demos must hold nothing of dev and test."),
    ] = None,
    program_modules: ProgramModules = None,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with a gold set; exit 1 when something makes its numbers wrong."""
    from ...eval.goldsets.check import check_gold_set
    from ..output import results, write_json
    from ..render.text import printable

    artifact = None
    if program is not None:
        from ...programs.artifact.read import read_artifact, saved_folder

        artifact = read_artifact(saved_folder(program))
    findings = check_gold_set(gold_dir, artifact)
    errors = sum(finding.severity == "error" for finding in findings)
    if as_json:
        write_json(
            {
                "gold": str(gold_dir),
                "program": program,
                "errors": errors,
                "warnings": len(findings) - errors,
                "findings": [asdict(finding) for finding in findings],
            }
        )
    else:
        for finding in findings:
            mark = "[red]error[/]  " if finding.severity == "error" else "[yellow]warning[/]"
            results.print(mark, finding.kind, end=" ")
            results.print(printable(f"{finding.where}: {finding.detail}"), markup=False, soft_wrap=True)
            results.print(printable(f"        mend it: {finding.remedy}"), markup=False, soft_wrap=True)
        results.print(f"{errors} errors, {len(findings) - errors} warnings", markup=False)
    raise typer.Exit(1 if errors else 0)


def gold_import(
    source: Annotated[Path, typer.Argument(help="Folder (beir, trec) or file (csv, squad).")],
    form: Annotated[GoldForm, typer.Option(help="The form of the source.")],
    out: Annotated[Path, typer.Option(help="Folder to write; it must not be there yet.")],
    corpus: Annotated[
        Path | None, typer.Option(help="Where the documents lie: BEIR, Markdown or text. CSV needs it.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the splits, where the source names none.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Write a gold set, split by document, from questions and gold in another form.

    CSV has a row of column names: question and document, and if wanted id, grade, answer, split, history.
    """
    from ...eval.goldsets.importing import import_gold_set
    from ...eval.goldsets.manifest import manifest_of
    from ..output import results, write_json

    import_gold_set(source, form.value, out, corpus=corpus, seed=seed)
    facts = manifest_of(out)
    if as_json:
        write_json({"gold": str(out), **facts})
        return
    results.print(
        f"{out}: {facts['documents']} documents, {facts['questions']} questions", markup=False, soft_wrap=True
    )
    for split, held in facts["splits"].items():
        said = f"  {split}: {held['questions']} questions, {held['unanswerable']} of them unanswerable"
        results.print(said, markup=False)
