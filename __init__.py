"""DSPy programs with retrieval built in: twenty candidates in, five passages out, answers that were checked.

    answer = quincunx.load("chat_bridge")(question="What is Sage?")

What an app needs is a name of this module. Each is loaded when it is first used, so that importing quincunx costs
nothing.
"""

from __future__ import annotations

import importlib as _importlib
from typing import TYPE_CHECKING as _TYPE_CHECKING

if _TYPE_CHECKING:
    from typing import Any

    from .app.client.asynchronous import AsyncClient
    from .app.client.client import Client
    from .eval.compare import compare
    from .eval.evaluate import evaluate_answers, evaluate_retrieval
    from .eval.optimise.run import optimize
    from .eval.tune.advice import advise
    from .programs.answer import Answer
    from .programs.budget import Budget
    from .programs.engines.lms import lm
    from .programs.loading import load
    from .programs.measures import AnswerCase, Measure
    from .programs.registry import add_program
    from .programs.spans.door import trace_calls
    from .programs.spec import ProgramSpec
    from .programs.trace import CallRecord
    from .retrieval.corpus.reading import read_documents
    from .retrieval.errors import *
    from .retrieval.filter_text import parse_filter
    from .retrieval.filters import field
    from .retrieval.handle import open_index
    from .retrieval.index.contents import index_documents
    from .retrieval.index.copying import attach_index, copy_index, detach_index
    from .retrieval.index.fields import IndexField, index_fields
    from .retrieval.index.manage import build_index, delete_documents, drop_index, update_index
    from .retrieval.index.ray_engine import RayCluster
    from .retrieval.index.sync import sync_index, watch_index
    from .retrieval.models.profiles import Profile, add_profile
    from .retrieval.passages import Candidate, Document, Part, Passage
    from .retrieval.retriever import Retriever
    from .retrieval.settings import SearchSettings
    from .retrieval.text.readers.reader import Reader, SourceFile, UnreadableFileError
    from .retrieval.text.readers.registry import add_reader
    from .signatures.conversation import Turn
    from .signatures.evidence import Citation, Claim, Evidence, Item, Pointer, SetByCheck

__all__ = [
    "Answer",
    "AnswerCase",
    "ArtifactError",
    "ArtifactMismatchError",
    "AsyncClient",
    "BadNameError",
    "BadTextError",
    "BoundError",
    "Budget",
    "BudgetExceededError",
    "CallRecord",
    "Candidate",
    "Citation",
    "Claim",
    "Client",
    "CorpusError",
    "DeadlineExceededError",
    "Document",
    "DuplicateIdError",
    "EmptyQuestionError",
    "Evidence",
    "FilterError",
    "ForkedError",
    "GoldSetError",
    "IdentityMismatchError",
    "IndexField",
    "IndexStateError",
    "Item",
    "LanguageModelError",
    "Measure",
    "MissingExtraError",
    "MissingWeightsError",
    "ModelOutputError",
    "OllamaBusyError",
    "OllamaCutOffError",
    "OllamaError",
    "OllamaModelMissingError",
    "OllamaTimeoutError",
    "OllamaUnreachableError",
    "OverloadedError",
    "Part",
    "Passage",
    "Pointer",
    "Profile",
    "ProgramSpec",
    "ProgramSpecError",
    "PromptTooLongError",
    "QuincunxError",
    "RayCluster",
    "Reader",
    "RemoteModelError",
    "Retriever",
    "RunError",
    "RunMismatchError",
    "SearchSettings",
    "ServiceError",
    "ServiceUnreachableError",
    "SetByCheck",
    "SourceFile",
    "StorageError",
    "StoreUnreachableError",
    "Turn",
    "UnknownFieldError",
    "UnknownIndexError",
    "UnknownPassageError",
    "UnknownProfileError",
    "UnknownProgramError",
    "UnknownRunError",
    "UnreadableFileError",
    "UnsupportedModelError",
    "UnsupportedOutputError",
    "UsageError",
    "WeightsError",
    "WeightsMismatchError",
    "WriterBusyError",
    "add_profile",
    "add_program",
    "add_reader",
    "advise",
    "attach_index",
    "build_index",
    "compare",
    "copy_index",
    "delete_documents",
    "detach_index",
    "drop_index",
    "evaluate_answers",
    "evaluate_retrieval",
    "field",
    "index_documents",
    "index_fields",
    "lm",
    "load",
    "open_index",
    "optimize",
    "parse_filter",
    "read_documents",
    "sync_index",
    "trace_calls",
    "update_index",
    "watch_index",
]

_HOMES = {
    name: module
    for module, names in {
        ".app.client.asynchronous": ("AsyncClient",),
        ".app.client.client": ("Client",),
        ".eval.compare": ("compare",),
        ".eval.evaluate": ("evaluate_answers", "evaluate_retrieval"),
        ".eval.optimise.run": ("optimize",),
        ".eval.tune.advice": ("advise",),
        ".programs.answer": ("Answer",),
        ".programs.budget": ("Budget",),
        ".programs.engines.lms": ("lm",),
        ".programs.loading": ("load",),
        ".programs.measures": ("AnswerCase", "Measure"),
        ".programs.registry": ("add_program",),
        ".programs.spec": ("ProgramSpec",),
        ".programs.spans.door": ("trace_calls",),
        ".programs.trace": ("CallRecord",),
        ".retrieval.errors": tuple(name for name in __all__ if name.endswith("Error")),
        ".retrieval.filter_text": ("parse_filter",),
        ".retrieval.filters": ("field",),
        ".retrieval.handle": ("open_index",),
        ".retrieval.index.contents": ("index_documents",),
        ".retrieval.index.fields": ("IndexField", "index_fields"),
        ".retrieval.index.copying": ("attach_index", "copy_index", "detach_index"),
        ".retrieval.index.manage": ("build_index", "delete_documents", "drop_index", "update_index"),
        ".retrieval.index.ray_engine": ("RayCluster",),
        ".retrieval.index.sync": ("sync_index", "watch_index"),
        ".retrieval.models.profiles": ("Profile", "add_profile"),
        ".retrieval.passages": ("Candidate", "Document", "Part", "Passage"),
        ".retrieval.retriever": ("Retriever",),
        ".retrieval.settings": ("SearchSettings",),
        ".retrieval.corpus.reading": ("read_documents",),
        ".retrieval.text.readers.reader": ("Reader", "SourceFile", "UnreadableFileError"),
        ".retrieval.text.readers.registry": ("add_reader",),
        ".signatures.conversation": ("Turn",),
        ".signatures.evidence": ("Citation", "Claim", "Evidence", "Item", "Pointer", "SetByCheck"),
    }.items()
    for name in names
}
"""The module that each name is loaded from."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_importlib.import_module(_HOMES[name], __name__), name)


def __dir__() -> list[str]:
    return [*__all__, *(name for name in globals() if name.startswith("__"))]
