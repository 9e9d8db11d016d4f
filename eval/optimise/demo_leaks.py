"""The demos in a prompt: kept short, and free of what the program is judged by.

Of a passage in a demo, only what its reply quotes is kept. A demo that asks a dev or test question, or cites a passage
that answers one, would tell the program what it is judged by, and is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dspy
from pydantic import BaseModel

from ...signatures.evidence import Citation, Evidence

MOST_TOKENS = 3_000
"""Of all demos that a prompt shows together, by the rule of thumb of four characters a token."""
AROUND = 160
"""Characters that are kept on either side of a quote, or of the beginning where nothing is quoted."""
CUT = " … "


def cap_demos(
    demos: Sequence[dspy.Example], most_tokens: int = MOST_TOKENS, shown: int | None = None
) -> list[dspy.Example]:
    """Return the demos with their passages shortened, and no more of them than fit; done twice, it changes nothing.

    Where a prompt shows only so many (``shown``), any that many of those that are kept fit.
    """
    shortened = [_shorten_passages(demo) for demo in demos]
    if shown is not None:
        return [demo for demo in shortened if estimated_tokens(demo) <= most_tokens // shown]
    kept: list[dspy.Example] = []
    for short in shortened:
        most_tokens -= estimated_tokens(short)
        if most_tokens < 0:
            break
        kept.append(short)
    return kept


def estimated_tokens(demo: dspy.Example) -> int:
    """Return about how many tokens a demo takes in the prompt."""
    return sum(len(str(value)) for value in demo.values()) // 4


@dataclass
class LeakFilter:
    """Leaves out the demos that hold a dev or test question, or a passage that answers one."""

    questions: Mapping[str, str]
    """Ids of the dev and test questions by their text."""
    answers: Mapping[str, str]
    """Id of a dev or test question by the id of each passage that answers it."""
    left_out: dict[str, None] = field(default_factory=dict)
    """In words, what was left out and why, each once."""

    def apply(self, demos: Sequence[dspy.Example]) -> list[dspy.Example]:
        """Return the demos that leak nothing."""
        kept = []
        for demo in demos:
            leaks = self._leaks(demo)
            self.left_out.update(dict.fromkeys(leaks))
            if not leaks:
                kept.append(demo)
        return kept

    def _leaks(self, demo: dspy.Example) -> list[str]:
        question = str(demo.get("question", ""))
        found = []
        if question in self.questions:
            found.append(f"it asks {self.questions[question]}, which is no train question")
        cited = {citation.passage_id for value in demo.values() for citation in _citations(value)}
        found += [
            f"it cites {id}, which answers {self.answers[id]}" for id in sorted(cited & self.answers.keys())
        ]
        return [f"A demo was left out ({question!r:.60}): {line}." for line in found]


def _shorten_passages(demo: dspy.Example) -> dspy.Example:
    passages = demo.get("passages")
    if not isinstance(passages, list) or not all(isinstance(passage, Evidence) for passage in passages):
        return demo
    quotes: dict[str, list[str]] = {}
    for value in demo.values():
        for citation in _citations(value):
            quotes.setdefault(citation.passage_id, []).append(citation.quote)
    short = [_shorten_passage(passage, quotes.get(passage.id, [])) for passage in passages]
    return demo if short == passages else demo.copy(passages=short)


def _shorten_passage(passage: Evidence, quotes: Sequence[str]) -> Evidence:
    """Return a passage with the part of its text that holds its quotes, or its beginning where it is not quoted."""
    text = passage.text
    found = [(start, start + len(quote)) for quote in quotes if (start := text.find(quote)) >= 0]
    begin = max(0, min(start for start, _ in found) - AROUND) if found else 0
    end = max((stop for _, stop in found), default=0) + AROUND
    if CUT.strip() in text or len(text) <= end - begin + 2 * len(CUT):
        return passage
    short = (CUT.lstrip() if begin else "") + text[begin:end] + (CUT.rstrip() if end < len(text) else "")
    return passage.model_copy(update={"text": short})


def _citations(value: Any) -> Iterator[Citation]:
    """Yield every citation in a value of a demo, however deep."""
    if isinstance(value, Citation):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _citations(getattr(value, name))
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _citations(entry)
