"""What people say of a run: tags and a note, in a file beside its header. They change nothing of the run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ...retrieval.errors import BoundError, RunError, UsageError
from ...retrieval.storage.disk import publish_file, storing
from ...retrieval.storage.home import NAME
from .folder import existing_run

NOTES = "notes.json"
LONGEST_NOTE = 2000
"""Characters."""


@dataclass(frozen=True)
class RunNotes:
    """What people said of a run."""

    tags: tuple[str, ...] = ()
    """Sorted."""
    note: str = ""


def read_run_notes(folder: Path) -> RunNotes:
    """Return the notes of a run, none where it was given none; raises `RunError` where they cannot be read."""
    path = folder / NOTES
    if not path.exists():
        return RunNotes()
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return RunNotes(_tags(found["tags"]), str(found["note"]))
    except (OSError, ValueError, KeyError, TypeError, UsageError) as error:
        raise RunError(
            f"{path}: cannot be read ({error}); remove it, and note it again with `quincunx eval tag`"
        ) from error


def annotate_run(
    run: str | Path, *, add: Sequence[str] = (), remove: Sequence[str] = (), note: str | None = None
) -> RunNotes:
    """Give a run tags, take some from it, and write its note anew; returns what it has now.

    A tag that is there already, or of those to ``remove`` is not there, changes nothing; an empty ``note`` takes it away.

    Raises:
        UnknownRunError: there is no such run. RunError: its notes cannot be read.
        UsageError: a tag that is none. BoundError: a note of over 2,000 characters.
        StorageError: the disk refuses; then nothing has changed.

    Example:
        >>> from quincunx.eval.runs.notes import annotate_run
        >>> annotate_run("answers-new", add=["release"], note="what 2.0 shipped with")
        Traceback (most recent call last):
        quincunx.retrieval.errors.UnknownRunError: unknown run 'answers-new'...
    """
    folder = existing_run(run)
    there = read_run_notes(folder)
    if note is not None and len(note) > LONGEST_NOTE:
        raise BoundError(f"a note of {len(note)} characters, at most {LONGEST_NOTE} are taken: shorten it")
    tags = {*there.tags, *_tags(add)} - {*_tags(remove)}
    notes = RunNotes(tuple(sorted(tags)), there.note if note is None else note.strip())
    text = json.dumps(asdict(notes), indent=1) + "\n"
    with storing(folder):
        publish_file(folder / NOTES, [memoryview(text.encode())])
    return notes


def _tags(given: Sequence[str]) -> tuple[str, ...]:
    for tag in given:
        if not (isinstance(tag, str) and NAME.fullmatch(tag)):
            raise UsageError(
                f"tag {tag!r:.80}: use 1 to 64 letters, digits, dots, dashes or underscores, a letter or digit first"
            )
    return tuple(given)
