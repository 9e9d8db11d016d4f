"""An Ollama server for tests: the protocol as Ollama speaks it, without a model behind it.

    with OllamaServer() as server:
        client = ollama.Client(host=server.url)
        server.fail("/api/embed", Fault.BUSY, times=2)

Vectors are drawn from a hash of (model, text): equal texts have equal vectors. A token is a run of at
most four word characters, or one other character that is not white space. Chats are answered by
`OllamaServer.script`. Every request is recorded before anything is done with it, and a handler that
crashes makes the ``with`` block raise what it raised.
"""

from __future__ import annotations

import contextlib
import enum
import hashlib
import json
import re
import select
import socket
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Body = dict[str, Any]

BUSY_MESSAGE = "server busy, please try again.  maximum pending requests exceeded"
RUNNER_DEATH_MESSAGE = (
    "model runner has unexpectedly stopped, this may be due to resource limitations or an internal error, "
    "check ollama server logs for details"
)
TOO_LONG_MESSAGE = "the input length exceeds the context length"
NAN_MESSAGE = "embedding contains NaN or Inf values"

_TOKEN = re.compile(r"\w{1,4}|[^\w\s]")
_PIECE = re.compile(r"\s*(?:\w{1,4}|[^\w\s])|\s+")
_SPECIAL = 2
"""Tokens that an embedding model adds to each text: [CLS] and [SEP]."""


class Fault(enum.Enum):
    """What goes wrong with one request. Those of embeddings change nothing in other replies."""

    BUSY = "503, queue full"
    RUNNER_DEATH = "500, runner died"
    NOT_FOUND = "404, model not found"
    HANG = "no byte until released, shut down or disconnected"
    STALL = "as HANG, after the first line of a stream"
    TRICKLE = "one byte every 20 ms"
    ABRUPT_CLOSE = "closed in the middle of the body"
    GARBAGE = "200 with a body that is not JSON"
    UNFINISHED = "a chat ends cleanly but undone: no last line when streaming, else done: false"
    ERROR_MID_STREAM = "an error after the first chunk: a last line under 200, or status 500 without a stream"
    WRONG_COUNT = "one embedding too few"
    WRONG_DIMENSION = "embeddings one number too short"
    NAN = "a NaN in the first embedding, written as JSON NaN"
    NAN_REFUSED = "400 instead of a NaN"
    UNNORMALISED = "embeddings of another norm than 1"


_STATUS_FAULTS = {Fault.BUSY: (503, BUSY_MESSAGE), Fault.RUNNER_DEATH: (500, RUNNER_DEATH_MESSAGE)}


class Failure(Exception):
    """An error that the server reports: by status before the first byte, else as a last line under 200."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass
class Model:
    """A model that the server has. `digest` may be changed while the server runs."""

    architecture: str
    embedding_length: int
    context_length: int
    capabilities: list[str]
    digest: str
    size: int = 274_302_450
    """Bytes."""


def _models() -> dict[str, Model]:
    return {
        "nomic-embed-text:latest": Model("nomic-bert", 768, 2048, ["embedding"], "0a109f42" * 8),
        "qwen3:latest": Model("qwen3", 4096, 40_960, ["completion", "tools", "thinking"], "500a1f06" * 8),
    }


@dataclass(frozen=True)
class Recorded:
    """One request as it came: ``body`` is parsed JSON, None where there was none, text where it is not JSON."""

    method: str
    path: str
    body: Any


@dataclass(frozen=True)
class Chunk:
    """One piece of a chat's answer."""

    content: str = ""
    thinking: str = ""
    tool_calls: tuple[Body, ...] = ()


Script = Callable[[Body], str | Iterable[str | Chunk]]
"""Answers a chat. Gets the request's body with the messages that the model sees, which may be fewer than
were sent. May raise `Failure`, at once or between chunks."""


