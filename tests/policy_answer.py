"""A program of one's own, as an app that uses quincunx would write it: answers from a staff handbook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import dspy
from pydantic import Field, computed_field

from quincunx import AnswerCase, Claim, Evidence, Item, Measure, ProgramSpec, add_program


class Policy(Item):
    """What the handbook says, and whom to ask when it does not suffice."""

    title: str = Field(default="", description="title of the policy that answers")
    sentences: list[Claim] = Field(
        description="the answer, one claim a sentence; empty if the handbook lacks it"
    )

    def validate_against(self, cited: Mapping[str, Evidence]) -> Self | str:
        """A policy is named as the first page that it cites."""
        return self.model_copy(update={"title": next(iter(cited.values())).title})

    @computed_field  # type: ignore[prop-decorator]
    @property
    def answer(self) -> str:
        """The sentences as prose."""
        return " ".join(sentence.text for sentence in self.sentences)


class PolicyAnswer(dspy.Signature):
    """Answer the employee's question from the staff handbook, in a few plain sentences. Use only the passages, cite
    each claim, and return an empty list when they do not hold the answer."""

    question: str = dspy.InputField(desc="what the employee asks")
    country: str = dspy.InputField(desc="where the employee works; often empty")
    passages: list[Evidence] = dspy.InputField(desc="pages of the handbook, the only sources you may use")
    policy: Policy = dspy.OutputField(desc="the answer with its citations")


def names_policy(case: AnswerCase) -> float:
    """Whether the policy that it names is one of the best gold."""
    wanted = {passage.title for passage in case.passages.values() if passage.document_id in case.best}
    return float(case.output["title"] in wanted)


add_program(
    ProgramSpec(
        "policy_answer",
        PolicyAnswer,
        index="handbook",
        measures={"names_policy": Measure(names_policy)},
        metric={"names_policy": 2, "citation_recall": 2, "kept": 1},
        example="How many days of leave do I have?",
    )
)
