"""The calls of language models that a whole optimisation made: none is paid for twice, and `Caps` bound their sum.

What a single call of a program may spend is bounded elsewhere (`programs.budget`).

Every call is a row, written before its reply is used. A run that was killed makes the same requests again, in any order
and several at once, and is answered from the rows until it is where it was. Replies are filed under the request itself,
which holds the model's name and settings. A request with a temperature over 0 is a new sample each time, and filed under
how often it was made before; any other is asked once, as with DSPy's own cache, and who asks it meanwhile waits for the
reply. A call that failed is a row too: it fails again when it is replayed, unless it was one of those that ended the run.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import dspy
from dspy.lm15 import Message, Request, Response, Usage
from dspy.utils.exceptions import LMError, LMRateLimitError

from ...programs.engines.lms import ForwardingEngine, typed_cause
from ...retrieval.errors import LanguageModelError, StorageError
from ...retrieval.storage.disk import storing
from ..prices import Price
from ..runs.rate_limit import RETRIES, RateLimitPause
from .spending import ROLES, Caps, Spent

CALLS = "calls.sqlite"
FAILURES_IN_A_ROW = 5
"""So many of one language model end the run, and one more for each further worker: what they ask at one moment is lost at
one moment. Fewer are the examples' failures."""
FAILED = "failed"
"""What stands for the reason to finish in the row of a call that failed, and its message for the reply."""
_SCHEMA_SQL = """
CREATE TABLE IF NOT EXISTS calls (
    key TEXT NOT NULL, nth INTEGER NOT NULL, role TEXT NOT NULL, reply TEXT NOT NULL, finish TEXT NOT NULL,
    input INTEGER, output INTEGER, seconds REAL NOT NULL, PRIMARY KEY (key, nth)
) WITHOUT ROWID
"""


class RunStoppedError(BaseException):
    """The run must end here. Not an `Exception`: optimizers take those for failed examples and go on."""


class CapReachedError(RunStoppedError):
    """No more may be spent."""


class ModelDownError(RunStoppedError):
    """The language model failed several times in a row, whatever it was asked."""


class LedgerError(RunStoppedError):
    """A call could not be read or written: what cannot be counted must not be paid for."""


@dataclass
class Phase:
    """A part of a run. Threads that an optimizer left behind ask nothing more once it has ended."""

    spare: bool = False
    """Whether its calls wait until more than a quarter of the workers are free: those are for what the others ask next."""
    ended: bool = False


