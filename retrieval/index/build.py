"""Changing an index, with no more embedding than that takes.

Readers see the former generation until a change is whole. Killed and run again, a change goes on from the
last batch of vectors that was kept.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from random import Random
from struct import Struct
from typing import Any

from ..corpus.documents import Documents
from ..corpus.file_state import FileState
from ..corpus.reading import Corpus
from ..errors import BoundError, CorpusError, DuplicateIdError
from ..models.embedders import BATCH, Embedder, Progress, no_progress
from ..models.passage_precision import embedder_for_index
from ..passages import Document, Part, Passage
from ..storage.spool import Spool
from ..text.chunk_size import Chunking
from ..text.chunking import TITLE_SHARE, cut
from .changes import BuildReport, Changes, as_corpus, deletion, emptied, removal_notices, update_changes
from .embedding import EmbeddingEngine, InThisProcess, TextGroup
from .recipe import IndexRecipe, require_identity
from .schema import vector_key
from .store import Store
from .vectors.faiss_part import Kind
from .vectors.snapshot import Snapshot
from .writer import IndexWriter, KeyedPassage

COMMIT_BATCHES = 8
"""Batches of the embedder that are kept in one transaction: what a kill can cost."""
ASKED_AT_ONCE = 10_000
"""Keys of vectors that the database is asked for at once."""
IN_THIS_PROCESS = InThisProcess()


def build(
    folder: Path,
    documents: Iterable[Document] | Corpus,
    embedder: Embedder,
    chunking: Chunking | None = None,
    progress: Progress = no_progress,
    kind: Kind = "flat",
    *,
    fresh: bool = False,
    engine: EmbeddingEngine = IN_THIS_PROCESS,
) -> BuildReport:
    """Make the index in ``folder`` hold exactly these documents, cut and embedded as asked.

    Of a `Corpus` it remembers where each document came from. ``fresh`` throws away what is there first, whatever its
    state, and cuts and embeds everything.

    Raises:
        CorpusError: no documents. BoundError: the chunks do not fit the embedder, or the kind where the index lies.
        WriterBusyError: another process is writing this index. StorageError: the disk refused a write.
    """
    chunking = chunking or Chunking()
    corpus = as_corpus(documents)
    if not corpus.documents:
        raise CorpusError("no document to index: an empty index could answer nothing")
    _require_fit(chunking, embedder)
    with Store(folder).write(fresh=fresh, make=True) as writing:
        writing.require_kind(kind)
        embedder = embedder_for_index(embedder, writing.identity, corpus.documents.size)
        present = writing.hashes()
        removed = present.keys() - corpus.documents.sources.keys()
        sources = writing.origin().sources if removed else {}
        notices = removal_notices(emptied(corpus, sources, removed), sources)
        plan = _Plan(
            corpus=corpus,
            files=corpus.files,
            changes=Changes.between(present, corpus.documents, removed),
            notices=notices,
            recipe=IndexRecipe(embedder.identity, chunking),
            kind=kind,
            is_same_way=writing.made_by(embedder.identity, chunking, kind),
        )
        return _apply(writing, plan, embedder, progress, engine)


def update(
    folder: Path,
    documents: Iterable[Document] | Corpus,
    embedder: Embedder,
    progress: Progress = no_progress,
    *,
    prune: bool = False,
    engine: EmbeddingEngine = IN_THIS_PROCESS,
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
        embedder = embedder_for_index(embedder, recipe.identity, corpus.documents.size)
        require_identity(folder.name, recipe.identity, embedder.identity)
        present, noted = writing.hashes(), writing.files()
        changes, notices = update_changes(corpus, present, writing.origin(), noted, prune=prune)
        plan = _Plan(
            corpus=corpus,
            files=corpus.files_after(noted) if corpus.given else None,
            changes=changes,
            notices=notices,
            recipe=recipe,
            kind=kind,
            is_same_way=True,
        )
        return _apply(writing, plan, embedder, progress, engine)


def delete(folder: Path, ids: str | Iterable[str]) -> BuildReport:
    """Remove documents by id.

    Raises:
        CorpusError: an id that the index does not hold; nothing is removed then.
    """
    with Store(folder).write() as writing:
        changes = deletion(folder.name, writing.hashes(), ids)
        removed = changes.removed
        generation = writing.replace((), removed) if removed else writing.generation
        return BuildReport.of(changes, passages=writing.passage_count(), generation=generation)


def compact(folder: Path, kind: Kind | None = None) -> int:
    """Give back the space of what was removed, and publish the snapshot anew, of another kind if asked.

    Returns the new generation.
    """
    with Store(folder).write() as writing:
        generation = writing.replace((), (), kind=kind, anew=True)
        writing.compact()
        return generation


@dataclass(frozen=True)
class _Plan:
    """A change to an index, worked out, and how the index is made."""

    corpus: Corpus
    files: Mapping[str, FileState] | None
    """Those that the index is of then; ``None``: they, and where documents came from, stay as noted."""
    changes: Changes
    notices: Sequence[str]
    recipe: IndexRecipe
    kind: Kind
    is_same_way: bool
    """Whether the index was made so before: cut or embedded otherwise, even an unchanged document has new passages."""


def _apply(
    writing: IndexWriter, plan: _Plan, embedder: Embedder, progress: Progress, engine: EmbeddingEngine
) -> BuildReport:
    """Cut what is written, embed what is missing of it, batch by batch, then make everything visible at once."""
    kept = set(plan.changes.unchanged) if plan.is_same_way else set()
    cut_ones = _CutDocuments(plan.corpus.documents, kept)
    missing = cut_ones.cut(plan.recipe.chunking, embedder, writing)
    groups = (cut_ones.group(packed) for packed in _groups(missing))
    for group, vectors in engine.embed(embedder, groups, lambda done: progress(done, len(missing))):
        writing.add_vectors(group.keys, vectors)
    generation, origin = writing.generation, plan.corpus.origin if plan.files is not None else None
    leaving = plan.changes.leaving
    if cut_ones.ids or leaving or not plan.is_same_way:
        generation = writing.replace(
            cut_ones,
            [*leaving, *cut_ones.ids],
            recipe=plan.recipe,
            kind=plan.kind,
            origin=origin,
            files=plan.files,
        )
    elif origin is not None and plan.files is not None:
        writing.remember(origin, plan.files)
    return BuildReport.of(
        plan.changes,
        passages=writing.passage_count(),
        generation=generation,
        embedded=len(missing),
        notices=plan.notices,
        reading=plan.corpus.report,
    )


def _groups(texts: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Divide texts, the shortest first, into those that are embedded together and kept in one transaction.

    Short ones and long ones take turns, so that the time that is left can be told by how many there are.
    """
    step = BATCH * COMMIT_BATCHES
    begins = list(range(0, len(texts), step))
    Random(0).shuffle(begins)
    return (texts[begin : begin + step] for begin in begins)


