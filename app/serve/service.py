"""What is served: programs, searches and models, loaded and warmed before the first request."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ...programs.artifact.read import named_artifacts
from ...programs.engines.lms import lm as language_model
from ...programs.loading import load
from ...programs.program import GroundedProgram
from ...programs.registry import program_names
from ...programs.trace import CallRecord
from ...retrieval.errors import QuincunxError, UnknownIndexError, UnknownProgramError, UsageError
from ...retrieval.handle import SearchHandle
from ...retrieval.storage.home import home, index_names
from .dropin.embedder import ServedEmbedder, load_served_embedder
from .dropin.reranker import ServedReranker, load_served_reranker
from .gate import RequestGate
from .metrics import ServiceMetrics
from .settings import ServeSettings

logger = logging.getLogger(__name__)

WARM_UP = "What is this?"
"""What every index and program is asked once before the service is ready."""


@dataclass
class Service:
    """Programs and indexes by name, and what they share."""

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

    def load(self) -> None:
        """Load what is served and ask each once.

        Raises:
            UsageError, QuincunxError: what was named is not known, or cannot be used; or nothing can be served.
        """
        self.indexes = {name: SearchHandle(name, self.settings.profile) for name in self._index_names()}
        self.programs = self._load_programs()
        if not (self.programs or self.indexes):
            raise UsageError(
                "nothing to serve: build an index by `quincunx index build`, or the demo's by `quincunx demo`"
            )
        for name, handle in self.indexes.items():
            try:
                handle.search(WARM_UP)
            except QuincunxError as error:
                if self.settings.indexes:
                    raise
                logger.warning("index %s is not served: %s", name, error)
        for program in self.programs.values():
            program.retriever(question=WARM_UP)
            if self.settings.lm == "extractive":
                program(question=WARM_UP)
        self.embedder = load_served_embedder(self.settings.profile, self.settings.embedder_names)
        self.reranker = load_served_reranker(self.settings.profile, self.settings.reranker_names)
        for program in self.programs.values():
            program.on_call.add(self.metrics.call)
            if self.on_call is not None:
                program.on_call.add(self.on_call)
        self.metrics.watch(self.gate, self.generations)
        self.loaded_at = int(time.time())
        self.ready = True

    def program(self, name: str) -> GroundedProgram:
        """Return a program that is served; raises `UnknownProgramError`."""
        if name not in self.programs:
            raise UnknownProgramError(name, self.programs)
        return self.programs[name]

    def handle(self, names: Sequence[str]) -> SearchHandle:
        """Return what searches these indexes as one; raises `UnknownIndexError` for one that is not served."""
        for name in names:
            if name not in self.indexes:
                raise UnknownIndexError(name, list(self.indexes), home())
        if len(names) == 1:
            return self.indexes[names[0]]
        return SearchHandle(names, self.settings.profile)

    def generations(self) -> Mapping[str, int]:
        """Return the generation that each index answers from now, by name."""
        return {name: handle.searcher.generations()[name] for name, handle in self.indexes.items()}

    def _index_names(self) -> Sequence[str]:
        return self.settings.indexes or index_names()

    def _load_programs(self) -> dict[str, GroundedProgram]:
        named = self.settings.programs
        lm = language_model(self.settings.lm)
        loaded: dict[str, GroundedProgram] = {}
        for name in named or [*program_names(), *named_artifacts()]:
            try:
                program = load(name, profile=self.settings.profile, lm=lm)
            except QuincunxError as error:
                if named:
                    raise
                logger.warning("program %s is not served: %s", name, error)
                continue
            loaded[name] = program
        return loaded
