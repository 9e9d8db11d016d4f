"""Ticker fit: which archived tickers fit a setup described in words, for the archive of paiddaily.io."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Self

import dspy
from pydantic import Field, computed_field

from .evidence import RULES, Claim, Evidence, Item


class TickerFit(Item):
    """One ticker held against the setup."""

    ticker: str = Field(description="the ticker, as the passage writes it")
    fit: float = Field(ge=0, le=1, description="0: does not fit the setup at all; 1: fits it in every point")
    reasons: list[Claim] = Field(description="why it fits, each with citations")

    def settled(self, cited: Mapping[str, Evidence]) -> Self | str:
        """A ticker must stand in a passage that its reasons cite."""
        word = re.compile(rf"(?<!\w){re.escape(self.ticker)}(?!\w)")
        if self.ticker and any(
            word.search(f"{passage.title} {passage.text} {passage.about.get('ticker', '')}")
            for passage in cited.values()
        ):
            return self
        return f"ticker {self.ticker!r} stands in no passage that its supported reasons cite"


class TickerShortlist(Item):
    """The tickers that fit, best first."""

    tickers: list[TickerFit] = Field(description="best fit first; empty if none of the tickers fits")

    def settled(self, cited: Mapping[str, Evidence]) -> Self | str:
        """A ticker stands once: what is said of it again joins its first entry."""
        merged: dict[str, TickerFit] = {}
        for entry in self.tickers:
            first = merged.get(entry.ticker)
            reasons = [*first.reasons, *entry.reasons] if first else entry.reasons
            merged[entry.ticker] = (first or entry).model_copy(update={"reasons": reasons})
        return self.model_copy(update={"tickers": list(merged.values())})

    @computed_field  # type: ignore[prop-decorator]
    @property
    def notice(self) -> str:
        """What a shortlist is not."""
        return "How well archived pages fit a description. No investment advice."


class TickerFits(dspy.Signature):
    __doc__ = f"""Judge which tickers fit the setup that the question describes, each from 0 to 1, and say why.
Leave out tickers that do not fit; that none fits is a good answer. This is no investment advice. {RULES}"""

    question: str = dspy.InputField(desc="a setup, described in words")
    passages: list[Evidence] = dspy.InputField(desc="the only sources you may use")
    shortlist: TickerShortlist = dspy.OutputField(desc="the tickers that fit, best first")
