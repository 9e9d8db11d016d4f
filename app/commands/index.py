"""``quincunx index …``"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    SchemaName,
    StoreAddress,
)
from .facts import show_facts

if TYPE_CHECKING:
    from ...retrieval.index.changes import BuildReport
    from ...retrieval.index.ray_engine import RayCluster

PathTexts = Annotated[
    list[str],
    typer.Argument(
        metavar="PATHS...",
        help="Files of any kind that is read, BEIR folders or corpus.jsonl, or folders of such files. NAME=PATH puts NAME/ "
        "before the ids below that path.",
    ),
]
Include = Annotated[
    list[str] | None,
    typer.Option(
        metavar="GLOB",
        help="Read only files that match, such as '*.md'; as in .gitignore. May be given again.",
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        metavar="GLOB",
        help="Leave out what matches, such as 'drafts/'; as in .gitignore. May be given again.",
    ),
]
Map = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="NAME=FIELD",
        help="Which field of a row or record is the document's text, title or id, or goes by NAME in its metadata: "
        "text=body, title='headline|name', author=meta.author. May be given again.",
    ),
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="Fail if anything is left out that no pattern, ignore file or leading dot leaves out.",
    ),
]
EngineName = Annotated[
    str,
    typer.Option(
        "--engine", help="What embeds: here (this process), or ray (the machines of a Ray cluster)."
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        help="Of the Ray cluster, such as ray://host:10001; auto for the one of this machine, local to begin one on it. "
        "[default: auto]"
    ),
]
Actors = Annotated[
    int | None,
    typer.Option(help="Ray actors that embed at once; as many as the cluster has room for if left out."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")]
KindName = Annotated[
    str,
    typer.Option(
        help="How vectors are searched: flat (exact), fp16 or int8 (less memory), hnsw or ivf (faster on many)."
    ),
]


def _cluster(engine: str, address: str | None, actors: int | None) -> RayCluster | None:
    """Return the cluster that embeds, ``None`` for this process; raises `UsageError` for options that do not fit."""
    from ...retrieval.errors import UsageError
    from ...retrieval.index.ray_engine import RayCluster

    if engine == "ray":
        return RayCluster(address or RayCluster.address, actors)
    if engine != "here":
        raise UsageError(f"--engine must be here or ray (got {engine!r})")
    if address is not None or actors is not None:
        raise UsageError("--address and --actors are of a Ray cluster: add --engine ray")
    return None


def _show_change(name: str, report: BuildReport, as_json: bool) -> None:
    """Print what a change did, or would do."""
    from ..output import results, write_json
    from ..render.changes import change_as_dict, change_table

    if as_json:
        write_json(change_as_dict(name, report))
    else:
        results.print(change_table(name, report))


def index_build(
    name: IndexName,
    paths: PathTexts,
    chunk_tokens: ChunkTokens = CHUNK_TOKENS,
    chunk_overlap: ChunkOverlap = CHUNK_OVERLAP,
    kind: KindName = "flat",
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Throw away the index of that name first, whatever its state.")
    ] = False,
    include: Include = None,
    exclude: Exclude = None,
    fields: Map = None,
    strict: Strict = False,
    engine: EngineName = "here",
    address: Address = None,
    actors: Actors = None,
    store: StoreAddress = None,
    schema: SchemaName = None,
    dry_run: DryRun = False,
    profile: ProfileName = EMBEDDED,
    as_json: AsJson = False,
) -> None:
    """Make an index hold exactly these documents; only what is new or changed is embedded."""
    from ...retrieval.index.manage import build_index
    from ...retrieval.index.vectors.faiss_part import require_kind
    from ...retrieval.text.chunk_size import Chunking
    from ..output import progress

    chunking, chosen = Chunking(chunk_tokens, chunk_overlap), require_kind(kind)
    cluster = _cluster(engine, address, actors)
    with progress(f"index {name}") as report:
        built = build_index(
            name,
            paths,
            profile=profile,
            chunking=chunking,
            kind=chosen,
            fresh=fresh,
            include=include or (),
            exclude=exclude or (),
            fields=fields or (),
            strict=strict,
            dry_run=dry_run,
            progress=report,
            cluster=cluster,
            store=store,
            schema=schema,
        )
    _show_change(name, built, as_json)


def index_update(
    name: IndexName,
    paths: PathTexts,
    prune: Annotated[
        bool,
        typer.Option(
            "--prune", help="Remove the documents that came from below these paths and are gone there."
        ),
    ] = False,
    include: Include = None,
    exclude: Exclude = None,
    fields: Map = None,
    strict: Strict = False,
    engine: EngineName = "here",
    address: Address = None,
    actors: Actors = None,
    dry_run: DryRun = False,
    profile: ProfileName = EMBEDDED,
    as_json: AsJson = False,
) -> None:
    """Read these files again, or new ones, and put their documents in place of what the index holds of them.

    A path below one that the index was built from keeps its ids. Documents whose files are empty now, cannot be read, or
    were named and are gone, are removed; all others stay."""
    from ...retrieval.index.manage import update_index
    from ..output import progress

    cluster = _cluster(engine, address, actors)
    with progress(f"index {name}") as report:
        updated = update_index(
            name,
            paths,
            profile=profile,
            prune=prune,
            include=include or (),
            exclude=exclude or (),
            fields=fields or (),
            strict=strict,
            dry_run=dry_run,
            progress=report,
            cluster=cluster,
        )
    _show_change(name, updated, as_json)


def index_sync(
    name: IndexName, dry_run: DryRun = False, profile: ProfileName = EMBEDDED, as_json: AsJson = False
) -> None:
    """Bring an index in step with the files that it was built from: read what changed, drop what is gone, follow what moved."""
    from ...retrieval.index.sync import sync_index
    from ..output import progress

    with progress(f"index {name}") as report:
        synced = sync_index(name, profile=profile, dry_run=dry_run, progress=report)
    _show_change(name, synced, as_json)


def index_watch(name: IndexName, profile: ProfileName = EMBEDDED, as_json: AsJson = False) -> None:
    """Keep an index in step with its files until it is interrupted; each change is told as it is made.

    With --json, each is one line."""
    from ...retrieval.index.sync import watch_index
    from ..output import results, write_json_line
    from ..render.changes import change_as_dict, change_line

    with suppress(KeyboardInterrupt):  # that is how it ends
        for report in watch_index(name, profile=profile):
            if as_json:
                write_json_line(change_as_dict(name, report))
            else:
                results.print(change_line(name, report), markup=False, soft_wrap=True)


def index_show_fields(name: IndexName, as_json: AsJson = False) -> None:
    """List the fields that a filter can name: their kinds of values, how many documents have them, and examples."""
    from ...retrieval.index.fields import index_fields
    from ..output import results, write_json
    from ..render.lists import fields_table

    found = index_fields(name)
    if as_json:
        write_json({"index": name, "fields": [asdict(field) for field in found]})
    else:
        results.print(fields_table(name, found))


def index_delete(
    name: IndexName,
    ids: Annotated[list[str], typer.Argument(help="Ids of documents; `quincunx index docs` lists them.")],
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Remove documents by id."""
    from ...retrieval.index.manage import delete_documents

    _show_change(name, delete_documents(name, ids, dry_run=dry_run), as_json)


