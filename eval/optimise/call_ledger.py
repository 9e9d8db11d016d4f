"""The calls of language models that a whole optimisation made: none is paid for twice, and `Caps` bound their sum.

What a single call of a program may spend is bounded elsewhere (`programs.budget`).

Every call is a row, written before its reply is used. A run that was killed makes the same requests again, in the
same order, and is answered from the rows until it is where it was. Replies are filed under the request itself, which
holds the model's name and settings. A request with a temperature over 0 is a new sample each time, and filed under how
often it was made before; any other is asked once, as with DSPy's own cache. A call that failed is a row too: it fails
again when it is replayed, unless it was one of those that ended the run.
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
from math import inf
from pathlib import Path
from typing import Any

import dspy
from dspy.lm15 import Message, Request, Response, Usage
from dspy.utils.exceptions import LMError

from ...programs.engines.lms import typed_cause
from ...retrieval.errors import BoundError, LanguageModelError, StorageError, UsageError
from ...retrieval.storage.disk import storing

CALLS = "calls.sqlite"
FAILURES_IN_A_ROW = 5
"""So many of one language model end the run; fewer are the examples' failures."""
FAILED = "failed"
"""What stands for the reason to finish in the row of a call that failed, and its message for the reply."""
ROLES = ("task", "prompt")
"""What language models are asked for: answers, and prompts."""
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


@dataclass(frozen=True)
class Price:
    """Dollars per million tokens."""

    input: float
    output: float

    def __post_init__(self) -> None:
        for name in ("input", "output"):
            if not 0 <= getattr(self, name) < inf:
                raise BoundError(f"price of {name} must be at least 0 dollars (got {getattr(self, name)})")

    def of(self, input: int, output: int) -> float:
        """Return the price of so many tokens, in dollars."""
        return (input * self.input + output * self.output) / 1e6


@dataclass(frozen=True)
class Caps:
    """The most that a whole optimisation may spend; ``None`` is no bound."""

    calls: int | None = None
    tokens: int | None = None
    """Of prompts and replies; the call that passes it is the last."""
    usd: float | None = None
    """As ``tokens``; needs prices."""

    def __post_init__(self) -> None:
        for name in ("calls", "tokens", "usd"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise BoundError(f"budget of {name} must be over 0 (got {value}): leave it out for no bound")

    def require_prices(self, prices: Mapping[str, Price]) -> None:
        """Raise `UsageError` where the prices of a language model are missing: what it takes would count as nothing."""
        if (prices or self.usd is not None) and set(prices) != set(ROLES):
            bound = "" if self.usd is None else f"a budget of {self.usd} dollars "
            raise UsageError(
                f"{bound}needs the prices of both language models, {' and '.join(ROLES)}, per million tokens in and out "
                f"(got {', '.join(prices) or 'none'})".strip()
            )


@dataclass
class Spent:
    """What was spent, replayed calls left out of ``made`` alone."""

    calls: int = 0
    """All rows: those made now and those that earlier processes made."""
    made: int = 0
    """By this process."""
    replayed: int = 0
    failed: int = 0
    """Of the calls."""
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float | None = None
    """``None`` without prices."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values, without what depends on how often the run was interrupted."""
        return {name: value for name, value in asdict(self).items() if name not in ("made", "replayed")}


class CallLedger:
    """The calls of one optimisation, made one after the other: in parallel they would be replayed in another order.

    It keeps every call and bounds their sum over the whole run by its `Caps`, whatever a single call may spend.

    Safe to share across threads. One process at a time: the run's lock sees to that.
    """

    def __init__(self, folder: Path, caps: Caps, prices: Mapping[str, Price]) -> None:
        """Open the calls in a run's folder; ``prices`` by role, such as ``task``.

        Raises `StorageError` where they cannot be read.
        """
        self.caps = caps
        self._prices = prices
        self._lock = threading.Lock()
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

    def wrap(self, lm: dspy.LM, role: str) -> dspy.LM:
        """Return a language model that asks as ``lm`` does, each call kept in this ledger and bounded by it."""
        settings = {name: value for name, value in lm.kwargs.items() if value is not None}
        # DSPy's own cache must not answer: it would not be counted, and a second sample would be the first.
        plain = lm.copy(cache=False, rollout_id=None)
        engine = _LedgerEngine(self, plain, role)
        return dspy.LM(
            lm.model, engine=engine, cache=False, num_retries=0, **_without_connection_settings(settings)
        )

    def ask(self, lm: dspy.LM, role: str, request: Request) -> Response:
        """Answer a request, from the rows where it was answered before.

        Raises `LanguageModelError` for a call that failed, and those that end the run: `CapReachedError` when the budget
        does not hold another call, `ModelDownError` when the last few failed, `LedgerError` when a row is refused.
        """
        key = _key(role, request)
        with self._lock:
            nth = self._samples[key]
            row = self._rows(
                "SELECT reply, finish, input, output FROM calls WHERE key = ? AND nth = ?", key, nth
            )
            if row is None:
                self._require_budget()
                begin = time.perf_counter()
                row, error = self._call(lm, request)
                if error is not None and self._opening:
                    raise error
                seconds = time.perf_counter() - begin
                self._rows("INSERT INTO calls VALUES (?, ?, ?, ?, ?, ?, ?, ?)", key, nth, role, *row, seconds)
                self._count(self._spent, role, *row[1:])
                self._spent.made += 1
            else:
                self._spent.replayed += 1
            reply, finish, input, output = row
            if (key, nth) not in self._used_rows:
                self._used_rows.add((key, nth))
                self._count(self._used, role, finish, input, output)
                if finish == FAILED:
                    self._note_failure(lm, role, (key, nth), reply)
                else:
                    self._failures[role].clear()
            if request.config.temperature or finish == FAILED:
                self._samples[key] += 1
        if finish == FAILED:
            raise LanguageModelError(reply)
        return Response(
            id=None,
            model=request.model,
            message=Message.assistant(reply),
            finish_reason=finish,
            usage=Usage(input_tokens=input, output_tokens=output),
        )

    def close(self) -> None:
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
        if len(failures) >= FAILURES_IN_A_ROW:
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
        for name, cap in self._bounds():
            for spent, reserved in ((self._used, self._reserved_calls), (self._spent, 0)):
                if _of(spent, name) + reserved * self._per_call(name) >= cap:
                    rest = f", the rest is kept for {reserved} calls" if reserved else ""
                    raise CapReachedError(f"{_of(spent, name):.10g} {name} of {cap:.10g} are spent{rest}")

    def _per_call(self, name: str) -> float:
        """Return what a call took on average."""
        return 1.0 if name == "calls" else _of(self._used, name) / max(1, self._used.calls)


class _LedgerEngine:
    """Asks by way of the ledger."""

    def __init__(self, ledger: CallLedger, lm: dspy.LM, role: str) -> None:
        self._ledger, self._lm, self._role = ledger, lm, role
        self.supports_response_schema = lm.supports_response_schema
        self.supports_function_calling = lm.supports_function_calling
        self.supports_reasoning = lm.supports_reasoning
        self.supported_params = lm.supported_params

    def __deepcopy__(self, memo: object) -> _LedgerEngine:
        return self

    def complete(self, request: Request) -> Response:
        return self._ledger.ask(self._lm, self._role, request)


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
