"""One record per call: what was found, said, dropped and spent, and how long each stage took.

What people and passages say is in a record's ``text`` alone, which neither its repr nor `CallRecord.as_dict` shows
unless it is asked for: ``record.as_dict(text=True)``.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import deepcopy
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pydantic_core import to_jsonable_python

from ..retrieval.errors import QuincunxError, UsageError

if TYPE_CHECKING:
    import dspy

    from .answer import Answer
    from .budget import Usage
    from .call.steps import Flow
    from .parts import ProgramParts

logger = logging.getLogger(__name__)

Outcome = Literal["answered", "refused", "failed", "cancelled"]


@dataclass(frozen=True)
class CallRecord:
    """One call of a program: what its ``on_call`` callbacks get.

    Example:
        >>> records = []
        >>> program = quincunx.load("chat_bridge", on_call=records.append)
        >>> answer = program(question="What is Sage Daily?")
        >>> records[0].outcome, records[0].cited
        ('answered', ('bd-sage-daily',))
        >>> "text" in records[0].as_dict()
        False
    """

    id: str
    """Drawn at random."""
    begun: str
    """UTC, ISO 8601."""
    seconds: float
    program: str
    index: str
    generations: Mapping[str, int]
    """The generation of each index that answered, by name; empty when nothing was searched."""
    engine: str | None
    outcome: Outcome
    error: str | None
    """The stable code of the error, where the call failed."""
    stages: Mapping[str, float]
    """Seconds by stage. ``retrieve`` holds ``embed``, ``dense``, ``lexical``, ``fuse`` and ``rerank``."""
    candidates: tuple[Mapping[str, Any], ...]
    """Each candidate's id and its rank at every stage, in final order."""
    passages: tuple[str, ...]
    """Ids of those that were given to the language model."""
    cited: tuple[str, ...]
    """Ids of those that the answer cites."""
    dropped: tuple[Mapping[str, str], ...]
    """Place and rule of what the check took out."""
    remembered: int
    """Of the candidates, how many had a rerank score from the cache."""
    usage: Usage | None
    """With ``cached``, the calls of the language model that DSPy's cache answered."""
    text: Mapping[str, Any] = field(repr=False)
    """What was asked, searched for, answered and refused, and the messages of errors and notes."""

    def as_dict(self, *, text: bool = False) -> dict[str, Any]:
        """Return the record as JSON values, with what people and passages say only where ``text`` is set."""
        # `asdict` would copy each rank of each candidate, in every call of a service that logs them.
        record = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "text"}
        record |= {
            "generations": dict(self.generations),
            "stages": dict(self.stages),
            "candidates": tuple(map(dict, self.candidates)),
            "dropped": tuple(map(dict, self.dropped)),
            "usage": None if self.usage is None else asdict(self.usage),
        }
        return {**record, "text": deepcopy(dict(self.text))} if text else record


Ended = Callable[[CallRecord, "Flow | None", BaseException | None], None]
"""Is told how a call ended: its record, what happened in it where it came to that, and what it raised."""


class SpanMaker(Protocol):
    """Makes spans of calls; see `programs.spans`."""

    def running(self, program: ProgramParts) -> AbstractContextManager[Ended]:
        """Make the spans of one call, which runs inside the block."""


class OnCall:
    """Callbacks that get a `CallRecord` after every call of a program; copies of the program share them.

    ``program.on_call.add(callback)``. They run in the thread of the call, before its answer is returned. What they
    raise after an answer, the call raises; after an error, which goes first, it is logged.
    """

    spans: SpanMaker | None = None
    """Makes spans of the calls, where they are traced."""

    def __init__(self) -> None:
        self.callbacks: list[Callable[[CallRecord], None]] = []

    @property
    def wanted(self) -> bool:
        """Whether anybody is to be told of calls."""
        return bool(self.callbacks) or self.spans is not None

    def add(self, callback: Callable[[CallRecord], None]) -> None:
        """Add a callback; raises `UsageError` for what cannot be called."""
        if not callable(callback):
            raise UsageError(f"on_call must be a function that takes a CallRecord (got {callback!r:.80})")
        self.callbacks.append(callback)

    def __call__(self, record: CallRecord) -> None:
        for callback in self.callbacks:
            callback(record)

    def __deepcopy__(self, memo: object) -> OnCall:
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Callbacks belong to the process that added them."""
        return {"callbacks": []}


class Call:
    """A call while it runs."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.answer: Answer | None = None

    def done(self, answer: Answer) -> Answer:
        self.answer = answer
        return answer


