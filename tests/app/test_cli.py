"""The command line as a whole: one JSON document on stdout, notes on stderr, exit 0, 1 or 2, and no traceback."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from quincunx.app.cli import COMMANDS, GROUPS, app


@pytest.mark.parametrize(
    ("arguments", "code", "status"),
    [
        (("search", "nope", "x"), "unknown_index", 2),
        (("index", "info", "nope"), "unknown_index", 2),
        (("ask", "nope", "x"), "unknown_program", 2),
        (("ask", "chat_bridge", " "), "empty_question", 2),
        (("search", "builddaily", ""), "empty_question", 2),
        (("search", "builddaily", "x", "-k", "3", "-n", "4"), "bad_bound", 2),
        (("search", "builddaily", "x", "-n", "0"), "bad_bound", 2),
        (("search", "builddaily", "x", "--profile", "nope"), "unknown_profile", 2),
        (("search", "builddaily", "x", "--where", "site="), "bad_filter", 2),
        (("search", "builddaily", "x", "--collapse", "2"), "bad_bound", 2),
        (("index", "compact", "builddaily", "--kind", "tree"), "bad_bound", 2),
        (("index", "delete", "builddaily", "nope"), "bad_corpus", 1),
        (("index", "update", "nope", "."), "unknown_index", 2),
        (("index", "build", "../x", "."), "bad_name", 2),
        (("index", "build", "x", "/no/such/folder"), "bad_corpus", 1),
        (("eval", "retrieval", "/no/such/folder"), "bad_gold_set", 1),
        (("eval", "sweep", ".", "--n", "5.5"), "bad_bound", 2),
    ],
)
def test_each_fault_is_one_typed_line(
    quincunx: Any, canons: Path, arguments: tuple[str, ...], code: str, status: int
) -> None:
    done = quincunx(*arguments)
    assert (done.status, done.out) == (status, "")
    assert f"error [{code}]: " in done.err.replace("\n", " ")
    assert "Traceback" not in done.err
    assert quincunx(*arguments, "--json").json["error"]["code"] == code


def test_missing_weights_name_the_extra(quincunx: Any, canons: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from quincunx.retrieval.models import profiles, weights

    monkeypatch.setitem(sys.modules, weights.MINILM_PACKAGE, None)
    monkeypatch.setattr(profiles, "_loaded", {})
    done = quincunx("search", "builddaily", "x")
    assert done.status == 1
    assert "error [missing_weights]" in done.err
    assert "quincunx[embedded]" in done.err


def test_wrong_use_exits_with_2() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "quincunx.app", "search"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "Usage" in done.stderr


def test_the_version_is_that_of_the_package(quincunx: Any) -> None:
    done = quincunx("--version")
    assert (done.status, done.out.strip()) == (0, f"quincunx {version('quincunx')}")


def every_command() -> list[tuple[str, ...]]:
    groups = [(group, name) for group, (_, commands) in GROUPS.items() for name in commands]
    return [(), *((name,) for name in COMMANDS), *((group,) for group in GROUPS), *groups]


@pytest.mark.parametrize("command", every_command(), ids=" ".join)
def test_every_command_has_help_in_two_spellings(quincunx: Any, command: tuple[str, ...]) -> None:
    short, long = quincunx(*command, "-h"), quincunx(*command, "--help")
    assert (short.status, long.status) == (0, 0)
    assert short.out == long.out
    assert " ".join(["quincunx", *command]) in short.out


def test_no_two_commands_share_a_function() -> None:
    functions = [*COMMANDS.values(), *(f for _, commands in GROUPS.values() for f in commands.values())]
    assert len({function.__name__ for function in functions}) == len(functions)


@pytest.mark.parametrize(
    ("arguments", "like"),
    [
        (("ask", "chat_brige", "x"), "chat_bridge"),
        (("eval", "answers", "ticker_fits", "/no/such/folder"), "ticker_fit"),
        (("optimize", "ticker_fits", "/no/such/folder", "--lm", "no/such"), "ticker_fit"),
        (("tune", "retrieval", "ticker_fits", "/no/such/folder", "--out", "x"), "ticker_fit"),
        (("search", "buildaily", "x"), "builddaily"),
        (("search", "builddaily", "x", "--profile", "embeded"), "embedded"),
        (("ask", "catalyst_precedent", "x", "--with", "marked=bull"), "market"),
    ],
)
def test_a_misspelt_name_is_answered_by_the_one_that_is_meant(
    quincunx: Any, canons: Path, arguments: tuple[str, ...], like: str
) -> None:
    done = quincunx(*arguments, "--json")
    assert done.status == 2
    assert f"Did you mean {like!r}?" in done.json["error"]["message"]


@pytest.mark.parametrize(
    ("arguments", "like"), [(("serch", "x"), "search"), (("ask", "--indx", "x"), "--index")]
)
def test_a_misspelt_command_or_option_is_too(quincunx: Any, arguments: tuple[str, ...], like: str) -> None:
    done = quincunx(*arguments)
    assert done.status == 2
    assert like in done.err


def test_an_unknown_program_is_refused_before_anything_heavy_is_imported(home: Path) -> None:
    code = (
        "import sys; from quincunx.app.cli import main; sys.argv = ['quincunx', 'ask', 'nope', 'x', '--lm', 'no/such']\n"
        "try: main()\n"
        "except SystemExit as leaving: print(leaving.code, sorted({'torch', 'faiss', 'dspy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "2 []"


def test_an_index_that_is_not_there_names_the_home_folder_its_variable_and_the_command(
    quincunx: Any, home: Path
) -> None:
    demo = quincunx("ask", "chat_bridge", "x", "--json").json["error"]["message"]
    assert str(home) in demo
    assert "QUINCUNX_HOME" in demo
    assert demo.endswith("Make it with `quincunx demo`")
    mine = quincunx("search", "mine", "x", "--json").json["error"]["message"]
    assert mine.endswith("Make it with `quincunx index build mine PATH…`")


def completed(line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return what bash is offered at the end of a command line."""
    words = line.split(" ")
    monkeypatch.setenv("_QUINCUNX_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    with pytest.raises(SystemExit):
        app(prog_name="quincunx")
    return capsys.readouterr().out.split()


def test_a_shell_completes_commands_programs_indexes_and_profiles(
    canons: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert completed("quincunx se", monkeypatch, capsys) == ["search", "serve"]
    assert completed("quincunx ask ch", monkeypatch, capsys) == ["chat_bridge"]
    assert completed("quincunx search pa", monkeypatch, capsys) == ["paiddaily"]
    assert completed("quincunx search x y --profile em", monkeypatch, capsys) == ["embedded"]
