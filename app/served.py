"""What is served, whoever asks for it: programs and indexes by name, loaded and asked once before the first request."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dspy
from pydantic import BaseModel, Field, TypeAdapter

from ..programs.artifact.read import named_artifacts
from ..programs.call.inputs import GIVEN
from ..programs.engines.lms import lm as language_model
from ..programs.loading import load
from ..programs.program import GroundedProgram
from ..programs.registry import program_names
from ..programs.spans.door import spans_go_nowhere, trace_calls, trace_search
from ..retrieval.errors import QuincunxError, UnknownIndexError, UnknownProgramError, UsageError
from ..retrieval.handle import SearchHandle
from ..retrieval.search import SearchResult
from ..retrieval.settings import SearchSettings
from ..retrieval.storage.home import home, index_names
from .serve.settings import ServeSettings

logger = logging.getLogger(__name__)

WARM_UP = "What is this?"
"""What every index and program is asked once before the service is ready."""

NO_SDK = (
    "calls are to be traced, and no OpenTelemetry SDK is set up, so no span is made: start by `opentelemetry-instrument "
    "quincunx …`, or, to serve over HTTP, install 'fastapi[opentelemetry]' and set OTEL_EXPORTER_OTLP_ENDPOINT"
)


@dataclass
class Served:
    """Programs and indexes by name, and what they share."""

    settings: ServeSettings
    programs: dict[str, GroundedProgram] = field(default_factory=dict)
    indexes: dict[str, SearchHandle] = field(default_factory=dict)
    _lm: dspy.BaseLM | None = field(default=None, init=False, repr=False)

    def load(self) -> None:
        """Load what is served and ask each once.

        Raises:
            UsageError, QuincunxError: what was named is not known, or cannot be used; or nothing can be served.
        """
        self.programs, self.indexes, _ = self._loaded()
        if self.settings.traces and spans_go_nowhere():
            logger.warning(NO_SDK)

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

    def search(self, names: Sequence[str], question: str, settings: SearchSettings) -> SearchResult:
        """Search these indexes as one; raises what `handle` and `Searcher.search` raise."""
        handle = self.handle(names)
        found = handle.search(question, settings)
        if self.settings.traces:
            trace_search(handle, found, texts=self.settings.trace_texts)
        return found

    def folder(self, name: str) -> Path:
        """Return the folder of an index that is searched here, by itself or for a program; raises `UnknownIndexError`."""
        handles = [*self.indexes.values(), *(program.retriever.handle for program in self.programs.values())]
        for handle in handles:
            if name in handle.indexes:
                return handle.folders[handle.indexes.index(name)]
        raise UnknownIndexError(name, {name for handle in handles for name in handle.indexes}, home())

    def generations(self) -> Mapping[str, int]:
        """Return the generation that each index answers from now, by name."""
        return {name: handle.searcher.generations()[name] for name, handle in self.indexes.items()}

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
        self._watch(program)
        return program

    def _watch(self, program: GroundedProgram) -> None:
        """Let what counts and traces calls see those of a program that was loaded."""
        if self.settings.traces:
            trace_calls(program, texts=self.settings.trace_texts)


class ServedProgram(BaseModel):
    """One program that can be asked."""

    name: str = Field(examples=["chat_bridge"])
    program: str = Field(
        description="Of a saved one, the program that it is a version of.", examples=["chat_bridge"]
    )
    description: str = Field(description="What it does, as its signature says.")
    indexes: list[str] = Field(description="What it searches.", examples=[["builddaily"]])
    details: list[str] = Field(description="Inputs beside question and history, each a text.", examples=[[]])
    history: bool = Field(description="Whether it takes the earlier turns of a conversation.")
    example: str = Field(description="A question that it answers.", examples=["What is Sage Daily?"])
    output_schema: dict[str, Any] = Field(description="JSON schema of the answer's output.")


def describe_program(name: str, program: GroundedProgram) -> ServedProgram:
    """Return what an app must know of a program to ask it."""
    fields = list(program.spec.signature.input_fields)
    # One field is what a program's signature gives out.
    (output,) = program.spec.signature.output_fields.values()
    return ServedProgram(
        name=name,
        program=program.name,
        description=str(program.spec.signature.instructions),
        indexes=list(program.retriever.handle.indexes),
        details=[field for field in fields if field not in GIVEN],
        history="history" in fields,
        example=program.spec.example,
        output_schema=TypeAdapter(output.annotation).json_schema(mode="serialization"),
    )
