"""An index embedded by the actors of a Ray cluster is the one that a single process makes.

1. The same documents, passages, vectors and snapshot, to the bit.
2. Killed, the driver goes on from the vectors that it kept; an actor that dies is begun again.
3. A cluster that is not there, and a machine with another embedder or none, are one typed error.

Ray listens on all addresses of its machine, so each test runs it in a network of its own that has a loopback alone.
"""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from conftest import TORTURE
from parts import Hashing

from quincunx.retrieval.errors import BoundError, RemoteModelError
from quincunx.retrieval.index.build import build
from quincunx.retrieval.index.ray_engine import RayCluster, RayEngine
from quincunx.retrieval.passages import Document
from quincunx.retrieval.storage.home import DATABASE

WORKER = Path(__file__).parents[1] / "ray_worker.py"
ALONE = ["unshare", "--map-root-user", "--net"]
DOCUMENTS, MODEL = (20_000, "minilm") if TORTURE else (600, "hashing")
WITHIN_S = 1200

pytest.importorskip("ray")


def can_unshare() -> bool:
    return bool(shutil.which("unshare")) and subprocess.run([*ALONE, "true"], check=False).returncode == 0


needs_own_network = pytest.mark.skipif(
    not can_unshare(), reason="this machine allows no network of one's own, and Ray listens on all addresses"
)


def run(folder: Path, model: str, engine: str, kill: str = "none") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(WORKER), str(folder), str(DOCUMENTS), model, engine, kill]
    return subprocess.run([*ALONE, *command], capture_output=True, text=True, check=False, timeout=WITHIN_S)


def digest(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["interfaces"] == ["lo"]
    return str(told["digest"])


@needs_own_network
@pytest.mark.torture
def test_two_actors_make_the_index_that_one_process_makes(tmp_path: Path) -> None:
    here, ray = (digest(run(tmp_path / engine, MODEL, engine)) for engine in ("here", "ray"))
    assert ray == here


@needs_own_network
@pytest.mark.torture
@pytest.mark.parametrize("kill", ["driver", "actor"])
def test_after_a_kill_the_index_is_the_same(tmp_path: Path, kill: str) -> None:
    if not TORTURE and kill != "driver":
        pytest.skip("in make torture")
    folder = tmp_path / "ray"
    killed = run(folder, "hashing", "ray", kill)
    assert killed.returncode == (-signal.SIGKILL if kill == "driver" else 0), killed.stderr[-3000:]
    assert (tmp_path / "died").exists() == (kill == "actor")
    again = digest(run(folder, "hashing", "ray"))
    assert again == digest(run(tmp_path / "here", "hashing", "here"))


@needs_own_network
@pytest.mark.parametrize(
    ("actors", "error"),
    [
        (
            "other",
            "IdentityMismatchError: a machine of the Ray cluster embeds otherwise than this one: model: 'other'",
        ),
        (
            "unloadable",
            "MissingExtraError: sentence-transformers is not installed: pip install 'quincunx[embedded]'",
        ),
    ],
)
def test_a_machine_that_cannot_embed_as_this_one_says_why_and_nothing_of_it_is_kept(
    tmp_path: Path, actors: str, error: str
) -> None:
    refused = run(tmp_path / "ray", "hashing", "ray", actors)
    assert refused.returncode == 1
    assert error in refused.stderr
    with closing(sqlite3.connect(tmp_path / "ray" / DATABASE)) as connection:
        assert connection.execute("SELECT count(*) FROM vectors").fetchone() == (0,)


def test_a_cluster_that_is_not_there_is_one_error_that_names_it(tmp_path: Path) -> None:
    documents = [Document("d", "", "Tea is served at four.")]
    with pytest.raises(RemoteModelError, match=r"127\.0\.0\.1:1'.*Name its head"):
        build(tmp_path, documents, Hashing(), engine=RayEngine(RayCluster("127.0.0.1:1"), Hashing))
    assert build(tmp_path, documents, Hashing()).embedded == 1


def test_where_nothing_is_to_be_embedded_no_cluster_is_asked(tmp_path: Path) -> None:
    documents = [Document("d", "", "Tea is served at four.")]
    build(tmp_path, documents, Hashing())
    engine = RayEngine(RayCluster("127.0.0.1:1"), Hashing)
    assert build(tmp_path, documents, Hashing(), engine=engine).embedded == 0


@pytest.mark.parametrize(
    ("wrong", "said"), [({"actors": 0}, "actors"), ({"cpus": 0.0}, "cpus"), ({"gpus": -1.0}, "gpus")]
)
def test_numbers_that_cannot_be_are_refused(wrong: dict[str, float], said: str) -> None:
    with pytest.raises(BoundError, match=said):
        RayCluster("auto", **wrong)  # type: ignore[arg-type]
