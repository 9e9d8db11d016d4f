"""The folder of a run: a header that never changes, and one process at a time that writes beside it.

A run is begun once. The same configuration goes on with what is there; another is refused, or forked beside it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...retrieval.errors import RunError, RunMismatchError, UnknownRunError, WriterBusyError
from ...retrieval.storage.disk import make_folder, publish_file, storing
from ...retrieval.storage.home import names_of, place_of
from ...retrieval.storage.lock import lock_folder, unlock

HEADER = "header.json"
LONGEST_NAME = 64
"""Characters of a run's name, as `NAME` allows."""
SCHEMA = 1


def claim_folder(
    folder: Path, header: Mapping[str, Any], make: Callable[[Path], None], *, fork: bool = False
) -> tuple[Path, int]:
    """Begin a run, or go on with the one that is there; return its folder and the descriptor of its lock.

    ``make`` puts what belongs beside the header into the folder of a new run, before the header is published.
    ``fork`` begins a new one beside it, its name numbered, where there is one already.

    Raises:
        RunMismatchError: the run that is there was configured differently; it names what differs.
        WriterBusyError: another process is writing it.
        StorageError: the disk refused.
    """
    header = {"schema": SCHEMA, **json.loads(json.dumps(header))}
    if fork and (folder / HEADER).exists():
        header["forked_from"] = folder.name
        folder = next(
            candidate
            for number in range(2, 10_000)
            if not (candidate := folder.with_name(f"{folder.name}-{number}")).exists()
        )
    with storing(folder):
        make_folder(folder)
        lock = lock_for_writing(folder)
        try:
            if not (folder / HEADER).exists():
                make(folder)
                text = json.dumps(header, indent=1, sort_keys=True) + "\n"
                publish_file(folder / HEADER, [memoryview(text.encode())])
            _require_same(read_header(folder), header, folder)
        except BaseException:
            unlock(lock)
            raise
    return folder, lock


def lock_for_writing(folder: Path) -> int:
    """Keep other writers out for as long as the descriptor is open."""
    try:
        return lock_folder(folder, wait=False)
    except BlockingIOError as error:
        raise WriterBusyError(
            f"{folder}: another process is writing this run; wait for it, or choose another folder"
        ) from error


def run_name(*parts: str, unique: str) -> str:
    """Return a name that a run may bear: what it may keep of each part, then what tells it from others."""
    kept = [re.sub(r"[^A-Za-z0-9._]+", "-", part).strip("-._") for part in parts]
    words = "-".join(filter(None, kept))[: LONGEST_NAME - len(unique) - 1]
    return f"{words}-{unique}" if words else unique


def run_folder(name_or_folder: str | Path) -> Path:
    """Return the folder of a run: of that name under the home folder, or the folder itself."""
    return place_of("runs", name_or_folder)


def run_names() -> list[str]:
    """Return the names of the runs in the home folder, sorted."""
    return names_of("runs", HEADER)


def existing_run(name_or_folder: str | Path) -> Path:
    """Return the folder of a run: that of its name in the home folder, or else a folder that holds one.

    Raises:
        UnknownRunError: there is none.
    """
    folder = run_folder(name_or_folder)
    if not (folder / HEADER).is_file() and (Path(name_or_folder) / HEADER).is_file():
        folder = Path(name_or_folder)
    if not (folder / HEADER).is_file():
        raise UnknownRunError(str(name_or_folder), run_names())
    return folder


def fingerprint(value: Any) -> str:
    """Return the sha256 of JSON values, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(value, ensure_ascii=True, sort_keys=True).encode()).hexdigest()


def read_header(folder: Path) -> dict[str, Any]:
    try:
        header = json.loads((folder / HEADER).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(
            f"{folder / HEADER}: cannot be read ({error}); run the evaluation again into another folder"
        ) from error
    if not isinstance(header, dict) or header.get("schema") != SCHEMA:
        raise RunError(
            f"{folder / HEADER}: no header of schema {SCHEMA}; run the evaluation again into another folder"
        )
    return header


INFORMATION = ("begun", "commit", "forked_from", "estimate", "precision", "prompts")
"""Keys of a header that say where a run came from, and may differ when it goes on; for the prompts stands their sha256."""


def same_run(header: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a header must be the same for a run to go on."""
    return {name: value for name, value in header.items() if name not in INFORMATION}


def header_differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return in what two runs were configured differently, by dotted name; what one lacks is ``"none"`` there."""
    before, after = (_flat(same_run(header)) for header in (a, b))
    return {
        name: (before.get(name, "none"), after.get(name, "none"))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    }


def _require_same(there: Mapping[str, Any], wanted: Mapping[str, Any], folder: Path) -> None:
    changed = [
        f"{name}: {before!r:.80} → {after!r:.80}"
        for name, (before, after) in header_differences(there, wanted).items()
    ]
    if changed:
        raise RunMismatchError(
            f"{folder} holds a run of another configuration ({'; '.join(changed)}): choose another folder, or fork it"
        )


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    if isinstance(value, Mapping) and value:
        return {
            k: v
            for key, entry in value.items()
            for k, v in _flat(entry, f"{name}.{key}" if name else key).items()
        }
    return {name: value}
