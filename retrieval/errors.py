"""Every error quincunx raises on purpose.

    QuincunxError                 code                   exit status
    ├── UsageError                                       2: the call is wrong
    │   ├── BadNameError              bad_name
    │   ├── BadTextError              bad_text
    │   ├── BoundError                bad_bound
    │   │   └── PromptTooLongError        prompt_too_long
    │   ├── EmptyQuestionError        empty_question
    │   ├── FilterError               bad_filter
    │   │   └── UnknownFieldError         unknown_field
    │   ├── ProgramSpecError          bad_program
    │   │   └── UnsupportedOutputError    unsupported_output
    │   ├── UnknownIndexError         unknown_index
    │   ├── RunMismatchError          run_mismatch
    │   ├── UnknownPassageError       unknown_passage
    │   ├── UnknownProfileError       unknown_profile
    │   ├── UnknownProgramError       unknown_program
    │   └── UnknownRunError           unknown_run
    ├── ArtifactError             bad_artifact           1: the call was right, the world was not
    │   └── ArtifactMismatchError     artifact_mismatch
    ├── BudgetExceededError       budget_exceeded
    │   └── DeadlineExceededError     deadline_exceeded
    ├── CorpusError               bad_corpus
    │   └── DuplicateIdError          duplicate_id
    ├── ForkedError               forked
    ├── GoldSetError              bad_gold_set
    ├── IndexStateError           bad_index
    │   ├── IdentityMismatchError     index_mismatch
    │   ├── StorageError              storage_failed
    │   │   └── StoreUnreachableError     store_unreachable
    │   └── WriterBusyError           writer_busy
    ├── LanguageModelError        language_model
    ├── MissingExtraError         missing_extra
    ├── ModelOutputError          bad_model_output
    ├── OverloadedError           overloaded
    ├── OllamaError               ollama_error
    │   ├── OllamaBusyError           ollama_busy
    │   ├── OllamaCutOffError         ollama_cut_off
    │   ├── OllamaModelMissingError   ollama_model_missing
    │   ├── OllamaTimeoutError        ollama_timeout
    │   └── OllamaUnreachableError    ollama_unreachable
    ├── RemoteModelError          remote_model
    ├── RunError                  bad_run
    ├── ServiceError              service_error, or the code that the service told
    │   └── ServiceUnreachableError   service_unreachable
    └── WeightsError              bad_weights
        ├── MissingWeightsError       missing_weights
        ├── UnsupportedModelError     unsupported_model
        └── WeightsMismatchError      weights_mismatch

Each message names the value, the bound it broke and what to do about it. `code` is stable: match on it, never on the message.
"""

from __future__ import annotations

from collections.abc import Iterable

from .spelling import did_you_mean

__all__ = [
    "ArtifactError", "ArtifactMismatchError", "BadNameError", "BadTextError", "BoundError", "BudgetExceededError",
    "CorpusError", "DeadlineExceededError", "DuplicateIdError", "EmptyQuestionError", "FilterError", "ForkedError",
    "GoldSetError", "IdentityMismatchError", "IndexStateError", "LanguageModelError", "MissingExtraError",
    "MissingWeightsError", "ModelOutputError", "OllamaBusyError", "OllamaCutOffError", "OllamaError",
    "OllamaModelMissingError", "OllamaTimeoutError", "OllamaUnreachableError", "OverloadedError", "ProgramSpecError",
    "PromptTooLongError", "QuincunxError", "RemoteModelError", "RunError", "RunMismatchError", "ServiceError",
    "ServiceUnreachableError", "StorageError", "StoreUnreachableError", "UnknownFieldError", "UnknownIndexError",
    "UnknownPassageError", "UnknownProfileError", "UnknownProgramError", "UnknownRunError", "UnsupportedModelError",
    "UnsupportedOutputError", "UsageError", "WeightsError", "WeightsMismatchError", "WriterBusyError",
]  # fmt: skip


