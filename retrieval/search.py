"""One question through every stage: dense and lexical → fused k → rerank → the n that are kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from .errors import BoundError
from .fusion import Hit, fuse, ranks, z_scores
from .index.schema import IndexChangedError
from .index.view import OpenIndex, View, require_fields
from .models.cache import CachedReranker, unwrapped
from .models.embedders import MOST_UNREAD, Embedder, Vectors
from .models.precision.choice import PrecisionReport
from .models.rerankers import Reranker, Scores
from .neighbours import DocumentPassages, with_neighbours
from .passages import Candidate, Passage
from .processes import after_fork_in_child
from .settings import SearchSettings, require_settings
from .text.questions import question_parts, require_question

SPECIAL_TOKENS = 4
"""Tokens that an embedder may put around a text."""
LEXICAL_THREADS = 8
"""Most lexical stages of one `Searcher` at a time."""
READ_AGAIN, PAUSE_S = 20, 0.05
"""How often a search begins anew on an index that changed meanwhile, and seconds between."""


@dataclass(frozen=True)
class SearchResult:
    """What one search found, and where each stage had it."""

    question: str
    generations: Mapping[str, int]
    """The generation of each index that answered, whole, by name."""
    candidates: tuple[Candidate, ...]
    """At most k, in final order."""
    dense: tuple[Passage, ...]
    """The dense stage's own order of the question, as deep as the fusion looked."""
    lexical: tuple[Passage, ...]
    """The lexical stage's own order, likewise; shorter when fewer share a word with the question."""
    n: int
    neighbours: int = 0
    """Passages before and after each that is kept that are given with it."""
    documents: Mapping[str, DocumentPassages] = field(default_factory=dict, repr=False)
    """The document of each candidate, by the passage's id, where neighbours are given."""
    notes: tuple[str, ...] = ()
    """What did not go as usual, such as a damaged snapshot that was made good."""
    queries: tuple[str, ...] = ()
    """What was searched for beside the question."""
    near_words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By word of the question that stands nowhere in the index: the words near it that were searched for instead."""
    remembered: int = field(default=0, compare=False)
    """Of the candidates, how many had a score that the reranker remembered."""
    precision: PrecisionReport | None = field(default=None, compare=False)
    """What the cross-encoder computed in, how fast that is here and how true; ``None`` where none reranked."""
    seconds: Mapping[str, float] = field(default_factory=dict, compare=False)
    """How long each stage took: ``embed``, ``dense``, ``lexical`` (which runs beside those two), ``fuse``,
    ``rerank``."""
    begun: Mapping[str, float] = field(default_factory=dict, compare=False, repr=False)
    """When each of them began, on the clock of `time.perf_counter`."""

    @property
    def passages(self) -> tuple[Passage, ...]:
        """The n that are kept, in final order, with their neighbours."""
        kept = [candidate.passage for candidate in self.candidates[: self.n]]
        return tuple(with_neighbours(kept, self.documents, self.neighbours) if self.neighbours else kept)


class Searcher:
    """Searches one or several indexes with one pair of models; safe to share across threads.

    Of several indexes the dense and the lexical hits are merged by score, and ids become ``index/id``.
    """

    def __init__(self, folders: Path | Sequence[Path], embedder: Embedder, reranker: Reranker | None) -> None:
        folders = [folders] if isinstance(folders, Path) else list(folders)
        if not folders:
            raise BoundError("no index to search: name at least one")
        self._indexes = [OpenIndex(folder, embedder.identity) for folder in folders]
        self._embedder = embedder
        self._reranker = reranker
        self._start_pool()
        after_fork_in_child(self._start_pool)

    def _start_pool(self) -> None:
        # The lexical stage needs no vector: it runs while the question is embedded and the vectors are searched.
        self._lexical_pool = ThreadPoolExecutor(LEXICAL_THREADS, thread_name_prefix="quincunx-lexical")

    @property
    def reranker(self) -> str | None:
        """Name of the second-stage model; ``None`` where there is none."""
        return None if self._reranker is None else self._reranker.name

    @property
    def precision(self) -> PrecisionReport | None:
        """What the second-stage model computes in; ``None`` where it is no cross-encoder on this machine."""
        found: PrecisionReport | None = getattr(unwrapped(self._reranker), "precision", None)
        return found

    def generations(self) -> dict[str, int]:
        """Return the generation that each index has now, by name."""
        with ExitStack() as stack:
            views = [stack.enter_context(index.view()) for index in self._indexes]
            return {view.name: view.generation for view in views}

    def search(
        self, question: str, settings: SearchSettings | None = None, queries: Sequence[str] = ()
    ) -> SearchResult:
        """Search for a question, and for further ``queries`` that ask for parts of it.

        Every query has a dense and a lexical order of its own, and all of them are fused; what the stages score
        and the reranker reads is the question. A candidate's dense and lexical rank is its best over the queries.
        What is longer than the embedder reads is searched for by its parts, each like a query, and a note says so; the
        question's scores are then the best of its parts', and its rerank scores their mean.

        Raises:
            EmptyQuestionError: nothing to search for. BoundError: a question of more parts than `MOST_PARTS`.
            UnknownFieldError: the filter names a field that no document of the indexes has.
            IdentityMismatchError: the index was rebuilt meanwhile with another embedder.
            WriterBusyError: it changes all the time, and there is no right to write it; see `index.sqlite.access`.
        """
        settings = require_settings(settings)
        asked = list(dict.fromkeys(require_question(query) for query in [question, *queries]))
        for _ in range(READ_AGAIN):
            try:
                return self._search(asked, settings)
            except IndexChangedError:
                time.sleep(PAUSE_S)  # a writer is at work where nothing can be locked
        return self._search(asked, settings)

    def _search(self, asked: list[str], settings: SearchSettings) -> SearchResult:
        clock = _Clock()
        depth = max(settings.k, settings.depth)
        parts = [self._parts(query) for query in asked]
        own, texts = len(parts[0]), [part for query in parts for part in query]
        dense: list[list[Hit]] = [[] for _ in texts]
        lexical: list[list[Hit]] = [[] for _ in texts]

        def find_lexical() -> None:
            with clock.stage("lexical"):
                lexical[:] = [_lexical_hits(views, text, depth) for text in texts]

        with ExitStack() as stack:
            views = [stack.enter_context(index.view(settings.where)) for index in self._indexes]
            if settings.where is not None:
                require_fields(settings.where, views)
            lexical_work: list[Future[None]] = []
            stack.callback(wait, lexical_work)  # it must not outlive the views
            if settings.lexical_weight:
                lexical_work.append(self._lexical_pool.submit(find_lexical))
            with clock.stage("embed"):
                vectors = self._embedder.embed_questions(texts)
            if settings.dense_weight:
                with clock.stage("dense"):
                    dense = [_dense_hits(views, vectors[i : i + 1], depth) for i in range(len(texts))]
            for future in lexical_work:
                future.result()
            unread = self._embedder.unread(asked[0])
            blind = unread > MOST_UNREAD and any(lexical)
            if blind:
                settings, dense = replace(settings, dense_weight=0.0, rerank=False), [[] for _ in texts]
            with clock.stage("fuse"):
                near = _near_words(views, texts) if settings.lexical_weight else {}
                by_name: list[Hit] = []
                signs: dict[str, int] = {}
                if settings.name_weight:
                    by_name, signs = _named(views, parts[0], vectors[0], [*dense, *lexical], depth)
                candidates = fuse(texts, own, vectors, dense, lexical, settings, by_name, signs)
            documents = {}
            if settings.neighbours:
                documents = _cut_documents(candidates, [*dense, *lexical, by_name])
        with clock.stage("rerank"):
            candidates, remembered = self._rerank(parts[0], candidates, settings)
        return SearchResult(
            question=asked[0],
            generations={view.name: view.generation for view in views},
            candidates=tuple(candidates),
            dense=tuple(hit.passage for hit in _merged(dense[:own])),
            lexical=tuple(hit.passage for hit in _merged(lexical[:own])),
            n=settings.n,
            neighbours=settings.neighbours,
            documents=documents,
            notes=(
                *(note for view in views for note in view.notes),
                *(self._long_note(query) for query in parts if len(query) > 1),
                *([self._blind_note(unread)] if blind else []),
            ),
            near_words=near,
            queries=tuple(asked[1:]),
            remembered=remembered,
            precision=self.precision if settings.rerank and candidates else None,
            seconds=clock.seconds,
            begun=clock.begun,
        )

    def _parts(self, query: str) -> list[str]:
        identity = self._embedder.identity
        room = identity.max_tokens - len(self._embedder.offsets(identity.question_prefix)) - SPECIAL_TOKENS
        return question_parts(query, room, self._embedder.offsets)

    def _long_note(self, parts: Sequence[str]) -> str:
        identity = self._embedder.identity
        return (
            f"a question of {sum(map(len, parts))} characters is more than {identity.model} reads at once "
            f"({identity.max_tokens} tokens): it was searched for by its {len(parts)} parts"
        )

    def _blind_note(self, unread: float) -> str:
        return (
            f"{self._embedder.identity.model} has no token for {unread:.0%} of the question's letters: the passages are in the "
            "order of the lexical stage alone"
        )

    def _rerank(
        self, question: Sequence[str], candidates: list[Candidate], settings: SearchSettings
    ) -> tuple[list[Candidate], int]:
        """Put the candidates into final order, with the reranker's opinion of each part of the question.

        And say how many of its scores were remembered.
        """
        if not candidates:
            return [], 0
        reranker = self._reranker
        if reranker is None or not settings.rerank:
            return [replace(candidate, final_rank=candidate.fused_rank) for candidate in candidates], 0
        ids = [candidate.passage.id for candidate in candidates]
        readings = [candidate.passage.reading for candidate in candidates]
        scored = [_scores(reranker, part, readings) for part in question]
        scores = np.mean([by_part for by_part, _ in scored], axis=0)
        remembered = sum(hits for _, hits in scored) // len(question)
        rerank_ranks = ranks(scores, ids)
        final_ranks = rerank_ranks
        if settings.final == "combined":
            fused = z_scores([candidate.fused_score for candidate in candidates])
            named = settings.name_weight * np.array([candidate.named for candidate in candidates])
            final_ranks = ranks(fused + settings.rerank_weight * z_scores(scores) + named, ids)
        placed = [
            replace(candidate, rerank_rank=rerank_rank, rerank_score=float(score), final_rank=final_rank)
            for candidate, rerank_rank, score, final_rank in zip(
                candidates, rerank_ranks, scores, final_ranks, strict=True
            )
        ]
        return sorted(placed, key=lambda candidate: candidate.final_rank or 0), remembered


class _Clock:
    """Times stages."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.begun: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        begin = self.begun[name] = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - begin


