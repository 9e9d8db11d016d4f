"""A run that searches for every question of a gold set and keeps where each stage had the gold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ...retrieval.index.build import build
from ...retrieval.index.store import Store
from ...retrieval.models.embedders import Progress, no_progress
from ...retrieval.models.profiles import DEFAULT_PROFILE, shared_embedder, shared_reranker
from ...retrieval.passages import Passage
from ...retrieval.search import Searcher, SearchResult
from ...retrieval.settings import SearchSettings
from ...retrieval.storage.home import gold_index_folder, require_index
from ...retrieval.text.chunk_size import Chunking
from ..goldsets.goldset import GoldQuestion, GoldSet
from .folder import fingerprint, run_folder, run_name, same_run
from .gold_fingerprint import gold_fingerprint
from .ledger import RunLedger
from .look_counter import count_look_of_run
from .revision import commit
from .runner import ExampleResult, RowWatch, no_watch, run_examples

SEED = 0
"""Of the resamples that intervals and tests draw."""


@dataclass(frozen=True)
class RetrievalSetup:
    """Which index a run searches, with what."""

    gold: GoldSet
    profile: str = DEFAULT_PROFILE
    settings: SearchSettings = field(default_factory=SearchSettings)
    chunking: Chunking | None = None
    """How the gold set's corpus is cut for its own index; the defaults if left out."""
    index: str | None = None
    """An index of the home folder to search instead; its documents must bear the ids that the gold names."""

    def folder(self, progress: Progress = no_progress) -> Path:
        """Return the folder of the index, built from the gold set's corpus unless it is one of the home folder.

        The built one is kept in the home folder for the next time.
        """
        if self.index is not None:
            return require_index(self.index)
        name = self.gold.folder.name
        where = short_hash(str(self.gold.folder.resolve()), self.profile, asdict(self.chunking or Chunking()))
        folder = gold_index_folder(f"{name}-{where}")
        build(folder, self.gold.documents, shared_embedder(self.profile), self.chunking, progress)
        return folder


def short_hash(*values: Any) -> str:
    """Return a short name that stands for some JSON values."""
    return fingerprint(list(values))[:12]


def run_retrieval(
    setup: RetrievalSetup,
    *,
    out: Path | None = None,
    fork: bool = False,
    workers: int = 1,
    index_progress: Progress = no_progress,
    watch: RowWatch = no_watch,
) -> RunLedger:
    """Search for every judged question, or go on with the run that is there; returns the run, open and complete.

    Args:
        setup: what is searched, with what.
        out: the run's folder; by default one in the home folder, named after what is run, so that the same call
            goes on with it and another configuration gets another.
        fork: begin a new run beside the one that is there.
        workers: how many questions at once.
        index_progress: called with (done, total) documents while the index is built.
        watch: called with (done, total, row) after every committed row.

    Raises:
        RunMismatchError: the folder holds a run of another configuration.
        IdentityMismatchError, UnknownIndexError: see `Searcher`.
    """
    folder = setup.folder(index_progress)
    searcher = Searcher(folder, shared_embedder(setup.profile), shared_reranker(setup.profile))
    header = run_header("retrieval", setup, folder, searcher)
    questions = setup.gold.judged
    run = RunLedger.begin(out or default_folder(header), header, questions, fork=fork)
    try:
        count_look_of_run(run.folder, setup.gold)
        locator = GoldLocator(folder)
        run_examples(
            run, lambda question: _search(searcher, setup, locator, question), workers=workers, watch=watch
        )
    except BaseException:
        run.close()
        raise
    return run


def run_header(kind: str, setup: RetrievalSetup, folder: Path, searcher: Searcher) -> dict[str, Any]:
    """Return what a run's header says of data, index, models and settings."""
    gold, settings = setup.gold, setup.settings
    store = Store(folder)
    try:
        with store.read() as reading:
            index = {
                "name": setup.index or f"gold set {gold.folder.name}",
                "generation": reading.generation,
                "snapshot": reading.snapshot.sha256,
                "passages": reading.counts()[1],
                "chunking": asdict(reading.chunking),
            }
            identity = reading.identity.as_dict()
    finally:
        store.close()
    if setup.index is None:
        del index["generation"]  # counts how often the same index was brought up to date
    return {
        "kind": kind,
        "begun": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "commit": commit(),
        "quincunx": version("quincunx"),
        "data": {"name": gold.folder.name, "split": gold.split, "questions": gold_fingerprint(gold)},
        "index": index,
        "models": {"profile": setup.profile, "embedder": identity, "reranker": searcher.reranker},
        "precision": None if searcher.precision is None else searcher.precision.as_dict(),
        "search": settings.as_dict(),
        "seed": SEED,
    }


def default_folder(header: Mapping[str, Any]) -> Path:
    """Return the folder under the home folder that is named after what is run."""
    same = same_run(header)
    what = header.get("program", header["kind"])
    data = header["data"]
    return run_folder(run_name(what, data["name"], data["split"], unique=fingerprint(same)[:8]))


def search_text(question: GoldQuestion) -> str:
    """Return what a question is searched for by: one after a conversation, joined to the question before it."""
    return " ".join([*(turn["question"] for turn in question.history[-1:]), question.text])


class GoldLocator:
    """Which passages of an index hold which gold; safe to share across threads."""

    def __init__(self, folder: Path) -> None:
        self._store = Store(folder)

    def locate(self, question: GoldQuestion) -> tuple[dict[str, Any], list[Passage]]:
        """Return, for the record, the passages that hold each unit of gold and the documents that are not there.

        And those passages themselves.
        """
        with self._store.read() as reading:
            found = reading.passages_of(list(question.gold))
        if question.spans:
            holding = {
                span.id: [passage for passage in found[span.document] if span.is_in(passage)]
                for span in question.spans
            }
        else:
            holding = {id: found[id] for id in question.gold}
        record = {
            "held": {unit: [passage.id for passage in passages] for unit, passages in holding.items()},
            "absent": [id for id, passages in found.items() if not passages],
        }
        return record, [passage for passages in holding.values() for passage in passages]


def _search(
    searcher: Searcher, setup: RetrievalSetup, locator: GoldLocator, question: GoldQuestion
) -> ExampleResult:
    found = searcher.search(search_text(question), setup.settings)
    record, passages = locator.locate(question)
    return ExampleResult(
        record={**search_record(found), **record},
        seconds=dict(found.seconds),
        passages=[*passages_seen(found), *passages],
    )


def search_record(found: SearchResult) -> dict[str, Any]:
    """Return where each stage had which passage, by id, as JSON values."""
    return {
        "searched": [found.question, *found.queries],
        "generations": dict(found.generations),
        "dense": [passage.id for passage in found.dense],
        "lexical": [passage.id for passage in found.lexical],
        "candidates": [candidate.ranks() for candidate in found.candidates],
        "remembered": found.remembered,
        "notes": list(found.notes),
    }


def passages_seen(found: SearchResult) -> Sequence[Passage]:
    """Return every passage that a search met at some stage."""
    return [*found.dense, *found.lexical, *(candidate.passage for candidate in found.candidates)]
