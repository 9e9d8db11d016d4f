"""Keys: how they are kept, what each is for, and how much it may take.

1. A file of keys holds no key. 2. Every route but two asks for one, and says which scope it takes. 3. What a key spent is
refused with when to come again. 4. A page of an allowed origin may send its key, and no other page.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from running_service import running

from quincunx.app.serve.access.check import OPEN
from quincunx.app.serve.access.keys import PREFIX, ApiKey, add_key, read_keys, remove_key
from quincunx.app.serve.access.spending import Spending, begin_request_of
from quincunx.app.serve.application import create_app
from quincunx.app.serve.service import Service
from quincunx.app.serve.settings import ServeSettings
from quincunx.programs.budget import Usage
from quincunx.programs.trace import CallRecord
from quincunx.retrieval.errors import UsageError

SCOPES = ("ask", "search", "write", "admin")
PAGE = "https://app.example"


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "keys.json"


@pytest.fixture(scope="module")
def keys(keys_file: Path) -> Mapping[str, str]:
    """A key for each scope alone, by the scope, and two whose bounds are soon reached."""
    made = {scope: add_key(keys_file, scope, [scope])[0] for scope in SCOPES}
    made["slow"] = add_key(keys_file, "slow", ["search"], requests_a_minute=2)[0]
    return made


@pytest.fixture(scope="module")
def guarded(canons_folder: Path, keys_file: Path, keys: Mapping[str, str]) -> Iterator[httpx.Client]:
    """A client, without a key, of a service that asks for one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QUINCUNX_HOME", str(canons_folder))
        with running(
            keys_file=str(keys_file),
            programs=["chat_bridge"],
            indexes=["builddaily"],
            allowed_origins=[PAGE],
        ) as client:
            yield client


def test_a_file_of_keys_holds_no_key_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "keys.json"
    key, known = add_key(path, "app", ["ask", "search", "ask"], requests_a_minute=5)
    assert key.startswith(PREFIX)
    assert len(key) == len(PREFIX) + 43
    assert key not in path.read_text()
    assert key.removeprefix(PREFIX) not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert known.scopes == ("ask", "search")
    assert read_keys(path).find(key) == known
    assert read_keys(path).find(key[:-1]) is None
    assert known.sha256 not in repr(known)


