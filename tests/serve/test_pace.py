"""Texts are read in slices that are short enough, and every text is in one of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from checkpoints import bge
from hypothesis import given
from hypothesis import strategies as st

from quincunx.app.serve.dropin.names import ModelNames
from quincunx.app.serve.dropin.pace import MOST_TEXTS, SLICE_SECONDS, Pace, characters, measure_pace
from quincunx.app.serve.dropin.reranker import ServedReranker
from quincunx.retrieval.models.bge import load_cross_encoder
from quincunx.retrieval.models.rerankers import Scores


@given(st.lists(st.integers(0, 3000), max_size=600), st.integers(0, 500), st.integers(1, 100_000))
def test_every_text_is_in_one_slice_and_no_slice_is_too_large(
    lengths: list[int], beside: int, most: int
) -> None:
    sizes = characters(["x" * length for length in lengths], 1000, beside)
    slices = list(Pace(most).slices(sizes))
    assert sorted(place for slice in slices for place in slice) == list(range(len(sizes)))
    for slice in slices:
        assert len(slice) <= MOST_TEXTS
        read = sum(min(lengths[place] + beside, 1000) for place in slice)
        assert len(slice) == 1 or read <= most


def test_a_slower_model_gets_smaller_slices() -> None:
    def sizes(texts: list[str]) -> list[int]:
        return characters(texts, 3000)

    def reading(seconds: float) -> Pace:
        return measure_pace(lambda texts: time.sleep(seconds * len(texts)), sizes)

    slow, fast = reading(0.05), reading(0.005)
    assert fast.size > 3 * slow.size
    (first, *_) = slow.slices(sizes(["x" * 400] * 100))
    assert 0.5 * SLICE_SECONDS < 0.05 * len(first) < 2 * SLICE_SECONDS


def test_a_slice_of_a_reranker_is_judged_by_the_tokens_that_it_reads(home: Path, tmp_path: Path) -> None:
    """Not by characters, of which some texts have many for each token."""
    model = load_cross_encoder(bge(tmp_path / "m"), max_tokens=96)
    texts = ["metal " * count for count in (5, 50, 500)]
    served = ServedReranker(model, ModelNames("reranker", "m", ()), Pace(60))
    read: list[list[str]] = []

    def score(question: str, passages: Sequence[str]) -> Scores:
        read.append(list(passages))
        return model.score_with_report(question, passages)[0]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(model, "score", score)
        ranking = asyncio.run(served.rank("What is it?", texts))
    assert read == [texts[:1], texts[1:2], texts[2:]]
    assert [cut.read for cut in model.truncations("What is it?", texts)][-1] == 96
    assert ranking.cut == (2,)
