"""A server of the app's own is sent the schema of the reply, or as much of it as it takes.

1. The schema; where the server refuses it, JSON alone; where it refuses that too, nothing. What it takes is asked for once.
2. The schema bounds every list, as what is not bounded a small model fills until it is cut off.
3. An optimisation asks in the same form, so that what it finds suits what will be asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from gold_sets import hashing_profile, write_split_gold
from openai_server import RefusedError, openai_server

import quincunx
from quincunx.eval.optimise.demo_optimisers import FewShot
from quincunx.eval.optimise.plan import plan_optimization
from quincunx.eval.optimise.run import run_optimization
from quincunx.retrieval.storage.home import HOME_VARIABLE

FORMS = ("json_schema", "json_object", None)
"""What a server may be asked for, the most first."""


@dataclass
class Choosy:
    """A server that cites the first sentence, and refuses some forms of a reply."""

    url: str
    refuses: tuple[str | None, ...]
    asked: list[str | None]
    """The form of each request so far."""


@pytest.fixture(params=range(len(FORMS)), ids=["takes schemas", "takes JSON", "takes neither"])
def server(request: pytest.FixtureRequest) -> Iterator[Choosy]:
    refuses, asked = FORMS[: request.param], list[str | None]()

    def answer(body: dict[str, Any]) -> str:
        form = body.get("response_format", {}).get("type")
        asked.append(form)
        if form in refuses:
            raise RefusedError(f"response_format {form} is not supported")
        prompt = body["messages"][-1]["content"]
        return json.dumps({"sentences": [{"text": prompt.split("[1] ")[1].splitlines()[0], "cites": [1]}]})

    with openai_server(answer) as running:
        yield Choosy(running.url, refuses, asked)


@pytest.mark.usefixtures("canons")
def test_a_server_is_asked_for_as_much_as_it_takes_and_its_refusal_is_remembered(
    server: Choosy,
) -> None:
    lm = quincunx.lm("hosted_vllm/m", api_base=server.url, api_key="none", cache=False)
    program = quincunx.load("chat_bridge", lm=lm)
    assert program(question="What is Sage Daily?").answered
    assert program(question="Which port does PgBouncer listen on?").answered
    takes = FORMS[len(server.refuses)]
    assert server.asked == [*server.refuses, takes, takes]


def lists(schema: Any, at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the lists that a schema speaks of, with where each stands."""
    if isinstance(schema, dict):
        if schema.get("type") == "array":
            yield at, schema
        for name, part in schema.items():
            yield from lists(part, f"{at}/{name}")


@pytest.mark.usefixtures("canons")
@pytest.mark.parametrize(
    ("name", "bounds"),
    [
        ("chat_bridge", {"sentences": 5, "between": 5, "cites": 3}),
        ("resource_search", {"pages": 3, "why": 2, "cites": 3}),
        ("ticker_fit", {"tickers": 5, "reasons": 5, "against": 5, "cites": 3}),
        ("catalyst_precedent", {"precedents": 5, "alike": 5, "differences": 5, "followed": 5, "cites": 3}),
        ("astrology_reading", {"sentences": 5, "cites": 3}),
    ],
)
def test_every_list_of_a_reply_is_bounded_in_the_schema_that_is_sent(
    name: str, bounds: dict[str, int]
) -> None:
    sent: list[dict[str, Any]] = []

    def answer(body: dict[str, Any]) -> str:
        schema = body["response_format"]["json_schema"]["schema"]
        sent.append(schema)
        return json.dumps(
            {field: [] if "type" in part else "" for field, part in schema["properties"].items()}
        )

    with openai_server(answer) as running:
        lm = quincunx.lm("hosted_vllm/m", api_base=running.url, api_key="none", cache=False)
        quincunx.load(name, lm=lm)(question="What is Sage Daily?")
    assert {at.split("/")[-1]: schema["maxItems"] for at, schema in lists(sent[0])} == bounds


def test_an_optimisation_asks_in_the_same_form(
    server: Choosy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    lm = quincunx.lm("hosted_vllm/m", api_base=server.url, api_key="none", cache=False)
    gold = write_split_gold(tmp_path / "gold", "chat_bridge")
    plan = plan_optimization(
        "chat_bridge",
        gold,
        optimizer=FewShot(),
        lm=lm,
        profile=hashing_profile(),
        workers=4,
        out=tmp_path / "run",
    )
    found = run_optimization(plan)
    takes = FORMS[len(server.refuses)]
    assert server.asked[: len(server.refuses)] == list(server.refuses)
    assert set(server.asked[len(server.refuses) :]) == {takes}
    assert found.spent.failed == 0
    assert found.spent.calls == len(server.asked) - len(server.refuses)
