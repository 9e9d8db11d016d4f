"""Calls of the official Ollama client that end in time, in an answer or in an error that names the remedy.

The client waits for ever by default, and lets through whatever httpx, json and pydantic raise. So a
request goes through `RetryPolicy.ask`; a stream, which cannot be asked again, catches `client_errors` and
raises what `typed_error` makes of them.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from tenacity import (
    AsyncRetrying,
    BaseRetrying,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential,
)

from ...errors import (
    BoundError,
    ModelOutputError,
    OllamaBusyError,
    OllamaError,
    OllamaModelMissingError,
    OllamaTimeoutError,
    OllamaUnreachableError,
    QuincunxError,
)
from ..addresses import LONGEST_S, one_line

if TYPE_CHECKING:
    import ollama

T = TypeVar("T")

_RUNNER_DEATH = "model runner has unexpectedly stopped"
_TOO_LONG = "input length exceeds the context length"
_NOT_FINITE = ("NaN or Inf", "unsupported value: NaN", "unsupported value: +Inf", "unsupported value: -Inf")


@dataclass(frozen=True)
class RequestInfo:
    """Who was asked for what: the part of a message that the error itself does not know."""

    host: str
    """As `without_secrets` returns it."""
    model: str
    timeout_s: float
    """Seconds that one try may take."""
    tries: int = 1
    """How often an error that may pass was tried."""


@dataclass(frozen=True)
class RetryPolicy:
    """How long to wait for one request, and how often to ask again after an error that may pass."""

    timeout_s: float = 60.0
    retries: int = 3
    backoff_s: float = 0.5
    """Pause before the first retry; each later one is twice as long."""
    sleep: Callable[[float], None] = time.sleep
    sleep_async: Callable[[float], Awaitable[None]] = asyncio.sleep

    def __post_init__(self) -> None:
        if not 0 < self.timeout_s <= LONGEST_S:
            raise BoundError(
                f"timeout_s must be above 0 and at most {LONGEST_S:g} seconds (got {self.timeout_s})"
            )
        if self.retries < 0:
            raise BoundError(f"retries must be at least 0 (got {self.retries})")
        if not 0 <= self.backoff_s <= LONGEST_S:
            raise BoundError(f"backoff_s must be from 0 to {LONGEST_S:g} seconds (got {self.backoff_s})")

    @property
    def deadline_s(self) -> float:
        """Seconds within which one request has ended, its retries and their pauses included."""
        return self.timeout_s * (self.retries + 1) + self.backoff_s * float(2**self.retries - 1)

    def ask(self, send: Callable[[], T], host: str, model: str) -> T:
        """Return what ``send`` returns; raise the typed error of what it raises at last."""
        retrying = Retrying(sleep=self.sleep, **self._policy())
        try:
            return retrying(lambda: _within(self.timeout_s, send))
        except client_errors() as error:
            raise self._typed(error, host, model, retrying) from error

    async def ask_async(self, send: Callable[[], Awaitable[T]], host: str, model: str) -> T:
        """As `ask`, awaited: a try that takes too long is cancelled, and its connection closed."""

        async def within() -> T:
            async with asyncio.timeout(self.timeout_s):
                return await send()

        retrying = AsyncRetrying(sleep=self.sleep_async, **self._policy())
        try:
            return await retrying(within)
        except client_errors() as error:
            raise self._typed(error, host, model, retrying) from error

    def _policy(self) -> dict[str, Any]:
        return {
            "retry": retry_if_exception(is_transient),
            "stop": stop_after_attempt(self.retries + 1),
            "wait": wait_exponential(multiplier=self.backoff_s),
            "reraise": True,
        }

    def _typed(self, error: Exception, host: str, model: str, retrying: BaseRetrying) -> QuincunxError:
        tries = int(retrying.statistics["attempt_number"])
        return typed_error(error, RequestInfo(host, model, self.timeout_s, tries))


def _within(seconds: float, send: Callable[[], T]) -> T:
    """Return what ``send`` returns, or raise TimeoutError after that many seconds.

    httpx bounds the wait for each byte, and neither the whole answer nor the look-up of the host. The
    thread left behind by a timeout ends with the connection and does not keep the process alive.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(send())
        except BaseException as error:  # noqa: BLE001 it is raised in the thread that waits
            outcome.set_exception(error)

    threading.Thread(target=run, name="quincunx-ollama", daemon=True).start()
    return outcome.result(seconds)