def test_a_name_stands_once_and_a_removed_key_is_none(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    first, second = add_key(path, "a", ["ask"])[0], add_key(path, "b", ["ask"])[0]
    with pytest.raises(UsageError, match="there is a key 'a' already"):
        add_key(path, "a", ["ask"])
    remove_key(path, "a")
    assert read_keys(path).find(first) is None
    assert read_keys(path).find(second) is not None
    with pytest.raises(UsageError, match="no key 'a'; there are: b"):
        remove_key(path, "a")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"scopes": ["asks"]}, "scopes.0: Input should be 'ask', 'search', 'write' or 'admin'"),
        ({"scopes": []}, "scopes: Tuple should have at least 1 item"),
        ({"name": "a b"}, "name: String should match pattern"),
        ({"requests_a_minute": 0}, "requests_a_minute: Input should be greater"),
        ({"expires": datetime(2020, 1, 1, tzinfo=UTC)}, "is past already"),
    ],
)
def test_what_no_key_can_have_is_refused(tmp_path: Path, given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        add_key(tmp_path / "keys.json", **{"name": "app", "scopes": ["ask"], **given})
    assert not (tmp_path / "keys.json").exists()


@pytest.mark.parametrize("mode", [0o660, 0o602])
def test_a_file_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keys.json"
    add_key(path, "app", ["ask"])
    path.chmod(mode)
    with pytest.raises(UsageError, match=f"others than its owner may write to it .mode {mode:04o}"):
        read_keys(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "the file: Input should be"),
        ('{"keys": [{"name": "a"}]}', "keys.0.sha256: Field required"),
        (
            json.dumps({"keys": [{"name": "a", "sha256": digit * 64, "scopes": ["ask"]} for digit in "12"]}),
            "a name stands there twice",
        ),
        (
            json.dumps({"keys": [{"name": name, "sha256": "1" * 64, "scopes": ["ask"]} for name in "ab"]}),
            "a key stands there twice",
        ),
    ],
)
def test_a_file_that_is_none_of_keys_says_where(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(UsageError, match=message):
        read_keys(path)
    with pytest.raises(UsageError, match=message):
        Service(ServeSettings(keys_file=path))


def test_the_commands_make_list_and_remove_keys(quincunx: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "keys.json")
    made = quincunx("keys", "add", path, "app", "--scopes", "search", "--requests-a-minute", "30")
    key = made.out.strip()
    assert read_keys(Path(path)).find(key) is not None
    assert "search" in made.err
    assert key not in made.err
    until = (datetime.now(UTC) + timedelta(days=9)).strftime("%Y-%m-%d")
    assert (
        quincunx("keys", "add", path, "other", "--expires", until, "--json").json["expires"].startswith(until)
    )
    listed = quincunx("keys", "list", path, "--json")
    assert [entry["name"] for entry in listed.json["keys"]] == ["app", "other"]
    assert "sha256" not in listed.out
    assert "30" in quincunx("keys", "list", path).out
    assert quincunx("keys", "remove", path, "app", "--json").json == {"removed": "app"}
    assert quincunx("keys", "remove", path, "app").status == 2


def test_every_route_names_its_scope_or_is_known_to_be_open() -> None:
    app = create_app(Service(ServeSettings()))
    unnamed = {
        str(route.path)
        for route in iter_route_contexts(app.routes)
        if not any(
            getattr(dependency.call, "scopes", ())
            for dependency in getattr(getattr(route, "dependant", None), "dependencies", ())
        )
    }
    assert unnamed == OPEN


def routes(client: httpx.Client, key: str) -> list[tuple[str, str, list[str]]]:
    """Return method, path and scopes of every operation of the service, from its OpenAPI."""
    app = create_app(Service(ServeSettings()))
    found = []
    for route in iter_route_contexts(app.routes):
        scopes = [
            scope
            for dependency in route.dependant.dependencies
            for scope in getattr(dependency.call, "scopes", ())
        ]
        found += [(method, str(route.path), scopes) for method in route.methods or () if scopes]
    return found


def test_every_endpoint_without_with_a_wrong_and_with_too_narrow_a_key(
    guarded: httpx.Client, keys: Mapping[str, str]
) -> None:
    asked = routes(guarded, keys["ask"])
    assert len(asked) >= 12
    for method, path, scopes in asked:
        where = path.replace("{program}", "chat_bridge").replace("{index}", "builddaily")
        without = guarded.request(method, where)
        wrong = guarded.request(method, where, headers=bearer(PREFIX + "x" * 43))
        assert (without.status_code, without.json()["code"]) == (401, "key_missing"), where
        assert (wrong.status_code, wrong.json()["code"]) == (401, "key_unknown"), where
        assert without.headers["www-authenticate"] == "Bearer"
        assert wrong.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        for scope in SCOPES:
            response = guarded.request(method, where, headers=bearer(keys[scope]), params={"id": "none"})
            refused = response.status_code == 403 and response.json()["code"] == "scope_missing"
            assert refused is (scope not in scopes), (method, where, scope, response.text[:200])


def test_a_refusal_names_the_scope_that_is_needed(guarded: httpx.Client, keys: Mapping[str, str]) -> None:
    response = guarded.get("/metrics", headers=bearer(keys["ask"]))
    assert response.json()["detail"] == "the key ask is for ask: this takes one for admin"
    assert response.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="admin"'


def test_a_key_may_be_sent_in_either_header(guarded: httpx.Client, keys: Mapping[str, str]) -> None:
    for headers in (
        bearer(keys["ask"]),
        {"authorization": f"bearer  {keys['ask']}"},
        {"x-api-key": keys["ask"]},
        {"authorization": "Basic eDp5", "x-api-key": keys["ask"]},
    ):
        assert guarded.get("/v1/programs", headers=headers).status_code == 200
    for headers in ({"authorization": keys["ask"]}, {"authorization": "Bearer"}, bearer("é" * 50)):
        sent = [(name.encode(), value.encode()) for name, value in headers.items()]
        assert guarded.get("/v1/programs", headers=sent).status_code == 401


def test_what_needs_no_key_tells_no_names(guarded: httpx.Client) -> None:
    assert guarded.get("/healthz").json() == {"status": "alive"}
    assert guarded.get("/readyz").json() == {"status": "ready"}
    # Whole addresses: a client of httpx reads "//healthz" as a host, and asks for "/", which is the page.
    base = str(guarded.base_url).rstrip("/")
    near = ["/healthz/", "/healthz/%2e%2e/v1/programs", "//healthz", "/v1/nothing"]
    near += ["/page/", "/page/none.js", "/page/%2e%2e/v1/programs", "/page/main.js/v1/programs"]
    for path in near:
        assert guarded.get(base + path).status_code == 401, path


def test_nothing_is_read_of_a_request_without_a_key(guarded: httpx.Client) -> None:
    assert guarded.post("/v1/search", content=b"{").json()["code"] == "key_missing"


def test_a_key_that_has_expired_is_refused(tmp_path: Path, canons: Path) -> None:
    path = tmp_path / "keys.json"
    key, known = add_key(path, "old", ["ask"])
    record = known.model_dump(mode="json", exclude_none=True) | {"expires": "2024-01-01T00:00:00Z"}
    path.write_text(json.dumps({"keys": [record]}))
    with running(keys_file=str(path), programs=["chat_bridge"], indexes=["builddaily"]) as client:
        response = client.get("/v1/programs", headers=bearer(key))
        assert (response.status_code, response.json()["code"]) == (401, "key_expired")


def test_a_spent_rate_is_refused_until_it_is_there_again(
    guarded: httpx.Client, keys: Mapping[str, str]
) -> None:
    got = [guarded.get("/v1/indexes", headers=bearer(keys["slow"])) for _ in range(3)]
    assert [response.status_code for response in got] == [200, 200, 429]
    assert got[2].json()["code"] == "rate_exceeded"
    assert 1 <= int(got[2].headers["retry-after"]) <= 30
    assert guarded.get("/v1/indexes", headers=bearer(keys["search"])).status_code == 200


def key_of(**bounds: int) -> ApiKey:
    return ApiKey.model_validate({"name": "k", "sha256": os.urandom(32).hex(), "scopes": ["ask"], **bounds})


def test_a_rate_fills_again_as_time_passes() -> None:
    seconds = 0.0
    spending, key = Spending(clock=lambda: seconds), key_of(requests_a_minute=6)
    assert [spending.seconds_until_allowed(key) for _ in range(7)] == [0.0] * 6 + [10.0]
    seconds = 4.0
    assert spending.seconds_until_allowed(key) == pytest.approx(6.0)
    seconds = 10.0
    assert spending.seconds_until_allowed(key) == 0.0
    assert spending.seconds_until_allowed(key) == pytest.approx(10.0)
    seconds = 10_000.0
    assert [spending.seconds_until_allowed(key) for _ in range(7)] == [0.0] * 6 + [pytest.approx(10.0)]


def record(tokens: tuple[int | None, int | None]) -> CallRecord:
    return CallRecord(
        id="c", begun="", seconds=0, program="p", index="i", generations={}, engine=None, outcome="answered", error=None,
        stages={}, candidates=(), passages=(), cited=(), dropped=(), remembered=0, usage=Usage(1, 0, *tokens), text={},
    )  # fmt: skip


def test_tokens_are_counted_by_key_and_begin_anew_each_day() -> None:
    now = datetime(2026, 3, 1, 18, tzinfo=UTC)
    spending, key, other = Spending(now=lambda: now), key_of(tokens_a_day=100), key_of(tokens_a_day=100)
    begin_request_of(key)
    spending.call(record((60, 30)))
    assert spending.seconds_until_tokens(key) == 0.0
    spending.call(record((20, None)))
    assert spending.seconds_until_tokens(key) == 6 * 3600
    assert spending.seconds_until_tokens(other) == 0.0
    begin_request_of(None)
    spending.call(record((1000, 1000)))
    assert spending.seconds_until_tokens(other) == 0.0
    now += timedelta(hours=6)
    assert spending.seconds_until_tokens(key) == 0.0


def test_a_page_of_an_allowed_origin_may_send_its_key_and_no_other_page(
    guarded: httpx.Client, keys: Mapping[str, str]
) -> None:
    wanted = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }
    preflight = guarded.options("/v1/search", headers={"origin": PAGE, **wanted})
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == PAGE
    assert "authorization" in preflight.headers["access-control-allow-headers"].lower()
    other = guarded.options("/v1/search", headers={"origin": "https://evil.example", **wanted})
    assert (other.status_code, other.json()["code"]) == (403, "bad_origin")
    assert "access-control-allow-origin" not in other.headers
    refused = guarded.get("/v1/indexes", headers={"origin": PAGE})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, PAGE)
    assert guarded.get("/v1/indexes", headers={"origin": PAGE, **bearer(keys["search"])}).status_code == 200
    assert guarded.options("/v1/search").status_code == 401
