"""A file of many rows is not held in memory: 40 MB of it under ``make torture``, 4 MB otherwise."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import TORTURE

WORKER = Path(__file__).parents[1] / "read_worker.py"
SIZE = 40_000_000 if TORTURE else 4_000_000
MOST_MIB = 400 if TORTURE else 60


def csv_row(number: int) -> str:
    return f"k{number},Widget {number},{number % 977}.{number % 100:02},2026-01-{number % 28 + 1:02},{'filler ' * 8}\n"


def json_line(number: int) -> str:
    record = {
        "id": f"k{number}",
        "title": f"Widget {number}",
        "text": "filler " * 12,
        "of": {"lots": [1, 2, number]},
    }
    return json.dumps(record) + "\n"


@pytest.mark.torture
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
@pytest.mark.parametrize(
    ("name", "head", "row"),
    [
        ("rows.csv", "id,name,price,date,note\n", csv_row),
        ("lines.jsonl", "", json_line),
        ("latin.csv", "id,name,price,date,größe\n", csv_row),
    ],
)
def test_many_rows_need_little_memory(
    tmp_path: Path, name: str, head: str, row: Callable[[int], str]
) -> None:
    path = tmp_path / name
    rows = 0
    with path.open("w", encoding="cp1252" if name == "latin.csv" else "utf-8") as file:
        file.write(head)
        while file.tell() < SIZE:
            file.writelines(row(number) for number in range(rows, rows + 1000))
            rows += 1000
    done = subprocess.run(
        [sys.executable, str(WORKER), str(path)], capture_output=True, text=True, check=True
    )
    count, mebibytes = json.loads(done.stdout)
    sys.stderr.write(
        f"\n{name}: {rows} rows of {path.stat().st_size} bytes in {mebibytes} MiB\n" if TORTURE else ""
    )
    assert count == rows
    assert mebibytes < MOST_MIB
