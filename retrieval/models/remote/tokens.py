"""A remote model's tokenizer, here: long texts are cut by it before they are sent, and what was cut is known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import BoundError, MissingWeightsError
from ...processes import Lock, working
from ...text.sentences import Span
from ..pairs import Truncation

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TOKENIZER_FILE = "tokenizer.json"


class RemoteTokenizer:
    """Safe to share across threads.

    Raises:
        MissingWeightsError: no ``tokenizer.json`` there.
        BoundError: a file that is none.
    """

    def __init__(self, path: Path) -> None:
        from tokenizers import Tokenizer

        file = path / TOKENIZER_FILE if path.is_dir() else path
        if not file.is_file():
            raise MissingWeightsError(
                f"{file} is not there: name the {TOKENIZER_FILE} that came with the model, or its folder"
            )
        try:
            self._tokenizer: Tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:  # the library raises no other class
            raise BoundError(f"{file} is no tokenizer of the tokenizers library ({error})") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._lock = Lock()
        self.special = self._tokenizer.num_special_tokens_to_add(is_pair=False)
        self.special_of_pairs = self._tokenizer.num_special_tokens_to_add(is_pair=True)

    def offsets(self, text: str) -> list[Span]:
        """Return the character spans of a text's tokens, special tokens left out."""
        with self._lock, working(for_other=True):
            found: list[Span] = self._tokenizer.encode(text, add_special_tokens=False).offsets
        return found

    def count(self, text: str) -> int:
        """Return how many tokens a text has, special tokens included."""
        return len(self.offsets(text)) + self.special

    def fit(
        self, question: str, passages: Sequence[str], max_tokens: int
    ) -> tuple[str, list[str], list[Truncation]]:
        """Return question and passages cut to pairs of ``max_tokens``, special tokens included, and what was cut.

        What is cut is the passage; the question only beyond half.
        """
        room = max_tokens - self.special_of_pairs
        asked, question_cut, taken = self._cut(question, max_tokens // 2)
        kept, cuts = [], []
        for passage in passages:
            text, cut, left = self._cut(passage, max(1, room - taken))
            kept.append(text)
            cuts.append(Truncation(question_cut, cut, taken + left + self.special_of_pairs))
        return asked, kept, cuts

    def _cut(self, text: str, most: int) -> tuple[str, int, int]:
        """Return a text of at most so many tokens, how many were cut, and how many it has."""
        spans = self.offsets(text)
        if len(spans) <= most:
            return text, 0, len(spans)
        return text[: spans[most - 1][1]], len(spans) - most, most
