"""The calls of language models that an optimisation made, so that none is ever paid for twice.

Every call is a row, written before its reply is used. A run that was killed makes the same requests again, in the
same order, and is answered from the rows until it is where it was. Replies are filed under the request itself, which
holds the model's name and settings. A request with a temperature over 0 is a new sample each time, and filed under how
often it was made before; any other is asked once, as with DSPy's own cache.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import dspy
from dspy.lm15 import Message, Request, Response, Usage

from ..retrieval.disk import storing
from ..retrieval.errors import BoundError, UsageError

CALLS = "calls.sqlite"
FAILURES_IN_A_ROW = 5
"""So many end the run; fewer are the examples' failures."""
_SCHEMA_SQL = """
CREATE TABLE IF NOT EXISTS calls (
    key TEXT NOT NULL, nth INTEGER NOT NULL, role TEXT NOT NULL, reply TEXT NOT NULL, finish TEXT NOT NULL,
    input INTEGER, output INTEGER, seconds REAL NOT NULL, PRIMARY KEY (key, nth)
) WITHOUT ROWID
"""


class StoppedError(BaseException):
    """The run must end here. Not an `Exception`: optimisers take those for failed examples and go on."""


class CapReachedError(StoppedError):
    """No more may be spent."""


class LostModelError(StoppedError):
    """The language model failed several times in a row: what it was asked for is no example's fault."""


@dataclass(frozen=True)
class Price:
    """Dollars per million tokens."""

    input: float
    output: float

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
        """Raise `UsageError` where money is bounded and no price is known."""
        if self.usd is not None and set(prices) != {"task", "prompt"}:
            raise UsageError(
                f"a budget of {self.usd} dollars needs the prices of both language models: pass them, per million "
                "tokens in and out"
            )


@dataclass
class Spent:
    """What was spent, replayed calls left out of ``made`` alone."""

    calls: int = 0
    """All rows: those made now and those that earlier processes made."""
    made: int = 0
    """By this process."""
    replayed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float | None = None
    """``None`` without prices."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values, without what depends on how often the run was interrupted."""
        return {name: value for name, value in asdict(self).items() if name not in ("made", "replayed")}


