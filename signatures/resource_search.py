"""Resource search: the one right page first, for the resource index of builddaily.io."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

import dspy
from pydantic import Field

from .evidence import Claim, Evidence, Item, SetByCheck, joined, names_cited


class ResourcePage(Item):
    """One page of the index."""

    passage_id: str = Field(description="id of the page's passage")
    title: Annotated[str, SetByCheck()] = Field(
        default="", description="the page's title, as the passage writes it"
    )
    why: list[Claim] = Field(
        description="why this page: one or two reasons, each with citations",
        json_schema_extra={"maxItems": 2},
    )

    def validate_against(self, cited: Mapping[str, Evidence]) -> Self | str:
        """A page must be one that its reasons cite; its title is the page's own, whatever the model wrote."""
        fault = names_cited(self.passage_id, cited)
        return fault or self.model_copy(update={"title": cited[self.passage_id].title})


class ResourcePages(Item):
    """Pages that answer the search."""

    pages: list[ResourcePage] = Field(
        description="the right page first, then at most two runners-up; empty if none is right",
        json_schema_extra={"maxItems": 3},
    )

    def validate_against(self, cited: Mapping[str, Evidence]) -> Self | str:
        """A page stands once, where it stood first; what is said of it again joins that entry."""
        return self.model_copy(update={"pages": joined(self.pages, "passage_id")})


class ResourceSearch(dspy.Signature):
    """Put the one page that the visitor is looking for first, and say why it is the one.
    Mind names that look alike. Add a runner-up only if it would serve too."""

    question: str = dspy.InputField(desc="what the visitor is looking for")
    passages: list[Evidence] = dspy.InputField(desc="the pages to choose from, one passage each")
    found: ResourcePages = dspy.OutputField(desc="the right page first")
