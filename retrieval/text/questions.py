"""Questions that can be searched for, and the parts of one that is longer than the embedder reads."""

from __future__ import annotations

from ..errors import BadTextError, BoundError, EmptyQuestionError
from ..passages import Document
from .chunk_size import Chunking
from .chunking import Offsets, cut

MOST_PARTS = 16
"""Parts that a question may have: each is embedded, and searched for, by itself."""


def require_question(question: object) -> str:
    """Return the question stripped, or raise `EmptyQuestionError`."""
    if not isinstance(question, str) or not question.strip():
        raise EmptyQuestionError(question)
    half = lone_surrogate_at(question)
    if half is not None:
        raise BadTextError(
            f"the question holds half a surrogate pair at character {half}: pass whole characters"
        )
    return question.strip()


def lone_surrogate_at(text: str) -> int | None:
    """Return where the first half of a surrogate pair stands; ``None`` in a text of whole characters."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return error.start
    return None


def question_parts(question: str, tokens: int, offsets: Offsets) -> list[str]:
    """Return a question in parts of at most so many tokens, cut between sentences; in one part where it fits.

    Raises:
        BoundError: it would be more than `MOST_PARTS` parts.
    """
    if len(question) <= tokens:
        return [question]  # no token is shorter than a character
    parts = [part.text for part in cut(Document("", "", question), Chunking(tokens, 0), offsets)]
    if len(parts) > MOST_PARTS:
        raise BoundError(
            f"a question of {len(question)} characters is {len(parts)} times as long as the embedder reads at once, at most "
            f"{MOST_PARTS} are searched for: ask a shorter one ({question[:60]!r}…)"
        )
    return parts
