"""Reads each folder that standard input names in a process of its own; prints a line of JSON of what that gave and took.

``hostile_worker.py SECONDS``. A process that takes longer is ended. What Python opens outside of the folder or for writing, asks
for over the network or starts while it reads is printed, too.
"""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

from quincunx.retrieval.corpus.reading import read_corpus
from quincunx.retrieval.errors import CorpusError, DuplicateIdError
from quincunx.retrieval.text.readers.registry import read_suffixes

MOST_ADDRESSES = 8 * 1024**3
"""Bytes of address space, so that what breaks its bound does not take the machine's memory with it."""
SHOWN = 2000
"""Characters of a text that are printed."""
WATCHED = ("socket.connect", "socket.getaddrinfo", "socket.gethostby", "socket.send", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.mkdir", "os.rename",
           "os.remove", "os.link", "os.symlink", "ctypes.dlopen", "webbrowser.", "urllib.", "http.", "shutil.")  # fmt: skip


def read(path: str) -> dict[str, Any]:
    seen: list[str] = []
    on = True
    tempfile.gettempdir()  # which tries, once, whether files can be made there

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if on and (event.startswith(WATCHED) or event == "open"):
            seen.append(f"{event} {arguments[0]!r} {arguments[2] if event == 'open' else ''}")

    sys.addaudithook(watch)
    began = time.monotonic()
    found: dict[str, Any] = {}
    try:
        corpus = read_corpus(path)
        found |= {
            "documents": len(corpus.documents),
            "characters": sum(len(document.text) for document in corpus.documents),
            "text": "\n".join(
                f"{document.title}\n{document.text}" for document in islice(corpus.documents, 20)
            )[:SHOWN],
            "metadata": repr([document.metadata for document in islice(corpus.documents, 5)])[:SHOWN],
            "reasons": sorted({skip.reason for skip in corpus.report.skipped}),
            "skipped": len(corpus.report.skipped),
            "details": [skip.detail[:300] for skip in corpus.report.skipped[:3]],
            "notices": [notice[-300:] for notice in corpus.report.notices[:5]],
        }
    except (CorpusError, DuplicateIdError) as error:
        found |= {"documents": 0, "reasons": ["error"], "details": [str(error)[:300]]}
    found["seconds"] = round(time.monotonic() - began, 2)
    on = False
    [peak] = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    found["mebibytes"] = round(max(int(peak), children) / 1024)
    found["opened"] = sorted({one for one in seen if one.startswith(f"open '{path}/")})
    found["seen"] = sorted({one for one in seen if not _is_own(one, path)})
    return found


def _is_own(event: str, folder: str) -> bool:
    """Whether Python reads its own modules or what lies in the folder, begins the process in which a PDF file is read, or
    makes a file without a name, in which documents wait.
    """
    if event.startswith(f"subprocess.Popen {sys.executable!r}"):
        return True
    named = re.fullmatch(r"open (?:'([^']*)'|\d+) (-?\d+)", event)
    if named is None:
        return False
    writes = int(named[2]) & (os.O_WRONLY | os.O_RDWR)
    if named[1] in (None, "/dev/null"):
        return True
    if named[1] == tempfile.gettempdir():  # of a folder, only a file without a name can be opened for writing
        return True
    own = (
        sys.prefix,
        sys.base_prefix,
        str(Path(__file__).parents[1]),
        "/usr/",
        "/proc/self",
        "/etc/ld",
        "/etc/mime.types",
    )
    # Python looks for the source of what it was given without a file's name.
    return not writes and named[1].startswith((*own, "<unknown>", f"{folder}/"))


def main() -> None:
    limit = int(sys.argv[1])
    read_suffixes()  # the readers are loaded once, for all processes
    for line in sys.stdin:
        path = line.rstrip("\n")
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            signal.alarm(limit)
            resource.setrlimit(resource.RLIMIT_AS, (MOST_ADDRESSES, MOST_ADDRESSES))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            try:
                said = read(path)
            except BaseException as error:  # noqa: BLE001 - of any kind: it is what is looked for
                said = {"crash": f"{type(error).__name__}: {error}"[:500]}
            os.write(writing, json.dumps(said).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            said = json.loads(pipe.read() or b"null")
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        said = said or {"crash": f"ended by {signal.Signals(-code).name}" if code < 0 else f"status {code}"}
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