def _scores(reranker: Reranker, question: str, readings: Sequence[str]) -> tuple[Scores, int]:
    """Return the reranker's scores, and how many of them it remembered."""
    if isinstance(reranker, CachedReranker):
        return reranker.score_and_hits(question, readings)
    return reranker.score(question, readings), 0


def _dense_hits(views: Sequence[View], vector: Vectors, depth: int) -> list[Hit]:
    return _hits_of_all(views, lambda view: view.dense(vector, depth))[:depth]


def _lexical_hits(views: Sequence[View], query: str, depth: int) -> list[Hit]:
    return _hits_of_all(views, lambda view: view.lexical(query, depth))[:depth]


def _merged(found: Sequence[Sequence[Hit]]) -> list[Hit]:
    """Return the hits of all parts of a question, each at its best; best first, ties by id."""
    best: dict[str, Hit] = {}
    for hit in sorted((hit for hits in found for hit in hits), key=lambda hit: -hit.score):
        best.setdefault(hit.passage.id, hit)
    return sorted(best.values(), key=lambda hit: (-hit.score, hit.passage.id))


def _near_words(views: Sequence[View], texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    near: dict[str, tuple[str, ...]] = {}
    for view in views:
        for text in texts:
            for word, words in view.near_words(text).items():
                near[word] = tuple(dict.fromkeys([*near.get(word, ()), *words]))
    return near


def _named(
    views: Sequence[View],
    question: Sequence[str],
    vector: Vectors,
    found: Sequence[Sequence[Hit]],
    depth: int,
) -> tuple[list[Hit], dict[str, int]]:
    """Return what the question finds by a name alone, nearest first, and by id 1 or -1 for each passage that names bear on.

    Args:
        question: in its parts.
        vector: of its first part, shape (dims,).
        found: by the stages.
        depth: most passages of an index that are found by name.
    """
    by_name: list[Hit] = []
    signs: dict[str, int] = {}
    for view in views:
        named = [view.named(part) for part in question]
        own = frozenset[int]().union(*(each.own for each in named))
        others = frozenset[int]().union(*(each.others for each in named)) - own
        met = {hit.number: hit.passage.id for hits in found for hit in hits if hit.view is view}
        missing = sorted(own - met.keys())
        if missing:
            cosines = view.vectors(missing) @ vector
            nearest = [missing[place] for place in np.argsort(-cosines, kind="stable")[:depth]]
            hits = list(_hits(view, [(number, 0.0) for number in nearest], several=len(views) > 1))
            by_name += hits
            met |= {hit.number: hit.passage.id for hit in hits}
        signs |= {met[number]: 1 for number in own & met.keys()}
        signs |= {met[number]: -1 for number in others & met.keys()}
    return by_name, signs


def _cut_documents(
    candidates: Sequence[Candidate], found: Sequence[Sequence[Hit]]
) -> dict[str, DocumentPassages]:
    """Return the document of each candidate, by the passage's id."""
    wanted = {candidate.passage.id for candidate in candidates}
    hits = {hit.passage.id: hit for hits in found for hit in hits if hit.passage.id in wanted}
    documents: dict[str, DocumentPassages] = {}
    for view in {id(hit.view): hit.view for hit in hits.values()}.values():
        own = {id: hit.passage.document_id for id, hit in hits.items() if hit.view is view}
        cut = view.cut_documents(list(dict.fromkeys(own.values())))
        documents |= {id: cut[document_id] for id, document_id in own.items()}
    return documents


def _hits_of_all(views: Sequence[View], find: Callable[[View], Sequence[tuple[int, float]]]) -> list[Hit]:
    """Run one stage over all indexes; best first, ties by id."""
    hits = [hit for view in views for hit in _hits(view, find(view), several=len(views) > 1)]
    return sorted(hits, key=lambda hit: (-hit.score, hit.passage.id))


def _hits(view: View, found: Sequence[tuple[int, float]], *, several: bool) -> Iterator[Hit]:
    """Yield what was found in an index with its passages, whose ids tell ``several`` indexes apart."""
    passages = view.passages([number for number, _ in found])
    for number, score in found:
        passage = passages[number]
        yield Hit(
            view, number, replace(passage, id=f"{view.name}/{passage.id}") if several else passage, score
        )
