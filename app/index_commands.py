"""``quincunx index …``"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from .options import EMBEDDED, AsJson, ProfileName

index_app = typer.Typer(help="Build indexes, change them and look at them.", no_args_is_help=True)

IndexName = Annotated[str, typer.Argument(help="Name of the index.")]
Paths = Annotated[
    list[Path], typer.Argument(help="BEIR folders or corpus.jsonl, Markdown and text files, folders of them.")
]
KindName = Annotated[
    str, typer.Option(help="flat (exact), hnsw or ivf (approximate, their recall is measured).")
]


def show(facts: dict[str, Any], as_json: bool) -> None:
    """Print names and values, as a table or as JSON."""
    from .output import results, write_json
    from .render import facts_table

    if as_json:
        write_json(facts)
    else:
        results.print(facts_table(facts))


@index_app.command("build")
def build(
    name: IndexName,
    paths: Paths,
    chunk_size: Annotated[int, typer.Option(help="Most tokens of text in one passage.")] = 200,
    chunk_overlap: Annotated[
        int, typer.Option(help="Most tokens that a passage repeats of the one before.")
    ] = 40,
    kind: KindName = "flat",
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Throw away what is there first, whatever its state.")
    ] = False,
    profile: ProfileName = EMBEDDED,
    as_json: AsJson = False,
) -> None:
    """Make an index hold exactly these documents; only what is new or changed is embedded."""
    from ..retrieval.index.faiss_index import require_kind
    from ..retrieval.index.manage import build_index
    from ..retrieval.text.chunking import Chunking
    from .output import progress

    chunking, chosen = Chunking(chunk_size, chunk_overlap), require_kind(kind)
    with progress(f"index {name}") as report:
        built = build_index(
            name, paths, profile=profile, chunking=chunking, kind=chosen, fresh=fresh, progress=report
        )
    show({"index": name, **asdict(built)}, as_json)


@index_app.command("update")
def update(
    name: IndexName,
    paths: Paths,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove the documents that are not under these paths.")
    ] = False,
    profile: ProfileName = EMBEDDED,
    as_json: AsJson = False,
) -> None:
    """Add these documents, in place of those of the same ids; the others stay."""
    from ..retrieval.index.manage import update_index
    from .output import progress

    with progress(f"index {name}") as report:
        updated = update_index(name, paths, profile=profile, prune=prune, progress=report)
    show({"index": name, **asdict(updated)}, as_json)


@index_app.command("delete")
def delete(
    name: IndexName,
    ids: Annotated[list[str], typer.Argument(help="Ids of documents.")],
    as_json: AsJson = False,
) -> None:
    """Remove documents by id."""
    from ..retrieval.index.manage import delete_documents

    show({"index": name, **asdict(delete_documents(name, ids))}, as_json)


@index_app.command("verify")
def verify(name: IndexName, as_json: AsJson = False) -> None:
    """Check every passage, every vector and the snapshot; exit 1 when something is wrong."""
    from ..retrieval.index.manage import verify_index
    from .output import results, write_json

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


@index_app.command("compact")
def compact(
    name: IndexName,
    kind: Annotated[str | None, typer.Option(help="Change the kind to flat, hnsw or ivf.")] = None,
    as_json: AsJson = False,
) -> None:
    """Give back the space of what was removed, and write the snapshot anew."""
    from ..retrieval.index.faiss_index import require_kind
    from ..retrieval.index.manage import compact_index

    generation = compact_index(name, require_kind(kind) if kind is not None else None)
    show({"index": name, "generation": generation}, as_json)


@index_app.command("export")
def export(
    name: IndexName,
    folder: Annotated[Path, typer.Argument(help="Where corpus.jsonl is written.")],
    as_json: AsJson = False,
) -> None:
    """Write the documents as a BEIR corpus, from which the same index can be built."""
    from ..retrieval.index.manage import export_index

    show({"index": name, "documents": export_index(name, folder), "folder": str(folder)}, as_json)


@index_app.command("list")
def list_names(as_json: AsJson = False) -> None:
    """List the indexes of the home folder."""
    from ..retrieval.storage.home import home, index_names
    from .output import results, write_json

    names = index_names()
    if as_json:
        write_json({"home": str(home()), "indexes": names})
        return
    for name in names:
        results.print(name)
    if not names:
        results.print("none yet: quincunx index build NAME PATH…, or quincunx demo")


@index_app.command("info")
def info(name: IndexName, as_json: AsJson = False) -> None:
    """Say what an index holds and which embedder made it."""
    from ..retrieval.index.manage import index_info

    show(asdict(index_info(name)), as_json)