class QuincunxError(Exception):
    """Root of all errors raised on purpose."""

    code = "quincunx_error"
    exit_status = 1

    def __reduce__(self) -> tuple[object, ...]:  # `__init__` may take something else than the message
        return Exception.__new__, (type(self), *self.args), vars(self)


class UsageError(QuincunxError):
    """The call itself is wrong; the same call cannot succeed later."""

    code = "bad_usage"
    exit_status = 2


class BadNameError(UsageError):
    """A name cannot be used as a folder's name on every system."""

    code = "bad_name"


class BadTextError(UsageError):
    """A text holds what is no character."""

    code = "bad_text"


class BoundError(UsageError):
    """A number lies outside its documented range."""

    code = "bad_bound"


class PromptTooLongError(BoundError):
    """A prompt and the room for its answer do not fit into what the language model reads."""

    code = "prompt_too_long"


class EmptyQuestionError(UsageError):
    """The question holds nothing to search for."""

    code = "empty_question"

    def __init__(self, question: object) -> None:
        super().__init__(f"the question is empty (got {question!r}): pass at least one word")


class FilterError(UsageError):
    """A filter expression cannot be read, or compares what cannot be compared."""

    code = "bad_filter"


class UnknownFieldError(FilterError):
    """A filter names a field that no document of the indexes searched has."""

    code = "unknown_field"


class ProgramSpecError(UsageError):
    """A program of one's own cannot be made known as it is."""

    code = "bad_program"


class UnsupportedOutputError(ProgramSpecError):
    """The claims of a program's output cannot be found, so that they could not be checked."""

    code = "unsupported_output"


class UnknownNameError(UsageError):
    """A name that is looked up in a closed list is not on it."""

    noun, where, remedy = "name", "", ""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name, self.known = name, sorted(known)
        listed = f"unknown {self.noun} {name!r}; known: {', '.join(self.known) or 'none yet'}{self.where}"
        like = did_you_mean(name, self.known) or "." * bool(self.remedy)
        super().__init__(f"{listed}{like} {self.remedy}".rstrip())


class UnknownIndexError(UnknownNameError):
    """No index of that name lies in the home folder, which the message names with the variable that sets it."""

    code, noun = "unknown_index", "index"

    def __init__(self, name: str, known: Iterable[str], home: object, command: str = "") -> None:
        """``command`` is the one that makes the index; left out, ``quincunx index build``."""
        self.home, self.where = home, f" (in {home}; the variable QUINCUNX_HOME names another folder)"
        self.remedy = f"Make it with `{command or f'quincunx index build {name} PATH…'}`"
        super().__init__(name, known)


class UnknownPassageError(UsageError):
    """An index holds no passage of that id."""

    code = "unknown_passage"


class UnknownProfileError(UnknownNameError):
    """No profile of that name."""

    code, noun = "unknown_profile", "profile"


class UnknownProgramError(UnknownNameError):
    """No program of that name."""

    code, noun = "unknown_program", "program"
    remedy = "One of your own is made known by quincunx.add_program, on the command line by --program-module"


class UnknownRunError(UnknownNameError):
    """No evaluation run of that name."""

    code, noun = "unknown_run", "run"


class RunMismatchError(UsageError):
    """A run folder holds a run of another configuration."""

    code = "run_mismatch"


class RunError(QuincunxError):
    """The folder of an evaluation run cannot be read or written."""

    code = "bad_run"


class ArtifactError(QuincunxError):
    """A saved program is damaged, foreign or hostile; nothing of it was used."""

    code = "bad_artifact"


class ArtifactMismatchError(ArtifactError):
    """A saved program was made for other fields, another embedder or another DSPy; nothing was changed."""

    code = "artifact_mismatch"


class BudgetExceededError(QuincunxError):
    """A call may not spend what it would take to go on."""

    code = "budget_exceeded"


