"""A prompt that says the form of a reply once, by example, and asks for nothing but a JSON object."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from typing import Any, get_args
from weakref import WeakKeyDictionary

import dspy
from dspy.adapters.json_adapter import _get_structured_outputs_response_format
from dspy.adapters.utils import format_field_value
from dspy.utils.exceptions import LMError
from pydantic import BaseModel

from ..check.forms import declared_most
from ..engines.lms import asked_in_the_end
from .checked_adapters import CheckedJSONAdapter
from .reply_types import LONGEST_CLAIM, MOST_CITES, MOST_ENTRIES, shown_default, skeleton
from .rules import Cites

BOUNDS = f"At most {MOST_ENTRIES} entries a list, {LONGEST_CLAIM} characters a claim, {MOST_CITES} numbers each; one or two are best."


logger = logging.getLogger(__name__)

_FORMS = ("schema", "JSON alone", "text")
_taken: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
"""By language model of a server of the app's own, which of `_FORMS` it takes, once it has refused one."""
_formats: WeakKeyDictionary[Any, dict[tuple[bool, ...], Any]] = WeakKeyDictionary()
"""By signature, the format of its reply, by what the language model and the adapter take."""


class CompactAdapter(CheckedJSONAdapter):
    """Renders instructions and form first, then what was given, the question last.

    So a server that keeps the beginning of a prompt reads it once for all questions.
    """

    def __call__(self, lm: Any, lm_kwargs: dict[str, Any], *asked: Any, **named: Any) -> list[dict[str, Any]]:
        """Ask, sending the schema of the reply where the server takes one."""
        try:
            return super().__call__(lm, lm_kwargs, *asked, **named)  # type: ignore[no-any-return]
        except LMError as error:
            if not _takes_less(lm, error):
                raise
            return self(lm, lm_kwargs, *asked, **named)

    async def acall(
        self, lm: Any, lm_kwargs: dict[str, Any], *asked: Any, **named: Any
    ) -> list[dict[str, Any]]:
        """Ask without holding up the event loop."""
        try:
            return await super().acall(lm, lm_kwargs, *asked, **named)  # type: ignore[no-any-return]
        except LMError as error:
            if not _takes_less(lm, error):
                raise
            return await self.acall(lm, lm_kwargs, *asked, **named)

    def _prepare_response_format(
        self, lm: Any, lm_kwargs: dict[str, Any], signature: type[dspy.Signature]
    ) -> None:
        """Send the schema of the reply: also to a server of the app's own, of which DSPy knows nothing."""
        if not _own_server(lm) or "response_format" in lm.supported_params:
            # Making it takes some milliseconds, and it depends on nothing else.
            made = _formats.setdefault(signature, {})
            takes = (
                "response_format" in lm.supported_params,
                bool(lm.supports_response_schema),
                self.use_native_function_calling,
            )
            if takes not in made:
                super()._prepare_response_format(lm, lm_kwargs, signature)
                made[takes] = _bounded(lm_kwargs.get("response_format"), signature)
            if made[takes] is not None:
                lm_kwargs["response_format"] = made[takes]
            return
        lm_kwargs.pop("response_format", None)
        form = _FORMS[_taken.get(asked_in_the_end(lm), 0)]
        if form == "schema":
            lm_kwargs["response_format"] = _bounded(
                _get_structured_outputs_response_format(signature, False), signature
            )
        elif form == "JSON alone":
            lm_kwargs["response_format"] = {"type": "json_object"}

    def format_system_message(self, signature: type[dspy.Signature]) -> str:
        """Return the instructions, the form of the reply by example, and what its fields are."""
        example = {
            name: skeleton(info.annotation) if info.is_required() else shown_default(info.default)
            for name, info in signature.output_fields.items()
        }
        lines = [
            signature.instructions,
            "",
            "Reply with one JSON object of this form, and nothing else:",
            json.dumps(example, ensure_ascii=False),
            *(f"- {name}: {told}" for name, told in _told(signature)),
            BOUNDS,
        ]
        return "\n".join(lines)

    def format_user_message_content(
        self,
        signature: type[dspy.Signature],
        inputs: dict[str, Any],
        prefix: str = "",
        suffix: str = "",
        main_request: bool = False,
    ) -> str:
        """Return what is given; an input that is empty is left out."""
        parts = [
            f"[[ ## {name} ## ]]\n{format_field_value(field_info=info, value=inputs[name])}"
            for name, info in signature.input_fields.items()
            if inputs.get(name)
        ]
        return "\n\n".join(part for part in [prefix, *parts, suffix] if part)

    def format_assistant_message_content(
        self, signature: type[dspy.Signature], outputs: dict[str, Any], missing_field_message: Any = None
    ) -> str:
        """Return the reply of a demo."""
        said = {name: outputs.get(name, missing_field_message) for name in signature.output_fields}
        return json.dumps(said, ensure_ascii=False)


def _bounded(response_format: Any, signature: type[dspy.Signature]) -> Any:
    """Return the format of a reply with the bounds of its own lists, which DSPy leaves out, in its schema."""
    if isinstance(response_format, type) and issubclass(response_format, BaseModel):
        schema = response_format.model_json_schema()
        for name, info in signature.output_fields.items():
            most = declared_most(info)
            if most is not None:
                schema["properties"][name]["maxItems"] = most
        response_format.model_json_schema = lambda *_, **__: schema  # type: ignore[method-assign]
    return response_format


def default_adapter(cites: Cites | None) -> dspy.Adapter:
    """Return what asks where no adapter is set: the compact form for numbers, DSPy's chat form for all else."""
    return CompactAdapter() if cites == "numbers" else dspy.ChatAdapter()


def _takes_less(lm: Any, error: LMError) -> bool:
    """Whether a server of the app's own refused the form of the reply, and may be asked with less: from now on it is."""
    form = _taken.get(asked_in_the_end(lm), 0)
    refused = _own_server(lm) and re.search("response_format|json_schema|json_object", str(error))
    if not refused or form + 1 == len(_FORMS):
        return False
    logger.warning(
        "%s takes no %s for its reply: asked with %s from now on", lm.model, *_FORMS[form : form + 2]
    )
    _taken[asked_in_the_end(lm)] = form + 1
    return True


def _own_server(lm: Any) -> bool:
    """Whether a language model is behind a server of the app's own."""
    return bool(asked_in_the_end(lm).kwargs.get("api_base"))


def _told(signature: type[dspy.Signature]) -> Iterator[tuple[str, str]]:
    """Yield the outputs and their fields with what they are: ``tickers.fit`` is a field of the entries of ``tickers``."""
    for name, info in signature.output_fields.items():
        yield name, info.json_schema_extra["desc"] + _bound_told(info)
        yield from _fields_told(info.annotation, name)


def _bound_told(info: Any) -> str:
    """Say how many entries a list may have, where that is not what `BOUNDS` says of all."""
    most = declared_most(info)
    return "" if most in (None, MOST_ENTRIES) else f" (at most {most})"


def _fields_told(annotation: Any, within: str, seen: tuple[Any, ...] = ()) -> Iterator[tuple[str, str]]:
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        for part in get_args(annotation):
            yield from _fields_told(part, within, seen)
    elif annotation not in seen:
        for name, info in annotation.model_fields.items():
            if info.description:
                yield f"{within}.{name}", info.description + _bound_told(info)
            yield from _fields_told(info.annotation, f"{within}.{name}", (*seen, annotation))
