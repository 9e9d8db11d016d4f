"""Qrels files: which document answers which question, how well, in the forms they are distributed in.

A row is ``question document grade`` (BEIR) or ``question iteration document grade`` (TREC), its cells separated by tabs,
or by spaces where it holds no tab. A first row that names the columns is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...retrieval.corpus.beir import read_utf8
from ...retrieval.errors import GoldSetError

HEADINGS = {"queryid", "query", "qid", "topicid", "topic", "questionid", "question"}
"""What the first column may be called, in small letters without dashes and underscores."""


def read_qrels(path: Path) -> Iterator[tuple[int, str, str, int]]:
    """Yield (line number from 1, question, document, grade) for each row, grades of 0 and below too.

    Raises:
        GoldSetError: the file cannot be read, or a row is not in one of the forms; it names the line.
    """
    for number, line in enumerate(read_utf8(path, GoldSetError).split("\n"), start=1):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.rstrip().split("\t")] if "\t" in line else line.split()
        grade = whole_grade(cells[-1])
        if number == 1 and grade is None and cells[0].lower().replace("-", "").replace("_", "") in HEADINGS:
            continue
        if len(cells) not in (3, 4) or grade is None or not (cells[0] and cells[-2]):
            raise GoldSetError(
                f"{path}:{number}: expected query-id, corpus-id and a whole score, or TREC's query-id, iteration, "
                f"corpus-id and score (got {cells}); mend the line"
            )
        yield number, cells[0], cells[-2], grade


def whole_grade(text: str) -> int | None:
    """Return a whole number, also where it is written as 1.0 or 1e0; ``None`` where it is none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return int(value) if value.is_integer() else None
