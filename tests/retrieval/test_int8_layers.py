"""Linear layers in integers of 8 bits.

1. No number is off by more than half a step of each side explains, whatever the scales of tokens and weights.
2. A token comes out the same, to the last bit, whatever stands beside it.
3. The tokens that the head reads are those of float32.
4. Attention in bf16 is near that in float32, however few heads are worked out at a time.
"""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import pytest
import torch
from checkpoints import bge
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers import CrossEncoder

from quincunx.retrieval.errors import BoundError
from quincunx.retrieval.models.passes import packed
from quincunx.retrieval.models.passes.packed import _attend_in_bf16
from quincunx.retrieval.models.precision.formats import (
    candidates,
    converted,
    first_of_each,
    require_precision,
)
from quincunx.retrieval.models.precision.reduced_layers import (
    LARGEST_WEIGHT,
    ROWS,
    Int8FeedForward,
    Int8Linear,
    TokenBytes,
)

pytestmark = pytest.mark.skipif("int8" not in candidates("cpu"), reason="int8 is for x86 CPUs")


def nothing(_: torch.Tensor) -> None:
    return None


def linear(width: int, out: int, seed: int, *, bias: bool = True) -> torch.nn.Linear:
    generator = torch.Generator().manual_seed(seed)
    layer = torch.nn.Linear(width, out, bias=bias)
    with torch.no_grad():
        rows = torch.logspace(-3, 3, out)[:, None]
        layer.weight.copy_(torch.randn(out, width, generator=generator) * rows)
    return layer


def tokens(count: int, width: int, seed: int) -> torch.Tensor:
    """Return (1, tokens, width), with tokens of very different sizes."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, count, width, generator=generator) * torch.logspace(-4, 4, count)[:, None]


def made(layer: torch.nn.Linear, given: torch.Tensor, exact: Any = nothing) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = Int8Linear(layer, exact, TokenBytes())(given)
    return found


@given(st.integers(1, 40), st.integers(1, 70), st.integers(1, 70), st.integers(0, 2**31), st.booleans())
def test_errors_stay_within_half_a_step_of_both_sides(
    count: int, width: int, out: int, seed: int, bias: bool
) -> None:
    layer, asked = linear(width, out, seed, bias=bias), tokens(count, width, seed + 1)
    found = made(layer, asked).float()
    with torch.inference_mode():
        right = layer(asked)
        largest, weights = asked.abs().amax(-1, keepdim=True), layer.weight.abs().amax(1)
        reach = asked.amax(-1, keepdim=True) - asked.amin(-1, keepdim=True)
        # Each number is off by half a step of its side, and the result may be rounded to bf16.
        off = reach / 255 / 2 * weights + weights / LARGEST_WEIGHT / 2 * (largest + reach / 255)
        most = 1.01 * width * off + right.abs() * 2**-7 + 1e-6
    assert found.shape == (1, count, out)
    assert bool(((found - right).abs() <= most).all())


def test_a_token_comes_out_the_same_whatever_stands_beside_it() -> None:
    layer, asked = linear(32, 48, 0), tokens(2 * ROWS + 7, 32, 1)
    whole = made(layer, asked)
    for place in (0, 5, ROWS - 1, ROWS, 2 * ROWS + 6):
        assert torch.equal(made(layer, asked[:, place : place + 1])[0, 0], whole[0, place])


@pytest.mark.parametrize("value", [0.0, 5.0, -1e-30, 1e30])
def test_a_token_of_one_number_is_exact_on_its_side(value: float) -> None:
    layer, asked = linear(16, 16, 0), torch.full((1, 3, 16), value)
    with torch.no_grad():  # integers at the full width of a step
        layer.weight.copy_((layer.weight / layer.weight.abs().amax(1, keepdim=True) * 127).round())
    torch.testing.assert_close(made(layer, asked), layer(asked), rtol=1e-5, atol=1e-5)


def test_the_tokens_that_the_head_reads_are_those_of_float32() -> None:
    for width, out in ((24, 24), (24, 96), (96, 24)):
        layer, asked = linear(width, out, 3), tokens(9, width, 4)
        with torch.inference_mode():
            right = layer(asked[:, 0])
            rounding = 1e-6 * (asked[:, 0].abs() @ layer.weight.abs().T + layer.bias.abs())
            integers = made(layer, asked)[:, 0]
        found = made(layer, asked, first_of_each)
        assert bool(((found[:, 0] - right).abs() <= rounding).all())
        assert not bool(((integers - right).abs() <= rounding).all())
        assert not torch.equal(found[:, 1:], layer(asked)[:, 1:])


def test_a_feed_forward_layer_is_that_of_its_block(tmp_path: Path) -> None:
    encoder = CrossEncoder(str(bge(tmp_path)), local_files_only=True).model
    assert encoder is not None
    block: Any = encoder.base_model.encoder.layer[0]
    asked, own = tokens(2 * ROWS + 7, 32, 1) / 100, (block.intermediate, block.output)
    with torch.inference_mode():
        right = block.feed_forward_chunk(asked)
        with converted(encoder.base_model, "int8"):
            found = block.feed_forward_chunk(asked)
            assert isinstance(block.intermediate, Int8FeedForward)
    assert (block.intermediate, block.output) == own
    torch.testing.assert_close(found[:, 0], right[:, 0], rtol=1e-5, atol=1e-5)
    reach = right.abs().amax(-1, keepdim=True)
    assert bool(((found - right).abs() < 0.03 * reach).all())
    assert not torch.equal(found, right)


@pytest.mark.parametrize("queries", [1, 50])
def test_attention_in_bf16_is_near_float32_however_few_heads_at_a_time(
    queries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(3, 4, 50, 16, generator=generator) for _ in range(3))
    asked = query[:, :, :queries], key, value
    right = torch.nn.functional.scaled_dot_product_attention(*asked, scale=0.25)
    q, k, v = (tensor.bfloat16() for tensor in (0.25 * asked[0], key, value))
    together, one_by_one = (torch.empty_like(q) for _ in range(2))
    _attend_in_bf16(q, k, v, together)
    torch.testing.assert_close(together.float(), right, rtol=0.02, atol=0.02)
    monkeypatch.setattr(packed, "WEIGHTS_AT_ONCE", 1)
    _attend_in_bf16(q, k, v, one_by_one)
    assert torch.equal(one_by_one, together)


def test_int8_is_tried_on_x86_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert candidates("cpu") == ("fp32", "bf16", "int8")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert candidates("cpu") == ("fp32", "bf16")
    with pytest.raises(BoundError, match="int8 is for an x86 CPU, and this one is aarch64: choose bf16"):
        require_precision("int8", "cpu")
