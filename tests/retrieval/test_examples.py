"""The examples in the public docstrings, run as they stand."""

from __future__ import annotations

import doctest
import importlib
import shutil
from pathlib import Path
from typing import Any

import pytest

from quincunx.retrieval import filter_text, filters, handle, passages, retriever, settings
from quincunx.retrieval.index import manage
from quincunx.retrieval.models import profiles

PUBLIC: list[Any] = [
    filter_text.parse_filter,
    filters.field,
    handle.open_index,
    manage.build_index,
    manage.update_index,
    passages.Candidate,
    passages.Document,
    passages.Passage,
    profiles.Profile,
    profiles.add_profile,
    retriever.Retriever,
    settings.SearchSettings,
]


@pytest.mark.parametrize("thing", PUBLIC, ids=lambda thing: thing.__name__)
def test_the_example_of_a_docstring_does_what_it_says(
    thing: Any, canons_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the demo's indexes in the home folder, and in an empty folder."""
    shutil.copytree(canons_folder, tmp_path / "home")
    monkeypatch.setenv("QUINCUNX_HOME", str(tmp_path / "home"))
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    monkeypatch.setattr(profiles, "_added", {})
    module = importlib.import_module(thing.__module__)
    examples = doctest.DocTestFinder(recurse=False).find(thing, thing.__name__, module, globs={})
    assert sum(len(example.examples) for example in examples) > 0
    runner = doctest.DocTestRunner(optionflags=doctest.REPORT_NDIFF)
    told: list[str] = []
    for example in examples:
        runner.run(example, out=told.append)
    assert told == []
