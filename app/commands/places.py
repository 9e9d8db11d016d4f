"""``quincunx index attach``, ``detach`` and ``copy``: indexes that lie in a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ..options import AsJson, IndexName, SchemaName, StoreAddress
from .facts import show_facts

if TYPE_CHECKING:
    from ...retrieval.index.contents import IndexInfo


def index_attach(
    name: IndexName,
    store: Annotated[str, typer.Argument(metavar="ADDRESS", help="postgresql://HOST/DATABASE.")],
    schema: SchemaName = None,
    as_json: AsJson = False,
) -> None:
    """Give an index that lies in a Postgres database a name here."""
    from ...retrieval.index.copying import attach_index

    _show_place(attach_index(name, store, schema=schema), as_json)


def index_detach(name: IndexName, as_json: AsJson = False) -> None:
    """Take the name of an index that lies in a database away; the index stays there."""
    from ...retrieval.index.copying import detach_index

    detach_index(name)
    show_facts({"index": name, "detached": True}, as_json)


def index_copy(
    name: IndexName,
    to: Annotated[str, typer.Argument(help="Name of the copy.")],
    store: StoreAddress = None,
    schema: SchemaName = None,
    as_json: AsJson = False,
) -> None:
    """Copy an index with all it holds, to a Postgres database or from one; nothing is embedded again."""
    from ...retrieval.index.copying import copy_index

    _show_place(copy_index(name, to, store=store, schema=schema), as_json)


def _show_place(info: IndexInfo, as_json: bool) -> None:
    facts = {"index": info.name, "place": info.place, "documents": info.documents, "passages": info.passages}
    show_facts(facts, as_json)
