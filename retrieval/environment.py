"""The environment is read here and nowhere else: a variable's text becomes a value, or an error that names it.

An empty variable counts as one that is not set. In a path, ``~`` and ``$VARIABLES`` are expanded, and a relative one
starts from the folder that is the current one when it is first read: it stays where it is when the process moves on.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

from .errors import BoundError

DEFAULT_OLLAMA_HOST = "http://localhost:11434"


def read_text(variable: str) -> str | None:
    """Return the variable's text; ``None`` where it is not set."""
    return os.environ.get(variable) or None


def set_text(variable: str, text: str | None) -> None:
    """Set a variable that a library reads, for this process and those it starts; ``None`` takes it away."""
    if text is None:
        os.environ.pop(variable, None)
    else:
        os.environ[variable] = text


def read_number(variable: str) -> int | None:
    """Return the variable's whole number, at least 0; raises `BoundError` for anything else."""
    text = read_text(variable)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()):
        raise BoundError(
            f"{variable} must be a whole number such as 512 (got {text!r}): correct it, or unset it for the default"
        )
    return int(text)


def read_path(variable: str) -> Path | None:
    """Return the variable's path, absolute.

    Raises:
        BoundError: it names a user or a variable that is not there.
    """
    text = read_text(variable)
    if text is None:
        return None
    expanded = os.path.expandvars(text)
    unset = re.search(r"\$(\w+|\{[^}]*\})", expanded)
    if unset:
        raise BoundError(
            f"{variable} names {unset[0]}, which is not set (got {text!r}): set it, or write the path out"
        )
    try:
        return _absolute(variable, Path(expanded).expanduser())
    except RuntimeError as error:
        raise BoundError(
            f"{variable} names a user whose home folder is not known (got {text!r}): write the path out"
        ) from error


@cache
def _absolute(variable: str, path: Path) -> Path:
    return path.absolute()


def set_default(variable: str, text: str) -> bool:
    """Set a variable that a library reads, unless the app has set it; return whether it was set here."""
    if variable in os.environ:
        return False
    os.environ[variable] = text
    return True


def unset(variable: str) -> None:
    """Take back what `set_default` set."""
    os.environ.pop(variable, None)


def ollama_host() -> str:
    """Return the address in ``OLLAMA_HOST``, else the one that Ollama itself serves at."""
    return read_text("OLLAMA_HOST") or DEFAULT_OLLAMA_HOST
