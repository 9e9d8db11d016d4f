"""A server of the app's own is sent the schema of the reply, or as much of it as it takes.

1. The schema; where the server refuses it, JSON alone; where it refuses that too, nothing. What it takes is asked for once.
2. An optimisation asks in the same form, so that what it finds suits what will be asked.
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
