"""The sdist makes a wheel that works where the checkout is not."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]


def run(*command: str | Path, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_built_from_the_sdist_works_from_another_folder(tmp_path: Path) -> None:
    # `build` without arguments makes the sdist, then the wheel from that sdist.
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", tmp_path / "dist", ROOT, cwd=tmp_path)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=tmp_path)
    # The dependencies are those of the environment under test; its own quincunx is not reached this way.
    site = Path(
        run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).strip()
    )
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = run(python, "-c", "import quincunx; print(quincunx.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(site)
    assert "Usage" in run(tmp_path / "venv" / "bin" / "quincunx", "--help", cwd=tmp_path)
    gold = run(
        python,
        "-c",
        "from quincunx.eval.goldsets.goldset import *; print(len(read_gold_set(canon_folder('builddaily')).questions))",
        cwd=tmp_path,
    )
    assert int(gold) >= 25
    taken = run(
        python,
        "-c",
        "import importlib.util as u; print([n for n in ('programs', 'retrieval', 'signatures', 'eval', 'app') if u.find_spec(n)])",
        cwd=tmp_path,
    )
    assert taken.strip() == "[]"
