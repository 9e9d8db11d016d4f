"""Texts are read in slices that are short enough, and every text is in one of them."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from quincunx.app.serve.dropin.pace import MOST_TEXTS, SLICE_SECONDS, Pace, measure_pace


@given(st.lists(st.integers(0, 3000), max_size=600), st.integers(0, 500), st.integers(1, 100_000))
def test_every_text_is_in_one_slice_and_no_slice_is_too_large(
    lengths: list[int], beside: int, characters: int
) -> None:
    texts = ["x" * length for length in lengths]
    slices = list(Pace(characters, longest=1000).slices(texts, beside))
    assert sorted(place for slice in slices for place in slice) == list(range(len(texts)))
    for slice in slices:
        assert len(slice) <= MOST_TEXTS
        read = sum(min(lengths[place] + beside, 1000) for place in slice)
        assert len(slice) == 1 or read <= characters


def test_a_slower_model_gets_smaller_slices() -> None:
    def reading(seconds: float) -> Pace:
        return measure_pace(lambda texts: time.sleep(seconds * len(texts)), longest=3000)

    slow, fast = reading(0.05), reading(0.005)
    assert fast.characters > 3 * slow.characters
    (first, *_) = slow.slices(["x" * 400] * 100)
    assert 0.5 * SLICE_SECONDS < 0.05 * len(first) < 2 * SLICE_SECONDS
