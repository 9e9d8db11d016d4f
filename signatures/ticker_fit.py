"""Ticker fit: which archived tickers fit a setup described in words, for the archive of paiddaily.io."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Self

import dspy
from pydantic import Field, computed_field

from .evidence import Claim, Evidence, Item, SetByCheck, joined, newest_date

_TICKER = re.compile(r"[A-Z][A-Z0-9]{0,9}(?:[.-][A-Z0-9]{1,4})?")


class TickerFit(Item):
    """One ticker held against the setup."""

    ticker: str = Field(description="the ticker, as the passage writes it")
    fit: float = Field(ge=0, le=1, description="0: does not fit the setup at all; 1: fits it in every point")
    as_of: Annotated[str, SetByCheck()] = Field(
        default="", description="date of the passage, YYYY-MM-DD; empty if it has none"
    )
    reasons: list[Claim] = Field(description="why it fits, each with citations; at least one")
    against: list[Claim] = Field(
        default_factory=list, description="what speaks against it, each with citations; may be empty"
    )

    def validate_against(self, cited: Mapping[str, Evidence]) -> Self | str:
        """A ticker is that of a page that its reasons cite; its date is that of the newest such page."""
        if not self.reasons:
            return f"none of the reasons for ticker {self.ticker!r} is supported"
        reasoned = {citation.passage_id for reason in self.reasons for citation in reason.citations}
        pages = {id: cited[id] for id in reasoned if self._is_of(cited[id])}
        if not pages:
            return f"ticker {self.ticker!r} stands in no passage that its supported reasons cite"
        return self.model_copy(update={"as_of": newest_date(pages)})

    def _is_of(self, passage: Evidence) -> bool:
        """Whether a passage is about the ticker: by its metadata, or else by a word that looks like a ticker."""
        own = passage.about.get("ticker")
        if own:
            return self.ticker == own
        word = re.compile(rf"(?<!\w){re.escape(self.ticker)}(?!\w)")
        return bool(_TICKER.fullmatch(self.ticker) and word.search(f"{passage.title} {passage.text}"))


class TickerShortlist(Item):
    """The tickers that fit, best first."""

    tickers: list[TickerFit] = Field(description="best fit first; empty if none of the tickers fits")

    def validate_against(self, cited: Mapping[str, Evidence]) -> Self | str:
        """A ticker stands once: what is said of it again joins its first entry. Best fit first."""
        newest: dict[str, str] = {}
        for entry in self.tickers:
            newest[entry.ticker] = max(entry.as_of, newest.get(entry.ticker, ""))
        tickers = [
            entry.model_copy(update={"as_of": newest[entry.ticker]})
            for entry in joined(self.tickers, "ticker")
        ]
        return self.model_copy(update={"tickers": sorted(tickers, key=lambda entry: -entry.fit)})

    @computed_field  # type: ignore[prop-decorator]
    @property
    def notice(self) -> str:
        """What a shortlist is not."""
        return "How well archived pages fit a description. No investment advice."


class TickerFits(dspy.Signature):
    """Judge which tickers fit the setup that the question describes, each from 0 to 1. Say why, and say
    what speaks against it. Leave out tickers that do not fit; that none fits is a good answer.
    This is no investment advice."""

    question: str = dspy.InputField(desc="a setup, described in words")
    passages: list[Evidence] = dspy.InputField(desc="the only sources you may use")
    shortlist: TickerShortlist = dspy.OutputField(desc="the tickers that fit, best first")
