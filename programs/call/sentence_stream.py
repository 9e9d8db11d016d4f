"""The sentences of a reply that is still being written, each told once it stands, and never taken back.

A claim of a reply with numbers is whole as soon as its object is closed, and is checked at once. What was told is in the
answer whatever comes after it: where the rest of the reply has not the form that was asked for, it is all of the answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from ...signatures.evidence import Claim, Evidence, Item
from ..check.claims import ClaimCheck, SupportCheck
from ..check.forms import claim_fields, empty_output
from ..prompt.numbered_passages import NumberedPassages
from ..prompt.reply_types import ReplyClaim, read_claims
from ..prompt.sentence_choice import ChosenSentences

_BEGIN = re.compile(r'\{\s*"(?:cites|text)"\s*:')
_CLAIM: TypeAdapter[Any] = TypeAdapter(ReplyClaim)


def prose_field(annotation: Any) -> str | None:
    """Return the one field of an output that holds its claims, in a list; ``None`` where they stand deeper, or in several.

    An output that may refuse all of its claims at the end has none that can be told before.
    """
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)) or annotation is Claim:
        return None
    if issubclass(annotation, Item) and annotation.may_refuse_whole():
        return None
    fields = [(name, form) for name, _, form in claim_fields(annotation)]
    return fields[0][0] if [form for _, form in fields] == ["claims"] else None


class SentenceStream:
    """Reads the pieces of one reply."""

    def __init__(
        self,
        annotation: Any,
        field: str,
        evidence: Sequence[Evidence],
        support: SupportCheck,
        chosen: ChosenSentences | None = None,
    ) -> None:
        self._annotation, self._field = annotation, field
        self._passages = NumberedPassages(evidence, chosen.places if chosen else None)
        self._check = ClaimCheck(
            {passage.id: passage for passage in evidence}, empty_output(annotation), support
        )
        self._most = support.most
        self._text, self._at, self._read = "", 0, 0
        self._told: list[Claim] = []
        """Those that were told, as the reply has them."""

    def feed(self, piece: str) -> list[Claim]:
        """Take the next piece of the reply; return the claims that it completes and that stand, each once."""
        self._text += piece
        found: list[Claim] = []
        while (begin := _BEGIN.search(self._text, self._at)) is not None:
            try:
                value, self._at = json.JSONDecoder().raw_decode(self._text, begin.start())
            except (ValueError, RecursionError):
                break  # not whole yet, or never
            for claim, standing in self._standing(value):
                if claim not in self._told:
                    self._told.append(claim)
                    found.append(standing)
        return found

    def _standing(self, value: Any) -> Iterator[tuple[Claim, Claim]]:
        """Yield the claims of a whole object that stand, as said and as checked, as far as the list holds so many."""
        try:
            claims = read_claims(_CLAIM.validate_python(value), self._passages)
        except ValidationError:
            return  # the check of the whole reply says so
        for claim in claims:
            self._read += 1
            standing = self._check.claim(claim, "")[0]
            if standing is not None and (self._most is None or self._read <= self._most):
                yield claim, standing

    def told_only(self) -> Any:
        """Return an output that says what was told and nothing else; ``None`` where nothing was."""
        if not self._told:
            return None
        return empty_output(self._annotation).model_copy(update={self._field: list(self._told)})

    def with_told(self, output: Any) -> Any:
        """Return an output that says what was told, and then what else the whole reply says."""
        said = getattr(output, self._field)
        if all(claim in said[: self._most] for claim in self._told):
            return output
        rest = [claim for claim in said if claim not in self._told]
        return output.model_copy(update={self._field: [*self._told, *rest]})
