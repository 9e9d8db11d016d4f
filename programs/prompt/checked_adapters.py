"""DSPy's adapters, made to refuse what they would otherwise read as they please.

DSPy takes the first of two sections with one name, so a passage that is quoted inside a reply could replace
the answer with a section of its own. Here such a reply is no reply. The program asks once more, in the other form
(`other_form`), and a second bad reply is an error.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

import dspy
from dspy.utils.exceptions import AdapterParseError

LONGEST_REPLY = 200_000
"""Characters. No answer from five passages needs more; a longer reply has run away."""

_MARKER = re.compile(r"\[\[\s*##\s*(\w+)\s*##\s*\]\]")


class RefusedReply(AdapterParseError):
    """A reply that is none in any form, whatever could be read in it."""


class CheckedChatAdapter(dspy.ChatAdapter):
    """A chat adapter that accepts each field marker once, and leaves it to the program to ask again."""

    def __init__(self) -> None:
        # DSPy's own second try is not made once a piece of the reply was streamed, so that paths would differ.
        super().__init__(use_json_adapter_fallback=False)

    def parse(self, signature: type[dspy.Signature], completion: str) -> dict[str, Any]:
        """Parse a reply; raises ``AdapterParseError`` for a repeated marker or a reply without end."""
        _refuse("ChatAdapter", signature, completion, _repeated_markers(completion, signature))
        with _bounded("ChatAdapter", signature, completion):
            parsed: dict[str, Any] = super().parse(signature, completion)
        return parsed


class CheckedJSONAdapter(dspy.JSONAdapter):
    """A JSON adapter that accepts each key once."""

    def parse(self, signature: type[dspy.Signature], completion: str) -> dict[str, Any]:
        """Parse a reply; raises ``AdapterParseError`` for a repeated key or a reply without end."""
        _refuse("JSONAdapter", signature, completion, _repeated_keys(completion, signature))
        with _bounded("JSONAdapter", signature, completion), _whole_reply(completion):
            parsed: dict[str, Any] = super().parse(signature, completion)
        return parsed


def checked_adapter(adapter: dspy.Adapter | None) -> dspy.Adapter:
    """Return the checked twin of an adapter: the chat adapter for ``None``; what reads no markers or keys as it is."""
    if adapter is None or type(adapter) is dspy.ChatAdapter:
        return CheckedChatAdapter()
    if type(adapter) is dspy.JSONAdapter:
        return CheckedJSONAdapter()
    if isinstance(adapter, dspy.ChatAdapter) and not isinstance(
        adapter, CheckedChatAdapter | CheckedJSONAdapter
    ):
        return _guarded(adapter)
    return adapter


def _guarded(adapter: dspy.ChatAdapter) -> dspy.ChatAdapter:
    """Return a copy of an app's own kind of chat or JSON adapter that refuses what the checked ones refuse."""
    twin, read = copy(adapter), adapter.parse
    repeats = _repeated_keys if isinstance(adapter, dspy.JSONAdapter) else _repeated_markers

    def parse(signature: type[dspy.Signature], completion: str) -> dict[str, Any]:
        name = type(adapter).__name__
        _refuse(name, signature, completion, repeats(completion, signature))
        with _bounded(name, signature, completion):
            parsed: dict[str, Any] = read(signature, completion)
        return parsed

    twin.parse, twin.use_json_adapter_fallback = parse, False
    return twin


def other_form(adapter: dspy.Adapter) -> dspy.Adapter:
    """Return the form to ask in after a reply in this one's was none."""
    return CheckedChatAdapter() if isinstance(adapter, CheckedJSONAdapter) else CheckedJSONAdapter()


def _refuse(adapter: str, signature: type[dspy.Signature], completion: str, repeated: list[str]) -> None:
    if len(completion) > LONGEST_REPLY:
        raise _fault(adapter, signature, completion, f"The reply has over {LONGEST_REPLY} characters.")
    if repeated:
        names = ", ".join(sorted(repeated))
        raise _fault(adapter, signature, completion, f"The reply holds {names} more than once.")


@contextmanager
def _bounded(adapter: str, signature: type[dspy.Signature], completion: str) -> Iterator[None]:
    """Turn nesting that no parser follows into a parse error."""
    try:
        yield
    except RecursionError as error:
        raise _fault(adapter, signature, completion, "The reply is nested too deeply.") from error


@contextmanager
def _whole_reply(completion: str) -> Iterator[None]:
    """Let a parse error hold the whole reply, and not the part that looked like JSON."""
    try:
        yield
    except AdapterParseError as error:
        error.lm_response = completion
        raise


def _fault(adapter: str, signature: type[dspy.Signature], completion: str, message: str) -> AdapterParseError:
    return RefusedReply(
        adapter_name=adapter, signature=signature, lm_response=completion[:1000], message=message
    )


def _repeated_markers(completion: str, signature: type[dspy.Signature]) -> list[str]:
    return [name for name, count in Counter(_MARKER.findall(completion)).items() if count > 1]


def _repeated_keys(completion: str, signature: type[dspy.Signature]) -> list[str]:
    """Return the keys that stand twice in one object.

    Of a reply that is no strict JSON, which DSPy mends as it sees fit, the output fields that stand twice anywhere.
    """
    repeated: list[str] = []

    def read(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        repeated.extend(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        return dict(pairs)

    try:
        json.loads(completion, object_pairs_hook=read)
    except (ValueError, RecursionError):
        return [
            name
            for name in signature.output_fields
            if len(re.findall(rf"[\"'“”]?\b{name}\b[\"'“”]?\s*:", completion)) > 1
        ]
    return repeated