class _CutDocuments:
    """The documents that are written to an index, in their order, each with its passages, which a spool holds."""

    def __init__(self, documents: Documents, kept: Collection[str]) -> None:
        """Take all documents of a corpus, and the ids of those that are not written."""
        self.ids = [id for id in documents.sources if id not in kept]
        self._documents = documents
        self._kept = kept
        self._passages: Spool[KeyedPassage] = Spool(_as_json, _as_passage)
        self._counts = array("I")
        """Of the passages of each document."""

    def cut(self, chunking: Chunking, embedder: Embedder, writing: IndexWriter) -> list[bytes]:
        """Cut all of them, and return what `group` takes for each text without a vector, the shortest texts first.

        Raises:
            DuplicateIdError: a document's id is the name that a piece of another document gets.
        """
        claimed = set[str]()
        missing: list[bytes] = []
        asked: dict[str, bytes] = {}
        for document in self._to_write():
            pieces = cut(document, chunking, embedder.offsets)
            self._counts.append(len(pieces))
            for passage in pieces:
                if len(pieces) > 1 and passage.id in self._documents.sources:
                    claimed.add(passage.id)
                key = vector_key(embedder.identity, passage.reading)
                place = self._passages.append((passage, key))
                asked[key] = _TEXT.pack(len(passage.reading), bytes.fromhex(key), place)
            if len(asked) >= ASKED_AT_ONCE:
                missing += map(asked.__getitem__, writing.missing_vectors(asked))
                asked.clear()
        missing += map(asked.__getitem__, writing.missing_vectors(asked))
        self._require_unique(claimed)
        missing.sort()
        return [next(alike) for _, alike in groupby(missing, key=lambda text: _TEXT.unpack(text)[:2])]

    def group(self, packed: Sequence[bytes]) -> TextGroup:
        """Return the keys and the texts of some of what `cut` returned."""
        found = [self._passages.at(_TEXT.unpack(text)[2]) for text in packed]
        return TextGroup([key for _, key in found], [passage.reading for passage, _ in found])

    def __iter__(self) -> Iterator[tuple[Document, list[KeyedPassage]]]:
        passages = iter(self._passages)
        for document, count in zip(self._to_write(), self._counts, strict=True):
            yield document, list(islice(passages, count))

    def _to_write(self) -> Iterator[Document]:
        return (document for document in self._documents if document.id not in self._kept)

    def _require_unique(self, claimed: Collection[str]) -> None:
        """Raise where a name of a piece that is a document's id, too, names a passage of that one."""
        owners: dict[str, str] = {}
        for passage, _ in self._passages if claimed else ():
            id, document = passage.id, passage.document_id
            if id in claimed and owners.setdefault(id, document) != document:
                raise DuplicateIdError(
                    f"passage id {id!r} would belong to documents {owners[id]!r} and {document!r}: rename one of them"
                )


_TEXT = Struct(">I32sQ")
"""A text that is to be embedded: its length, by which such texts are sorted, its key, and the place of its passage."""


def _as_json(item: KeyedPassage) -> list[Any]:
    passage, key = item
    parts = [[part.start, part.kind, part.number] for part in passage.parts]
    where = [passage.id, passage.document_id, passage.title, passage.text, passage.start, passage.end]
    return [*where, parts, key]


def _as_passage(value: list[Any]) -> KeyedPassage:
    id, document_id, title, text, start, end, parts, key = value
    parts_read = tuple(Part(*part) for part in parts)
    return Passage(id, document_id, title, text, start, end, parts=parts_read), key


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
