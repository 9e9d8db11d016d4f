"""The ledger of calls: nothing is paid for twice, and no cap is passed."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import dspy
import pytest
from dspy.lm15 import Message, Request, Response, Usage
from dspy.utils.exceptions import LMError, LMRateLimitError
from hypothesis import given, settings
from hypothesis import strategies as st

from quincunx.eval.optimise.call_ledger import (
    CALLS,
    FAILURES_IN_A_ROW,
    CallLedger,
    CapReachedError,
    LedgerError,
    ModelDownError,
    Phase,
    RunStoppedError,
)
from quincunx.eval.optimise.spending import Caps
from quincunx.eval.prices import Price
from quincunx.retrieval.errors import BoundError, StorageError, UsageError


class Counting:
    """Answers with how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.failing = False

    def complete(self, request: Request) -> Response:
        self.asked += 1
        if self.failing:
            raise RuntimeError("down")
        usage = Usage(input_tokens=7, output_tokens=3)
        return Response(
            id=None, model=request.model, message=Message.assistant(str(self.asked)), finish_reason="stop", usage=usage
        )  # fmt: skip


@pytest.fixture
def engine() -> Counting:
    return Counting()


def wrapped(ledger: CallLedger, engine: Counting, role: str = "task", **settings: Any) -> dspy.LM:
    return ledger.wrap(dspy.LM("counting/x", engine=engine, cache=False, **settings), role)


def test_the_same_request_is_asked_once_and_samples_each_time(tmp_path: Path, engine: Counting) -> None:
    with closing(CallLedger(tmp_path, Caps(), {})) as ledger:
        plain = wrapped(ledger, engine)
        assert [plain("hello"), plain("hello"), plain("bye")] == [["1"], ["1"], ["2"]]
        assert [plain("hello", temperature=1.0), plain("hello", temperature=1.0)] == [["3"], ["4"]]
        assert ledger.spent.calls == engine.asked == 4
    with closing(CallLedger(tmp_path, Caps(), {})) as again:
        lm = wrapped(again, engine)
        told = [lm("hello"), lm("hello", temperature=1.0), lm("hello", temperature=1.0), lm("bye")]
        assert told == [["1"], ["3"], ["4"], ["2"]]
        assert lm("hello", temperature=1.0) == ["5"]
        assert (again.spent.calls, again.spent.made, again.spent.replayed) == (5, 1, 4)


def test_roles_and_settings_do_not_answer_for_each_other(tmp_path: Path, engine: Counting) -> None:
    with closing(CallLedger(tmp_path, Caps(), {})) as ledger:
        told = [
            wrapped(ledger, engine, role, **settings)("hello")
            for role, settings in (("task", {}), ("prompt", {}), ("task", {"max_tokens": 9}))
        ]
        assert told == [["1"], ["2"], ["3"]]


@given(calls=st.integers(1, 6), wanted=st.integers(0, 12))
def test_no_cap_of_calls_is_passed(tmp_path_factory: pytest.TempPathFactory, calls: int, wanted: int) -> None:
    engine = Counting()
    with closing(CallLedger(tmp_path_factory.mktemp("run"), Caps(calls=calls), {})) as ledger:
        lm = wrapped(ledger, engine)
        for number in range(wanted):
            if number < calls:
                lm(f"question {number}")
            else:
                with pytest.raises(CapReachedError, match=f"{calls} calls of {calls} are spent"):
                    lm(f"question {number}")
        assert engine.asked == min(calls, wanted)


def test_tokens_and_dollars_are_capped_and_the_rest_is_kept_back(tmp_path: Path, engine: Counting) -> None:
    prices = {"task": Price(1e6, 2e6), "prompt": Price(0, 0)}
    with closing(CallLedger(tmp_path, Caps(tokens=100), prices)) as ledger:
        lm = wrapped(ledger, engine)
        lm("first")
        assert ledger.spent.usd == 13.0
        assert not ledger.reserve(6), "60 tokens are more than half of 100"
        assert ledger.reserve(4)
        for number in range(5):
            lm(f"question {number}")
        with pytest.raises(CapReachedError, match="60 tokens of 100 are spent, the rest is kept for 4 calls"):
            lm("one more")
        assert ledger.reserve(0)
        for number in range(4):
            lm(f"test {number}")
        with pytest.raises(CapReachedError):
            lm("last")
    with pytest.raises(UsageError, match="prices of both"):
        Caps(usd=1.0).require_prices({"task": Price(1, 1)})