class CallLedger:
    """The calls of one run, one after the other: what is asked in parallel would be replayed in another order.

    Safe to share across threads. One process at a time: the run's lock sees to that.
    """

    def __init__(self, folder: Path, caps: Caps, prices: Mapping[str, Price]) -> None:
        """Open the calls in a run's folder; ``prices`` by role, such as ``task``."""
        self.caps = caps
        self._prices = prices
        self._lock = threading.Lock()
        self._seen: Counter[str] = Counter()
        self._failures = 0
        self._kept_back = 0
        self._untold = False
        """Whether a reply did not say how many tokens it took."""
        with storing(folder):
            self._connection = sqlite3.connect(folder / CALLS, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute(_SCHEMA_SQL)
        self._spent = Spent(usd=0.0 if prices else None)
        for role, input, output in self._connection.execute("SELECT role, input, output FROM calls"):
            self._count(role, input, output)

    @property
    def spent(self) -> Spent:
        """What was spent so far."""
        with self._lock:
            return replace(self._spent)

    def keep_back(self, calls: int) -> bool:
        """Hold back what so many calls may take, of tokens and money as much as those so far took on average.

        Returns whether they are held back: not where they would be more than half of the most that may be spent.
        """
        with self._lock:
            self._kept_back = 0
            if any(calls * self._each(name, spent) > cap / 2 for name, cap, spent in self._bounds()):
                return False
            self._kept_back = calls
            return True

    def through(self, lm: dspy.LM, role: str) -> dspy.LM:
        """Return a language model that asks as ``lm`` does, by way of this ledger."""
        settings = {name: value for name, value in lm.kwargs.items() if value is not None}
        # DSPy's own cache must not answer: it would not be counted, and a second sample would be the first.
        plain = lm.copy(cache=False, rollout_id=None)
        engine = _Engine(self, plain, role)
        return dspy.LM(lm.model, engine=engine, cache=False, num_retries=0, **_without_connection(settings))

    def ask(self, lm: dspy.LM, role: str, request: Request) -> Response:
        """Answer a request, from the rows where it was answered before.

        Raises `CapReachedError` when the budget does not hold another call, `LostModelError` when the last few failed.
        """
        key = _key(role, request)
        with self._lock:
            nth = self._seen[key] if request.config.temperature else 0
            row = self._connection.execute(
                "SELECT reply, finish, input, output FROM calls WHERE key = ? AND nth = ?", (key, nth)
            ).fetchone()
            if row is None:
                self._require_budget()
                begin = time.perf_counter()
                row = _row(self._call(lm, request))
                self._connection.execute(
                    "INSERT INTO calls VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (key, nth, role, *row, time.perf_counter() - begin),
                )
                self._count(role, *row[2:])
                self._spent.made += 1
            else:
                self._spent.replayed += 1
            self._seen[key] += 1
        reply, finish, input, output = row
        return Response(
            id=None,
            model=request.model,
            message=Message.assistant(reply),
            finish_reason=finish,
            usage=Usage(input_tokens=input, output_tokens=output),
        )

    def close(self) -> None:
        self._connection.close()

    def _count(self, role: str, input: int | None, output: int | None) -> None:
        self._spent.calls += 1
        self._untold |= None in (input, output)
        self._spent.input_tokens += input or 0
        self._spent.output_tokens += output or 0
        if self._spent.usd is not None and role in self._prices:
            self._spent.usd += self._prices[role].of(input or 0, output or 0)

    def _call(self, lm: dspy.LM, request: Request) -> Response:
        try:
            response: Response = lm(request)
        except Exception as error:
            self._failures += 1
            if self._failures >= FAILURES_IN_A_ROW:
                raise LostModelError(f"{lm.model} failed {self._failures} times in a row: {error}") from error
            raise
        self._failures = 0
        return response

    def _bounds(self) -> list[tuple[str, float, float]]:
        """Return what is bounded: its name, its cap, and what is spent of it."""
        spent, caps = self._spent, self.caps
        bounds = [
            ("calls", caps.calls, spent.calls),
            ("tokens", caps.tokens, spent.input_tokens + spent.output_tokens),
            ("dollars", caps.usd, spent.usd or 0.0),
        ]
        return [(name, cap, spent) for name, cap, spent in bounds if cap is not None]

    def _require_budget(self) -> None:
        if self._untold and (self.caps.tokens, self.caps.usd) != (None, None):
            raise CapReachedError(
                "a reply did not say how many tokens it took, so no budget of them can be held"
            )
        for name, cap, spent in self._bounds():
            if spent + self._kept_back * self._each(name, spent) >= cap:
                kept = f", the rest is kept for {self._kept_back} calls" if self._kept_back else ""
                raise CapReachedError(f"{spent:.10g} {name} of {cap:.10g} are spent{kept}")

    def _each(self, name: str, spent: float) -> float:
        """Return what a call takes on average."""
        return 1.0 if name == "calls" else spent / max(1, self._spent.calls)


class _Engine:
    """Asks by way of the ledger."""

    def __init__(self, ledger: CallLedger, lm: dspy.LM, role: str) -> None:
        self._ledger, self._lm, self._role = ledger, lm, role
        self.supports_response_schema = lm.supports_response_schema
        self.supports_function_calling = lm.supports_function_calling
        self.supports_reasoning = lm.supports_reasoning
        self.supported_params = lm.supported_params

    def __deepcopy__(self, memo: object) -> _Engine:
        return self

    def complete(self, request: Request) -> Response:
        return self._ledger.ask(self._lm, self._role, request)


def _row(response: Response) -> tuple[str, str, int | None, int | None]:
    usage = response.usage
    return response.text or "", response.finish_reason, usage.input_tokens, usage.output_tokens


def _key(role: str, request: Request) -> str:
    text = json.dumps([role, asdict(request)], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _without_connection(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what says where and how to connect: that is the inner model's."""
    from dspy.clients.backend_selection import CLIENT_KEYS

    return {
        name: value for name, value in settings.items() if name not in CLIENT_KEYS and name != "rollout_id"
    }
