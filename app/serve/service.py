"""What is served: programs, searches and models, loaded and warmed before the first request."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import dspy

from ...programs.artifact.read import named_artifacts
from ...programs.engines.lms import lm as language_model
from ...programs.loading import load
from ...programs.program import GroundedProgram
from ...programs.registry import program_names
from ...programs.trace import CallRecord
from ...retrieval.errors import (
    DeadlineExceededError,
    QuincunxError,
    UnknownIndexError,
    UnknownProgramError,
    UsageError,
)
from ...retrieval.handle import SearchHandle
from ...retrieval.storage.home import home, index_names
from .access.keys import KeyRing, read_keys
from .access.spending import Spending
from .dropin.embedder import ServedEmbedder, load_served_embedder
from .dropin.reranker import ServedReranker, load_served_reranker
from .feedback.remembered import AnswerMemory, note_call_id
from .gate import RequestGate
from .metrics import ServiceMetrics
from .problems import Problem
from .settings import ServeSettings

logger = logging.getLogger(__name__)

WARM_UP = "What is this?"
"""What every index and program is asked once before the service is ready."""


@dataclass(frozen=True)
class ReloadReport:
    """What is served after a reload."""

    programs: list[str]
    indexes: list[str]
    keys: int | None
    """How many there are; ``None``: no key is asked for."""
    left_out: Mapping[str, str]
    """Programs and indexes that are not served, and why."""
    seconds: float


@dataclass
class Service:
    """Programs and indexes by name, and what they share.

    Raises:
        UsageError: the file of keys cannot be read.
    """

    settings: ServeSettings
    on_call: Callable[[CallRecord], None] | None = None
    """Gets the record of every call, beside the metrics."""
    metrics: ServiceMetrics = field(default_factory=ServiceMetrics)
    programs: dict[str, GroundedProgram] = field(default_factory=dict)
    indexes: dict[str, SearchHandle] = field(default_factory=dict)
    embedder: ServedEmbedder | None = None
    reranker: ServedReranker | None = None
    """``None`` before they are loaded; the reranker also where the profile has none."""
    loaded_at: int = 0
    """Seconds since 1970."""
    ready: bool = False

    def __post_init__(self) -> None:
        limits = self.settings.limits
        self.gate = RequestGate(limits.at_once, limits.waiting)
        self.keys = self._read_keys()
        """Those of now; ``None``: no key is asked for."""
        self.spending = Spending()
        self.answers = AnswerMemory()
        self.feedback_lock = asyncio.Lock()
        self._loading = threading.Lock()
        self._writers: dict[str, asyncio.Lock] = {}
        self._lm: dspy.BaseLM | None = None

    def load(self) -> None:
        """Load what is served and ask each once.

        Raises:
            UsageError, QuincunxError: what was named is not known, or cannot be used; or nothing can be served.
        """
        with self._loading:
            self.programs, self.indexes, _ = self._loaded()
            self.embedder = load_served_embedder(self.settings.profile, self.settings.embedder_names)
            self.reranker = load_served_reranker(self.settings.profile, self.settings.reranker_names)
            self.metrics.watch(self.gate, lambda: self.indexes)
            self.loaded_at = int(time.time())
            self.ready = True

    def reload(self) -> ReloadReport:
        """Load what is served, and the keys, anew, then put it in place of what is served now.

        Requests that run end with what they began with. What raises leaves everything as it is.

        Raises:
            Problem: the service loads already. Also see `load`; a program or an index that is served now, is there and
            cannot be loaded any more raises, too.
        """
        if not self._loading.acquire(blocking=False):
            raise Problem(409, "reload_running", "the service is loading already: wait for that to end")
        try:
            begun = time.perf_counter()
            keys = self._read_keys()
            programs, indexes, left_out = self._loaded()
            self.programs, self.indexes, self.keys = programs, indexes, keys
            self.spending.keep_only(() if keys is None else keys.keys)
            report = ReloadReport(
                programs=sorted(programs),
                indexes=sorted(indexes),
                keys=None if keys is None else len(keys.keys),
                left_out=left_out,
                seconds=round(time.perf_counter() - begun, 3),
            )
        finally:
            self._loading.release()
        logger.info(
            "loaded anew: %d programs, %d indexes, in %g s", len(programs), len(indexes), report.seconds
        )
        return report

    def program(self, name: str) -> GroundedProgram:
        """Return a program that is served; raises `UnknownProgramError`."""
        programs = self.programs  # a reload may put others in its place
        if name not in programs:
            raise UnknownProgramError(name, programs)
        return programs[name]

    def handle(self, names: Sequence[str]) -> SearchHandle:
        """Return what searches these indexes as one; raises `UnknownIndexError` for one that is not served."""
        indexes = self.indexes
        for name in names:
            if name not in indexes:
                raise UnknownIndexError(name, list(indexes), home())
        if len(names) == 1:
            return indexes[names[0]]
        return SearchHandle(names, self.settings.profile)

    def generations(self) -> Mapping[str, int]:
        """Return the generation that each index answers from now, by name."""
        return {name: handle.searcher.generations()[name] for name, handle in self.indexes.items()}

    @asynccontextmanager
    async def write_turn(self, index: str) -> AsyncIterator[None]:
        """Be the only one that writes an index.

        Raises:
            DeadlineExceededError: another one did not end in time.
        """
        writer, seconds = self._writers.setdefault(index, asyncio.Lock()), self.settings.limits.seconds
        try:
            async with asyncio.timeout(seconds):
                await writer.acquire()
        except TimeoutError as error:
            raise DeadlineExceededError(
                f"index {index} was written for {seconds:g} s by requests before this: send it again later"
            ) from error
        try:
            yield
        finally:
            writer.release()

    def _read_keys(self) -> KeyRing | None:
        return None if self.settings.keys_file is None else read_keys(self.settings.keys_file)

    def _loaded(self) -> tuple[dict[str, GroundedProgram], dict[str, SearchHandle], dict[str, str]]:
        """Return programs and indexes, warm, and what is left out and why; nothing of what is served is changed.

        An index that is served already is shared with those before: it finds each new generation by itself.
        """
        settings, left_out = self.settings, dict[str, str]()

        def leave_out(name: str, error: QuincunxError, *, required: bool) -> None:
            if required:
                raise error
            logger.warning("%s is not served: %s", name, error)
            left_out[name] = str(error)

        indexes: dict[str, SearchHandle] = {}
        for name in settings.indexes or index_names():
            try:
                handle = self.indexes.get(name) or SearchHandle(name, settings.profile)
                handle.search(WARM_UP)
                indexes[name] = handle
            except QuincunxError as error:
                leave_out(f"index {name}", error, required=bool(settings.indexes) or name in self.indexes)
        programs: dict[str, GroundedProgram] = {}
        self._lm = self._lm or language_model(settings.lm)
        for name in settings.programs or [*program_names(), *named_artifacts()]:
            try:
                programs[name] = self._warm_program(name, self._lm, indexes)
            except QuincunxError as error:
                gone = isinstance(error, UnknownIndexError | UnknownProgramError)
                required = bool(settings.programs) or (name in self.programs and not gone)
                leave_out(f"program {name}", error, required=required)
        if not (programs or indexes):
            raise UsageError(
                "nothing to serve: build an index by `quincunx index build`, or the demo's by `quincunx demo`"
            )
        return programs, indexes, left_out

    def _warm_program(
        self, name: str, lm: dspy.BaseLM, indexes: Mapping[str, SearchHandle]
    ) -> GroundedProgram:
        """Load a program, which shares an index that is served, and ask it once."""
        program = load(name, profile=self.settings.profile, lm=lm)
        own = program.retriever.handle
        shared = indexes.get(own.index)
        if shared is not None and (shared.named, shared.models) == (own.named, own.models):
            program.retriever.handle = shared
        program.retriever(question=WARM_UP)
        if self.settings.lm == "extractive":
            program(question=WARM_UP)
        for callback in (self.metrics.call, self.spending.call, note_call_id, self.on_call):
            if callback is not None:
                program.on_call.add(callback)
        return program
