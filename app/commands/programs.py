"""``quincunx programs …``"""

from __future__ import annotations

from dataclasses import asdict

from ..options import AsJson, ProgramModules, SavedProgram


def programs_list(program_modules: ProgramModules = None, as_json: AsJson = False) -> None:
    """List the programs, and the saved ones of the home folder: index, inputs, an example question."""
    from ..output import results, write_json
    from ..program_entries import list_programs
    from ..render.lists import programs_table

    entries = list_programs()
    if as_json:
        write_json(
            {
                "programs": [asdict(entry) for entry in entries if not entry.saved],
                "saved": [asdict(entry) for entry in entries if entry.saved],
            }
        )
    else:
        results.print(programs_table(entries))


def programs_show(
    saved: SavedProgram, program_modules: ProgramModules = None, as_json: AsJson = False
) -> None:
    """Say what a saved program holds: instructions, demos, what it searched, how it scored."""
    from ...programs.artifact.diff import describe_artifact
    from ...programs.artifact.read import read_artifact, saved_folder
    from ..output import results, write_json
    from ..render.text import facts_table, printable

    described = describe_artifact(read_artifact(saved_folder(saved)))
    if as_json:
        write_json(described)
    else:
        results.print(facts_table({name: printable(str(value)) for name, value in described.items()}))


def programs_diff(
    before: SavedProgram, after: SavedProgram, program_modules: ProgramModules = None, as_json: AsJson = False
) -> None:
    """Say in words how one saved program differs from another."""
    from ...programs.artifact.diff import diff_artifacts
    from ...programs.artifact.read import read_artifact, saved_folder
    from ..output import results, write_json
    from ..render.text import printable

    lines = diff_artifacts(*(read_artifact(saved_folder(name)) for name in (before, after)))
    if as_json:
        write_json({"before": before, "after": after, "changes": lines})
        return
    for line in lines or ["no difference"]:
        results.print(printable(line), markup=False, soft_wrap=True)
