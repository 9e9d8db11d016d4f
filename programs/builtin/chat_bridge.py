"""Chat-bridge answers: prose about tools and products, from the resource pages of builddaily.io."""

from __future__ import annotations

import re

from ...retrieval.text.words import content_words
from ...signatures.chat_bridge import ChatBridge, ChatReply
from ...signatures.evidence import Pointer
from ..sentences import ScoredPassages, as_claims, best, flattened
from ..spec import ProgramSpec

SHORTEST_NAME = 4
"""Letters that a word must have to be taken for the beginning of a title."""


def fill_reply(passages: ScoredPassages, question: str) -> ChatReply:
    """Return the three sentences, over all passages, that bear most on the question.

    When the question names no page's whole title and one of its content words, of 4 letters or more, begins the titles
    of several pages, it may be between those.
    """
    return ChatReply(sentences=as_claims(best(flattened(passages), 3)), between=_between(passages, question))


def _between(passages: ScoredPassages, question: str) -> list[Pointer]:
    pages = {s.passage.id: s.passage.title for sentences in passages for s in sentences}
    words = _words(question)
    if any(f" {_words(title)} " in f" {words} " for title in pages.values()):
        return []
    for word in content_words(words):
        begun = [id for id, title in pages.items() if _words(title).startswith(word)]
        if len(word) >= SHORTEST_NAME and len({pages[id] for id in begun}) > 1:
            return [Pointer(passage_id=id, title=pages[id]) for id in begun]
    return []


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


SPEC = ProgramSpec(
    "chat_bridge",
    ChatBridge,
    index="builddaily",
    fill=fill_reply,
    metric={"citation_recall": 2, "citation_precision": 1, "overlap": 1, "kept": 1},
    # Of the claims that Qwen2.5-Coder-1.5B made on 15 dev questions, 4 beside the question scored .06 to .23, the others .25
    # to .82; of the supported claims of eval/claims/{train,dev}.jsonl on this canon, 3 of 72 score less than .20.
    least_relevance={"maxsim(sentence-transformers/all-MiniLM-L6-v2)": 0.20},
    example="What is the difference between Sage and Sage Daily?",
)
