"""Question and passage as a cross-encoder reads them: one run of token ids, cut where it does not fit.

Passages are tokenised once: their ids are kept, and joined to whatever question meets them. That the join equals the
tokenizer's own encoding of the pair, cuts included, is held by a test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cachetools import LRUCache

from ..errors import BoundError
from ..processes import working

if TYPE_CHECKING:
    from tokenizers import Tokenizer

IDS_KEPT = 8_000_000
"""Token ids of passages that are kept, 4 bytes each in an array: 32 MB."""


@dataclass(frozen=True)
class Truncation:
    """Tokens of one pair that the model did not read, and that it did."""

    question_cut: int
    passage_cut: int
    read: int = field(default=0, compare=False)
    """Special tokens included."""


@dataclass(frozen=True)
class TokenRun:
    """Token ids and, beside each, the segment it belongs to."""

    ids: list[int]
    segments: list[int]

    def __add__(self, other: TokenRun) -> TokenRun:
        return TokenRun(self.ids + other.ids, self.segments + other.segments)


def token_runs(told: Any) -> list[TokenRun]:
    """Return the runs of what a Hugging Face tokenizer told of several texts, unpadded."""
    ids = told["input_ids"]
    segments = told.get("token_type_ids") or [[0] * len(some) for some in ids]
    return [TokenRun(*run) for run in zip(ids, segments, strict=True)]


@dataclass(frozen=True)
class _Template:
    """What stands around the two texts of a pair, such as XLM-R's ``<s> question </s></s> passage </s>``."""

    before: TokenRun
    between: TokenRun
    after: TokenRun
    segments: tuple[int, int]

    @property
    def special(self) -> int:
        return len((self.before + self.between + self.after).ids)

    def join(self, question: list[int], passage: list[int]) -> TokenRun:
        first = TokenRun(question, [self.segments[0]] * len(question))
        second = TokenRun(passage, [self.segments[1]] * len(passage))
        return self.before + first + self.between + second + self.after


class PairEncoder:
    """Encodes pairs of at most ``max_tokens``, special tokens included; not safe to share across threads.

    What is cut to fit is the passage; the question only beyond ``max_question_tokens`` (None for half).

    Raises:
        BoundError: a limit that leaves no token for a text, or is over the ``usable`` tokens of the model.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        max_tokens: int,
        max_question_tokens: int | None,
        usable: int,
        model: str,
    ) -> None:
        # Our own handle on the tokenizer, without state: cutting is done here, on ids.
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._template = _template(tokenizer)
        least = self._template.special + 2  # one token of each text
        if not least <= max_tokens <= usable:
            raise BoundError(f"max_tokens must be {least} to {usable} for {model} (got {max_tokens})")
        most = max_tokens - self._template.special - 1
        cap = min(max_tokens // 2, most) if max_question_tokens is None else max_question_tokens
        if not 1 <= cap <= most:
            raise BoundError(
                f"max_question_tokens must be 1 to {most} at max_tokens={max_tokens} (got {cap})"
            )
        self.max_tokens, self.max_question_tokens = max_tokens, cap
        self.forget()

    def forget(self) -> None:
        """Forget the ids of the passages met so far."""
        self._kept: LRUCache[str, list[int]] = LRUCache(IDS_KEPT, getsizeof=len)

    def encode(self, pairs: Sequence[tuple[str, str]]) -> tuple[list[TokenRun], list[Truncation]]:
        """Return each (question, passage) as the model reads it, and what was cut of it."""
        with working(for_other=True):  # the tokenizer has a lock of its own, which no fork may copy held
            questions = {question: self._ids(question) for question in dict.fromkeys(q for q, _ in pairs)}
            passages = self._passages([passage for _, passage in pairs])
        runs, report = [], []
        for (question, _), ids in zip(pairs, passages, strict=True):
            asked = questions[question]
            kept = asked[: self.max_question_tokens]
            room = self.max_tokens - self._template.special - len(kept)
            runs.append(self._template.join(kept, ids[:room]))
            report.append(Truncation(len(asked) - len(kept), max(0, len(ids) - room), len(runs[-1].ids)))
        return runs, report

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def _passages(self, texts: list[str]) -> list[list[int]]:
        missing = [text for text in dict.fromkeys(texts) if text not in self._kept]
        fresh = dict(
            zip(missing, self._tokenizer.encode_batch(missing, add_special_tokens=False), strict=True)
        )
        found = [list(fresh[text].ids) if text in fresh else self._kept[text] for text in texts]
        for text, ids in zip(texts, found, strict=True):
            if len(ids) <= self._kept.maxsize:
                self._kept[text] = ids
        return found


def _template(tokenizer: Tokenizer) -> _Template:
    sample = tokenizer.encode("a", "b")
    runs = {0: TokenRun([], []), 1: TokenRun([], []), 2: TokenRun([], [])}
    segments = [0, 0]
    place = 0
    for token, segment, text in zip(sample.ids, sample.type_ids, sample.sequence_ids, strict=True):
        if text is None:
            runs[place] += TokenRun([token], [segment])
        else:
            place, segments[text] = text + 1, segment
    return _Template(runs[0], runs[1], runs[2], (segments[0], segments[1]))
