"""The documents of a corpus, of which memory holds the ids alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import CorpusError
from ..passages import Document, Part
from ..storage.spool import Mark, Spool


class Documents:
    """Documents in the order in which they were read, each with where it stands; read anew from a spool at every turn.

    Example:
        >>> from quincunx.retrieval.corpus.documents import Documents
        >>> documents = Documents()
        >>> documents.append(quincunx.Document("tea", "Tea", "Tea is served at four."))
        >>> len(documents), [document.text for document in documents]
        (1, ['Tea is served at four.'])
    """

    def __init__(self) -> None:
        self.sources: dict[str, str] = {}
        """The file of each document by its id, in their order; empty for one that was handed over without a file."""
        self._spool: Spool[tuple[Document, str]] = Spool(_written, _read)

    def append(self, document: Document, source: str = "", place: str = "") -> None:
        """Add a document, whose id must be a new one; ``place`` is where in its file it stands.

        Raises:
            CorpusError: its metadata are no JSON values. StorageError: the temporary folder does not take it.
        """
        try:
            self._spool.append((document, place))
        except (TypeError, ValueError, RecursionError) as error:
            where = f"{place or source}: " if source else ""
            raise CorpusError(
                f"{where}the metadata of document {document.id!r} are no JSON values ({error}): leave that field out, or "
                "make it text"
            ) from error
        self.sources[document.id] = source

    def place(self, id: str) -> str:
        """Return where a document stands, as exactly as it is known."""
        exactly = next(place for document, place in self._spool if document.id == id)
        return exactly or self.sources[id]

    @property
    def size(self) -> int:
        """Bytes of them all, metadata included, written as JSON."""
        return self._spool.mark()[0]

    def mark(self) -> Mark:
        """Return how far they go now."""
        return self._spool.mark()

    def cut_back(self, mark: Mark) -> None:
        """Forget what was added since a mark."""
        self._spool.cut_back(mark)
        while len(self.sources) > len(self._spool):
            self.sources.popitem()

    def __iter__(self) -> Iterator[Document]:
        return (document for document, _ in self._spool)

    def __len__(self) -> int:
        return len(self._spool)


def _written(item: tuple[Document, str]) -> list[Any]:
    document, place = item
    parts = [[part.start, part.kind, part.number] for part in document.parts]
    return [document.id, document.title, document.text, document.metadata, document.headed, parts, place]


def _read(written: list[Any]) -> tuple[Document, str]:
    id, title, text, metadata, headed, parts, place = written
    return Document(id, title, text, metadata, headed, tuple(Part(*part) for part in parts)), place
