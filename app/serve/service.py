"""What is served: programs, searches and models, loaded and warmed before the first request."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from ...programs.program import GroundedProgram
from ...programs.trace import CallRecord
from ...retrieval.errors import DeadlineExceededError
from ..served import Served
from .access.keys import KeyRing, read_keys
from .access.spending import Spending
from .dropin.embedder import ServedEmbedder, load_served_embedder
from .dropin.reranker import ServedReranker, load_served_reranker
from .feedback.remembered import AnswerMemory, note_call_id
from .gate import RequestGate
from .metrics import ServiceMetrics
from .problems import Problem

logger = logging.getLogger(__name__)


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
class Service(Served):
    """Programs and indexes by name, their metrics and keys, and the gate that requests go through.

    Raises:
        UsageError: the file of keys cannot be read.
    """

    on_call: Callable[[CallRecord], None] | None = None
    """Gets the record of every call, beside the metrics."""
    metrics: ServiceMetrics = field(default_factory=ServiceMetrics)
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

    def load(self) -> None:
        """Load what is served, as `Served.load` does, and its models by themselves."""
        with self._loading:
            super().load()
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

    def _watch(self, program: GroundedProgram) -> None:
        super()._watch(program)
        for callback in (self.metrics.call, self.spending.call, note_call_id, self.on_call):
            if callback is not None:
                program.on_call.add(callback)
