"""Every `quincunx …` of README, CONTRIBUTING and docs/ is a command that there is, with options that it has."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest
from cli_reference import commands, context, reference, root
from pages import ROOT, blocks, pages, prose

COMMANDS = dict(commands(root()))


def shown() -> Iterator[tuple[str, str]]:
    """Yield each command line in a block of shell: where it stands, and what it is."""
    for page in pages():
        for block in blocks(page):
            if block.language == "sh":
                for number, line in enumerate(block.code.replace("\\\n", "").splitlines()):
                    if line.startswith("quincunx "):
                        yield f"{block.page.relative_to(ROOT)}:{block.line + number}", line


def named() -> Iterator[tuple[str, str]]:
    """Yield each command line that prose holds between backticks."""
    for page in pages():
        for line in re.findall(r"`(quincunx [a-z][^`]*)`", prose(page)):
            yield str(page.relative_to(ROOT)), line


def fault_of(line: str) -> str | None:
    """Say what is wrong with a command line; ``None`` where nothing is."""
    words = shlex.split(line, comments=True)
    path = next((tuple(words[:n]) for n in (3, 2) if tuple(words[:n]) in COMMANDS), None)
    if path is None:
        return "there is no such command"
    command = COMMANDS[path]
    try:
        given, left, _ = command.make_parser(context(command, path)).parse_args(words[len(path) :])
    except Exception as error:  # noqa: BLE001  # of a class that typer does not make public
        return str(error)
    missing = [p.name for p in command.params if p.required and not given.get(p.name)]
    return f"missing {missing}, left over {left}" if missing or left else None


@pytest.mark.parametrize(("place", "line"), [pytest.param(*it, id=f"{it[0]} {it[1]}") for it in shown()])
def test_a_command_that_is_shown_can_be_run(place: str, line: str) -> None:
    assert fault_of(line) is None


def test_a_command_that_prose_names_is_one() -> None:
    groups = {path[:2] for path in COMMANDS}
    for place, line in named():
        words = tuple(line.split())
        assert words[:3] in COMMANDS or words[:2] in COMMANDS or words[:2] in groups, (place, line)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("quincunx demo", None),
        ("quincunx ask chat_bridge 'What is Sage?' --index a,b", None),
        ("quincunx dmeo", "there is no such command"),
        ("quincunx ask chat_bridge 'What is Sage?' --indx a", "indx"),
        ("quincunx ask chat_bridge", "missing"),
        ("quincunx programs list chat_bridge", "left over"),
    ],
)
def test_the_check_of_commands_sees_what_is_wrong(line: str, fault: str | None) -> None:
    found = fault_of(line)
    assert (found is None) if fault is None else (fault in str(found))


def test_the_reference_of_the_command_line_is_up_to_date() -> None:
    page = ROOT / "docs" / "reference" / "cli.md"
    assert page.read_text(encoding="utf-8") == reference(), f"{page} is out of date: run `make docs`"
