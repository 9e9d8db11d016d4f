"""Resource search: the one right page first, from the resource index of builddaily.io."""

from __future__ import annotations

from ...signatures.resource_search import ResourcePage, ResourcePages, ResourceSearch
from ..measures import AnswerCase, Measure
from ..sentences import ScoredPassages, as_claims, best
from ..spec import ProgramSpec


def fill_pages(passages: ScoredPassages, question: str) -> ResourcePages:
    """Return the first three pages with a sentence that bears on the question, each for its best one."""
    pages = [
        ResourcePage(passage_id=why[0].passage.id, title=why[0].passage.title, why=as_claims(why))
        for sentences in passages
        if (why := best(sentences, 1))
    ]
    return ResourcePages(pages=pages[:3])


def right_first(case: AnswerCase) -> float:
    """Whether the first page is of the best gold."""
    pages = case.output["pages"]
    return float(bool(pages) and case.passages[pages[0]["passage_id"]].document_id in case.best)


SPEC = ProgramSpec(
    "resource_search",
    ResourceSearch,
    index="builddaily",
    fill=fill_pages,
    measures={"right_first": Measure(right_first)},
    metric={"right_first": 3, "citation_precision": 1, "kept": 1},
    right=("right_first", 1.0),
    example="something that makes random test inputs for my functions",
)
