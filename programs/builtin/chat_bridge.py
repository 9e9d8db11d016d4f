"""Chat-bridge answers: prose about tools and products, from the resource pages of builddaily.io."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ...retrieval.index.tables.names import names_in
from ...retrieval.text.words import content_words
from ...signatures.chat_bridge import ChatBridge, ChatReply
from ...signatures.evidence import Evidence, Pointer
from ..sentences import ScoredPassages, as_claims, best, flattened
from ..spec import ProgramSpec

SHORTEST_NAME = 4
"""Letters that a word must have to be taken for the beginning of a title."""


def fill_reply(passages: ScoredPassages, question: str) -> ChatReply:
    """Return the three sentences, over all passages, that bear most on the question.

    It may be between several pages when it is a name of all of them, or when it names none of them and one of its content
    words, of 4 letters or more, begins the names of several.
    """
    return ChatReply(sentences=as_claims(best(flattened(passages), 3)), between=_between(passages, question))


def _between(passages: ScoredPassages, question: str) -> list[Pointer]:
    pages = {s.passage.id: s.passage for sentences in passages for s in sentences}
    called = {id: (page.title, *page.names) for id, page in pages.items()}
    named = {
        name.casefold() for name in names_in(question, {name for names in called.values() for name in names})
    }
    if named:
        meant = [id for id, names in called.items() if named & {name.casefold() for name in names}]
        titled = [id for id in meant if pages[id].title.casefold() in named]
        # A page whose title it is, is the one that is meant.
        return [] if titled or len(named) > 1 else _pointers(meant, pages)
    for word in content_words(_words(question)):
        begun = [id for id, names in called.items() if any(_words(name).startswith(word) for name in names)]
        if len(word) >= SHORTEST_NAME and len({pages[id].title for id in begun}) > 1:
            return _pointers(begun, pages)
    return []


def _pointers(ids: Sequence[str], pages: Mapping[str, Evidence]) -> list[Pointer]:
    """Return what points to pages, if they are several."""
    if len({pages[id].title for id in ids}) < 2:
        return []
    return [Pointer(passage_id=id, title=pages[id].title) for id in ids]


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


SPEC = ProgramSpec(
    "chat_bridge",
    ChatBridge,
    index="builddaily",
    fill=fill_reply,
    # Of the claims that Qwen2.5-Coder-1.5B made on 15 dev questions, 4 beside the question scored .06 to .23, the others .25
    # to .82; of the supported claims of eval/claims/{train,dev}.jsonl on this canon, 3 of 72 score less than .20.
    least_relevance={"maxsim-words(sentence-transformers/all-MiniLM-L6-v2)": 0.20},
    example="What is the difference between Sage and Sage Daily?",
)