@contextmanager
def traced_call(program: ProgramParts, on_call: OnCall, make: Callable[[], Flow]) -> Iterator[Call]:
    """Run a call, and tell its callbacks how it ended."""
    begun, clock = datetime.now(UTC), time.perf_counter()
    call: Call | None = None
    ended: BaseException | None = None
    spans = nullcontext() if on_call.spans is None else on_call.spans.running(program)
    with spans as end_spans:
        try:
            call = Call(make())
            yield call
        except BaseException as error:
            ended = error
            raise
        finally:
            if on_call.wanted:
                record = _record(program, call, ended, begun, time.perf_counter() - clock)
                if end_spans is not None:
                    end_spans(record, None if call is None else call.flow, ended)
                if ended is None:
                    on_call(record)
                else:
                    _tell_after(on_call, record)


def _tell_after(on_call: OnCall, record: CallRecord) -> None:
    """Tell the callbacks of a call that raised: nothing of theirs may take the place of its error."""
    try:
        on_call(record)
    except Exception:
        logger.exception("a callback of on_call failed after a call that had failed")


def _record(
    program: ProgramParts, call: Call | None, ended: BaseException | None, begun: datetime, seconds: float
) -> CallRecord:
    flow = None if call is None else call.flow
    answer = None if call is None else call.answer
    found = None if flow is None else flow.found
    outcome: Outcome = "cancelled"
    if answer is not None and ended is None:
        outcome = "answered" if answer.answered else "refused"
    elif isinstance(ended, Exception):
        outcome = "failed"
    return CallRecord(
        id=uuid.uuid4().hex,
        begun=begun.isoformat(),
        seconds=seconds,
        program=program.name,
        index=program.retriever.handle.index,
        generations={} if found is None else dict(found.search.generations),
        engine=None if flow is None else str(flow.lm.model),
        outcome=outcome,
        error=None if outcome != "failed" else getattr(ended, "code", type(ended).__name__),
        stages={} if flow is None else flow.stages,
        candidates=() if found is None else tuple(candidate.ranks() for candidate in found.candidates),
        passages=() if found is None else tuple(passage.id for passage in found.passages),
        cited=() if answer is None else tuple(dict.fromkeys(c.passage_id for c in answer.citations)),
        dropped=()
        if answer is None
        else tuple({"where": dropped.where, "rule": dropped.rule} for dropped in answer.dropped),
        remembered=0 if found is None else found.search.remembered,
        usage=None if flow is None else flow.meter.usage,
        text=_text(flow, found, answer, ended),
    )


def _text(
    flow: Flow | None, found: dspy.Prediction | None, answer: Answer | None, ended: BaseException | None
) -> dict[str, Any]:
    text: dict[str, Any] = {}
    if flow is not None:
        text |= {
            "question": flow.asked.question,
            "details": dict(flow.asked.details),
            "history": [turn.model_dump() for turn in flow.asked.history],
        }
    if found is not None:
        text["searched"] = [found.search.question, *found.search.queries]
    if answer is not None:
        text |= {
            "output": to_jsonable_python(answer.output),
            "refusal": answer.refusal,
            "notes": answer.notes,
            "dropped": [asdict(dropped) for dropped in answer.dropped],
        }
    if isinstance(ended, QuincunxError):
        text["error"] = str(ended)
    return text