def test_a_model_that_keeps_failing_ends_the_run_and_is_asked_again_in_the_next(
    tmp_path: Path, engine: Counting
) -> None:
    with closing(CallLedger(tmp_path, Caps(), {})) as ledger:
        lm, other = wrapped(ledger, engine), wrapped(ledger, engine, "prompt")
        lm("fine")
        for number in range(FAILURES_IN_A_ROW - 1):
            engine.failing = True
            with pytest.raises(dspy.LMError, match="down"):
                lm(f"question {number}")
            engine.failing = False
            other(f"another model answers {number}")
        engine.failing = True
        with pytest.raises(ModelDownError, match="5 times in a row"):
            lm("the last")
    engine.failing = False
    with closing(CallLedger(tmp_path, Caps(), {})) as again:
        assert again.spent.calls == FAILURES_IN_A_ROW
        assert wrapped(again, engine)("question 0") == [str(engine.asked)]


def test_a_failure_that_the_run_survives_is_replayed_and_counted(tmp_path: Path, engine: Counting) -> None:
    for _ in range(2):
        with closing(CallLedger(tmp_path, Caps(calls=3), {})) as ledger:
            lm = wrapped(ledger, engine)
            lm("fine")
            engine.failing = True
            with pytest.raises(dspy.LMError, match="down"):
                lm("question")
            engine.failing = False
            lm("fine again")
            with pytest.raises(CapReachedError):
                lm("one more")
            assert (ledger.spent.calls, engine.asked) == (3, 3)


def test_calls_for_prompts_that_failed_are_told(tmp_path: Path, engine: Counting) -> None:
    with closing(CallLedger(tmp_path, Caps(), {})) as ledger:
        writer, task = wrapped(ledger, engine, "prompt"), wrapped(ledger, engine)
        writer("one")
        engine.failing = True
        with pytest.raises(dspy.LMError):
            task("one")
        assert ledger.failed_prompts() == []
        with pytest.raises(dspy.LMError, match="down"):
            writer("two")
        [told] = ledger.failed_prompts()
    assert told.startswith("Calls that write prompts failed: 1, one of them with: ")
    assert "down" in told


def test_rows_that_cannot_be_read_or_written_end_the_run(tmp_path: Path, engine: Counting) -> None:
    with (
        closing(CallLedger(tmp_path, Caps(), {})) as ledger,
        closing(sqlite3.connect(tmp_path / CALLS)) as other,
    ):
        wrapped(ledger, engine)("fine")
        other.execute("DROP TABLE calls")
        with pytest.raises(LedgerError, match="no such table"):
            wrapped(ledger, engine)("question")
        assert engine.asked == 1
    (tmp_path / CALLS).write_bytes(b"not a database" * 100)
    with pytest.raises(StorageError, match="cannot be read"):
        CallLedger(tmp_path, Caps(), {})


def test_prices_are_dollars_and_known_for_both_models() -> None:
    for price in (-1.0, float("nan"), float("inf")):
        with pytest.raises(BoundError, match="at least 0 dollars"):
            Price(1.0, price)
    with pytest.raises(UsageError, match=r"both language models, task and prompt.*got prompt"):
        Caps().require_prices({"prompt": Price(1, 1)})


