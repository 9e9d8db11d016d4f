"""An evaluation run as its reader has it: its figures in one line, as values, and as a page.

with open_run("retrieval-gold-test-1a2b3c4d") as run:
    print(run.headline())                   # recall@5 0.850 [0.720, 0.930], n=24, 0 failed
    print(run.means()["mrr@5"].mean)
    run.write_page()                        # report.html in the run's folder
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..retrieval.processes import ComputedOnce
from .report.summary import Summary, write_page
from .runs.folder import existing_run
from .runs.ledger import RunLedger
from .runs.look_counter import look_of
from .stats.paired import Interval

PAGE = "report.html"


class Run(RunLedger):
    """A run that is opened to be read; it holds no lock. Close it, or use it in a ``with`` block.

    ``name``, ``folder`` and ``header`` say what was run; `questions`, `rows` and `passages` return what was found and
    said, question by question.
    """

    @ComputedOnce
    def summary(self) -> Summary:
        """Everything that is shown of the run, worked out from its rows at the first use."""
        return Summary(self)

    @property
    def look(self) -> int | None:
        """Which look at its test questions it was, counted from 1; ``None`` where it asked none."""
        return look_of(self.folder)

    @property
    def primary(self) -> str:
        """The one measure that was declared in advance: ``recall@n``, or the one that the program's answers are right by."""
        if self.summary.answers is not None:
            return self.summary.answers.right[0]
        return self.summary.scored.measures[0]

    def means(self) -> dict[str, Interval]:
        """Return the mean of each measure with its 95 % interval and n, by name; failed questions are in none.

        Measures of the ranking are those of the final order; those of answers come after them.
        """
        answers = self.summary.answers
        checks = {check.name: check.mean for check in answers.checks} if answers else {}
        return {**self.summary.means["final"], **checks}

    def headline(self) -> str:
        """Return the outcome in one line, such as ``recall@5 0.850 [0.720, 0.930], n=24, 0 failed``.

        Of a run of answers, which share was answered rightly, wrongly, declined rightly, and wrongly.
        """
        failed = f"{self.summary.counts.failed} failed"
        if self.summary.answers and (outcomes := self.summary.answers.outcomes):
            told = [
                f"{each.name} {each.share.mean:.3f} [{each.share.low:.3f}, {each.share.high:.3f}]"
                for each in outcomes
            ]
            return f"{', '.join(told)}, n={outcomes[0].share.n}, {failed}"
        mean = self.means().get(self.primary)
        if mean is None:
            return f"{self.primary}: nothing was scored, {failed}"
        return f"{self.primary} {mean.mean:.3f} [{mean.low:.3f}, {mean.high:.3f}], n={mean.n}, {failed}"

    def write_page(self, path: Path | None = None) -> Path:
        """Write the run as one HTML file that needs no network; return its path, in the run's folder if left out.

        Raises:
            StorageError: the disk refused.
        """
        path = path or self.folder / PAGE
        write_page(self.summary, path)
        return path


def open_run(name_or_folder: str | Path) -> Run:
    """Open a run to read it, by its name in the home folder or by its folder.

    Raises:
        UnknownRunError: there is none. RunError: it cannot be read.
    """
    return Run(existing_run(name_or_folder))


@contextmanager
def opened(run: RunLedger | str | Path) -> Iterator[RunLedger]:
    """Give a run for as long as the block runs: one that is open as it is, another opened and closed again."""
    if isinstance(run, RunLedger):
        yield run
        return
    with open_run(run) as found:
        yield found
