"""Calls of the language model as spans, made while they run: what its client traces, and sends, belongs inside."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import Token
from dataclasses import dataclass
from typing import Any

import dspy
from dspy.utils.callback import BaseCallback
from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import Span, set_span_in_context

from ..engines.lms import typed_cause
from .writer import JSON_TYPE, SpanClock, begin_span, json_text, set_attributes, set_error

_TOLD_SETTINGS = ("temperature", "max_tokens", "top_p", "n", "seed", "stop")
"""Settings of a call that are told: what else there is may be a key or an address."""
_COUNTS = {"prompt_tokens": "prompt", "completion_tokens": "completion", "total_tokens": "total"}


@dataclass(frozen=True)
class _Running:
    span: Span
    token: Token[Context]
    model: str
    counted: int
    """Replies of the model whose tokens were counted before."""


class LmSpans(BaseCallback):
    """Makes a span of every call that DSPy makes of a language model, for one call of a program."""

    def __init__(self, clock: SpanClock, *, texts: bool) -> None:
        self._clock, self._texts = clock, texts
        self._running: dict[str, _Running] = {}

    def on_lm_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        """Begin the span of a call and make it the current one."""
        model = str(instance.model)
        span = begin_span(f"lm {model}", "LLM", self._clock.now())
        token = attach(set_span_in_context(span))
        self._running[call_id] = _Running(span, token, model, len(_counted(model)))
        if span.is_recording():
            settings = {**instance.kwargs, **inputs.get("kwargs", {})}
            told = {name: settings[name] for name in _TOLD_SETTINGS if settings.get(name) is not None}
            set_attributes(span, {"llm.model_name": model, "llm.invocation_parameters": json_text(told)})
            if self._texts:
                set_attributes(span, _prompt(inputs))

    def on_lm_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:
        """End the span of a call."""
        running = self._running.pop(call_id)
        detach(running.token)
        span = running.span
        if span.is_recording():
            for usage in _counted(running.model)[running.counted :]:
                counts = {f"llm.token_count.{ours}": usage.get(theirs) for theirs, ours in _COUNTS.items()}
                set_attributes(span, counts)
            if isinstance(exception, Exception):
                set_error(span, typed_cause(exception) or exception, texts=self._texts)
            if self._texts and exception is None:
                set_attributes(span, _replies(outputs))
        span.end(self._clock.now())


def _counted(model: str) -> list[dict[str, Any]]:
    """Return the tokens of every reply of a model that the call of the program has had so far."""
    tracker = dspy.settings.usage_tracker
    return [] if tracker is None else list(tracker.usage_data.get(model, ()))


def _prompt(inputs: Mapping[str, Any]) -> dict[str, Any]:
    messages = inputs.get("messages") or [{"role": "user", "content": inputs.get("prompt") or ""}]
    told = {"input.value": json_text(messages), "input.mime_type": JSON_TYPE}
    for place, message in enumerate(messages):
        told[f"llm.input_messages.{place}.message.role"] = message["role"]
        told[f"llm.input_messages.{place}.message.content"] = _text(message["content"])
    return told


def _replies(outputs: Any) -> dict[str, Any]:
    told = {"output.value": json_text(outputs), "output.mime_type": JSON_TYPE}
    for place, output in enumerate(outputs if isinstance(outputs, list) else [outputs]):
        content = output["text"] if isinstance(output, dict) and "text" in output else output
        told[f"llm.output_messages.{place}.message.role"] = "assistant"
        told[f"llm.output_messages.{place}.message.content"] = _text(content)
    return told


def _text(content: Any) -> str:
    return content if isinstance(content, str) else json_text(content)
