"""``quincunx search``"""

from __future__ import annotations

from typing import Annotated

import typer

from ...retrieval.settings import SearchSettings
from ..options import EMBEDDED, AsJson, IndexNames, ProfileName
from ..search_options import SearchOptions, takes_search_options
from .service.asking import (
    NOT_FOR_A_SERVICE,
    ONLY_FOR_A_SERVICE,
    Server,
    ServiceKey,
    refuse_options,
    search_service,
)


@takes_search_options
def search_indexes(
    name: IndexNames,
    question: Annotated[str, typer.Argument(help="What to search for, in quotes.")],
    search: SearchOptions,
    context: typer.Context,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show every candidate with its rank and score at each stage.")
    ] = False,
    profile: ProfileName = EMBEDDED,
    server: Server = None,
    key: ServiceKey = None,
    as_json: AsJson = False,
) -> None:
    """Search an index and show the passages that a program would get."""
    if server is not None:
        refuse_options(context, ["profile"], NOT_FOR_A_SERVICE)
        search_service(server, key, name, question, search, explain=explain, as_json=as_json)
        return
    refuse_options(context, ["key"], ONLY_FOR_A_SERVICE)
    from ...retrieval.text.questions import require_question

    settings = search.over(SearchSettings())
    require_question(question)
    from ...retrieval.handle import SearchHandle
    from ..as_json import search_as_json
    from ..output import notes, results, write_json
    from ..render.answers import candidates_table, passages_list

    found = SearchHandle(name.split(","), profile).search(question, settings)
    near = [
        f"{word!r} stands nowhere in the index: searched for {', '.join(names)}"
        for word, names in found.near_words.items()
    ]
    for note in [*found.notes, *near]:
        notes.print(note, style="yellow", markup=False)
    if as_json:
        write_json(search_as_json(name, found, settings))
        return
    if explain:
        results.print(candidates_table(found.candidates, settings.n, scores=True))
    results.print(passages_list(found.passages) if found.passages else "no passage found")
