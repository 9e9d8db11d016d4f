"""``quincunx index …``"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from ..options import (
    CHUNK_OVERLAP,
    CHUNK_TOKENS,
    EMBEDDED,
    AsJson,
    ChunkOverlap,
    ChunkTokens,
    IndexName,
    ProfileName,
)

Paths = Annotated[
    list[Path],
    typer.Argument(help="Markdown and text files, BEIR folders or corpus.jsonl, or folders of such files."),
]
KindName = Annotated[
    str,
    typer.Option(help="How vectors are searched: flat (exact), hnsw or ivf (faster on many, approximate)."),
]


def _show(facts: dict[str, Any], as_json: bool) -> None:
    """Print names and values, as a table or as JSON."""
    from ..output import results, write_json
    from ..render.text import facts_table

    if as_json:
        write_json(facts)
    else:
        results.print(facts_table(facts))


def index_build(
    name: IndexName,
    paths: Paths,
    chunk_tokens: ChunkTokens = CHUNK_TOKENS,
    chunk_overlap: ChunkOverlap = CHUNK_OVERLAP,
    kind: KindName = "flat",
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Throw away the index of that name first, whatever its state.")
    ] = False,
    profile: ProfileName = EMBEDDED,
    as_json: AsJson = False,
) -> None:
    """Make an index hold exactly these documents; only what is new or changed is embedded."""
    from ...retrieval.index.faiss_index import require_kind
    from ...retrieval.index.manage import build_index
    from ...retrieval.text.chunking import Chunking
    from ..output import progress

    chunking, chosen = Chunking(chunk_tokens, chunk_overlap), require_kind(kind)
    with progress(f"index {name}") as report:
        built = build_index(
            name, paths, profile=profile, chunking=chunking, kind=chosen, fresh=fresh, progress=report
        )
    _show({"index": name, **asdict(built)}, as_json)


def index_update(
    name: IndexName,
    paths: Paths,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove the documents that are not under these paths.")
    ] = False,
    profile: ProfileName = EMBEDDED,
    as_json: AsJson = False,
) -> None:
    """Add these documents, in place of those with the same ids; the others stay."""
    from ...retrieval.index.manage import update_index
    from ..output import progress

    with progress(f"index {name}") as report:
        updated = update_index(name, paths, profile=profile, prune=prune, progress=report)
    _show({"index": name, **asdict(updated)}, as_json)


def index_delete(
    name: IndexName,
    ids: Annotated[list[str], typer.Argument(help="Ids of documents.")],
    as_json: AsJson = False,
) -> None:
    """Remove documents by id."""
    from ...retrieval.index.manage import delete_documents

    _show({"index": name, **asdict(delete_documents(name, ids))}, as_json)


def index_verify(name: IndexName, as_json: AsJson = False) -> None:
    """Check every passage, every vector and the snapshot; exit 1 when something is wrong."""
    from ...retrieval.index.manage import verify_index
    from ..output import results, write_json

    faults = verify_index(name)
    if as_json:
        write_json({"index": name, "faults": faults})
    else:
        for fault in faults:
            results.print(fault, markup=False)
        results.print(
            f"{len(faults)} faults. If only the snapshot is wrong: quincunx index compact {name}; "
            f"else quincunx index build {name} PATH… --fresh"
            if faults
            else f"index {name}: all is well"
        )
    raise typer.Exit(1 if faults else 0)


def index_compact(
    name: IndexName,
    kind: Annotated[str | None, typer.Option(help="Change the kind to flat, hnsw or ivf.")] = None,
    as_json: AsJson = False,
) -> None:
    """Give back the disk space of what was removed, and write the snapshot anew."""
    from ...retrieval.index.faiss_index import require_kind
    from ...retrieval.index.manage import compact_index

    generation = compact_index(name, require_kind(kind) if kind is not None else None)
    _show({"index": name, "generation": generation}, as_json)


def index_export(
    name: IndexName,
    folder: Annotated[Path, typer.Argument(help="Folder in which corpus.jsonl is written.")],
    as_json: AsJson = False,
) -> None:
    """Write the documents as a BEIR corpus, from which the same index can be built."""
    from ...retrieval.index.manage import export_index

    _show({"index": name, "documents": export_index(name, folder), "folder": str(folder)}, as_json)


def index_list(as_json: AsJson = False) -> None:
    """List the indexes of the home folder: what each holds, which model made it, how large it is."""
    from ...retrieval.storage.home import home
    from ..index_entries import list_indexes
    from ..output import results, write_json
    from ..render.lists import indexes_table

    entries = list_indexes()
    if as_json:
        write_json({"home": str(home()), "indexes": [asdict(entry) for entry in entries]})
    elif entries:
        results.print(indexes_table(entries, home()))
    else:
        results.print(
            f"no index in {home()} yet: quincunx index build NAME PATH…, or quincunx demo",
            markup=False,
            soft_wrap=True,
        )


def index_show(name: IndexName, as_json: AsJson = False) -> None:
    """Say what an index holds and which model made it."""
    from ...retrieval.index.manage import index_info as describe

    _show(asdict(describe(name)), as_json)