class CallLedger:
    """The calls of one optimisation, made by several workers at once.

    It keeps every call and bounds their sum over the whole run by its `Caps`, whatever a single call may spend.

    Safe to share across threads. One process at a time: the run's lock sees to that.
    """

    def __init__(self, folder: Path, caps: Caps, prices: Mapping[str, Price], workers: int = 1) -> None:
        """Open the calls in a run's folder; ``prices`` by role, such as ``task``.

        Raises `StorageError` where they cannot be read.
        """
        self.caps = caps
        self._prices = prices
        self._workers = workers
        self._most_failures = FAILURES_IN_A_ROW + workers - 1
        self._pause = RateLimitPause()
        self._lock = threading.Condition()
        self._asking: dict[tuple[str, int], Phase] = {}
        """The rows that are being asked for, by which part of the run: these calls count as made."""
        self._queued = 0
        """Calls that wait for a worker, but spare ones."""
        self._samples: Counter[str] = Counter()
        """How often a request was sampled, or failed, so far: the next one is another row."""
        self._used_rows: set[tuple[str, int]] = set()
        """The rows that this process asked for, made now or before."""
        self._failures: dict[str, list[tuple[str, int]]] = {role: [] for role in ROLES}
        """Rows of the failures in a row, by role."""
        self._opening = False
        self._reserved_calls = 0
        self._uncounted = False
        """Whether a reply did not say how many tokens it took."""
        self._path = folder / CALLS
        self._spent, self._used = (Spent(usd=0.0 if prices else None) for _ in range(2))
        # What is used is what this process asked for: in a run that goes on, the same at the same place as in the first.
        try:
            with storing(folder):
                self._connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("PRAGMA synchronous = FULL")
                self._connection.execute(_SCHEMA_SQL)
            for row in self._connection.execute("SELECT role, finish, input, output FROM calls"):
                self._count(self._spent, *row)
        except sqlite3.Error as error:
            raise StorageError(
                f"{self._path}: {error}; the calls of this run cannot be read, so begin another with fork"
            ) from error

    @property
    def spent(self) -> Spent:
        """What was spent so far."""
        with self._lock:
            return replace(self._spent)

    def failed_prompts(self) -> list[str]:
        """Return what is to be said of calls that write prompts and failed, as an optimizer only logs that; nothing where none did."""
        with self._lock:
            rows = "SELECT count(*), min(reply) FROM calls WHERE role = 'prompt' AND finish = ?"
            count, message = self._connection.execute(rows, (FAILED,)).fetchone()
        return [f"Calls that write prompts failed: {count}, one of them with: {message}"] if count else []

    @contextmanager
    def opening(self) -> Iterator[None]:
        """Before the run begins: a failure is raised as it is, and not kept, so that the next run asks again."""
        self._opening = True
        try:
            yield
        finally:
            self._opening = False

    def reserve(self, calls: int) -> bool:
        """Reserve so many calls, with tokens and money as much as those so far took on average; 0 ends it.

        Returns whether they are reserved: not where they would be more than half of the most that may be spent.
        """
        with self._lock:
            self._reserved_calls = 0
            if any(calls * self._per_call(name) > cap / 2 for name, cap in self._bounds()):
                return False
            self._reserved_calls = calls
            return True

    def wrap(self, lm: dspy.LM, role: str, phase: Phase | None = None) -> dspy.LM:
        """Return a language model that asks as ``lm`` does, each call kept in this ledger and bounded by it.

        With the end of a ``phase`` it ends, too.
        """
        settings = {name: value for name, value in lm.kwargs.items() if value is not None}
        engine = _LedgerEngine(self, lm, role, phase or Phase())
        return dspy.LM(
            lm.model, engine=engine, cache=False, num_retries=0, **_without_connection_settings(settings)
        )

    def ask(self, lm: dspy.LM, role: str, request: Request, phase: Phase) -> Response:
        """Answer a request, from the rows where it was answered before.

        Raises `LanguageModelError` for a call that failed, and those that end the run: `CapReachedError` when the budget
        does not hold another call, or the phase has ended, `ModelDownError` when the last few failed, `LedgerError` when a
        row is refused.
        """
        key = _key(role, request)
        with self._lock:
            nth, row = self._find_row(key, phase)
            if request.config.temperature:
                self._samples[key] += 1
            if row is not None:
                self._spent.replayed += 1
                self._use(lm, role, key, nth, row)
        if row is None:
            row = self._make_call(lm, role, request, key, nth)
        reply, finish, input, output = row
        if finish == FAILED:
            raise LanguageModelError(reply)
        return Response(
            id=None,
            model=request.model,
            message=Message.assistant(reply),
            finish_reason=finish,
            usage=Usage(input_tokens=input, output_tokens=output),
        )

    def _find_row(self, key: str, phase: Phase) -> tuple[int, _Row | None]:
        """Return the number of a request among its like, and its row; where there is none, it is being asked from now on."""
        while True:
            if phase.ended:
                raise CapReachedError("the search that asks has ended")
            nth = self._samples[key]
            if (key, nth) in self._asking:
                self._lock.wait()
                continue
            row: _Row | None = self._rows(
                "SELECT reply, finish, input, output FROM calls WHERE key = ? AND nth = ?", key, nth
            )
            if row is None and not self._has_place(phase):
                self._wait_for_place(phase)
                continue
            if row is None:
                self._require_budget()
                self._asking[key, nth] = phase
            return nth, row

    def _has_place(self, phase: Phase) -> bool:
        free = self._workers - len(self._asking)
        return free > (self._workers // 4 if phase.spare else 0) and not (phase.spare and self._queued)

    def _wait_for_place(self, phase: Phase) -> None:
        waits = not phase.spare
        self._queued += waits
        try:
            self._lock.wait()
        finally:
            self._queued -= waits

    def _make_call(self, lm: dspy.LM, role: str, request: Request, key: str, nth: int) -> _Row:
        try:
            for left in range(0 if self._opening else RETRIES, -1, -1):
                self._pause.wait()
                begin = time.perf_counter()
                row, error = self._call(lm, request)
                # A server of one's own that is busy was asked again by its engine: only a provider's 429 is waited for here.
                limited = isinstance(error, LMRateLimitError) and self._pause.pause_for(error)
                if not (limited and left):
                    break
        except BaseException:  # an interrupt: who waits for this reply asks for themselves
            with self._lock:
                self._end_asking(key, nth)
            raise
        seconds = time.perf_counter() - begin
        if error is None:
            self._pause.ease()
        with self._lock:
            self._end_asking(key, nth)
            if error is not None and self._opening:
                raise error
            self._rows("INSERT INTO calls VALUES (?, ?, ?, ?, ?, ?, ?, ?)", key, nth, role, *row, seconds)
            self._count(self._spent, role, *row[1:])
            self._spent.made += 1
            self._use(lm, role, key, nth, row)
        return row

    def _end_asking(self, key: str, nth: int) -> None:
        del self._asking[key, nth]
        self._lock.notify_all()

    def _use(self, lm: dspy.LM, role: str, key: str, nth: int, row: _Row) -> None:
        """Count a row among those that this process asked for, once."""
        reply, finish, input, output = row
        if finish == FAILED:
            self._samples[key] = max(self._samples[key], nth + 1)  # the next one asks anew
        if (key, nth) in self._used_rows:
            return
        self._used_rows.add((key, nth))
        self._count(self._used, role, finish, input, output)
        if finish == FAILED:
            self._note_failure(lm, role, (key, nth), reply)
        else:
            self._failures[role].clear()

    def end(self, phase: Phase) -> None:
        """End a phase, and wait until its calls that are under way are kept: they cost what they cost."""
        with self._lock:
            phase.ended = True
            self._lock.notify_all()
            while any(asking is phase for asking in self._asking.values()):
                self._lock.wait()

    def hurry(self, phase: Phase) -> None:
        """Let a phase's calls wait for others no more."""
        with self._lock:
            phase.spare = False
            self._lock.notify_all()

    def close(self) -> None:
        """Wait until the calls that are under way are kept, and close."""
        with self._lock:
            while self._asking:
                self._lock.wait()
        self._connection.close()

    def _rows(self, statement: str, *values: object) -> Any:
        try:
            return self._connection.execute(statement, values).fetchone()
        except sqlite3.Error as error:
            raise LedgerError(f"{self._path}: {error}") from error

    def _note_failure(self, lm: dspy.LM, role: str, row: tuple[str, int], message: str) -> None:
        """Note a failure; the last of too many takes all of their rows out, so that they are asked again."""
        failures = self._failures[role]
        failures.append(row)
        if len(failures) >= self._most_failures:
            for failure in failures:
                self._rows("DELETE FROM calls WHERE key = ? AND nth = ?", *failure)
            raise ModelDownError(f"{lm.model} failed {len(failures)} times in a row: {message}")

    def _count(self, spent: Spent, role: str, finish: str, input: int | None, output: int | None) -> None:
        spent.calls += 1
        spent.failed += finish == FAILED
        self._uncounted |= None in (input, output)
        spent.input_tokens += input or 0
        spent.output_tokens += output or 0
        if spent.usd is not None:
            spent.usd += self._prices[role].of(input or 0, output or 0)

    @staticmethod
    def _call(lm: dspy.LM, request: Request) -> tuple[_Row, LMError | None]:
        try:
            response: Response = lm(request)
        except LMError as error:  # DSPy makes one of whatever an engine raises
            message = " ".join(str(typed_cause(error) or error).split())
            return (message, FAILED, 0, 0), error
        usage = response.usage
        return (response.text or "", response.finish_reason, usage.input_tokens, usage.output_tokens), None

    def _bounds(self) -> list[tuple[str, float]]:
        """Return what is bounded: its name and its cap."""
        caps = self.caps
        bounds = [("calls", caps.calls), ("tokens", caps.tokens), ("dollars", caps.usd)]
        return [(name, cap) for name, cap in bounds if cap is not None]

    def _require_budget(self) -> None:
        if self._uncounted and (self.caps.tokens, self.caps.usd) != (None, None):
            raise CapReachedError(
                "a reply did not say how many tokens it took, so no budget of them can be held"
            )
        asking = len(self._asking)
        for name, cap in self._bounds():
            for spent, reserved in ((self._used, self._reserved_calls), (self._spent, 0)):
                if _of(spent, name) + (asking + reserved) * self._per_call(name) >= cap:
                    rest = f", {asking} calls are under way" if asking else ""
                    rest += f", the rest is kept for {reserved} calls" if reserved else ""
                    raise CapReachedError(f"{_of(spent, name):.10g} {name} of {cap:.10g} are spent{rest}")

    def _per_call(self, name: str) -> float:
        """Return what a call took on average."""
        return 1.0 if name == "calls" else _of(self._used, name) / max(1, self._used.calls)


class _LedgerEngine(ForwardingEngine):
    """Asks by way of the ledger."""

    def __init__(self, ledger: CallLedger, lm: dspy.LM, role: str, phase: Phase) -> None:
        super().__init__(lm)
        self._ledger, self._role, self._phase = ledger, role, phase
        # DSPy's own cache must not answer: it would not be counted, and a second sample would be the first.
        self._uncached = lm.copy(cache=False, rollout_id=None)
        self.supports_response_schema = lm.supports_response_schema
        self.supports_function_calling = lm.supports_function_calling
        self.supports_reasoning = lm.supports_reasoning
        self.supported_params = lm.supported_params

    def __deepcopy__(self, memo: object) -> _LedgerEngine:
        return self

    def complete(self, request: Request) -> Response:
        return self._ledger.ask(self._uncached, self._role, request, self._phase)


_Row = tuple[str, str, int | None, int | None]
"""Reply, reason to finish, tokens in and out."""


def _of(spent: Spent, name: str) -> float:
    tokens = spent.input_tokens + spent.output_tokens
    return {"calls": spent.calls, "tokens": tokens, "dollars": spent.usd or 0.0}[name]


def _key(role: str, request: Request) -> str:
    text = json.dumps([role, asdict(request)], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _without_connection_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what says where and how to connect: that is the inner model's."""
    from dspy.clients.backend_selection import CLIENT_KEYS

    return {
        name: value for name, value in settings.items() if name not in CLIENT_KEYS and name != "rollout_id"
    }