class DeadlineExceededError(BudgetExceededError):
    """A call did not end in time."""

    code = "deadline_exceeded"


class CorpusError(QuincunxError):
    """A document source cannot be read as one."""

    code = "bad_corpus"


class DuplicateIdError(CorpusError):
    """Two documents claim one id."""

    code = "duplicate_id"


class ForkedError(QuincunxError):
    """A process was forked at a moment, or with a device, that leaves it nothing to go on with."""

    code = "forked"


class GoldSetError(QuincunxError):
    """A gold set is incomplete or contradicts itself."""

    code = "bad_gold_set"


class IndexStateError(QuincunxError):
    """An index on disk is not in a state that can be used."""

    code = "bad_index"


class IdentityMismatchError(IndexStateError):
    """The index was made by another embedder than the one asked to search it."""

    code = "index_mismatch"


class StorageError(IndexStateError):
    """The disk refused a write; what was there before is still there."""

    code = "storage_failed"


class StoreUnreachableError(StorageError):
    """The database that an index lies in cannot be reached, or went away; what was there before is still there."""

    code = "store_unreachable"


class WriterBusyError(IndexStateError):
    """Another process is writing the index."""

    code = "writer_busy"


class MissingExtraError(QuincunxError):
    """A library that is only installed with an extra is not there."""

    code = "missing_extra"

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} is not installed: pip install 'quincunx[{extra}]'")


class LanguageModelError(QuincunxError):
    """The language model could not be set up or asked."""

    code = "language_model"


class ModelOutputError(QuincunxError):
    """A model returned something that cannot be used: wrong count or shape, or a number not finite."""

    code = "bad_model_output"


class OverloadedError(QuincunxError):
    """More work is waiting than may wait; the same call can succeed later."""

    code = "overloaded"


class OllamaError(QuincunxError):
    """The Ollama server answered with an error, or with something that is no answer."""

    code = "ollama_error"


class OllamaBusyError(OllamaError):
    """The server's queue stayed full, or its runner kept dying, through all retries."""

    code = "ollama_busy"


class OllamaCutOffError(OllamaError):
    """The answer of a model stops before its end: at its token limit, or without being said to be done."""

    code = "ollama_cut_off"


class OllamaModelMissingError(OllamaError):
    """The server does not have the model."""

    code = "ollama_model_missing"


class OllamaTimeoutError(OllamaError):
    """The server did not answer within the deadline."""

    code = "ollama_timeout"


class OllamaUnreachableError(OllamaError):
    """No server answers at that address."""

    code = "ollama_unreachable"


class RemoteModelError(QuincunxError):
    """A server or a cluster that embeds or reranks cannot be reached, refuses a request, or is none of its kind."""

    code = "remote_model"


class ServiceError(QuincunxError):
    """A service of `quincunx serve` answered with an error that has no class of its own, or with what is no answer."""

    code = "service_error"

    def __init__(
        self, message: str, *, code: str = code, status: int | None = None, request_id: str = ""
    ) -> None:
        """``code`` as the service told it, ``status`` that of HTTP, ``request_id`` that of the service's log."""
        super().__init__(message)
        self.code, self.status, self.request_id = code, status, request_id


class ServiceUnreachableError(ServiceError):
    """No service answers at that address."""

    code = "service_unreachable"

    def __init__(self, address: str, why: str) -> None:
        where = f"no service answers at {address} ({why})"
        super().__init__(f"{where}: start one by `quincunx serve`, or correct the address", code=self.code)


class WeightsError(QuincunxError):
    """Model weights cannot be used."""

    code = "bad_weights"


class MissingWeightsError(WeightsError):
    """The package or folder that holds the weights is not there."""

    code = "missing_weights"


class UnsupportedModelError(WeightsError):
    """The model is one that would load as something else than it is."""

    code = "unsupported_model"


class WeightsMismatchError(WeightsError):
    """The weights are not the ones that were pinned."""

    code = "weights_mismatch"
