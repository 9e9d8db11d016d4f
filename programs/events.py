"""What a streamed call tells its caller, in this order; a stream that ends without `Done` has failed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ..retrieval.passages import Candidate, Passage
    from ..signatures.evidence import Citation
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

    After the status ``asking again`` none of it does.
    """

    text: str
    type: Literal["token"] = "token"


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


Event = Status | Passages | Token | Cited | Done | Failed

_CLAIM_TEXT = re.compile(r'"text"\s*:\s*"')
_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))')
_PLAIN = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class Prose:
    """Picks the claims' sentences out of a reply that is still being written as JSON."""

    def __init__(self) -> None:
        self._buffer = ""
        self._inside = False

    def feed(self, piece: str) -> str:
        """Take the next piece of the reply; return the prose that it completes, a space after each sentence."""
        self._buffer += piece
        prose: list[str] = []
        while self._buffer:
            if not self._inside:
                start = _CLAIM_TEXT.search(self._buffer)
                if start is None:
                    self._buffer = self._buffer[-16:]  # the name may be cut in two
                    break
                self._buffer, self._inside = self._buffer[start.end() :], True
            elif self._buffer[0] == '"':
                prose.append(" ")
                self._buffer, self._inside = self._buffer[1:], False
            elif self._buffer[0] == "\\":
                escape = _ESCAPE.match(self._buffer)
                if escape is None:
                    if len(self._buffer) >= 6:
                        self._buffer = self._buffer[1:]  # no escape that JSON knows: the check will say so
                        continue
                    break
                prose.append(chr(int(escape[1], 16)) if escape[1] else _PLAIN.get(escape[2], escape[2]))
                self._buffer = self._buffer[escape.end() :]
            else:
                end = next(
                    (i for i, character in enumerate(self._buffer) if character in '"\\'), len(self._buffer)
                )
                prose.append(self._buffer[:end])
                self._buffer = self._buffer[end:]
        return "".join(prose)
