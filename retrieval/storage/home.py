"""The folder that holds a user's indexes, and the names in it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import platformdirs

from ..environment import read_path
from ..errors import BadNameError, UnknownIndexError

HOME_VARIABLE = "QUINCUNX_HOME"
DATABASE = "index.sqlite"
ELSEWHERE = "store.json"
"""Stands in an index's folder in place of a database, and says where that is."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def home() -> Path:
    """Return ``QUINCUNX_HOME``, or the platform's data folder for quincunx."""
    return read_path(HOME_VARIABLE) or Path(platformdirs.user_data_dir("quincunx"))


def named_folder(kind: str, name: str) -> Path:
    """Return where something of that kind (``indexes``, ``programs``) and name lies or would lie."""
    if not (isinstance(name, str) and NAME.fullmatch(name)):
        raise BadNameError(
            f"name {name!r} among the {kind}: use 1 to 64 letters, digits, dots, dashes or underscores, a letter or "
            "digit first"
        )
    return home() / kind / name


def place_of(kind: str, name_or_folder: str | Path) -> Path:
    """Return a folder that was named by itself (a `Path`, or a text that holds a separator) or by its name."""
    if isinstance(name_or_folder, Path) or os.sep in name_or_folder:
        return Path(name_or_folder)
    return named_folder(kind, name_or_folder)


def names_of(kind: str, file: str) -> list[str]:
    """Return the names of everything of that kind whose folder holds that file, sorted."""
    found = (home() / kind).glob(f"*/{file}")
    return sorted(path.parent.name for path in found if NAME.fullmatch(path.parent.name))


def index_folder(name: str) -> Path:
    """Return where the index of that name lies or would lie."""
    return named_folder("indexes", name)


def index_names() -> list[str]:
    """Return the names of all indexes in the home folder, sorted."""
    folder = home() / "indexes"
    found = [path for file in (DATABASE, ELSEWHERE) for path in folder.glob(f"*/{file}")]
    return sorted({path.parent.name for path in found})


def is_index(folder: Path) -> bool:
    """Whether there is an index in a folder, or one elsewhere that the folder names."""
    return any((folder / file).is_file() for file in (DATABASE, ELSEWHERE))


def require_index(name: str) -> Path:
    """Return the folder of an existing index, or raise `UnknownIndexError`."""
    folder = index_folder(name)
    if not is_index(folder):
        raise UnknownIndexError(name, index_names(), home())
    return folder


def gold_index_folder(name: str) -> Path:
    """Return where an index that was built of a gold set's corpus lies or would lie; it is in no list of indexes."""
    return home() / "gold" / name


def saved_index(name: str) -> str | Path:
    """Return what a saved program calls its index: the name of one, or the folder of one built of a gold set's corpus.

    Raises:
        UnknownIndexError: there is neither.
    """
    known = index_names()
    if name in known:
        return name
    # The name comes from a file: it may be no path that leads elsewhere.
    is_file_name = name not in ("", ".", "..") and os.sep not in name and "\0" not in name
    if is_file_name and is_index(gold_index_folder(name)):
        return gold_index_folder(name)
    command = "quincunx index build NAME PATH…` and ask with `--index NAME"
    raise UnknownIndexError(name, known, home(), command)
