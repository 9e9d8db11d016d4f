"""What is sent to Ollama for a request of DSPy, and how much of the model's window it takes.

A prompt's tokens are never guessed. They lie between one for each plain word and `most_tokens`: one for
each byte of UTF-8, for no token of a byte-level BPE or a SentencePiece vocabulary stands for less, and
what the model's template may add. An app that has the model's tokenizer passes ``count_tokens`` instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from dspy.lm15 import Config, Message, Request, TextPart, ThinkingPart, UnsupportedFeatureError

from ...retrieval.errors import PromptTooLongError, UsageError
from ...retrieval.models.ollama.embedder import plain_words

CountTokens = Callable[[str], int]

PREFIX = "ollama/"
OUTPUT = 4096
"""Tokens kept free for an answer without ``max_tokens``; a quarter of the context where that is less."""
STEP = 4096
"""Smallest window asked for. Larger ones are doubled, so that Ollama seldom loads the model anew."""
MESSAGE_TOKENS = 32
"""Most tokens that a template puts around one message: known ones put up to 10."""
PROMPT_TOKENS = 256
"""Most tokens that Ollama puts around a whole prompt beside its template's text: known ones put up to 150."""

_ROLES = {"user": "user", "assistant": "assistant", "developer": "system"}
_EFFORTS: dict[str, bool | str] = {"off": False, "low": "low", "medium": "medium", "high": "high"}
_OPTIONS = ("temperature", "top_p", "top_k", "seed", "frequency_penalty", "presence_penalty")
_REFUSED = (
    "tool_choice",
    "cache",
    "service_tier",
    "user_id",
    "store",
    "logprobs",
    "probabilities",
    "extensions",
)

SUPPORTED_PARAMS = frozenset({"max_tokens", "stop", "response_format", "reasoning_effort", *_OPTIONS})


@dataclass(frozen=True)
class ChatRequest:
    """A request in Ollama's words."""

    model: str
    messages: list[dict[str, str]]
    options: dict[str, Any]
    """Without ``num_ctx`` and ``num_predict``, which the `Window` gives."""
    max_tokens: int | None
    format: Any = None
    """"json", a JSON schema, or None."""
    think: bool | str | None = None
    """None leaves it to the model."""


@dataclass(frozen=True)
class ModelFacts:
    """What ``/api/show`` tells of a model."""

    context: int
    """Tokens that it reads and writes in one call, at most."""
    template_tokens: int
    """Most tokens that its template, its own system prompt and its own messages add to a prompt."""


@dataclass(frozen=True)
class Window:
    """How many tokens one call may take."""

    least: int
    """Tokens that the prompt has for certain."""
    most: int
    """Tokens that the prompt has at most."""
    num_predict: int
    """Tokens that the answer may have."""
    num_ctx: int
    """Tokens asked for: at least ``most`` and ``num_predict`` together."""


def model_name(model: str) -> str:
    """Return the name by which Ollama knows a model."""
    return model.removeprefix(PREFIX)


def read_request(request: Request) -> ChatRequest:
    """Return what to ask; `UnsupportedFeatureError` for what Ollama's engine cannot pass on."""
    config: Config = request.config
    if request.tools:
        _refuse("tools", "it calls no tools")
    for name in _REFUSED:
        value = getattr(config, name)
        if value is not None and value != {}:
            _refuse(f"config.{name}", f"it has no setting for {name}={value!r}")
    options = {name: getattr(config, name) for name in _OPTIONS if getattr(config, name) is not None}
    if config.stop:
        options["stop"] = list(config.stop)
    format_: Any = None
    if config.response_format is not None:
        format_ = config.response_format.get("schema", "json")
    return ChatRequest(
        model_name(request.model), _messages(request), options, config.max_tokens, format_, _think(config)
    )


