"""A server of the app's own is sent the schema of the reply, or as much of it as it takes.

1. The schema; where the server refuses it, JSON alone; where it refuses that too, nothing. What it takes is asked for once.
2. An optimisation asks in the same form, so that what it finds suits what will be asked.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from gold_sets import hashing_profile, write_split_gold

import quincunx
from quincunx.eval.optimise.demo_optimisers import FewShot
from quincunx.eval.optimise.plan import plan_optimization
from quincunx.eval.optimise.run import run_optimization
from quincunx.retrieval.storage.home import HOME_VARIABLE

FORMS = ("json_schema", "json_object", None)
"""What a server may be asked for, the most first."""


class OpenAIServer(ThreadingHTTPServer):
    """Cites the first sentence, in the form that OpenAI's servers have; it refuses the formats of ``refuses``."""

    def __init__(self, refuses: tuple[str | None, ...]) -> None:
        super().__init__(("127.0.0.1", 0), _Chat)
        self.refuses, self.asked = refuses, list[str | None]()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Chat(BaseHTTPRequestHandler):
    server: OpenAIServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        form = body.get("response_format", {}).get("type")
        self.server.asked.append(form)
        if form in self.server.refuses:
            self._say(400, {"error": {"message": f"response_format {form} is not supported", "code": 400}})
            return
        prompt = body["messages"][-1]["content"]
        said = {"sentences": [{"text": prompt.split("[1] ")[1].splitlines()[0], "cites": [1]}]}
        message = {"role": "assistant", "content": json.dumps(said)}
        usage = {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        self._say(
            200,
            {
                "id": "1",
                "object": "chat.completion",
                "created": 1,
                "model": "m",
                "choices": [choice],
                "usage": usage,
            },
        )

    def _say(self, status: int, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(params=range(len(FORMS)), ids=["takes schemas", "takes JSON", "takes neither"])
def server(request: pytest.FixtureRequest) -> Iterator[OpenAIServer]:
    with OpenAIServer(FORMS[: request.param]) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.mark.usefixtures("canons")
def test_a_server_is_asked_for_as_much_as_it_takes_and_its_refusal_is_remembered(
    server: OpenAIServer,
) -> None:
    lm = quincunx.lm("hosted_vllm/m", api_base=server.url, api_key="none", cache=False)
    program = quincunx.load("chat_bridge", lm=lm)
    assert program(question="What is Sage Daily?").answered
    assert program(question="Which port does PgBouncer listen on?").answered
    takes = FORMS[len(server.refuses)]
    assert server.asked == [*server.refuses, takes, takes]


def test_an_optimisation_asks_in_the_same_form(
    server: OpenAIServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