def canonical(name: str) -> str:
    """Return the name with its tag."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def count_tokens(text: str) -> int:
    """Return how many tokens a text has, special tokens left out."""
    return sum(1 for _ in _TOKEN.finditer(text))


def raw_vector(model: str, text: str, dims: int = 768) -> npt.NDArray[np.float64]:
    """Return the vector of a text as the model gives it, before it is normalised: shape (dims,)."""
    seed = hashlib.sha256(f"{canonical(model)}\0{text}".encode()).digest()
    return np.random.default_rng(int.from_bytes(seed)).standard_normal(dims)


def unit_vector(model: str, text: str, dims: int = 768) -> npt.NDArray[np.float32]:
    """Return the vector that ``/api/embed`` answers: shape (dims,), L2 norm 1."""
    vector = raw_vector(model, text, dims)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


@dataclass
class OllamaServer:
    """Serves at `url` between entering and leaving its ``with`` block."""

    port: int = 0
    """0 takes a free one."""
    version: str = "0.14.2"
    models: dict[str, Model] = field(default_factory=_models)
    registry: dict[str, Model] = field(default_factory=_models)
    """What ``/api/pull`` can fetch."""
    script: Script = lambda body: "You said: " + str(body["messages"][-1].get("content", ""))
    num_ctx: int = 4096
    """Context of chats that do not set ``options.num_ctx``, in tokens."""
    ignores_truncate: bool = False
    """Cut silently even where ``truncate: false`` was sent, as some versions do."""
    requests: list[Recorded] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    """Of each request, by names in lower case."""
    disconnected: threading.Event = field(default_factory=threading.Event)
    """Set once a client has left during a hang or a stream."""

    def __post_init__(self) -> None:
        self.crashes: list[BaseException] = []
        self.stopping = threading.Event()
        self.released = threading.Event()
        self.loaded: dict[str, datetime] = {}
        """When each loaded model expires."""
        self._faults: defaultdict[str, deque[Fault]] = defaultdict(deque)

    def __enter__(self) -> Self:
        self._http = _Http(("127.0.0.1", self.port), _Handler)
        self._http.owner = self
        self.port = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()
        self._http.hang_up()
        self._thread.join()
        if self.crashes and error is None:
            raise self.crashes[0]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fail(self, path: str, fault: Fault, times: int = 1) -> None:
        """Let the next ``times`` requests of ``path`` go wrong, after those queued before."""
        self._faults[path].extend([fault] * times)

    def release(self) -> None:
        """Let the requests that hang now go on; later ones hang anew."""
        held, self.released = self.released, threading.Event()
        held.set()

    def sent(self, path: str) -> list[Any]:
        """Return the bodies of the requests of ``path``, in order."""
        return [request.body for request in list(self.requests) if request.path == path]

    def next_fault(self, path: str) -> Fault | None:
        try:
            return self._faults[path].popleft()
        except IndexError:
            return None

    def model(self, name: object, missing: str = "model '{}' not found") -> Model:
        found = self.models.get(canonical(name)) if isinstance(name, str) else None
        if found is None:
            raise Failure(404, missing.format(name))
        return found

    def touch(self, name: str, keep_alive: object) -> None:
        """Load a model for ``keep_alive``: seconds or like "5m"; 0 unloads, below 0 is for ever."""
        units = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
        match = re.fullmatch(r"(-?[\d.]+)(ms|s|m|h|)", str("5m" if keep_alive is None else keep_alive))
        if match is None:
            raise Failure(400, f'time: invalid duration "{keep_alive}"')
        seconds = float(match[1]) * units[match[2]]
        if seconds == 0:
            self.loaded.pop(canonical(name), None)
        else:
            lasting = timedelta(days=36_500) if seconds < 0 else timedelta(seconds=seconds)
            self.loaded[canonical(name)] = datetime.now(UTC) + lasting


class _Http(ThreadingHTTPServer):
    owner: OllamaServer
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128  # with the usual 5, clients that come at once wait a second

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing reaches this: `_Handler` records what it raises."""


class _Gone(Exception):
    """The client has left, the server stops, or a fault ends the connection."""


