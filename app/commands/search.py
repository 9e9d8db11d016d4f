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
    from ..output import results, tell_notes, write_json
    from ..render.answers import found_passages

    found = SearchHandle(name.split(","), profile).search(question, settings)
    tell_notes(found.notes, found.near_words)
    if as_json:
        write_json(search_as_json(name, found, settings))
        return
    results.print(found_passages(found.candidates, settings.n, found.passages, explain=explain))
