"""The verdicts on what programs answer to the test questions, some of it asked while the search leaves workers free."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

import dspy

from ...programs.program import GroundedProgram
from .call_ledger import CallLedger, CapReachedError, Phase
from .demo_leaks import LeakFilter
from .metric import Verdict
from .plan import Plan
from .spending import Caps
from .student import TrialLog, make_student


class SealedAnswers:
    """Asks programs the test questions, as many at once as there are workers; a context manager that ends what it began."""

    def __init__(
        self, plan: Plan, ledger: CallLedger, test: Sequence[dspy.Example], leak_filter: LeakFilter
    ) -> None:
        # A log of its own, for no search may know of these answers.
        self.log = TrialLog((), leak_filter, lambda: None)
        self._plan, self._ledger, self._test = plan, ledger, test
        self._phase = Phase(spare=True)
        self._pool = ThreadPoolExecutor(plan.workers, thread_name_prefix="quincunx-test")
        self._begun: dict[str, list[Future[Verdict]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ledger.end(self._phase)
        self._pool.shutdown(wait=True, cancel_futures=True)

    def begin_early(self, name: str, program: GroundedProgram) -> None:
        """Ask while the search leaves workers free.

        Not under caps, where what the test questions take must not be missed by the search, nor for a search alone.
        """
        if self._plan.caps == Caps() and not self._plan.search_only:
            with dspy.context(lm=self._ledger.wrap(self._plan.lm, "task", self._phase)):
                self._begin(name, program)

    def verdicts(
        self, programs: Mapping[str, GroundedProgram], on_verdict: Callable[[], None]
    ) -> tuple[dict[str, dict[str, Verdict]], str | None]:
        """Return the verdicts by program and question, as far as the budget holds all of a program's, and what it does not hold.

        ``on_verdict`` is called, in this thread, after each.
        """
        self._ledger.hurry(self._phase)
        scores: dict[str, dict[str, Verdict]] = {}
        try:
            for name, program in programs.items():
                self._begin(name, program)
                verdicts: dict[str, Verdict] = {}
                for example, begun in zip(self._test, self._begun[name], strict=True):
                    verdicts[example.gold_id] = begun.result()
                    on_verdict()
                scores[name] = verdicts
        except CapReachedError as reached:
            missing = ", ".join(name for name in programs if name not in scores)
            return scores, f"Not tested, for the budget was spent: {missing} ({reached})."
        return scores, None

    def _begin(self, name: str, program: GroundedProgram) -> None:
        if name in self._begun:
            return
        student = make_student(program, self.log)

        def judge(example: dspy.Example) -> Verdict:
            return self._plan.metric(example, student(**example.inputs()))

        # DSPy's settings live in context variables, which threads do not inherit by themselves.
        self._begun[name] = [
            self._pool.submit(contextvars.copy_context().run, judge, example) for example in self._test
        ]
