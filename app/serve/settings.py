"""What a service is told: which programs and indexes, which models, where it listens, and its limits."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...retrieval.errors import UsageError
from ...retrieval.models.profiles import DEFAULT_PROFILE

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
TABLE = "serve"
"""Of the configuration file."""

Positive = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServeLimits(_Strict):
    """What one request, and all of them together, may take."""

    at_once: Positive = 8
    """Requests that are worked on at the same time."""
    waiting: Annotated[int, Field(ge=0)] = 64
    """Requests that wait for their turn; one more is refused with 429."""
    seconds: Seconds = 60
    """From a request's arrival to its answer; then it ends with 504."""
    body_bytes: Positive = 4 * 2**20
    characters: Positive = 100_000
    """Of one text: a question, or a document to rerank, embed or write."""
    texts: Positive = 1000
    """Documents of one request to rerank, or texts of one to embed."""
    questions: Positive = 32
    """Of one batch."""
    documents: Positive = 1000
    """Of one request to write or delete."""
    drain_seconds: Seconds = 60
    """What requests that were accepted have left to end after SIGTERM."""


class ServeSettings(_Strict):
    """The whole of them; each has its default."""

    programs: tuple[str, ...] = ()
    """Names of programs, or of saved ones; none: every one whose index is there."""
    indexes: tuple[str, ...] = ()
    """Indexes that may be searched; none: every one of the home folder."""
    profile: str = DEFAULT_PROFILE
    lm: str = "extractive"
    reranker_names: tuple[str, ...] = ()
    """Other names under which clients may ask for the profile's reranker, such as ``rerank-v3.5``."""
    embedder_names: tuple[str, ...] = ()
    """Other names under which clients may ask for the profile's embedder, such as ``text-embedding-3-small``."""
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8765
    allowed_hosts: tuple[str, ...] = ()
    """Names under which it may be asked, beside those of this machine's loopback; on a wider address none means any."""
    allowed_origins: tuple[str, ...] = ()
    """Origins of web pages that may ask it from a browser, such as ``https://app.example``; none: no other than its own."""
    keys_file: Path | None = None
    """A file of keys that `quincunx keys add` made: every request must have one of them; none: no key is asked for."""
    allow_writes: bool = False
    """Whether indexes may be written where no key is asked for; where one is, its scope says."""
    log_texts: bool = False
    """Whether what is asked and answered may stand in the log."""
    traces: bool = False
    """Whether calls and searches make OpenTelemetry spans."""
    trace_texts: bool = False
    """Whether what is asked, found and answered may stand in them."""
    limits: ServeLimits = ServeLimits()

    @property
    def is_loopback(self) -> bool:
        return self.host in LOOPBACK


def read_table(path: Path, name: str) -> dict[str, Any]:
    """Return a table of a configuration file; empty where there is none of that name.

    Raises:
        UsageError: the file cannot be read.
    """
    try:
        read = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; name a file that is there by --config") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not TOML ({error})") from error
    table: dict[str, Any] = read.get(name, {})
    if not isinstance(table, dict):
        raise UsageError(f"{path}: [{name}] must be a table (got {table!r:.80})")
    return table


def read_settings(path: Path | None, given: dict[str, Any]) -> ServeSettings:
    """Return the table ``[serve]`` of a configuration file, with what was ``given`` on the command line over it.

    Raises:
        UsageError: the file cannot be read, or names what is no setting, or a value that none can be.
    """
    table = {} if path is None else read_table(path, TABLE)
    where = f"{path}: [{TABLE}]" if path is not None else "serve"
    try:
        return ServeSettings.model_validate({**table, **given})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "settings"
        got = f" (got {first['input']!r:.80})" if first["type"] != "missing" else ""
        raise UsageError(f"{where} {place}: {first['msg']}{got}") from error
