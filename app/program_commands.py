"""``quincunx programs …``"""

from __future__ import annotations

from typing import Annotated

import typer

from .options import AsJson

programs_app = typer.Typer(help="Look at compiled programs that were saved.", no_args_is_help=True)

Saved = Annotated[str, typer.Argument(help="Name of a saved program, or its folder.")]


@programs_app.command("list")
def list_names(as_json: AsJson = False) -> None:
    """List the five programs and the saved ones of the home folder."""
    from ..programs.artifact.read import named_artifacts
    from ..programs.registry import program_names
    from .output import results, write_json

    saved = named_artifacts()
    if as_json:
        write_json({"programs": program_names(), "saved": saved})
        return
    for name in [*program_names(), *(f"{name} (saved)" for name in saved)]:
        results.print(name, markup=False)


@programs_app.command("show")
def show(saved: Saved, as_json: AsJson = False) -> None:
    """Say what a saved program holds: instructions, demos, what it searched, how it scored."""
    from ..programs.artifact.read import describe_artifact, read_artifact
    from ..programs.loading import saved_folder
    from .output import results, write_json
    from .render import facts_table, printable

    described = describe_artifact(read_artifact(saved_folder(saved)))
    if as_json:
        write_json(described)
    else:
        results.print(facts_table({name: printable(str(value)) for name, value in described.items()}))


@programs_app.command("diff")
def diff(before: Saved, after: Saved, as_json: AsJson = False) -> None:
    """Say in words how one saved program differs from another."""
    from ..programs.artifact import read as artifact
    from ..programs.loading import saved_folder
    from .output import results, write_json
    from .render import printable

    lines = artifact.diff_artifacts(*(artifact.read_artifact(saved_folder(name)) for name in (before, after)))
    if as_json:
        write_json({"before": before, "after": after, "changes": lines})
        return
    for line in lines or ["no difference"]:
        results.print(printable(line), markup=False)
