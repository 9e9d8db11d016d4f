"""Run commands one after the other, each in a process of its own, and note every address that Python asks for.

``python audited_commands.py FOLDER`` reads ``FOLDER/commands.json``, a list of argument lists, and writes for each, by its
place, ``N.out``, ``N.err``, ``N.net`` (one address a line) and ``N.status``. The libraries are imported once, before the
first: each command's process is a fork of this one, without any model.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

ASKED = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")
WATCHED = 5
"""Seconds for which a command watches."""
_log: list[int] = []


def note_address(event: str, given: tuple[Any, ...]) -> None:
    """As an audit hook: write down whom a socket is to reach."""
    if event in ASKED and _log:
        address = given[0] if event == "socket.getaddrinfo" else given[-1]
        os.write(_log[0], f"{event} {address!r}\n".encode())


def run(place: int, arguments: list[str], folder: Path) -> None:
    """Run one command in a fork of this process."""
    child = os.fork()
    if child:
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        (folder / f"{place}.status").write_text(str(status))
        return
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # `mcp` goes on until its input ends
    for stream, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(folder / f"{place}.{name}", os.O_CREAT | os.O_WRONLY), stream)
    os.dup2(os.open(folder / f"{place}.net", os.O_CREAT | os.O_WRONLY), _log[0])
    if arguments[:2] == ["index", "watch"]:  # it goes on until it is interrupted
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.alarm(WATCHED)
    sys.argv = ["quincunx", *arguments]
    try:
        cli.main()
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    sys.addaudithook(note_address)
    where = Path(sys.argv[1])
    _log.append(os.open(where / "imports.net", os.O_CREAT | os.O_WRONLY))

    import dspy  # noqa: F401
    import sentence_transformers  # noqa: F401

    from quincunx.app import cli

    for number, command in enumerate(json.loads((where / "commands.json").read_text())):
        run(number, command, where)
