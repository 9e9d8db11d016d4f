"""Measuring retrieval, or a program's answers, on a gold set: what a user calls, and what the command line calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import dspy

from ..programs.loading import load
from ..programs.program import GroundedProgram
from ..retrieval.errors import UsageError
from ..retrieval.handle import SearchHandle
from ..retrieval.models.embedders import Progress, no_progress
from ..retrieval.models.profiles import DEFAULT_PROFILE
from ..retrieval.settings import SearchSettings
from ..retrieval.text.chunk_size import Chunking
from .goldsets.goldset import GoldSet, read_gold_set
from .report.summary import write_run_report
from .results import Run
from .runs.answer_run import run_answers
from .runs.ledger import RunLedger
from .runs.retrieval_run import RetrievalSetup, run_retrieval
from .runs.runner import RowWatch, no_watch


def evaluate_retrieval(
    gold: str | Path | GoldSet,
    *,
    split: str | None = None,
    profile: str = DEFAULT_PROFILE,
    index: str | None = None,
    settings: SearchSettings | None = None,
    chunk_tokens: int = 200,
    chunk_overlap: int = 40,
    out: Path | None = None,
    fork: bool = False,
    workers: int = 1,
    index_progress: Progress = no_progress,
    watch: RowWatch = no_watch,
) -> Run:
    """Search for every question of a gold set that has gold, and keep where each stage of retrieval had it.

    Each question is a row in the run's folder, written as soon as it is done: called again, also after a kill, the same
    call goes on with what is there.

    Args:
        gold: folder of a gold set, the name of one that ships with the package (``builddaily``, ``paiddaily``,
            ``sagedaily``), or one that `read_gold_set` returned.
        split: which of its splits; ``all`` for every question. Left out, ``dev``, or else ``test``, or all where it names neither.
            A `GoldSet` was read with its own. Looks at test questions are counted, see `Run.look`.
        profile: the models that embed and rerank.
        index: an index of the home folder to search, whose documents bear the ids that the gold names; left out, one is
            built from the gold set's corpus, and kept for the next time.
        settings: how it searches; the defaults if left out.
        chunk_tokens: most tokens of a passage, where the index is built.
        chunk_overlap: most tokens that a passage repeats of the one before, where the index is built.
        out: the run's folder; by default one in the home folder, named after what is run.
        fork: begin a new run beside the one that is there.
        workers: how many questions at once.
        index_progress: called with (done, total) documents while the index is built.
        watch: called with (done, total, row) after every question.

    Returns:
        The finished run, opened to be read: `Run.headline`, `Run.means`, `Run.write_page`. Measures are from 0 to 1,
        times are seconds.

    Raises:
        GoldSetError: the gold set is faulty, or has no such split.
        RunMismatchError: ``out`` holds a run of another configuration. WriterBusyError: another process writes it.
        UnknownIndexError, UnknownProfileError: a name that is not known.
        BoundError: chunks or workers out of range.

    Example:
        >>> from quincunx import evaluate_retrieval
        >>> with evaluate_retrieval("builddaily", split="dev", index="builddaily") as run:
        ...     print(run.headline())  # doctest: +ELLIPSIS
        ...     print(*run.means())
        recall@5 0... [0..., ...], n=..., 0 failed
        recall@5 mrr@5 ndcg@5 hit@5 map recall@20
    """
    setup = RetrievalSetup(
        _gold_set(gold, split),
        profile,
        settings or SearchSettings(),
        Chunking(chunk_tokens, chunk_overlap),
        index,
    )
    ledger = run_retrieval(
        setup, out=out, fork=fork, workers=workers, index_progress=index_progress, watch=watch
    )
    return _finished(ledger)


def evaluate_answers(
    program: str | Path | GroundedProgram,
    gold: str | Path | GoldSet,
    *,
    lm: dspy.BaseLM | str | None = None,
    split: str | None = None,
    profile: str | None = None,
    index: str | None = None,
    settings: SearchSettings | Callable[[SearchSettings], SearchSettings] | None = None,
    chunk_tokens: int = 200,
    chunk_overlap: int = 40,
    repeat: int = 0,
    out: Path | None = None,
    fork: bool = False,
    workers: int = 1,
    index_progress: Progress = no_progress,
    watch: RowWatch = no_watch,
) -> Run:
    """Ask a program every question of a gold set that is meant for it, and check what it answers against the gold.

    The questions that the corpus cannot answer are asked too: there the right reply is a refusal. Called again, also
    after a kill, the same call goes on with what is there.

    Args:
        program: the name of a program, the name or folder of a saved one, or one that was loaded. A loaded one is
            measured as it is: it searches its own index with its own settings, which must hold the gold's documents.
        gold, split: as for `evaluate_retrieval`.
        lm: the language model that answers, or its name as `quincunx.lm` takes it. Left out, the program's own, or the
            one in ``dspy.context``, or else the extractive engine.
        profile, index, settings, chunk_tokens, chunk_overlap: as for `evaluate_retrieval`, with the settings that a
            program was saved with as its defaults; none of them for a loaded program. ``settings`` may be a function,
            which is given the program's own and returns those to search with.
        repeat: a number that tells runs of one configuration apart, to see how much a language model wavers.
        out, fork, workers, index_progress, watch: as for `evaluate_retrieval`.

    Returns:
        The finished run, opened to be read; beside the measures of the ranking it has those of the answers, from 0 to 1:
        ``citation_precision``, ``citation_recall``, ``quote_faithfulness``, ``overlap``, and the program's own.

    Raises:
        UnknownProgramError: no such program. UsageError: ``profile``, ``index`` or ``settings`` for a loaded program, or
            one that searches several indexes.
        ArtifactError: a saved program that is damaged, or made for something else.
        GoldSetError, RunMismatchError, WriterBusyError, UnknownIndexError, BoundError: see `evaluate_retrieval`.
        An answer that fails raises nothing: it is a row with the error's code, and is in no mean.

    Example:
        >>> from quincunx import evaluate_answers
        >>> with evaluate_answers(
        ...     "chat_bridge", "builddaily", lm="extractive", split="dev", index="builddaily"
        ... ) as run:
        ...     print(run.headline())  # doctest: +ELLIPSIS
        ...     print(run.summary.answers.refusals)  # doctest: +ELLIPSIS
        answered rightly 0... [0..., ...], answered wrongly 0..., n=..., 0 failed
        Refusals(answerable_answered=..., answerable_refused=..., unanswerable_answered=..., unanswerable_refused=...)
    """
    questions = _gold_set(gold, split)
    if isinstance(program, GroundedProgram):
        given = {"profile": profile, "index": index, "settings": settings}
        setup, folder = _own_setup(program, questions, given)
        loaded: GroundedProgram = program.deepcopy()
    else:
        profile = profile or DEFAULT_PROFILE
        setup = RetrievalSetup(
            questions, profile, chunking=Chunking(chunk_tokens, chunk_overlap), index=index
        )
        folder = setup.folder(index_progress)
        given_settings = None if callable(settings) else settings
        loaded = load(
            program, index=SearchHandle(folder, profile), settings=given_settings, allow_other_index=True
        )
        if callable(settings):
            loaded.retriever.settings = settings(loaded.retriever.settings)
    if lm is not None:
        loaded.set_lm(lm)
    ledger = run_answers(
        loaded, setup, folder, out=out, fork=fork, workers=workers, repeat=repeat, watch=watch
    )
    return _finished(ledger)


def _gold_set(gold: str | Path | GoldSet, split: str | None) -> GoldSet:
    return gold if isinstance(gold, GoldSet) else read_gold_set(gold, split)


def _own_setup(
    program: GroundedProgram, gold: GoldSet, given: Mapping[str, object]
) -> tuple[RetrievalSetup, Path]:
    """Return what a loaded program searches, and the folder of its index."""
    chosen = [name for name, value in given.items() if value is not None]
    if chosen:
        raise UsageError(
            f"{program.name} is loaded already and searches its own index with its own settings: leave out "
            f"{', '.join(chosen)}, or pass the program's name"
        )
    handle = program.retriever.handle
    if len(handle.folders) != 1:
        raise UsageError(
            f"{program.name} searches {len(handle.folders)} indexes ({', '.join(handle.indexes)}), and an evaluation "
            "takes place over one: load it with one index"
        )
    return RetrievalSetup(gold, handle.profile, index=handle.index), handle.folders[0]


def _finished(ledger: RunLedger) -> Run:
    """Give back the lock of a run, write its report, and open it to be read."""
    with ledger:
        run = Run(ledger.folder)
    write_run_report(run, run.summary)
    return run
