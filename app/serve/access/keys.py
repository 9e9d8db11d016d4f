"""API keys, and the file that holds what is known of them: never a key itself.

A key has 256 random bits, so a plain SHA-256 of it can be kept: there is nothing to guess that a salt or a slow hash
would make harder, as there is of a password.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from ....retrieval.errors import UsageError
from ....retrieval.storage.disk import make_folder, publish_file, storing
from ....retrieval.storage.lock import lock_folder, unlock

KeyScope = Literal["ask", "search", "write", "admin"]
"""What a key is for; each stands for itself, so that ``admin`` may read metrics and reload, but ask nothing."""

PREFIX = "qx_"
"""What every key begins with, so that it is known for one where it should not stand."""
_RANDOM_BYTES = 32
_LONGEST = 200
"""Characters of what is sent as a key; a longer one is none."""
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH
_OWN = 0o600

Count = Annotated[int, Field(ge=1)]


class ApiKey(BaseModel):
    """What is known of a key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    """Stands in the log and in messages."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] = Field(repr=False)
    """Of the key as it is sent, in UTF-8."""
    scopes: Annotated[tuple[KeyScope, ...], Field(min_length=1)]
    requests_a_minute: Count | None = None
    """None: as many as come."""
    tokens_a_day: Count | None = None
    """Tokens that a language model reads and writes for its requests from midnight to midnight, UTC."""
    expires: AwareDatetime | None = None
    """From then on it is none."""
    created: AwareDatetime | None = None

    def is_expired(self, now: datetime | None = None) -> bool:
        return self.expires is not None and (now or datetime.now(UTC)) >= self.expires


class _KeysFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    keys: tuple[ApiKey, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> _KeysFile:
        for what, values in (("name", [k.name for k in self.keys]), ("key", [k.sha256 for k in self.keys])):
            if len(set(values)) < len(values):
                raise ValueError(f"a {what} stands there twice")
        return self


class KeyRing:
    """The keys of a service."""

    def __init__(self, keys: Iterable[ApiKey]) -> None:
        self.keys = tuple(keys)

    def find(self, sent: str) -> ApiKey | None:
        """Return what is known of a key that was sent; the time it takes tells nothing of the keys."""
        if len(sent) > _LONGEST:
            return None
        digest = _digest(sent)
        found = [key for key in self.keys if hmac.compare_digest(key.sha256, digest)]
        return found[0] if found else None


def read_keys(path: Path) -> KeyRing:
    """Read a file of keys.

    Raises:
        UsageError: it is not there, holds what is no key, or others than its owner may write to it.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & _OTHERS_MAY_WRITE:
                raise UsageError(
                    f"{path}: others than its owner may write to it (mode {stat.S_IMODE(mode):04o}): "
                    f"run `chmod 600 {path}`, and look at the keys in it"
                )
            data = file.read()
    except OSError as error:
        raise UsageError(
            f"{path}: {error.strerror}; make a file of keys with `quincunx keys add {path} NAME`"
        ) from error
    try:
        return KeyRing(_KeysFile.model_validate(json.loads(data)).keys)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise UsageError(f"{path}: {place}: {first['msg']}") from error
    except ValueError as error:
        raise UsageError(f"{path}: not JSON ({error})") from error


def add_key(
    path: Path,
    name: str,
    scopes: Iterable[str],
    *,
    requests_a_minute: int | None = None,
    tokens_a_day: int | None = None,
    expires: datetime | None = None,
) -> tuple[str, ApiKey]:
    """Write a new key into a file, which is made where there is none; return the key, which stands nowhere else.

    Raises:
        UsageError: the name is taken, a value is none that a key can have, or the file cannot be read.
        StorageError: the disk refused.
    """
    key = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    wanted: dict[str, Any] = {
        "name": name,
        "sha256": _digest(key),
        "scopes": tuple(dict.fromkeys(scopes)),
        "requests_a_minute": requests_a_minute,
        "tokens_a_day": tokens_a_day,
        "expires": expires,
        "created": datetime.now(UTC).replace(microsecond=0),
    }
    try:
        known = ApiKey.model_validate(wanted)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise UsageError(
            f"{'.'.join(map(str, first['loc']))}: {first['msg']} (got {first['input']!r:.80})"
        ) from error
    if known.is_expired():
        raise UsageError(f"expires {expires} is past already: name a day to come, or leave it out")
    with _changing(path) as keys:
        if any(other.name == name for other in keys):
            raise UsageError(
                f"{path}: there is a key {name!r} already: take another name, or `quincunx keys remove` that one"
            )
        _write(path, [*keys, known])
    return key, known


def remove_key(path: Path, name: str) -> ApiKey:
    """Take a key out of a file; raises `UsageError` where there is none of that name."""
    with _changing(path) as keys:
        removed = next((key for key in keys if key.name == name), None)
        if removed is None:
            known = ", ".join(key.name for key in keys) or "none"
            raise UsageError(f"{path}: no key {name!r}; there are: {known}")
        _write(path, [key for key in keys if key is not removed])
    return removed


@contextmanager
def _changing(path: Path) -> Iterator[tuple[ApiKey, ...]]:
    """Give the keys of a file, empty where there is none, that nobody else changes meanwhile."""
    with storing(path):
        make_folder(path.parent)
        lock = lock_folder(path.parent, wait=True)
    try:
        yield read_keys(path).keys if path.exists() else ()
    finally:
        unlock(lock)


def _write(path: Path, keys: Iterable[ApiKey]) -> None:
    whole = {"keys": [key.model_dump(mode="json", exclude_none=True) for key in keys]}
    data = json.dumps(whole, indent=2).encode() + b"\n"
    with storing(path):
        publish_file(path, [memoryview(data)], _OWN)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