class _Handler(BaseHTTPRequestHandler):
    server: _Http
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        try:
            self._serve()
        except (_Gone, OSError):
            self.close_connection = True
        except BaseException as error:
            self.close_connection = True
            self.server.owner.crashes.append(error)
            raise

    do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the tests' output clean."""

    def _serve(self) -> None:
        owner, path = self.server.owner, self.path.partition("?")[0]
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body: Any = None
        with contextlib.suppress(ValueError):
            body = json.loads(raw) if raw else None
        parsed = body is not None
        owner.headers.append({name.lower(): value for name, value in self.headers.items()})
        owner.requests.append(Recorded(self.command, path, body if parsed or not raw else raw.decode()))
        self._trickles = self._breaks = False
        if path not in _ROUTES:
            return self._send(404, "text/plain", b"404 page not found")
        methods, route = _ROUTES[path]
        if self.command not in methods:
            return self._send(405, "text/plain", b"405 method not allowed")
        fault = owner.next_fault(path)
        self._trickles, self._breaks = fault is Fault.TRICKLE, fault is Fault.ABRUPT_CLOSE
        try:
            if fault is Fault.HANG:
                self._hang()
            elif fault is Fault.GARBAGE:
                return self._send(200, "application/json; charset=utf-8", b"<html>this is no JSON</html>")
            elif fault is Fault.NOT_FOUND:
                owner.model(f"absent {(body or {}).get('model', '')}".strip())
            elif fault in _STATUS_FAULTS:
                raise Failure(*_STATUS_FAULTS[fault])
            if self.command == "POST" and not isinstance(body, dict):
                raise Failure(400, _body_error(raw))
            reply = route(owner, body, fault)
            if isinstance(reply, Iterator):
                first = next(reply)  # an error before the first byte has a status of its own
                return self._stream(first, reply, fault)
        except Failure as failure:
            return self._send_json(failure.status, {"error": failure.message})
        if isinstance(reply, str):
            return self._send(200, "text/plain; charset=utf-8", reply.encode())
        return self._send_json(200, reply)

    def _send_json(self, status: int, value: Body) -> None:
        self._send(status, "application/json; charset=utf-8", json.dumps(value).encode())

    def _send(self, status: int, kind: str, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self._write(data)

    def _stream(self, first: Body, rest: Iterator[Body], fault: Fault | None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self._line(first)
        if fault is Fault.STALL:
            self._hang()
        try:
            for value in rest:
                self._line(value)
        except Failure as failure:
            self._line({"error": failure.message})
        self.wfile.write(b"0\r\n\r\n")

    def _line(self, value: Body) -> None:
        data = json.dumps(value).encode() + b"\n"
        self._write(b"%x\r\n%s\r\n" % (len(data), data))

    def _write(self, data: bytes) -> None:
        if self._left():
            self.server.owner.disconnected.set()
            raise _Gone
        if self._breaks:
            self.wfile.write(data[: len(data) // 2])
            raise _Gone
        step = 1 if self._trickles else max(1, len(data))
        for start in range(0, len(data), step):
            try:
                self.wfile.write(data[start : start + step])
            except OSError:
                self.server.owner.disconnected.set()
                raise
            if self._trickles and self.server.owner.stopping.wait(0.02):
                raise _Gone

    def _hang(self) -> None:
        owner = self.server.owner
        released = owner.released
        while not released.wait(0.01):
            if owner.stopping.is_set():
                raise _Gone
            if self._left():
                owner.disconnected.set()
                raise _Gone

    def _left(self) -> bool:
        try:
            readable, _, _ = select.select([self.connection], [], [], 0)
            return bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            return True


def _body_error(raw: bytes) -> str:
    if not raw:
        return "missing request body"
    return f"invalid character {chr(raw[0])!r} looking for beginning of value"


def _sparse(**fields: Any) -> Body:
    """Return the fields that are not zero, as Ollama writes them."""
    return {name: value for name, value in fields.items() if value}


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def _details(model: Model) -> Body:
    return {
        "parent_model": "",
        "format": "gguf",
        "family": model.architecture,
        "families": [model.architecture],
        "parameter_size": "137M" if "embedding" in model.capabilities else "8.2B",
        "quantization_level": "F16" if "embedding" in model.capabilities else "Q4_K_M",
    }


def _root(owner: OllamaServer, body: Body, fault: Fault | None) -> str:
    return "Ollama is running"


def _version(owner: OllamaServer, body: Body, fault: Fault | None) -> Body:
    return {"version": owner.version}


def _entry(name: str, model: Model) -> Body:
    named = {"name": name, "model": name, "size": model.size, "digest": model.digest}
    return named | {"details": _details(model)}


def _tags(owner: OllamaServer, body: Body, fault: Fault | None) -> Body:
    modified = {"modified_at": "2025-11-02T10:00:00.123456789+01:00"}
    return {"models": [_entry(name, model) | modified for name, model in owner.models.items()]}


def _ps(owner: OllamaServer, body: Body, fault: Fault | None) -> Body:
    models = []
    for name, expires in list(owner.loaded.items()):
        model = owner.models.get(name)
        if model is None or expires <= datetime.now(UTC):
            continue
        loaded = {"expires_at": expires.isoformat(), "size_vram": model.size}
        models.append(
            _entry(name, model) | loaded | {"context_length": min(owner.num_ctx, model.context_length)}
        )
    return {"models": models}


def _show(owner: OllamaServer, body: Body, fault: Fault | None) -> Body:
    name = body.get("model") or body.get("name")
    if not name:
        raise Failure(400, "model is required")
    model = owner.model(name)
    family = model.architecture
    return {
        "modelfile": f"# Modelfile of {name}",
        "details": _details(model),
        "model_info": {
            "general.architecture": family,
            f"{family}.context_length": model.context_length,
            f"{family}.embedding_length": model.embedding_length,
        },
        "capabilities": model.capabilities,
        "modified_at": "2025-11-02T10:00:00.123456789+01:00",
    }


def _inputs(value: object) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise Failure(400, "invalid input type")
    return value


def _embed(owner: OllamaServer, body: Body, fault: Fault | None) -> Body:
    started = time.perf_counter_ns()
    texts = _inputs(body.get("input"))
    name = body.get("model")
    model = owner.model(name)
    owner.touch(str(name), body.get("keep_alive"))
    loaded = time.perf_counter_ns()
    if not texts:
        return {"model": name, "embeddings": []}
    refuses = body.get("truncate") is False and not owner.ignores_truncate
    room = model.context_length - _SPECIAL
    tokens = 0
    vectors = []
    for text in texts:
        count = count_tokens(text)
        if count > room:
            if refuses:
                raise Failure(400, TOO_LONG_MESSAGE)
            text = text[: [match.end() for match in _TOKEN.finditer(text)][room - 1]]
            count = room
        tokens += count + _SPECIAL
        dims = model.embedding_length
        vector = (unit_vector if fault is not Fault.UNNORMALISED else raw_vector)(str(name), text, dims)
        wanted = int(body.get("dimensions") or 0)
        if 0 < wanted < len(vector):
            vector = vector[:wanted] / np.linalg.norm(vector[:wanted])
        vectors.append(vector.tolist())
    if fault is Fault.NAN_REFUSED:
        raise Failure(400, NAN_MESSAGE)
    if fault is Fault.WRONG_COUNT:
        vectors = vectors[:-1]
    elif fault is Fault.WRONG_DIMENSION:
        vectors = [vector[:-1] for vector in vectors]
    elif fault is Fault.NAN:
        vectors[0][0] = float("nan")
    return {"model": name, "embeddings": vectors} | _sparse(
        total_duration=time.perf_counter_ns() - started,
        load_duration=loaded - started,
        prompt_eval_count=tokens,
    )


def _embeddings(owner: OllamaServer, body: Body, fault: Fault | None) -> Body:
    name, prompt = body.get("model"), body.get("prompt") or ""
    model = owner.model(name)
    owner.touch(str(name), body.get("keep_alive"))
    return {"embedding": raw_vector(str(name), prompt, model.embedding_length).tolist() if prompt else []}


def _visible(owner: OllamaServer, model: Model, body: Body) -> tuple[list[Body], int, int]:
    """Return (messages that the model sees, their tokens, context): the oldest are dropped silently."""
    context = min(int((body.get("options") or {}).get("num_ctx") or owner.num_ctx), model.context_length)
    messages: list[Body] = body.get("messages") or []

    def tokens(some: list[Body]) -> int:
        return sum(count_tokens(str(message.get("content") or "")) for message in some)

    if tokens(messages) > context and body.get("truncate") is False and not owner.ignores_truncate:
        raise Failure(400, TOO_LONG_MESSAGE)
    dropped = 0
    kept = messages
    while tokens(kept) > context and dropped < len(messages) - 1:
        dropped += 1
        kept = [m for i, m in enumerate(messages) if i >= dropped or m.get("role") == "system"]
    return kept, min(tokens(kept), context), context


def _chunks(answer: str | Iterable[str | Chunk]) -> Iterator[Chunk]:
    pieces: Iterable[str | Chunk] = _PIECE.findall(answer) if isinstance(answer, str) else answer
    for piece in pieces:
        yield Chunk(piece) if isinstance(piece, str) else piece


def _chat_lines(owner: OllamaServer, body: Body, fault: Fault | None) -> Iterator[Body]:
    started = time.perf_counter_ns()
    name = str(body.get("model"))
    model = owner.model(body.get("model"), 'model "{}" not found, try pulling it first')
    if "completion" not in model.capabilities:
        raise Failure(400, f'"{name}" does not support chat')
    if body.get("think") and "thinking" not in model.capabilities:
        raise Failure(400, f'"{name}" does not support thinking')
    owner.touch(name, body.get("keep_alive"))
    loaded = time.perf_counter_ns()

    def line(chunk: Chunk, **rest: Any) -> Body:
        message: Body = {"role": "assistant", "content": chunk.content}
        if body.get("think") is not False:
            message |= _sparse(thinking=chunk.thinking)
        message |= _sparse(tool_calls=list(chunk.tool_calls))
        return {"model": name, "created_at": _now(), "message": message, "done": False} | rest

    if not body.get("messages"):
        yield line(Chunk(), done=True, done_reason="load" if canonical(name) in owner.loaded else "unload")
        return
    kept, prompt, context = _visible(owner, model, body)
    room = max(1, context - prompt)
    most = int((body.get("options") or {}).get("num_predict") or -1)
    room = min(room, most) if most > 0 else room
    reason, used = "stop", 0
    for index, chunk in enumerate(_chunks(owner.script({**body, "messages": kept}))):
        if fault is Fault.ERROR_MID_STREAM and index == 1:
            raise Failure(500, "an error was encountered while running the model: unexpected EOF")
        if used >= room:
            reason = "length"
            break
        used += max(1, count_tokens(chunk.content + chunk.thinking))
        yield line(chunk)
    if fault is Fault.UNFINISHED:
        return
    ended = time.perf_counter_ns()
    counts = _sparse(
        total_duration=ended - started,
        load_duration=loaded - started,
        prompt_eval_count=prompt,
        prompt_eval_duration=(ended - loaded) // 2,
        eval_count=min(used, room),
        eval_duration=(ended - loaded) // 2,
    )
    yield line(Chunk(), done=True, done_reason=reason) | counts


def _chat(owner: OllamaServer, body: Body, fault: Fault | None) -> Body | Iterator[Body]:
    lines = _chat_lines(owner, body, fault)
    if body.get("stream") is not False:
        return lines
    content, thinking, calls, last = "", "", list[Body](), Body()
    for last in lines:
        message = last["message"]
        content += message["content"]
        thinking += message.get("thinking", "")
        calls += message.get("tool_calls", [])
    whole = {"role": "assistant", "content": content} | _sparse(thinking=thinking, tool_calls=calls)
    return last | {"message": whole}


def _pull_lines(owner: OllamaServer, name: str) -> Iterator[Body]:
    yield {"status": "pulling manifest"}
    model = owner.registry.get(canonical(name))
    if model is None:
        raise Failure(500, "pull model manifest: file does not exist")
    layers = [(model.digest, model.size), (hashlib.sha256(model.digest.encode()).hexdigest(), 11_357)]
    for digest, total in layers:
        for completed in (0, total // 2, total):
            status = {"status": f"pulling {digest[:12]}", "digest": f"sha256:{digest}", "total": total}
            yield status | _sparse(completed=completed)
    yield {"status": "verifying sha256 digest"}
    yield {"status": "writing manifest"}
    owner.models[canonical(name)] = model
    yield {"status": "success"}


def _pull(owner: OllamaServer, body: Body, fault: Fault | None) -> Body | Iterator[Body]:
    lines = _pull_lines(owner, str(body.get("model") or body.get("name")))
    if body.get("stream") is not False:
        unfinished = fault is Fault.UNFINISHED
        return (line for line in lines if not (unfinished and line["status"] == "success"))
    return deque(lines, maxlen=1).pop()


_Route = Callable[[OllamaServer, Any, Fault | None], str | Body | Iterator[Body]]
_READ, _POST = {"GET", "HEAD"}, {"POST"}
_ROUTES: dict[str, tuple[set[str], _Route]] = {
    "/": (_READ, _root),
    "/api/version": (_READ, _version),
    "/api/tags": (_READ, _tags),
    "/api/ps": ({"GET"}, _ps),
    "/api/show": (_POST, _show),
    "/api/embed": (_POST, _embed),
    "/api/embeddings": (_POST, _embeddings),
    "/api/chat": (_POST, _chat),
    "/api/pull": (_POST, _pull),
}
