"""The reference of the command line, made from what `--help` says; run as a script it writes the page.

python tests/cli_reference.py docs/reference/cli.md
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from quincunx.app.cli import app

HEAD = """\
# Command line

<!-- Made by `make docs` from what `--help` says: change the help texts, not this page. -->

Every command takes `-h` or `--help`. `quincunx --version` prints the version, and `quincunx --install-completion` lets your shell
complete commands, options and names. With `--json` a command prints one JSON document on stdout; progress and warnings go to
stderr. Exit status: 0 done, 1 failed, 2 wrong use; `eval gate` has two more. An error is one line on stderr, with a
stable code (see [Errors](errors.md)).
"""


def root() -> Any:
    """Return the whole command line as one group of commands."""
    return typer.main.get_command(app)


def commands(group: Any, path: tuple[str, ...] = ("quincunx",)) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command that can be run, with the words that call it."""
    for name, command in group.commands.items():
        if command.hidden:
            continue
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


def context(command: Any, path: tuple[str, ...]) -> Any:
    """Return what a command is told of where it stands."""
    return command.context_class(command, info_name=" ".join(path), terminal_width=100)


def reference() -> str:
    """Return the page."""
    return "\n".join([HEAD, *(_section(path, command) for path, command in commands(root()))])


def _section(path: tuple[str, ...], command: Any) -> str:
    ctx = context(command, path)
    usage = command.get_usage(ctx).removeprefix("Usage: ")
    lines = [f"## {' '.join(path[1:])}", "", _prose(command.help or ""), "", "```text", usage, "```", ""]
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if record is not None and "--help" not in parameter.opts:
            named, said = record
            lines.append(f"- `{named}`" + (f": {_prose(said)}" if said else ""))
    return "\n".join([*lines, ""])


def _prose(text: str) -> str:
    """Return a help text as Markdown that shows it as it is, on one line."""
    return re.sub(r"([<*_\[\]|])", r"\\\1", " ".join(text.split()))


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
