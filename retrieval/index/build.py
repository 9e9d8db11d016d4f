"""Changing an index, with no more embedding than that takes.

Readers see the former generation until a change is whole. Killed and run again, a change goes on from the
last batch of vectors that was kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ..corpus.file_state import FileState
from ..corpus.reading import Corpus
from ..errors import BoundError, CorpusError, DuplicateIdError
from ..models.embedders import BATCH, Embedder, Progress, no_progress
from ..passages import Document, Passage
from ..text.chunking import TITLE_SHARE, Chunking, cut
from .changes import BuildReport, Changes, as_corpus, deletion, emptied, removal_notices, update_changes
from .recipe import IndexRecipe, require_identity
from .schema import vector_key
from .store import Store
from .vectors.faiss_index import Kind
from .vectors.snapshot import Snapshot
from .writer import IndexWriter

COMMIT_BATCHES = 8
"""Batches of the embedder that are kept in one transaction: what a kill can cost."""


def build(
    folder: Path,
    documents: Iterable[Document] | Corpus,
    embedder: Embedder,
    chunking: Chunking | None = None,
    progress: Progress = no_progress,
    kind: Kind = "flat",
    *,
    fresh: bool = False,
) -> BuildReport:
    """Make the index in ``folder`` hold exactly these documents, cut and embedded as asked.

    Of a `Corpus` it remembers where each document came from. ``fresh`` throws away what is there first, whatever its
    state, and cuts and embeds everything.

    Raises:
        CorpusError: no documents. BoundError: the chunks do not fit the embedder.
        WriterBusyError: another process is writing this index. StorageError: the disk refused a write.
    """
    chunking = chunking or Chunking()
    corpus = as_corpus(documents)
    wanted = {document.id: document for document in corpus.documents}
    if not wanted:
        raise CorpusError("no document to index: an empty index could answer nothing")
    _require_fit(chunking, embedder)
    with Store(folder).write(fresh=fresh) as writing:
        present = writing.hashes()
        removed = present.keys() - wanted.keys()
        sources = writing.origin().sources
        notices = removal_notices(emptied(corpus, sources, removed), sources)
        changes = Changes.between(present, wanted, removed)
        same_way = writing.made_by(embedder.identity, chunking, kind)
        return _apply(
            writing, corpus, changes, notices, embedder, chunking, kind, same_way, progress, corpus.files
        )


def update(
    folder: Path,
    documents: Iterable[Document] | Corpus,
    embedder: Embedder,
    progress: Progress = no_progress,
    *,
    prune: bool = False,
) -> BuildReport:
    """Add these documents to an index, in place of those of the same ids.

    The others stay, except for those of a `Corpus` whose files say nothing any more. ``prune`` removes the others, too:
    of a `Corpus` those that came from below what was read, else every one.

    Raises:
        IdentityMismatchError: the index was made by another embedder.
        CorpusError, DuplicateIdError: see `departures`. WriterBusyError, StorageError: see `build`.
    """
    corpus = as_corpus(documents)
    with Store(folder).write() as writing:
        recipe, kind = IndexRecipe.read(writing.meta), Snapshot.read(writing.meta["snapshot"]).kind
        require_identity(folder.name, recipe.identity, embedder.identity)
        present, noted = writing.hashes(), writing.files()
        changes, notices = update_changes(corpus, present, writing.origin(), noted, prune=prune)
        files = corpus.files_after(noted) if corpus.given else None
        return _apply(
            writing, corpus, changes, notices, embedder, recipe.chunking, kind, True, progress, files
        )


def delete(folder: Path, ids: str | Iterable[str]) -> BuildReport:
    """Remove documents by id.

    Raises:
        CorpusError: an id that the index does not hold; nothing is removed then.
    """
    with Store(folder).write() as writing:
        changes = deletion(folder.name, writing.hashes(), ids)
        removed = changes.removed
        generation = writing.replace((), {}, removed) if removed else writing.generation
        return BuildReport.of(changes, passages=writing.passage_count(), generation=generation)


def compact(folder: Path, kind: Kind | None = None) -> int:
    """Give back the space of what was removed, and publish the snapshot anew, of another kind if asked.

    Returns the new generation.
    """
    with Store(folder).write() as writing:
        generation = writing.replace((), {}, (), kind=kind)
        writing.compact()
        return generation


def _apply(
    writing: IndexWriter,
    corpus: Corpus,
    changes: Changes,
    notices: Iterable[str],
    embedder: Embedder,
    chunking: Chunking,
    kind: Kind,
    same_way: bool,
    progress: Progress,
    files: Mapping[str, FileState] | None,
) -> BuildReport:
    """Embed what is missing, batch by batch, then make everything visible at once.

    ``files`` are those that the index is of then; ``None``: they, and where documents came from, stay as noted.
    """
    # Cut or embedded otherwise, even an unchanged document has new passages.
    kept = set(changes.unchanged) if same_way else set()
    written = list(
        {document.id: document for document in corpus.documents if document.id not in kept}.values()
    )
    passages = {document.id: cut(document, chunking, embedder.offsets) for document in written}
    _require_unique(passages)
    by_key = {
        vector_key(embedder.identity, passage.reading): passage
        for pieces in passages.values()
        for passage in pieces
    }
    missing = sorted(writing.missing_vectors(by_key), key=lambda key: (len(by_key[key].reading), key))
    step = BATCH * COMMIT_BATCHES
    for begin in range(0, len(missing), step):
        keys = missing[begin : begin + step]
        vectors = embedder.embed_passages(
            [by_key[key].reading for key in keys], _after(begin, len(missing), progress)
        )
        writing.add_vectors(keys, vectors)
    generation, origin = writing.generation, corpus.origin if files is not None else None
    if written or changes.leaving or not same_way:
        recipe = IndexRecipe(embedder.identity, chunking)
        generation = writing.replace(
            written, passages, changes.leaving, recipe=recipe, kind=kind, origin=origin, files=files
        )
    elif origin is not None and files is not None:
        writing.remember(origin, files)
    return BuildReport.of(
        changes,
        passages=writing.passage_count(),
        generation=generation,
        embedded=len(missing),
        notices=notices,
        reading=corpus.report,
    )


def _require_unique(passages: Mapping[str, Sequence[Passage]]) -> None:
    """Raise when a document's id is the name that a piece of another document gets."""
    owners: dict[str, str] = {}
    for document, pieces in passages.items():
        for passage in pieces:
            if owners.setdefault(passage.id, document) != document:
                raise DuplicateIdError(
                    f"passage id {passage.id!r} would belong to documents {owners[passage.id]!r} and {document!r}: "
                    "rename one of them"
                )


def _after(earlier: int, total: int, progress: Progress) -> Progress:
    """Count a batch's progress on top of what was done before it."""
    return lambda done, _: progress(earlier + done, total)


def _require_fit(chunking: Chunking, embedder: Embedder) -> None:
    """Check that title, text, prefix and special tokens of the largest passage fit the embedder."""
    identity = embedder.identity
    room = identity.max_tokens - len(embedder.offsets(identity.passage_prefix)) - 4
    most = int(room / (1 + TITLE_SHARE))
    if chunking.tokens > most:
        raise BoundError(
            f"a chunk of {chunking.tokens} tokens does not fit {identity.model}, which reads {identity.max_tokens} tokens "
            f"with title and prefix: use at most {most}"
        )
