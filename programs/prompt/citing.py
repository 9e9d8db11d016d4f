"""Asking for claims that cite, in the prompt form of any adapter: typed inputs and outputs on this side, numbers on that.

`CitingAdapter` stands before an adapter of DSPy. What a program asks is put into the words of a prompt (the rules, numbers
for sentences, short types), and what comes back is put into the program's own types, so that programs, demos and
optimizers see those alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

import dspy
from dspy.utils.exceptions import AdapterParseError
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from ...retrieval.errors import UsageError
from ...signatures.evidence import Citation, Claim, Evidence
from ..check.forms import declared_most
from ..check.quotes import neutralise
from .checked_adapters import CheckedChatAdapter, CheckedJSONAdapter, RefusedReply
from .numbered_passages import NumberedPassages
from .reply_types import most_entries, read_reply, reply_type, write_reply
from .rules import Cites, with_rules
from .sentence_choice import SentenceChoice

PASSAGES = "passages"
_EVIDENCE = TypeAdapter(list[Evidence])


class CitingAdapter(dspy.Adapter):
    """Renders what a program asks through another adapter, and reads the reply back into the program's types."""

    def __init__(self, inner: dspy.Adapter, cites: Cites, choose: SentenceChoice | None = None) -> None:
        super().__init__()
        self.inner, self.cites, self.choose = inner, cites, choose

    def __call__(
        self,
        lm: dspy.BaseLM,
        lm_kwargs: dict[str, Any],
        signature: type[dspy.Signature],
        demos: list[Any],
        inputs: dict[str, Any],
    ) -> list[dict[str, Any]]:
        """Ask, and return the outputs by name."""
        asked = _Asked(self.cites, signature, demos, inputs, self.choose)
        try:
            said = self.inner(lm, lm_kwargs, asked.signature, asked.demos, asked.inputs)
        except AdapterParseError as error:
            return [asked.read_quotes(error)]
        return [asked.read(values) for values in said]

    async def acall(
        self,
        lm: dspy.BaseLM,
        lm_kwargs: dict[str, Any],
        signature: type[dspy.Signature],
        demos: list[Any],
        inputs: dict[str, Any],
    ) -> list[dict[str, Any]]:
        """Ask without holding up the event loop."""
        asked = _Asked(self.cites, signature, demos, inputs, self.choose)
        try:
            said = await self.inner.acall(lm, lm_kwargs, asked.signature, asked.demos, asked.inputs)
        except AdapterParseError as error:
            return [asked.read_quotes(error)]
        return [asked.read(values) for values in said]

    def format(
        self, signature: type[dspy.Signature], demos: list[Any], inputs: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Return the messages that are sent."""
        asked = _Asked(self.cites, signature, demos, inputs, self.choose)
        messages: list[dict[str, Any]] = self.inner.format(asked.signature, asked.demos, asked.inputs)
        return messages


class _Asked:
    """One call in the words of its prompt."""

    def __init__(
        self,
        cites: Cites,
        signature: type[dspy.Signature],
        demos: Sequence[Any],
        inputs: Mapping[str, Any],
        choose: SentenceChoice | None,
    ) -> None:
        self._own, self._cites, self._choose = signature, cites, choose
        self.signature = prompt_signature(signature, cites)  # type: ignore[arg-type]  # a class is hashable
        self._passages = self._numbered(inputs)
        self.inputs = self._inputs(inputs, self._passages)
        try:
            self.demos = [self._demo(demo) for demo in demos]
        except ValidationError as error:
            fault = error.errors(include_url=False, include_input=False)[0]
            raise UsageError(
                f"a demo of the program holds what is none of its fields ({fault['msg']}): give it values of their types"
            ) from error

    def read(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return what was said, in the program's types."""
        if self._cites == "quotes":
            return values
        (name,) = self._own.output_fields
        annotation = self._own.output_fields[name].annotation
        rest = {key: value for key, value in values.items() if key not in self.signature.output_fields}
        try:
            return {**rest, name: self._output(annotation, values)}
        except ValidationError as error:
            fault = error.errors(include_url=False, include_input=False)[0]
            raise AdapterParseError(
                adapter_name="CitingAdapter",
                signature=self._own,
                lm_response=str(values)[:1000],
                message=fault["msg"],
            ) from error

    def read_quotes(self, error: AdapterParseError) -> dict[str, Any]:
        """Return what a reply says that cites quotes where numbers were asked for; raises ``error`` for one that does not.

        A model that was taught quotes goes on with them; the check holds both to the passages.
        """
        if self._cites == "numbers" and not isinstance(error, RefusedReply):
            for adapter in (CheckedChatAdapter(), CheckedJSONAdapter()):
                with suppress(AdapterParseError):
                    parsed: dict[str, Any] = adapter.parse(self._own, error.lm_response)
                    return parsed
        raise error

    def _output(self, annotation: Any, values: Mapping[str, Any]) -> Any:
        if not _is_spread(self._own):
            (name,) = self.signature.output_fields
            return read_reply(annotation, values[name], self._passages)
        return read_reply(annotation, reply_type(annotation).model_construct(**values), self._passages)

    def _numbered(self, values: Mapping[str, Any]) -> NumberedPassages:
        """Return the passages with numbers; none where quotes are cited."""
        given = values.get(PASSAGES) if self._cites == "numbers" else None
        passages = _EVIDENCE.validate_python(given or [])
        chosen = self._choose(asked_text(values), passages) if self._choose else None
        return NumberedPassages(passages, chosen.places if chosen else None)

    def _inputs(self, inputs: Mapping[str, Any], passages: NumberedPassages) -> dict[str, Any]:
        if PASSAGES not in inputs:
            return dict(inputs)
        shown = passages.text if self._cites == "numbers" else neutralised(inputs[PASSAGES])
        return {**inputs, PASSAGES: shown}

    def _demo(self, demo: Any) -> dict[str, Any]:
        """Return an example in the words of its prompt; its passages are numbered by themselves."""
        values = dict(demo)
        passages = self._numbered(values)
        shown = self._inputs(values, passages)
        (name,) = self._own.output_fields
        if values.get(name) is None:
            return shown
        output = TypeAdapter(self._own.output_fields[name].annotation).validate_python(values[name])
        if self._cites == "quotes":
            return {**shown, name: _without_places(output)}
        del shown[name]
        written = write_reply(output, passages)
        return {**shown, **(written if _is_spread(self._own) else {name: written})}


def asked_text(inputs: Mapping[str, Any]) -> str:
    """Return what is asked, with its details, such as the cards that were drawn."""
    return " ".join(value for name, value in inputs.items() if name != PASSAGES and isinstance(value, str))


@lru_cache(maxsize=256)
def prompt_signature(signature: Any, cites: Cites) -> type[dspy.Signature]:
    """Return a program's signature as a prompt words it: with the rules, and with numbers in place of quotes.

    The passages come first and the question last, so that a server need not read the same passages again.
    """
    instructions = with_rules(signature.instructions, cites)
    if cites == "quotes":
        return signature.with_instructions(instructions)  # type: ignore[no-any-return]
    fields: dict[str, Any] = {}
    inputs = signature.input_fields
    for name in [PASSAGES, *(name for name in inputs if name not in (PASSAGES, "question")), "question"]:
        info = inputs[name]
        kind = str if name == PASSAGES else info.annotation
        fields[name] = (kind, dspy.InputField(desc=info.json_schema_extra["desc"]))
    fields |= _output_fields(signature)
    return dspy.make_signature(fields, instructions)  # type: ignore[no-any-return]


def _output_fields(signature: type[dspy.Signature]) -> dict[str, Any]:
    """Return the fields that a reply has: those of the output where it is a model, or else the output itself."""
    ((name, info),) = signature.output_fields.items()
    twin = reply_type(info.annotation)
    if not _is_spread(signature):
        return {name: (twin, _output_field(info.json_schema_extra["desc"], most_entries(twin)))}
    return {
        name: (
            field.annotation,
            _output_field(field.description or name, declared_most(field), **_default(field)),
        )
        for name, field in twin.model_fields.items()
    }


def _output_field(desc: str, most: int | None, **default: Any) -> Any:
    """Return a field of a reply that declares how many entries it may have, for the adapter that sends a schema."""
    field = dspy.OutputField(desc=desc, **default)
    if most is not None:
        field.json_schema_extra["maxItems"] = most
    return field


def _default(field: FieldInfo) -> dict[str, Any]:
    return {} if field.is_required() else {"default": field.get_default(call_default_factory=True)}


def _is_spread(signature: type[dspy.Signature]) -> bool:
    """Whether the fields of the output stand in the reply by themselves.

    They do where it is a model, and neither an input nor a signature itself has a name of theirs.
    """
    (info,) = signature.output_fields.values()
    kind = info.annotation
    is_model = isinstance(kind, type) and issubclass(kind, BaseModel) and kind is not Claim
    return is_model and not any(
        name in signature.input_fields or hasattr(dspy.Signature, name) for name in kind.model_fields
    )


def neutralised(passages: Any) -> list[Evidence]:
    """Return passages with no marker of a prompt's fields in them."""
    return [
        passage.model_copy(
            update={
                "id": neutralise(passage.id),
                "title": neutralise(passage.title),
                "text": neutralise(passage.text),
                "about": {neutralise(name): neutralise(value) for name, value in passage.about.items()},
            }
        )
        for passage in _EVIDENCE.validate_python(passages)
    ]


def _without_places(value: Any) -> Any:
    """Return an output as a language model writes it, as JSON values: of a citation, the id and the quote."""
    if isinstance(value, Citation):
        return {"passage_id": value.passage_id, "quote": value.quote}
    if isinstance(value, list):
        return [_without_places(part) for part in value]
    if isinstance(value, BaseModel):
        return {name: _without_places(getattr(value, name)) for name in type(value).model_fields}
    return value
