"""Golden numbers by hand, from the formulas as published."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quincunx.retrieval.fusion import (
    Column,
    Scores,
    best_first,
    min_max_scaled,
    ranks,
    reciprocal_rank,
    z_scores,
)


def test_reciprocal_rank_by_hand() -> None:
    fused = reciprocal_rank([["a", "b"], ["b", "c"]], [1.0, 2.0], 60)
    assert fused == [("b", 1 / 62 + 2 / 61), ("c", 2 / 62), ("a", 1 / 61)]


def test_a_weight_of_zero_leaves_a_ranking_out() -> None:
    assert reciprocal_rank([["a"], ["b"]], [0.0, 1.0], 60) == [("b", 1 / 61)]


def test_ties_break_by_id() -> None:
    assert [id for id, _ in reciprocal_rank([["b"], ["a"]], [1, 1])] == ["a", "b"]
    assert ranks([1.0, 1.0, 2.0], ["b", "a", "c"]) == [3, 2, 1]


def test_scores_brought_to_one_scale_by_hand() -> None:
    assert min_max_scaled([2.0, 6.0, 3.0]).tolist() == [0.0, 1.0, 0.25]
    assert z_scores([1.0, 3.0]).tolist() == [-1.0, 1.0]
    assert min_max_scaled([5.0, 5.0]).tolist() == z_scores([5.0, 5.0]).tolist() == [0.0, 0.0]
    assert best_first({"b": 1.0, "a": 1.0, "c": 2.0}) == [("c", 2.0), ("a", 1.0), ("b", 1.0)]


@pytest.mark.parametrize("scale", [min_max_scaled, z_scores])
@given(column=st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=9))
def test_scaling_ignores_scale_and_shift(scale: Callable[[Column], Scores], column: list[float]) -> None:
    column = column if np.std(column) > 1e-3 else [0.0, 1.0, 2.0]
    moved = [7 * value + 3 for value in column]
    assert scale(moved) == pytest.approx(scale(column), abs=1e-6)
