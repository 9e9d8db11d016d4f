"""``quincunx advise``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ....retrieval.settings import SearchSettings
from ...options import EMBEDDED, AsJson, IndexName, ProfileName
from ...search_options import SearchOptions, takes_search_options


@takes_search_options
def advise_index(
    index: IndexName,
    search: SearchOptions,
    gold_dir: Annotated[
        Path | None,
        typer.Argument(help="Folder of a gold set; left out, documents are searched for by their titles."),
    ] = None,
    profile: ProfileName = EMBEDDED,
    as_json: AsJson = False,
) -> None:
    """Say what to change about the searches of an index, the most expected gain first, and how to try it."""
    from ....eval.tune.advice import advise
    from ...output import notes, progress, results, watching, write_json
    from ...render.advice import advice_as_dict, suggestion_lines

    with progress("changes of settings") as report, watching("search") as watch:
        found = advise(
            index,
            gold_dir,
            profile=profile,
            settings=search.over(SearchSettings()),
            progress=report,
            watch=watch,
        )
    if as_json:
        write_json(advice_as_dict(found))
        return
    for line in suggestion_lines(found):
        results.print(line, markup=False)
    if found.gold is None:
        notes.print(
            "no gold set: settings were not tried, as titles stand in the passages that they are searched for in. "
            "`quincunx gold propose` drafts questions, and `quincunx gold collect` takes those of your users.",
            markup=False,
        )
