"""Making an index say what a set of documents says, with no more embedding than that takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .chunking import TITLE_SHARE, Chunking, cut
from .embedders import BATCH, Embedder, Progress, no_progress
from .errors import BoundError, CorpusError
from .passages import Document
from .store import Store, vector_key

COMMIT_BATCHES = 8
"""Batches of the embedder that are kept in one transaction: what a kill can cost."""


@dataclass(frozen=True)
class BuildReport:
    """What a build changed. Documents first, then what it took."""

    added: int
    changed: int
    unchanged: int
    removed: int
    passages: int
    """Passages in the index afterwards."""
    embedded: int
    """Texts that were embedded; the others' vectors were there already."""
    generation: int


def build(
    folder: Path,
    documents: Iterable[Document],
    embedder: Embedder,
    chunking: Chunking | None = None,
    progress: Progress = no_progress,
) -> BuildReport:
    """Make the index in ``folder`` hold exactly these documents.

    Readers see the former generation until the new one is whole. Killed and run again, a build goes on
    from the last batch that was kept.

    Raises:
        CorpusError: no documents. BoundError: the chunk size does not fit the embedder.
        WriterBusyError: another process is writing this index.
    """
    chunking = chunking or Chunking()
    wanted = {document.id: document for document in documents}
    if not wanted:
        raise CorpusError("no document to index: an empty index could answer nothing")
    _require_fit(chunking, embedder)
    passages = {id: cut(document, chunking, embedder.offsets) for id, document in wanted.items()}
    texts = {
        vector_key(embedder.identity, passage.reading): passage.reading
        for pieces in passages.values()
        for passage in pieces
    }
    with Store(folder).write() as writing:
        present = writing.documents()
        missing = sorted(writing.missing_vectors(texts), key=lambda key: (len(texts[key]), key))
        step = BATCH * COMMIT_BATCHES
        for begin in range(0, len(missing), step):
            keys = missing[begin : begin + step]
            vectors = embedder.embed_passages(
                [texts[key] for key in keys], _after(begin, len(missing), progress)
            )
            writing.add_vectors(keys, vectors)
        removed = present.keys() - wanted.keys()
        unchanged = {id for id in present.keys() & wanted.keys() if present[id] == wanted[id]}
        # Cut or embedded otherwise, even an unchanged document has new passages.
        same_way = writing.made_by(embedder.identity, chunking)
        written = [document for id, document in wanted.items() if not (same_way and id in unchanged)]
        generation = writing.replace(embedder.identity, chunking, written, passages, removed)
    return BuildReport(
        added=len(wanted.keys() - present.keys()),
        changed=len(wanted.keys() & present.keys()) - len(unchanged),
        unchanged=len(unchanged),
        removed=len(removed),
        passages=sum(len(pieces) for pieces in passages.values()),
        embedded=len(missing),
        generation=generation,
    )


def _after(earlier: int, total: int, progress: Progress) -> Progress:
    """Count a batch's progress on top of what was done before it."""
    return lambda done, _: progress(earlier + done, total)


def _require_fit(chunking: Chunking, embedder: Embedder) -> None:
    """Check that title, text, prefix and special tokens of the largest passage fit the embedder."""
    identity = embedder.identity
    room = identity.max_tokens - len(embedder.offsets(identity.passage_prefix)) - 4
    most = int(room / (1 + TITLE_SHARE))
    if chunking.size > most:
        raise BoundError(
            f"chunk size {chunking.size} does not fit {identity.model}, which reads {identity.max_tokens} tokens "
            f"with title and prefix: use at most {most}"
        )
