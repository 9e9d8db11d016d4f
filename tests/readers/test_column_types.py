"""What a column is: nothing is guessed, and what is read can be told back."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quincunx.retrieval.text.readers.tables.column_types import ColumnType, Value, looks_typed


def read(cells: list[str], name: str = "column") -> list[Value]:
    return [column(cells, name).value(cell) for cell in cells]


def column(cells: list[str], name: str = "column") -> ColumnType:
    found = ColumnType(name)
    for cell in cells:
        found.see(cell)
    return found


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1", "-2", "0"], [1, -2, 0]),
        (["1.5", "2", "0.25"], [1.5, 2, 0.25]),
        (["1,234.50", "7"], [1234.5, 7]),
        (["1.234,50", "7"], [1234.5, 7]),
        (["1.234", "1.234,5"], [1234, 1234.5]),
        (["1.234", "0.5"], [1.234, 0.5]),
        (["1,234", "0,5"], [1.234, 0.5]),
        (["1.234.567", "12.000"], [1234567, 12000]),
        (["1 234,50", "12\u202f000"], [1234.5, 12000]),
        (["1'234.50", "900"], [1234.5, 900]),
        (["\u22125", "3"], [-5, 3]),
        (["1.5e-3", "2.0", "1e-05", "2E+3"], [0.0015, 2.0, 1e-05, 2000.0]),
        (["0.073213806972259512", "-100.368849325795"], [0.073213806972259512, -100.368849325795]),
        (["true", "FALSE", "True"], [True, False, True]),
    ],
)
def test_numbers_and_truth_values_in_one_convention(cells: list[str], values: list[Value]) -> None:
    assert read(cells) == values
    assert [type(value) for value in read(cells)] == [type(value) for value in values]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["2026-01-31", "2025-12-01"], ["2026-01-31", "2025-12-01"]),
        (["2026-01-31 14:30", "2025-12-01T09:00:10"], ["2026-01-31T14:30:00", "2025-12-01T09:00:10"]),
        (["2026/1/31"], ["2026-01-31"]),
        (["31.12.2025", "1.2.2026"], ["2025-12-31", "2026-02-01"]),
        (["1.2.2026 08:15"], ["2026-02-01T08:15:00"]),
        (["31/12/2025", "01/02/2026"], ["2025-12-31", "2026-02-01"]),
        (["12/31/2025", "01/02/2026"], ["2025-12-31", "2026-01-02"]),
        (["12-31-2025", "01-02-2026"], ["2025-12-31", "2026-01-02"]),
        (["05/05/2026"], ["2026-05-05"]),
        (["12 March 2026", "1 Apr 2026"], ["2026-03-12", "2026-04-01"]),
        (["12. März 2026", "1. Mai 2026"], ["2026-03-12", "2026-05-01"]),
        (["12-Mar-2026"], ["2026-03-12"]),
        (["Mar 12, 2026", "December 1, 2026"], ["2026-03-12", "2026-12-01"]),
    ],
)
def test_dates_become_iso_text(cells: list[str], values: list[str]) -> None:
    assert read(cells) == values


@pytest.mark.parametrize(
    "cells",
    [
        ["007", "12"],
        ["1.234,50", "1,234.50"],
        ["12 %", "7 %"],
        ["€ 5", "7"],
        ["1.2.3", "1.2.4"],
        ["+49 30 123456", "5"],
        ["5551234567890123456", "1"],
        ["0.1234567890123456789"],
        ["1", "n/a"],
        ["yes", "no"],
        ["1e5", "12E4"],
        ["2026-02-30"],
        ["31.12.25"],
        ["2026-01-01", "1.1.2026"],
        ["12 Marchember 2026"],
        ["", " "],
        ["٣", "٤"],
    ],
)
def test_what_is_no_quantity_or_in_two_conventions_stays_text(cells: list[str]) -> None:
    assert read(cells) == cells
    assert column(cells).notice() is None


@pytest.mark.parametrize("cells", [["1.234", "5"], ["1,500", "2,000"], ["03/04/2026", "05/05/2026"]])
def test_what_may_be_two_values_stays_text_and_is_said(cells: list[str]) -> None:
    assert read(cells) == cells
    assert cells[0] in str(column(cells, "Sum").notice())
    assert "'Sum'" in str(column(cells, "Sum").notice())


@pytest.mark.parametrize("name", ["Phone", "ZIP code", "PLZ", "version", "EAN-13"])
def test_columns_that_are_named_as_names_stay_text(name: str) -> None:
    assert read(["1.10", "5551234"], name) == ["1.10", "5551234"]


def test_one_text_makes_a_column_one_of_text_wherever_it_stands() -> None:
    assert read(["1"] * 50 + ["none"] + ["2"] * 50)[0] == "1"
    assert read(["none"] + ["1"] * 50)[1] == "1"


@given(st.lists(st.integers(-(10**17), 10**17), min_size=1))
def test_whole_numbers_are_kept(numbers: list[int]) -> None:
    assert read(list(map(str, numbers))) == numbers


@given(st.lists(st.decimals(-(10**9), 10**9, places=2), min_size=1), st.sampled_from(["en", "de", "ch"]))
def test_grouped_numbers_are_read_as_they_were_written(numbers: list[float], country: str) -> None:
    """Numbers of two decimals, the last of which is not 0: all but one convention are impossible."""
    texts = [f"{number:,.2f}" for number in numbers]
    if country == "de":
        texts = [text.translate(str.maketrans(",.", ".,")) for text in texts]
    elif country == "ch":
        texts = [text.replace(",", "'") for text in texts]
    assert read(texts) == [float(number) + 0.0 for number in numbers]


@given(
    st.lists(st.dates(date(1900, 1, 1)), min_size=1), st.sampled_from(["%d.%m.%Y", "%Y-%m-%d", "%d %B %Y"])
)
def test_dates_are_read_as_they_were_written(days: list[date], form: str) -> None:
    assert read([day.strftime(form) for day in days]) == [day.isoformat() for day in days]


@given(st.lists(st.text()))
def test_a_cell_is_kept_or_is_a_value_of_its_own(cells: list[str]) -> None:
    """A column of any texts is read without an error, and one that is text keeps its cells."""
    values = read(cells)
    assert [value for value in values if isinstance(value, str)] == values or not column(cells).is_text
    assert len(values) == len(cells)


def test_a_name_of_a_column_is_not_typed() -> None:
    assert [looks_typed(cell) for cell in ("Price", "2026-01-01", "1,5", "true", "A-1")] == [
        False,
        True,
        True,
        True,
        False,
    ]
