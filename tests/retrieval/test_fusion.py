"""Golden numbers by hand, from the formulas as published."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quincunx.retrieval.fusion import ranks, reciprocal_rank, standardised_sum


def test_reciprocal_rank_by_hand() -> None:
    fused = reciprocal_rank([["a", "b"], ["b", "c"]], [1.0, 2.0], 60)
    assert fused == [("b", 1 / 62 + 2 / 61), ("c", 2 / 62), ("a", 1 / 61)]


def test_a_weight_of_zero_leaves_a_ranking_out() -> None:
    assert reciprocal_rank([["a"], ["b"]], [0.0, 1.0], 60) == [("b", 1 / 61)]


def test_ties_break_by_id() -> None:
    assert [id for id, _ in reciprocal_rank([["b"], ["a"]], [1, 1])] == ["a", "b"]
    assert ranks([1.0, 1.0, 2.0], ["b", "a", "c"]) == [3, 2, 1]


def test_standardised_sum_by_hand() -> None:
    total = standardised_sum([[1.0, 3.0], [5.0, 5.0], [0.0, 10.0]])
    assert total == pytest.approx([-2.0, 2.0])


@given(st.lists(st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=3), min_size=1, max_size=4))
def test_standardised_sum_ignores_scale_and_shift(columns: list[list[float]]) -> None:
    columns = [column for column in columns if np.std(column) > 1e-3] or [[0.0, 1.0, 2.0]]
    moved = [[7 * value + 3 for value in column] for column in columns]
    assert standardised_sum(moved) == pytest.approx(standardised_sum(columns), abs=1e-6)
