"""What is served, whoever asks for it: programs and indexes by name, loaded and asked once before the first request."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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

    def load(self) -> None:
        """Load what is served and ask each once.

        Raises:
            UsageError, QuincunxError: what was named is not known, or cannot be used; or nothing can be served.
        """
        self.indexes = self._load_indexes()
        self.programs = self._load_programs()
        if not (self.programs or self.indexes):
            raise UsageError(
                "nothing to serve: build an index by `quincunx index build`, or the demo's by `quincunx demo`"
            )
        for program in self.programs.values():
            program.retriever(question=WARM_UP)
            if self.settings.lm == "extractive":
                program(question=WARM_UP)
        if self.settings.traces:
            if spans_go_nowhere():
                logger.warning(NO_SDK)
            for program in self.programs.values():
                trace_calls(program, texts=self.settings.trace_texts)

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

    def _load_indexes(self) -> dict[str, SearchHandle]:
        named = self.settings.indexes
        loaded: dict[str, SearchHandle] = {}
        for name in named or index_names():
            handle = SearchHandle(name, self.settings.profile)
            try:
                handle.search(WARM_UP)
            except QuincunxError as error:
                if named:
                    raise
                logger.warning("index %s is not served: %s", name, error)
                continue
            loaded[name] = handle
        return loaded

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
        output_schema=TypeAdapter(output.annotation).json_schema(),
    )