def index_drop(
    name: IndexName,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove an index with all it holds; the files that it was built from stay."""
    from ...retrieval.index.contents import index_place
    from ...retrieval.index.manage import drop_index

    place = index_place(name)
    if not yes:
        typer.confirm(f"Remove index {name} in {place}, for all who search it?", abort=True, err=True)
    drop_index(name)
    show_facts({"index": name, "dropped": place}, as_json)


def index_docs(name: IndexName, as_json: AsJson = False) -> None:
    """List an index's documents: id, title, passages and file, with the roots that they came from."""
    from ...retrieval.index.contents import index_documents, index_info
    from ..output import results, write_json
    from ..render.lists import documents_table, roots_table

    documents, roots = index_documents(name), index_info(name).roots
    if as_json:
        write_json(
            {
                "index": name,
                "roots": [asdict(root) for root in roots],
                "documents": [asdict(document) for document in documents],
            }
        )
        return
    if roots:
        results.print(roots_table(roots))
    results.print(documents_table(name, documents))


def index_verify(name: IndexName, as_json: AsJson = False) -> None:
    """Check every passage, every vector and the snapshot; exit 1 when something is wrong."""
    from ...retrieval.index.contents import verify_index
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
    kind: Annotated[
        str | None, typer.Option(help="Change the kind to flat, fp16, int8, hnsw or ivf.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Give back the disk space of what was removed, and write the snapshot anew."""
    from ...retrieval.index.manage import compact_index
    from ...retrieval.index.vectors.faiss_part import require_kind

    generation = compact_index(name, require_kind(kind) if kind is not None else None)
    show_facts({"index": name, "generation": generation}, as_json)


def index_export(
    name: IndexName,
    folder: Annotated[Path, typer.Argument(help="Folder in which corpus.jsonl is written.")],
    as_json: AsJson = False,
) -> None:
    """Write the documents as a BEIR corpus, from which the same index can be built."""
    from ...retrieval.index.contents import export_index

    show_facts({"index": name, "documents": export_index(name, folder), "folder": str(folder)}, as_json)


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
    from ...retrieval.index.contents import index_info as describe

    show_facts(asdict(describe(name)), as_json)
