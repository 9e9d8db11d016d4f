"""Kills an evaluation at every statement that it makes in its ledger, and lets the same command go on.

Run as a script, since it forks: ``run_worker.py GOLD HOME WORKERS STEP``. It prints what it saw as JSON.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import sys
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from gold_sets import hashing_profile

from quincunx.eval.goldsets.goldset import read_gold_set
from quincunx.eval.report.summary import write_run_report
from quincunx.eval.runs import ledger
from quincunx.eval.runs import retrieval_run as retrieval
from quincunx.eval.runs.retrieval_run import RetrievalSetup, run_retrieval


def run(gold: Path, out: Path, log: Path, workers: int, kill_at: int | None) -> int:
    """Run the evaluation and return how many statements it made; at one of them the process dies."""
    count = 0
    connect = sqlite3.connect

    def traced(path: Any, *arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(path, *arguments, **options)
        if Path(path).name == ledger.ROWS:

            def see(statement: str) -> None:
                nonlocal count
                count += 1
                if count == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)

            connection.set_trace_callback(see)
        return connection

    def logging(*arguments: Any) -> Any:
        with log.open("a") as file:
            file.write(arguments[3].id + "\n")
        return search(*arguments)

    search = retrieval._search
    ledger.sqlite3.connect = traced  # type: ignore[attr-defined]
    retrieval._search = logging  # type: ignore[assignment]
    searched = RetrievalSetup(read_gold_set(gold), hashing_profile())
    with run_retrieval(searched, out=out, workers=workers) as done:
        write_run_report(done)
    return count


def forked(*arguments: Any) -> int:
    """Run in a child and return its exit status, or minus the signal that it died of."""
    child = os.fork()
    if child == 0:
        run(*arguments)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def main(gold: Path, home: Path, workers: int, step: int) -> None:
    os.environ["QUINCUNX_HOME"] = str(home)
    out, log = home / "run", home / "log"
    assert forked(gold, home / "whole", log, workers, None) == 0  # builds the index, too
    expected = (home / "whole" / "report.json").read_bytes()
    points, most, identical = 0, 0, True
    while True:
        shutil.rmtree(out, ignore_errors=True)
        log.unlink(missing_ok=True)
        status = forked(gold, out, log, workers, 1 + points * step)
        if status == 0:
            break
        assert status == -signal.SIGKILL
        points += 1
        assert forked(gold, out, log, workers, None) == 0
        repeated = sum(times - 1 for times in Counter(log.read_text().split()).values())
        most = max(most, repeated)
        identical &= (out / "report.json").read_bytes() == expected
    sys.stdout.write(json.dumps({"points": points, "repeated": most, "identical": identical}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
