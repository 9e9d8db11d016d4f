"""Tables on the command line: a cell is never cut, however wide it is and however narrow the terminal."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import RenderableType

from quincunx.app.index_entries import IndexEntry
from quincunx.app.output import ResultsConsole
from quincunx.app.program_entries import ProgramEntry
from quincunx.app.render.answers import candidates_table, passages_list
from quincunx.app.render.lists import indexes_table, programs_table, runs_table
from quincunx.app.render.runs import comparison_tables
from quincunx.app.render.text import PROSE, facts_table, table_of, with_words
from quincunx.eval.compare import MeasureComparison, QuestionDelta, RunComparison
from quincunx.eval.report.run_entries import RunEntry
from quincunx.eval.stats.paired import compare_paired
from quincunx.retrieval.passages import Candidate, Passage

LONG = "a-name-that-somebody-gave-to-a-run-" * 3 + "end"
CHINESE = "第一季度财务报告与管理层讨论分析" * 4
WIDTHS = (40, 80, 200)


def pipe() -> ResultsConsole:
    return ResultsConsole(file=io.StringIO(), highlight=False)


def terminal(width: int) -> ResultsConsole:
    return ResultsConsole(
        file=io.StringIO(), highlight=False, force_terminal=True, color_system=None, width=width
    )


def shown(console: ResultsConsole, *parts: RenderableType) -> str:
    for part in parts:
        console.print(part)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def compared() -> Sequence[RenderableType]:
    result = compare_paired([1.0] * 12, [0.0] * 11 + [1.0], seed=0)
    worst = (QuestionDelta(LONG, f"what is {CHINESE} and {LONG}", 1.0, 0.0),)
    measures = tuple(MeasureComparison(name, result, result.p, worst) for name in ("recall@5", LONG))
    return list(comparison_tables(RunComparison(LONG, "b", 12, (), (), (), (), (), (), measures)))


def candidates() -> list[Candidate]:
    passage = Passage(f"{LONG}#0", LONG, CHINESE, "Text.", 0, 5)
    return [Candidate(passage, 12, 0.123, 11, 13.25, 10, 0.456, 9, 0.875, 10)]


TABLES: dict[str, Callable[[], Sequence[RenderableType]]] = {
    "indexes": lambda: [
        indexes_table([IndexEntry(LONG, 1234567, 9876543, "flat", LONG + "/m", "2026-01-01", 5)], Path("/h"))
    ],
    "programs": lambda: [
        programs_table([ProgramEntry(LONG, index=LONG + "-i", inputs=("history", LONG), example=CHINESE)])
    ],
    "runs": lambda: [
        runs_table(
            [
                RunEntry(
                    LONG,
                    "2026-01-01",
                    "answers",
                    "chat_bridge",
                    LONG + "-d",
                    "test",
                    5,
                    4,
                    "citation_recall",
                    0.5,
                ),
                RunEntry("broken", error=LONG),
            ],
            Path("/h"),
        )
    ],
    "candidates": lambda: [candidates_table(candidates(), 5, scores=True)],
    "passages": lambda: [passages_list([candidate.passage for candidate in candidates()])],
    "comparison": compared,
    "facts": lambda: [facts_table({"name": LONG, "title": CHINESE, LONG: 1})],
}
CELLS: dict[str, Sequence[str]] = {
    "indexes": (LONG, "1,234,567", "9,876,543", LONG + "/m", "2026-01-01"),
    "programs": (LONG, LONG + "-i", CHINESE),
    "runs": (LONG, LONG + "-d", "4 of 5", "citation_recall 0.500"),
    "candidates": (f"{LONG}#0", CHINESE, "12 (0.123)", "11 (13.250)", "10 (0.456)", "9 (0.875)"),
    "passages": (f"{LONG}#0", CHINESE),
    "comparison": ("what is", "1.000", "0/1/11", "worse"),
    "facts": (LONG, CHINESE),
}


def letters(text: str) -> dict[str, int]:
    """How often each letter and figure stands in a text, wherever its lines were broken."""
    return {c: text.count(c) for c in set(text) if c.isalnum()}


@pytest.mark.parametrize("name", TABLES)
def test_a_pipe_gets_every_row_whole(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = shown(pipe(), *TABLES[name]())
    assert "…" not in text
    for cell in CELLS[name]:
        assert cell in text or name == "passages" or cell_len(cell) > PROSE
        assert all(n <= letters(text)[c] for c, n in letters(cell).items())


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", TABLES)
def test_a_terminal_gets_every_letter_within_its_width(name: str, width: int) -> None:
    text, whole = shown(terminal(width), *TABLES[name]()), shown(pipe(), *TABLES[name]())
    assert "…" not in text
    assert letters(text) == letters(whole)


cells = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=120)


@given(st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=4), st.integers(24, 120))
def test_whatever_the_cells_none_is_cut(rows: list[tuple[str, str, str]], width: int) -> None:
    table = with_words(table_of("", "id", "figure", "words"))
    for row in rows:
        table.add_row(*row)
    wanted: dict[str, int] = letters("idfigurewords" + "".join("".join(row) for row in rows))
    assert letters(shown(terminal(width), table)) == wanted
    assert letters(shown(pipe(), table)) == wanted


def test_a_table_that_fits_a_terminal_stands_on_one_line_a_row() -> None:
    lines = shown(terminal(80), *TABLES["candidates"]()).splitlines()
    assert len(lines) > 5  # a name of 110 letters does not fit
    small = [Candidate(Passage("tea#0", "tea", "Tea", "Text.", 0, 5), 1, 0.1, 2, 3.0, 1, 0.5, 1, 0.5, 1)]
    assert any(
        line.split() == ["1", "1", "2", "1", "1", "tea#0", "Tea"]
        for line in shown(terminal(80), candidates_table(small, 5)).splitlines()
    )


def test_the_width_is_that_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "57")
    console = ResultsConsole(file=io.StringIO(), force_terminal=True)
    assert console.width == 57
