"""Keeping an index in step with the files that it was built from: once, or for as long as they change."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Container, Iterator
from pathlib import Path

from ..corpus.ignore_rules import IGNORE_FILES
from ..corpus.reading import read_corpus
from ..corpus.roots import Origin
from ..errors import CorpusError, MissingExtraError, WriterBusyError
from ..models.embedders import Progress, no_progress
from ..models.profiles import DEFAULT_PROFILE, Profile, shared_embedder
from ..storage.home import home, require_index
from ..text.file_names import path_of
from .build import update
from .changes import BuildReport
from .contents import read_index
from .manage import dry_update, log_change
from .reader import IndexReader

logger = logging.getLogger(__name__)

DEBOUNCE = 1.0
"""Seconds without a change after which what changed is read: programs write a file in several steps."""
LONGEST_DEBOUNCE = 10.0
"""Seconds after which it is read though files go on changing."""
BUSY_WAIT = 1.0
"""Seconds between two tries while another process writes the index."""


def sync_index(
    name: str,
    *,
    profile: str | Profile = DEFAULT_PROFILE,
    dry_run: bool = False,
    progress: Progress = no_progress,
) -> BuildReport:
    """Bring an index in step with the files that it was built from.

    What is below its roots is looked at again: a file of the same size and times is as it was, and so is one of the same
    content. What changed or is new is read, with the patterns and fields that its root was built with; what is gone is
    removed; a file that was moved takes its documents along, and nothing is embedded whose title and text are the same.

    Args:
        name, profile, dry_run, progress: as for `build_index`.

    Raises:
        UnknownIndexError: no index of that name. IdentityMismatchError: it was built with another profile's embedder.
        CorpusError: it was not built from files, or a folder that it was built from is not there; nothing is removed then.
        DuplicateIdError, WriterBusyError, StorageError: as for `build_index`.

    Example:
        >>> from pathlib import Path
        >>> import quincunx
        >>> Path("wiki").mkdir()
        >>> written = Path("wiki", "tea.md").write_text("# Tea\\n\\nTea is served at four.")
        >>> quincunx.build_index("wiki", "wiki").added
        1
        >>> moved = Path("wiki", "tea.md").rename("wiki/drinks.md")
        >>> written = Path("wiki", "rum.md").write_text("# Rum\\n\\nRum is served at nine.")
        >>> report = quincunx.sync_index("wiki")
        >>> report.added, report.moved, report.removed, report.embedded
        (1, 1, 0, 1)
    """
    folder = require_index(name)
    origin, files = read_index(folder, lambda reading: (reading.origin(), reading.files()))
    if not origin.roots:
        raise CorpusError(
            f"index {name!r} was not built from files: change it by update_index, or build it from a folder"
        )
    missing = [root.path for root in origin.roots if _is_missing(root.path, files)]
    if missing:
        raise CorpusError(
            f"{missing[0]}: no such file or folder, though index {name!r} was built from it; nothing was changed. Put it "
            "back, or remove its documents by `quincunx index update --prune`"
        )
    corpus = read_corpus([Path(path_of(root.path)) for root in origin.roots], known=origin, before=files)
    if dry_run:
        report = dry_update(folder, corpus, True)
    else:
        report = update(folder, corpus, shared_embedder(profile), progress, prune=True)
    log_change(report, corpus)
    return report


def _is_missing(root: str, files: Container[str]) -> bool:
    """Whether a root is not there; a file that is gone from a folder that is there was removed."""
    path = path_of(root)
    if os.path.lexists(path):
        return False
    return root not in files or not os.path.isdir(os.path.dirname(path))


def watch_index(
    name: str,
    *,
    profile: str | Profile = DEFAULT_PROFILE,
    stop: threading.Event | None = None,
    progress: Progress = no_progress,
) -> Iterator[BuildReport]:
    """Bring an index in step at once, and whenever its files change; yield the report of each time that it changed.

    Changes are gathered until nothing changed for `DEBOUNCE` seconds. A sync that cannot be done now, for another process
    writes the index or a document is not right, is logged and tried again: after `BUSY_WAIT` seconds, or when the files
    change again. Killed at any moment, the next one begins with what was missed.

    Args:
        name, profile, progress: as for `build_index`.
        stop: ends it once it is set.

    Raises:
        MissingExtraError: ``watchfiles`` is not installed. What `sync_index` raises, at the beginning.

    Example:
        >>> from pathlib import Path
        >>> import quincunx
        >>> Path("board").mkdir()
        >>> written = Path("board", "tea.txt").write_text("Tea is served at four.")
        >>> built = quincunx.build_index("board", "board")
        >>> for report in quincunx.watch_index("board"):
        ...     print(report.unchanged)
        ...     break  # it would go on
        1
    """
    try:
        import watchfiles
    except ImportError as error:
        raise MissingExtraError("watchfiles", "watch") from error
    stop = stop or threading.Event()
    origin = read_index(require_index(name), IndexReader.origin)
    own = os.path.realpath(home())

    def matters(_: watchfiles.Change, path: str) -> bool:
        base = os.path.basename(path)
        hidden = base.startswith(".") and base not in IGNORE_FILES
        return not hidden and os.path.commonpath([own, os.path.realpath(path)]) != own

    changes = watchfiles.watch(
        *_watched(origin),
        watch_filter=matters,
        debounce=int(LONGEST_DEBOUNCE * 1000),
        step=int(DEBOUNCE * 1000),
        stop_event=stop,
        yield_on_timeout=True,
        rust_timeout=500,
        raise_interrupt=True,
    )
    next(changes)  # begins to watch, so that what changes while the first sync reads is seen
    yield sync_index(name, profile=profile, progress=progress)
    for changed in changes:
        if not changed:
            continue
        report = _sync_when_free(name, profile, stop, progress)
        if report is not None and _did_something(report):
            yield report


def _watched(origin: Origin) -> list[str]:
    """Return the paths that are watched: the roots, and where the links lead that were followed below them."""
    paths = [path_of(root.path) for root in origin.roots] + [path_of(path) for path in origin.links.values()]
    return [path for path in dict.fromkeys(paths) if os.path.exists(path)]


def _sync_when_free(
    name: str, profile: str | Profile, stop: threading.Event, progress: Progress
) -> BuildReport | None:
    """Sync, waiting for another writer to end; ``None`` where the files cannot be read as they are now."""
    told = False
    while True:
        try:
            return sync_index(name, profile=profile, progress=progress)
        except WriterBusyError as error:
            if not told:
                logger.warning("%s", error)
            told = True
            if stop.wait(BUSY_WAIT):
                return None
        except CorpusError as error:
            logger.warning("index %r stays as it is until its files change again: %s", name, error)
            return None


def _did_something(report: BuildReport) -> bool:
    return bool(report.added or report.changed or report.removed or report.moved)
