"""The options of a search: the fields of `SearchSettings`, under their names, for every command that searches."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, get_type_hints

import typer

from ..retrieval.filter_text import parse_filter
from ..retrieval.settings import FinalOrder, Fusion, SearchSettings

PANEL = "Search settings"
Where = Annotated[
    str | None,
    typer.Option(
        "--where",
        help="Search only passages whose metadata fits, e.g. 'site=builddaily and date>=2026-01-01'.",
        rich_help_panel=PANEL,
    ),
]


def _option(default: object, *names: str, help: str) -> Any:
    return typer.Option(*names, help=help, show_default=str(default), rich_help_panel=PANEL)


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """What was given of `SearchSettings` on the command line; ``None`` for what was not."""

    k: Annotated[
        int | None, _option(SearchSettings.k, "-k", "--k", help="Candidates that the reranker reads.")
    ] = None
    n: Annotated[int | None, _option(SearchSettings.n, "-n", "--n", help="Passages that are kept.")] = None
    where: Where = None
    dense_weight: Annotated[
        float | None,
        _option(SearchSettings.dense_weight, help="Weight of the search by meaning; 0 leaves it out."),
    ] = None
    lexical_weight: Annotated[
        float | None,
        _option(SearchSettings.lexical_weight, help="Weight of the search by words; 0 leaves it out."),
    ] = None
    proximity_weight: Annotated[
        float | None,
        _option(
            SearchSettings.proximity_weight,
            help="Weight of how near to each other the question's words stand in a passage; 0 leaves it out.",
        ),
    ] = None
    fusion: Annotated[
        Fusion | None,
        _option(
            SearchSettings.fusion, help="How the two are joined: by their scores, or by reciprocal ranks."
        ),
    ] = None
    rrf_constant: Annotated[
        float | None,
        _option(
            SearchSettings.rrf_constant, help="Added to each rank by rrf: lower favours the first places."
        ),
    ] = None
    depth: Annotated[
        int | None,
        _option(SearchSettings.depth, help="How many passages of each of the two searches are joined."),
    ] = None
    collapse: Annotated[
        float | None,
        typer.Option(
            help="Leave out near-duplicates: passages with at least this cosine, over 0 and at most 1.",
            show_default="keeps them",
            rich_help_panel=PANEL,
        ),
    ] = None
    rerank: Annotated[
        bool | None,
        typer.Option(
            "--rerank/--no-rerank",
            help="Whether the reranker reads the candidates.",
            show_default="rerank",
            rich_help_panel=PANEL,
        ),
    ] = None
    final: Annotated[
        FinalOrder | None,
        _option(
            SearchSettings.final,
            help="Final order: the reranker's alone, or combined with the order before it.",
        ),
    ] = None
    rerank_weight: Annotated[
        float | None,
        _option(SearchSettings.rerank_weight, help="Weight of the reranker in the combined order."),
    ] = None
    name_weight: Annotated[
        float | None,
        _option(
            SearchSettings.name_weight,
            help="How much more documents count whose subject or alias the question names, in standard deviations.",
        ),
    ] = None
    neighbours: Annotated[
        int | None,
        _option(
            SearchSettings.neighbours,
            help="Passages before and after each that is kept that a program reads with it.",
        ),
    ] = None

    def over(self, settings: SearchSettings) -> SearchSettings:
        """Return settings with what was given in their place; a filter narrows the one that is there.

        Raises:
            FilterError, BoundError: a value that cannot be.
        """
        given = {name: value for name, value in vars(self).items() if value is not None}
        if self.where is not None:
            where = parse_filter(self.where)
            given["where"] = where if settings.where is None else where & settings.where
        return replace(settings, **given)


def takes_search_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command, in place of its parameter ``search``, every option of `SearchOptions`.

    Typer reads options off a function's signature: it sees them one by one, and the command gets them as one.
    """
    hints = get_type_hints(SearchOptions, include_extras=True)
    options = [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=hints[field.name]
        )
        for field in fields(SearchOptions)
    ]

    @functools.wraps(command)
    def run(**values: Any) -> None:
        search = SearchOptions(**{option.name: values.pop(option.name) for option in options})
        command(**values, search=search)

    shown: list[inspect.Parameter] = []
    own = inspect.signature(command, eval_str=True)
    for parameter in own.parameters.values():
        shown += (
            options
            if parameter.name == "search"
            else [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)]
        )
    run.__signature__ = own.replace(parameters=shown)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
    return run
