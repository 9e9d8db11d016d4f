"""One question, one answer: sync, async, streamed and in batch, over the extractive engine and over an Ollama server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from five_programs import QUESTIONS
from ollama_server import OllamaServer
from quoting_model import quoted

import quincunx
from quincunx.programs.answer import Answer
from quincunx.programs.events import Done, Event, Failed
from quincunx.programs.program import GroundedProgram
from quincunx.retrieval.errors import LanguageModelError, OllamaModelMissingError, OllamaUnreachableError


def quoting(body: dict[str, Any]) -> str:
    """Answer a prompt as the extractive engine would, so that both engines must agree."""
    return quoted(body["messages"][0]["content"], body["messages"][-1]["content"])


@pytest.fixture(scope="module")
def server() -> Iterator[OllamaServer]:
    with OllamaServer() as running:
        running.script = quoting
        yield running


async def last(program: GroundedProgram, question: str) -> Event:
    return [event async for event in program.stream(question)][-1]


def said(answer: Answer) -> dict[str, Any]:
    """Leave out who answered, and how many tokens that one counted."""
    record = answer.record()
    del (
        record["engine"],
        record["usage"]["input_tokens"],
        record["usage"]["output_tokens"],
        record["left_out"],
    )
    return record


@pytest.mark.parametrize("program", QUESTIONS)
def test_every_path_and_both_engines_give_the_same_checked_answer(
    canons: Path, server: OllamaServer, program: str
) -> None:
    question = QUESTIONS[program]
    expected = said(quincunx.load(program, lm="extractive")(question=question))
    loaded = quincunx.load(program, lm=quincunx.lm("ollama/qwen3", host=server.url))
    loaded.spec = replace(loaded.spec, most_sentences=None)  # the extractive engine reads all
    plain = loaded(question=question)
    assert plain.engine == "ollama/qwen3"
    assert said(plain) == expected
    assert said(asyncio.run(loaded.acall(question=question))) == expected
    done = asyncio.run(last(loaded, question))
    assert isinstance(done, Done)
    assert said(done.answer) == expected
    (batched,) = loaded.batch([question])
    assert isinstance(batched, Answer)
    assert said(batched) == expected


def test_a_server_that_cannot_answer_is_one_typed_error_on_every_path(
    canons: Path, server: OllamaServer
) -> None:
    missing = quincunx.load("chat_bridge", lm=quincunx.lm("ollama/nope", host=server.url, retries=0))
    with pytest.raises(OllamaModelMissingError, match="ollama pull nope"):
        missing(question="What is Sage?")
    with pytest.raises(OllamaModelMissingError):
        asyncio.run(missing.acall(question="What is Sage?"))
    failed = asyncio.run(last(missing, "What is Sage?"))
    assert isinstance(failed, Failed)
    assert failed.code == "ollama_model_missing"
    (value,) = missing.batch(["What is Sage?"])
    assert isinstance(value, Failed)
    nowhere = quincunx.load("chat_bridge", lm=quincunx.lm("ollama/m", host="http://127.0.0.1:9", retries=0))
    with pytest.raises(OllamaUnreachableError, match="ollama serve"):
        nowhere(question="What is Sage?")


def test_another_language_model_that_is_not_set_up_is_one_typed_error(
    canons: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    program = quincunx.load("chat_bridge", lm=quincunx.lm("openai/gpt-4o-mini"))
    with pytest.raises(LanguageModelError, match="openai/gpt-4o-mini could not answer"):
        program(question="What is Sage?")
