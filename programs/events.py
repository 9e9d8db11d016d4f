"""What a streamed call tells its caller; a stream that ends without `Done` has failed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ..retrieval.passages import Candidate, Passage
    from ..signatures.evidence import Citation, Claim
    from .answer import Answer


Stage = Literal["rephrasing", "splitting", "retrieving", "asking", "asking again", "checking"]


@dataclass(frozen=True)
class Status:
    """What is being done now."""

    stage: Stage
    type: Literal["status"] = "status"


@dataclass(frozen=True)
class Passages:
    """What was found, before the language model is asked."""

    passages: tuple[Passage, ...]
    candidates: tuple[Candidate, ...]
    type: Literal["passages"] = "passages"


@dataclass(frozen=True)
class Token:
    """A piece of the draft's prose as the model writes it: not checked yet, and not all of it may stand.

    After the status ``asking again`` none of it does, and the second try is not told piece by piece.
    """

    text: str
    type: Literal["token"] = "token"


@dataclass(frozen=True)
class CheckedSentence:
    """A sentence of the answer, with what it cites: checked, and never taken back.

    Prose is told sentence by sentence as the language model writes it; of other outputs, and of replies with quotes, the
    sentences are told when the whole of the reply has been checked.
    """

    claim: Claim
    type: Literal["sentence"] = "sentence"


@dataclass(frozen=True)
class Cited:
    """A citation that stood the check."""

    citation: Citation
    type: Literal["citation"] = "citation"


@dataclass(frozen=True)
class Done:
    """The checked answer, the same that a plain call returns."""

    answer: Answer
    type: Literal["done"] = "done"


@dataclass(frozen=True)
class Failed:
    """Why there is no answer; always the last event."""

    code: str
    """The stable code of the error."""
    message: str
    type: Literal["error"] = "error"


Event = Status | Passages | Token | CheckedSentence | Cited | Done | Failed

_CLAIM_TEXT = re.compile(r'"text"\s*:\s*"')
_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))')
_RUN = re.compile(r'[^"\\]+')
_PLAIN = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class Prose:
    """Picks the claims' sentences out of a reply that is still being written as JSON."""

    def __init__(self) -> None:
        self._buffer = ""
        self._inside = False
        self._half = ""
        """The first half of a character that JSON writes as two escapes."""

    def feed(self, piece: str) -> str:
        """Take the next piece of the reply; return the prose that it completes, a space after each sentence."""
        text, at = self._buffer + piece, 0
        prose: list[str] = []
        while at < len(text):
            if not self._inside:
                start = _CLAIM_TEXT.search(text, at)
                if start is None:
                    at = max(at, len(text) - 16)  # the name may be cut in two
                    break
                at, self._inside = start.end(), True
            elif text[at] == '"':
                prose.append(" ")
                at, self._inside = at + 1, False
            elif text[at] == "\\":
                escape = _ESCAPE.match(text, at)
                if escape is None:
                    if len(text) - at < 6:
                        break
                    at += 1  # no escape that JSON knows: the check will say so
                    continue
                prose.append(chr(int(escape[1], 16)) if escape[1] else _PLAIN.get(escape[2], escape[2]))
                at = escape.end()
            else:
                end = _RUN.match(text, at)
                assert end is not None
                prose.append(end[0])
                at = end.end()
        self._buffer = text[at:]
        return self._whole("".join(prose))

    def _whole(self, prose: str) -> str:
        """Join halves of characters, and keep one at the end for the next piece; one without its other half is lost."""
        prose = self._half + prose
        self._half = prose[-1:] if "\ud800" <= prose[-1:] <= "\udbff" else ""
        return (
            prose[: len(prose) - len(self._half)].encode("utf-16", "surrogatepass").decode("utf-16", "ignore")
        )
