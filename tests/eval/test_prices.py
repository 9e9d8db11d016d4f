"""Prices of language models: from litellm's table where none are given, with the version that says how old it is."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gold_sets import hashing_profile

import quincunx
from quincunx.eval import prices
from quincunx.eval.goldsets.goldset import canon_folder
from quincunx.eval.optimise.plan import Plan, plan_optimization
from quincunx.eval.optimise.spending import Caps
from quincunx.eval.prices import Price, known_price
from quincunx.eval.report.facts import spent_text
from quincunx.retrieval.errors import UsageError

VERSION = importlib.metadata.version("litellm")


def test_a_price_is_found_by_the_name_that_a_model_is_asked_by() -> None:
    price = Price(0.15, 0.6, source=f"litellm {VERSION}")  # as OpenAI has told it since July 2024
    assert known_price("openai/gpt-4o-mini") == known_price("gpt-4o-mini") == price
    assert str(price) == f"$0.15 in, $0.6 out per million tokens (litellm {VERSION})"
    claude = known_price("anthropic/claude-sonnet-4-5")
    assert claude is not None
    assert (claude.input, claude.output) == (3.0, 15.0)


@pytest.mark.parametrize(
    "model",
    ["openai/qwen", "ollama/qwen3", "nobody/gpt-4o-mini", "sample_spec", "", "/", "extractive", "x" * 9999],
)
def test_another_model_has_no_price(model: str) -> None:
    assert known_price(model) is None


def test_without_litellm_no_price_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    prices._table.cache_clear()
    try:
        assert known_price("openai/gpt-4o-mini") is None
    finally:
        prices._table.cache_clear()


def test_what_a_run_spent_is_told_with_what_is_known_of_it() -> None:
    assert spent_text(2, {}, None) == "2 calls of the language model, which told no tokens"
    tokens = {"input": 1_000_000, "output": 2000}
    asked = "1,234 calls of the language model, 1,000,000 tokens in and 2,000 out"
    assert spent_text(1234, tokens, None) == f"{asked}, no price known"
    price = Price(2.0, 5.0)
    assert spent_text(1234, tokens, price) == f"{asked}, 2.0100 USD at {price}"


@pytest.fixture
def planned(home: Path, tmp_path: Path) -> Callable[..., Plan]:
    def plan(model: str = "openai/gpt-4o-mini", **more: Any) -> Plan:
        lm = quincunx.lm(model, api_key="none")
        return plan_optimization(
            "chat_bridge",
            canon_folder("builddaily"),
            lm=lm,
            profile=hashing_profile(),
            out=tmp_path / "run",
            **more,
        )

    return plan


def test_an_optimisation_tells_dollars_without_being_given_prices(planned: Callable[..., Plan]) -> None:
    plan = planned(caps=Caps(usd=3.0))
    assert plan.estimate.usd is not None
    assert 0 < plan.estimate.usd < 3
    assert ("price, task", str(known_price("openai/gpt-4o-mini"))) in plan.facts()
    given = {role: Price(1.5, 6.0) for role in ("task", "prompt")}
    dear = planned(prices=given)
    assert dear.estimate.usd == pytest.approx(10 * plan.estimate.usd)
    assert ("price, prompt", "$1.5 in, $6 out per million tokens (as given)") in dear.facts()


def test_dollars_of_a_model_without_a_price_cannot_be_bounded(planned: Callable[..., Plan]) -> None:
    assert planned("openai/ours").estimate.usd is None
    with pytest.raises(UsageError, match="needs the prices of both"):
        planned("openai/ours", caps=Caps(usd=3.0))
