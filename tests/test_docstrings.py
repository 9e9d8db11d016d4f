"""What the public names say of themselves: each has a docstring, and the examples in them run."""

from __future__ import annotations

import doctest
import inspect
from pathlib import Path
from typing import Any

import pytest

import quincunx

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
NAMES = [name for name in quincunx.__all__ if not name.endswith("Error")]


def examples(name: str) -> list[doctest.DocTest]:
    found = doctest.DocTestFinder(recurse=False).find(
        getattr(quincunx, name), name, globs={"quincunx": quincunx}
    )
    return [test for test in found if test.examples]


@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_has_an_example_that_runs(
    name: str, home_of_canons: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    tests = examples(name)
    assert tests, f"quincunx.{name} has no example in its docstring"
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    for test in tests:
        runner.run(test, out=said.append)
    assert not runner.failures, "".join(said)


@pytest.mark.parametrize("name", quincunx.__all__)
def test_a_public_name_says_what_it_is(name: str) -> None:
    value: Any = getattr(quincunx, name)
    assert (inspect.getdoc(value) or "").strip()
    assert inspect.getdoc(value) != inspect.getdoc(Exception)


def test_nothing_but_public_names_shows() -> None:
    shown = [name for name in dir(quincunx) if not name.startswith("__")]
    assert shown == sorted(set(quincunx.__all__))