def _think(config: Config) -> bool | str | None:
    reasoning = config.reasoning
    if reasoning is None:
        return None
    if reasoning.thinking_budget is not None:
        _refuse("config.reasoning.thinking_budget", "Ollama has no budget for thinking; set max_tokens")
    if reasoning.summary not in (None, "auto"):
        _refuse("config.reasoning.summary", "Ollama gives thinking as it is")
    if reasoning.effort not in _EFFORTS:
        _refuse(
            "config.reasoning.effort",
            f"Ollama knows no effort {reasoning.effort!r}; known: {', '.join(_EFFORTS)}",
        )
    return _EFFORTS[reasoning.effort]


def _messages(request: Request) -> list[dict[str, str]]:
    messages = []
    if request.system is not None:
        system = request.system
        text = system if isinstance(system, str) else _text(system, "system")
        messages.append({"role": "system", "content": text})
    for place, message in enumerate(request.messages):
        messages.append(_message(message, f"messages[{place}]"))
    return messages


def _message(message: Message, where: str) -> dict[str, str]:
    if message.role not in _ROLES:
        _refuse(where, f"it calls no tools, so it takes no message of role {message.role!r}")
    thoughts = [part.text for part in message.parts if isinstance(part, ThinkingPart)]
    sent = {"role": _ROLES[message.role], "content": _text(message.parts, where)}
    return sent | ({"thinking": "\n".join(thoughts)} if thoughts else {})


def _text(parts: Sequence[Any], where: str) -> str:
    for place, part in enumerate(parts):
        if not isinstance(part, TextPart | ThinkingPart):
            _refuse(f"{where}.parts[{place}]", f"it passes on text only, and no part of type {part.type!r}")
    return "\n".join(part.text for part in parts if isinstance(part, TextPart))


def _refuse(feature: str, why: str) -> NoReturn:
    message = f"the Ollama engine cannot do what {feature} asks for: {why}. Leave it out"
    raise UnsupportedFeatureError(message, feature=feature, provider="ollama") from UsageError(message)


def least_tokens(messages: Sequence[dict[str, str]]) -> int:
    """Return a number of tokens that a prompt has for certain: one for each plain word."""
    return sum(plain_words(message["content"]) for message in messages)


def most_tokens(messages: Sequence[dict[str, str]], template_tokens: int, count: CountTokens | None) -> int:
    """Return a number of tokens that a prompt does not exceed."""
    texts = [text for message in messages for name, text in message.items() if name != "role"]
    inside = sum(count(text) if count else utf8_bytes(text) for text in texts)
    return inside + MESSAGE_TOKENS * len(messages) + template_tokens


def utf8_bytes(text: str) -> int:
    return len(text.encode(errors="replace"))


def window(ask: ChatRequest, facts: ModelFacts, num_ctx: int | None, count: CountTokens | None) -> Window:
    """Return the window to ask for; `PromptTooLongError` where prompt and answer may not fit into it.

    ``num_ctx`` is the window to ask for always, cut to the model's context; without it the window is the
    smallest of 4096, 8192, … and the model's context that is large enough.
    """
    largest = min(facts.context, num_ctx or facts.context)
    output = min(OUTPUT, largest // 4) if ask.max_tokens is None else ask.max_tokens
    least, most = least_tokens(ask.messages), most_tokens(ask.messages, facts.template_tokens, count)
    bound = "the num_ctx that was set" if largest < facts.context else f"all that {ask.model!r} reads"
    remedy = (
        "shorten the prompt (fewer or shorter passages, less history, fewer demos), lower max_tokens, "
        + ("raise num_ctx, " if largest < facts.context else "")
        + "take a model with a longer context"
    )
    if least >= largest:
        raise PromptTooLongError(
            f"the prompt has at least {least} tokens, and {largest} are {bound}: {remedy}"
        )
    if most + output > largest:
        how = "" if count else ", counted as one for each byte"
        raise PromptTooLongError(
            f"the prompt may have up to {most} tokens{how}, and with {output} for the answer that is over "
            f"{largest}, {bound}: {remedy}{'' if count else ', or pass its tokenizer as count_tokens'}"
        )
    size = STEP
    while size < most + output:
        size *= 2
    return Window(least, most, output, largest if num_ctx else min(size, largest))
