"""A process of its own for each PDF file: no one can interrupt PDFium, and a small file can make it run for hours.

The process has bounds of time and of memory. What it reads it prints as lines of JSON; what goes wrong in it, a crash of PDFium
too, is a reason to leave the file out.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from ....passages import Document, Part
from ..field_map import FieldMap
from ..reader import SourceFile, UnreadableFileError

MOST_SECONDS = 60
"""Longest time that one file is read for."""
MOST_MEMORY = 1152 * 1024 * 1024
"""Most bytes of address space that reading one file takes."""

_BEGIN = (
    "import json, sys; asked = json.loads(sys.argv[1]); sys.path[:] = asked.pop('modules'); "
    "from quincunx.retrieval.text.readers.pdf.pdf_file import PdfReader; "
    "from quincunx.retrieval.text.readers.pdf.pdf_process import answer; answer(PdfReader().read_here, **asked)"
)
_OUT_OF_MEMORY = 3
_MEMORY_SIGNALS = (signal.SIGABRT, signal.SIGTRAP, signal.SIGILL, signal.SIGKILL)
"""By which PDFium, or the system, ends a process that gets no more memory."""

Read = Callable[[SourceFile], Iterable[Document]]


def read_apart(file: SourceFile) -> Iterator[Document]:
    """Yield what `PdfReader.read_here` gives of a file.

    Raises:
        UnreadableFileError: what it raises; ``too_slow`` and ``too_large`` beyond the bounds, ``damaged`` where it crashes.
    """
    asked = {
        "modules": sys.path,
        "path": str(file.path.absolute()),
        "id": file.id,
        "fields": dict(file.fields.expressions),
    }
    done = subprocess.run(
        [sys.executable, "-c", _BEGIN, json.dumps(asked)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    _require_well(done.returncode)
    for record in map(json.loads, done.stdout.splitlines()):
        if "reason" in record:
            raise UnreadableFileError(record["reason"], record["detail"])
        if "notices" in record:
            file.notices += record["notices"]
        else:
            yield Document(**{**record, "parts": tuple(Part(*part) for part in record["parts"])})


def answer(read: Read, path: str, id: str, fields: dict[str, str]) -> None:
    """Print what ``read`` gives of a file, within the bounds; then end this process."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(MOST_SECONDS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = MOST_MEMORY if hard == resource.RLIM_INFINITY else min(MOST_MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    file = SourceFile(Path(path), id, FieldMap(fields))
    try:
        for document in read(file):
            _print(_record(document))
        _print({"notices": file.notices})
    except UnreadableFileError as error:
        _print({"reason": error.reason, "detail": error.detail})
    except MemoryError:
        os._exit(_OUT_OF_MEMORY)
    sys.stdout.flush()
    os._exit(0)  # PDFium's own end may crash over a file that it read well


def _print(record: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(record) + "\n")


def _record(document: Document) -> dict[str, Any]:
    return {
        "id": document.id,
        "title": document.title,
        "text": document.text,
        "metadata": document.metadata,
        "headed": document.headed,
        "parts": [[part.start, part.kind, part.number] for part in document.parts],
    }


def _require_well(code: int) -> None:
    if code == -signal.SIGALRM:
        raise UnreadableFileError("too_slow", f"it was read for {MOST_SECONDS} seconds without an end")
    if code == _OUT_OF_MEMORY or -code in _MEMORY_SIGNALS:
        raise UnreadableFileError(
            "too_large",
            f"reading it takes more than {MOST_MEMORY:,} bytes of memory: save it anew, or split it",
        )
    if code:
        raise UnreadableFileError("damaged", f"what reads it failed ({code}): save it anew")