def client_errors() -> tuple[type[Exception], ...]:
    """Return what a call of the client may raise, be it of the network or of an answer that is none."""
    import httpx
    import ollama

    # An answer that is JSON of another shape ends in ValueError (pydantic, json), TypeError or AttributeError.
    return (
        ollama.ResponseError,
        ollama.RequestError,
        httpx.HTTPError,
        httpx.InvalidURL,
        OSError,
        ValueError,
        TypeError,
        AttributeError,
    )


def is_transient(error: BaseException) -> bool:
    """Tell whether the same request may succeed later: queue full, runner dead, connection lost or refused.

    A timeout is none: a server that is slow once is only slowed further by being asked again.
    """
    import httpx
    import ollama

    if isinstance(error, ollama.ResponseError):
        return error.status_code == 503 or _runner_died(error)
    return isinstance(
        error, httpx.ConnectTimeout | httpx.NetworkError | httpx.RemoteProtocolError | ConnectionError
    )


def typed_error(error: Exception, asked: RequestInfo) -> QuincunxError:
    """Return the error to raise for one of `client_errors`."""
    import httpx
    import ollama

    host, model = asked.host, asked.model
    if isinstance(error, ollama.ResponseError):
        return _refusal(error, asked)
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout) or type(error) is ConnectionError:
        return OllamaUnreachableError(
            f"no Ollama server answers at {host}: start it with `ollama serve`, or set OLLAMA_HOST to where it runs"
        )
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
        return OllamaUnreachableError(
            f"{host} is no address of an Ollama server ({one_line(error)}): write it like http://localhost:11434"
        )
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return OllamaTimeoutError(
            f"Ollama at {host} did not answer for {model!r} within {asked.timeout_s:g} s: raise timeout_s, "
            "or see with `ollama ps` what it is busy with"
        )
    if isinstance(error, httpx.TransportError | OSError):
        return OllamaError(
            f"Ollama at {host} broke off its answer {_times(asked.tries)} ({one_line(error)}): look into the log of "
            "`ollama serve`"
        )
    return OllamaError(
        f"what answers at {host} does not speak Ollama's protocol ({one_line(error)}): check that OLLAMA_HOST names "
        "an Ollama server and no proxy or other program; `ollama serve` starts one"
    )


def _runner_died(error: BaseException) -> bool:
    return _RUNNER_DEATH in str(error)


def _times(tries: int) -> str:
    return "once" if tries == 1 else f"{tries} times in a row"


def _refusal(error: ollama.ResponseError, asked: RequestInfo) -> QuincunxError:
    status, host, model, message = error.status_code, asked.host, asked.model, one_line(error.error)
    if status == 404 and "model" in message and "not found" in message:
        return OllamaModelMissingError(
            f"Ollama at {host} does not have the model {model!r}: fetch it with `ollama pull {model}`"
        )
    if _TOO_LONG in message:
        return BoundError(f"an input is over the context length of {model!r} at {host}: shorten it")
    if status == 503:
        return OllamaBusyError(
            f"Ollama at {host} was busy {_times(asked.tries)} ({message}): ask again later, or start "
            "`ollama serve` with a larger OLLAMA_MAX_QUEUE"
        )
    if _runner_died(error):
        return OllamaBusyError(
            f"the runner of {model!r} died {_times(asked.tries)} at {host}: it often lacks memory; stop other "
            "models with `ollama stop`, and look into the log of `ollama serve`"
        )
    if any(part in message for part in _NOT_FINITE):
        return ModelOutputError(
            f"{model} at {host} made a vector with a number that is not finite ({message}): update Ollama, "
            f"or fetch the model anew with `ollama pull {model}`"
        )
    said = f"status {status}: {message}" if status > 0 else message
    return OllamaError(
        f"Ollama at {host} refused a request for {model!r} ({said}): look into the log of `ollama serve`"
    )