class Slow(Counting):
    """Takes its time, and notes how many asked at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self._lock = threading.Lock()

    def complete(self, request: Request) -> Response:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            time.sleep(0.02)
            with self._lock:
                return super().complete(request)
        finally:
            with self._lock:
                self.now -= 1


def ask_at_once(lm: dspy.LM, prompts: Sequence[str], **settings: Any) -> list[Any]:
    """Return the replies, or what was raised in their place."""

    def ask(prompt: str) -> Any:
        try:
            return lm(prompt, **settings)
        except (RunStoppedError, LMError) as error:
            return error

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(ask, prompts))


def test_what_several_workers_ask_at_once_is_asked_once_and_samples_each_time(tmp_path: Path) -> None:
    engine = Slow()
    with closing(CallLedger(tmp_path, Caps(), {}, workers=8)) as ledger:
        lm = wrapped(ledger, engine)
        assert len(set(map(str, ask_at_once(lm, ["same"] * 8)))) == 1
        assert engine.asked == 1
        assert len(set(map(str, ask_at_once(lm, ["same"] * 8, temperature=1.0)))) == 8
        ask_at_once(lm, [f"question {number}" for number in range(8)])
        assert engine.most > 1
    with closing(CallLedger(tmp_path, Caps(), {}, workers=8)) as again:
        lm = wrapped(again, engine)
        assert len(set(map(str, ask_at_once(lm, ["same"] * 8, temperature=1.0)))) == 8
        assert again.spent.made == 0


@given(calls=st.integers(1, 20), wanted=st.integers(0, 24))
@settings(max_examples=20, deadline=None)
def test_several_workers_pass_no_cap_of_calls(
    tmp_path_factory: pytest.TempPathFactory, calls: int, wanted: int
) -> None:
    engine = Slow()
    with closing(CallLedger(tmp_path_factory.mktemp("run"), Caps(calls=calls), {}, workers=8)) as ledger:
        found = ask_at_once(wrapped(ledger, engine), [f"question {number}" for number in range(wanted)])
        assert engine.asked == ledger.spent.calls == min(calls, wanted)
        assert sum(isinstance(reply, CapReachedError) for reply in found) == max(0, wanted - calls)


def test_a_moment_in_which_all_workers_fail_does_not_end_the_run(tmp_path: Path) -> None:
    engine = Slow()
    with closing(CallLedger(tmp_path, Caps(), {}, workers=8)) as ledger:
        lm = wrapped(ledger, engine)
        engine.failing = True
        lost = ask_at_once(lm, [f"question {number}" for number in range(8)])
        assert all(isinstance(error, LMError) for error in lost)
        again = ask_at_once(lm, [f"another {number}" for number in range(8)])
        assert any(isinstance(error, ModelDownError) for error in again)


def test_no_more_calls_than_workers_are_under_way_and_spare_ones_leave_places_free(tmp_path: Path) -> None:
    engine = Slow()
    with closing(CallLedger(tmp_path, Caps(), {}, workers=4)) as ledger:
        plain = dspy.LM("counting/x", engine=engine, cache=False)
        ask_at_once(ledger.wrap(plain, "task"), [f"question {number}" for number in range(16)])
        assert engine.most == 4
        phase, engine.most = Phase(spare=True), 0
        spare = ledger.wrap(plain, "task", phase)
        ask_at_once(spare, [f"spare {number}" for number in range(12)])
        assert engine.most == 3
        assert ask_at_once(spare, ["spare 0"] * 3) == ask_at_once(ledger.wrap(plain, "task"), ["spare 0"] * 3)
        ledger.hurry(phase)
        ask_at_once(spare, [f"hurried {number}" for number in range(12)])
        assert engine.most == 4
        assert engine.asked == 40


def test_spare_calls_let_the_others_go_first(tmp_path: Path) -> None:
    engine = Slow()
    order: list[str] = []
    with closing(CallLedger(tmp_path, Caps(), {}, workers=1)) as ledger:
        plain = dspy.LM("counting/x", engine=engine, cache=False)
        spare, own = ledger.wrap(plain, "task", Phase(spare=True)), ledger.wrap(plain, "task")

        def ask(lm: dspy.LM, prompt: str) -> None:
            lm(prompt)
            order.append(prompt)

        with ThreadPoolExecutor(8) as pool:
            pool.submit(ask, own, "first")
            time.sleep(0.005)
            for number in range(3):
                pool.submit(ask, spare, f"spare {number}")
            for number in range(3):
                pool.submit(ask, own, f"own {number}")
        assert sorted(order[1:4]) == [f"own {number}" for number in range(3)]


def test_threads_that_a_search_left_behind_ask_nothing_more(tmp_path: Path, engine: Counting) -> None:
    with closing(CallLedger(tmp_path, Caps(), {})) as ledger:
        phase = Phase()
        plain = dspy.LM("counting/x", engine=engine, cache=False)
        lm = ledger.wrap(plain, "task", phase)
        assert lm("hello") == ["1"]
        ledger.end(phase)
        with pytest.raises(CapReachedError, match="ended"):
            lm("hello")
        assert ledger.wrap(plain, "task")("hello") == ["1"]
        assert engine.asked == 1


def test_workers_pause_together_as_long_as_the_model_says_and_nothing_fails(tmp_path: Path) -> None:
    engine = Slow()
    asked: list[float] = []
    answer = engine.complete

    def limited(request: Request) -> Response:
        asked.append(time.monotonic())
        if len(asked) <= 8:
            raise LMRateLimitError("slow down", retry_after=1.5)
        return answer(request)

    vars(engine)["complete"] = limited
    with closing(CallLedger(tmp_path, Caps(calls=8), {}, workers=8)) as ledger:
        replies = ask_at_once(wrapped(ledger, engine), [f"question {number}" for number in range(8)])
        assert all(isinstance(reply, list) for reply in replies)
        assert (ledger.spent.calls, ledger.spent.failed) == (8, 0)
    later = [moment - asked[0] for moment in asked if moment - asked[0] > 0.5]
    assert len(later) == 8
    assert min(later) >= 1.5
