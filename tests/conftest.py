"""Settings that must stand before anything heavy is imported, and the indexes that many tests share."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"  # workers that each take all cores slow each other down
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["QUINCUNX_PRECISION"] = (
    "fp32"  # scores are held to reference paths; what is chosen depends on the machine
)
_dspy_cache = tempfile.TemporaryDirectory(prefix="quincunx-dspy-", ignore_cleanup_errors=True)
os.environ["DSPY_CACHEDIR"] = _dspy_cache.name

import pytest
from hypothesis import settings

from quincunx.app import cli
from quincunx.eval.goldsets.goldset import CANONS, canon_folder
from quincunx.programs import registry
from quincunx.retrieval.corpus.beir import BEIR_CORPUS
from quincunx.retrieval.index.manage import build_index
from quincunx.retrieval.models import profiles
from quincunx.retrieval.storage.home import HOME_VARIABLE
from quincunx.retrieval.text.readers import registry as readers

TORTURE = bool(os.environ.get("QUINCUNX_TORTURE"))
"""Whether tests marked ``torture`` run their full counts, as under `make torture`, or a sample of each.

Examples of property tests are then many and new in each run, and few and always the same otherwise.
"""
settings.register_profile(
    "quincunx", deadline=None, max_examples=2000 if TORTURE else 100, derandomize=not TORTURE
)
settings.load_profile("quincunx")

SHARED_DATA = Path(__file__).parents[1].parent / "shared" / "data"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="session")
def canon_index(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the folder of a canon's index, to be copied: built once in a test run, for all of its workers."""
    base = tmp_path_factory.getbasetemp()
    # The folder of a worker lies in that of the whole run.
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "canon-indexes"

    def folder(name: str) -> Path:
        content = hashlib.sha256((canon_folder(name) / BEIR_CORPUS).read_bytes()).hexdigest()[:16]
        home, built = shared / f"{name}-{content}", shared / f"{name}-{content}.built"
        shared.mkdir(exist_ok=True)
        with (shared / f"{name}-{content}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not built.exists():
                with pytest.MonkeyPatch.context() as patch:
                    patch.setenv(HOME_VARIABLE, str(home))
                    build_index(name, canon_folder(name) / BEIR_CORPUS)
                built.touch()
        return home / "indexes" / name

    return folder


@pytest.fixture(scope="session")
def canons_folder(tmp_path_factory: pytest.TempPathFactory, canon_index: Callable[[str], Path]) -> Path:
    """A home folder that holds the three canons of the demo."""
    folder = tmp_path_factory.mktemp("canons")
    # Two workers that begin at different ends wait less for each other.
    first_worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0"
    for name in sorted(CANONS, reverse=not first_worker):
        shutil.copytree(canon_index(name), folder / "indexes" / name)
    return folder


@pytest.fixture
def home_of_canons(canons_folder: Path, home: Path) -> Path:
    """A home folder of the test's own that holds the three canons."""
    return shutil.copytree(canons_folder, home)


@pytest.fixture
def canons(canons_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder is one that holds the three canons, shared by tests that only read."""
    monkeypatch.setenv(HOME_VARIABLE, str(canons_folder))
    return canons_folder


@pytest.fixture
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget after the test the programs, profiles and readers that it makes known to this process."""

    def forget() -> None:
        registry.program_spec.cache_clear()
        readers._by_suffix.cache_clear()

    monkeypatch.setattr(profiles, "_added", {})
    monkeypatch.setattr(registry, "_added", {})
    monkeypatch.setattr(readers, "_added", [])
    forget()
    yield
    forget()


class Done:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def quincunx(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the command line in this process, so that models are loaded once for all tests."""

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["quincunx", *arguments])
        status = 0
        try:
            cli.main()
        except SystemExit as leaving:
            status = int(leaving.code or 0)
        captured = capsys.readouterr()
        return Done(status, captured.out, captured.err)

    return run


@pytest.fixture
def tatqa() -> Path:
    """Real financial-report questions, where the checkout has them."""
    return shared("tatqa-dev")


def shared(name: str) -> Path:
    folder = SHARED_DATA / name
    if not folder.is_dir():
        pytest.skip(f"{folder} is not in this checkout")
    return folder
