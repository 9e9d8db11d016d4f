"""An index as it is searched: the current generation, loaded once and swapped when a writer publishes another."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from cachetools import LRUCache

from ..errors import IndexStateError, UnknownFieldError
from ..filters import Filter, unknown_fields
from ..metadata import Path as FieldPath
from ..metadata import path_text
from ..models.embedders import EmbedderIdentity, Vectors
from ..neighbours import DocumentPassages
from ..passages import Passage
from ..processes import Lock
from ..spelling import did_you_mean
from ..text.words import searched_words, side_by_side
from .lexical import bm25
from .lexical.vocabulary import Vocabulary
from .reader import IndexReader
from .recipe import require_identity
from .schema import IndexChangedError
from .store import Store
from .tables.names import NamedPassages
from .vectors.faiss_part import Numbers, VectorPart
from .vectors.vector_index import SearchedVectors, VectorIndex

logger = logging.getLogger(__name__)

FIELDS_LISTED = 30
"""Most fields that a message lists."""
FILTERS_KEPT = 64
"""Filters whose passages are remembered, for each generation."""


@dataclass
class _Loaded:
    """What is kept of a generation between searches."""

    state: tuple[str, int]
    """Of the store and its generation."""
    index: SearchedVectors
    notes: tuple[str, ...]
    fields: list[FieldPath]
    parts: Mapping[str, VectorPart]
    """Those of the index by the names of their files, which the next generation may have, too."""
    numbers_by_filter: LRUCache[str, Numbers] = field(default_factory=lambda: LRUCache(FILTERS_KEPT))
    """The numbers of the passages that a filter accepts, by its text."""
    _vocabulary: Vocabulary | None = None

    def vocabulary(self, reading: IndexReader) -> Vocabulary:
        """Return the words of the generation, which are read when they are first asked for."""
        if self._vocabulary is None:
            self._vocabulary = Vocabulary.read(reading.connection)
        return self._vocabulary


class OpenIndex:
    """Gives every search one whole generation; safe to share across threads."""

    def __init__(self, folder: Path, identity: EmbedderIdentity) -> None:
        self.name = folder.name
        self._identity = identity
        self._store = Store(folder)
        self._lock = Lock(interrupted=self._forget)
        self._loaded: _Loaded | None = None
        with self.view():
            pass

    @contextmanager
    def view(self, where: Filter | None = None) -> Iterator[View]:
        """Give one generation for one search, of the passages alone that a filter accepts.

        Raises:
            IdentityMismatchError: the index is made by another embedder than the one asked to search it.
            IndexStateError: the database cannot be read. IndexChangedError: it was changed meanwhile; ask again.
        """
        try:
            with self._store.read() as reading:
                with self._lock:
                    if self._loaded is None or self._loaded.state != reading.state:
                        made_by = reading.identity
                        # Questions are in float32, whatever the passages were embedded in.
                        asking = replace(self._identity, precision=made_by.precision)
                        require_identity(self.name, made_by, asking)
                        self._loaded = self._load(reading)
                    loaded = self._loaded
                yield View(self.name, reading, loaded, self._allowed(reading, loaded, where))
        except IndexChangedError:
            self._forget()  # it may have been loaded of two states
            raise

    def _forget(self) -> None:
        self._loaded = None

    def _allowed(self, reading: IndexReader, loaded: _Loaded, where: Filter | None) -> Numbers | None:
        if where is None:
            return None
        key, kept = str(where), loaded.numbers_by_filter
        with self._lock:
            numbers = kept.get(key)
        if numbers is None:
            numbers = reading.matching(where, loaded.index.numbers)
            with self._lock:
                kept[key] = numbers
        return numbers

    def _load(self, reading: IndexReader) -> _Loaded:
        try:
            index, parts = reading.load_vectors({} if self._loaded is None else self._loaded.parts)
            return _Loaded(reading.state, index, (), reading.fields(), parts)
        except IndexStateError as error:
            [(numbers, vectors)] = reading.vectors(sys.maxsize)
            index = VectorIndex.make(numbers, vectors, reading.snapshot.kind)
            with self._store.read() as latest:
                if latest.state != reading.state:
                    # Two writers have published since this search began: its snapshot is gone, and rightly so.
                    return _Loaded(reading.state, index, (), reading.fields(), {})
            note = (
                f"index {self.name!r}: {error}. Its vectors were read from the database instead; "
                f"`quincunx index compact {self.name}` writes the snapshot anew"
            )
            logger.warning(note)
            return _Loaded(reading.state, index, (note,), reading.fields(), {})


class View:
    """One generation of one index, during one search."""

    def __init__(self, name: str, reading: IndexReader, loaded: _Loaded, allowed: Numbers | None) -> None:
        """``allowed``: the numbers of the only passages that the stages look at; ``None`` for all."""
        self.name = name
        self.generation = reading.generation
        self.notes = (*reading.notes, *loaded.notes)
        self.fields = loaded.fields
        """The paths of the metadata's fields."""
        self._reader = reading
        self._loaded = loaded
        self._vectors = loaded.index.by(reading.connection)
        self._terms_by_word: dict[str, bm25.Term] = {}
        self._near_by_question: dict[str, dict[str, list[str]]] = {}
        self._allowed = allowed

    def dense(self, question: Vectors, limit: int) -> list[tuple[int, float]]:
        """Return (number, cosine) of the nearest passages, best first; ties with the last are in."""
        return self._vectors.best(question, limit, self._allowed)

    def lexical(self, question: str, limit: int) -> list[tuple[int, float]]:
        """Return (number, score) of the passages that share a word, best first; ties with the last are in."""
        passages = len(self._vectors.numbers)
        return self._reader.lexical.best(self._terms(question), limit, passages, self._allowed)

    def lexical_scores(self, question: str, numbers: Sequence[int]) -> dict[int, float]:
        """Return the lexical score of those of these passages that share a word with the question."""
        return self._reader.lexical.scores(self._terms(question), numbers)

    def proximities(self, question: str, numbers: Sequence[int]) -> dict[int, float]:
        """Return, over 0 to 1, how near the question's neighbouring words stand to each other in those of these passages where
        any do.
        """
        near = self.near_words(question)
        found = [
            (self._term(near.get(word, [word])[0]), self._term(near.get(other, [other])[0]))
            for word, other in side_by_side(question)
        ]
        pairs = [(one, other) for one, other in found if one.passages and other.passages]
        return bm25.proximities(self._reader.lexical, pairs, numbers, len(self._vectors.numbers))

    def lexical_bound(self, question: str) -> float:
        """Return what no passage's lexical score for the question can pass."""
        return bm25.upper_bound(self._terms(question), len(self._vectors.numbers))

    def near_words(self, question: str) -> dict[str, list[str]]:
        """Return what was searched for in place of each word of the question that stands nowhere in the index."""
        if question not in self._near_by_question:
            self._near_by_question[question] = {
                word: near
                for word in searched_words(question)
                if not self._term(word).passages
                and (
                    near := self._loaded.vocabulary(self._reader).near(
                        word, lambda word: self._term(word).passages
                    )
                )
            }
        return self._near_by_question[question]

    def _term(self, word: str) -> bm25.Term:
        if word not in self._terms_by_word:
            self._terms_by_word[word] = self._reader.lexical.term(word)
        return self._terms_by_word[word]

    def _terms(self, question: str) -> list[bm25.Term]:
        """Return what the lexical stage looks for: the words of the question, or those near them where the index has none."""
        near = self.near_words(question)
        words = dict.fromkeys(name for word in searched_words(question) for name in near.get(word, [word]))
        return [term for term in map(self._term, words) if term.passages]

    def named(self, question: str) -> NamedPassages:
        """Return the passages whose documents the question names, of those alone that are searched."""
        found = self._reader.named_in(question)
        if self._allowed is None or not (found.own or found.others):
            return found
        allowed = frozenset(self._allowed.tolist())
        return NamedPassages(found.own & allowed, found.others & allowed)

    def passages(self, numbers: Sequence[int]) -> dict[int, Passage]:
        """Return the passages of these numbers."""
        return self._reader.passages(numbers)

    def cut_documents(self, document_ids: Sequence[str]) -> dict[str, DocumentPassages]:
        """Return documents as they were cut, by id."""
        return self._reader.cut_documents(document_ids)

    def vectors(self, numbers: Sequence[int]) -> Vectors:
        """Return the vectors of these passages, shape (numbers, dims)."""
        return self._vectors.vectors(numbers)


def require_fields(where: Filter, views: Sequence[View]) -> None:
    """Raise `UnknownFieldError` for a filter's field that no document of these indexes has, unless it is optional."""
    known = {path for view in views for path in view.fields}
    unknown = unknown_fields(where, known)
    if not unknown:
        return
    name, names = str(unknown[0]), sorted(map(path_text, known))
    alike = next((other for other in names if other.casefold() == name.casefold()), None)
    like = f". Did you mean {alike!r}?" if alike else did_you_mean(name, names) or "."
    some = [*names[:FIELDS_LISTED], *["…"] * (len(names) > FIELDS_LISTED)]
    raise UnknownFieldError(
        f"unknown field {name!r}; known in {'+'.join(view.name for view in views)}: {', '.join(some) or 'none'}{like} "
        f"One that documents may lack altogether is written with a question mark: {name}?"
    )
