"""What was measured of a checkpoint on a machine, kept in the home folder so that it is measured once.

A file that is damaged, of another form or of another checkpoint is as good as none, and a folder that cannot be
written to costs the next process the time of the measurement.
"""

from __future__ import annotations

import hashlib
import json
import logging
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from ...storage.disk import publish_file
from ...storage.home import home
from ...storage.lock import lock_folder, unlock
from .choice import FormatTrial
from .formats import Precision, rounded_by
from .probe_texts import PROBE_VERSION

logger = logging.getLogger(__name__)

ProbeKey = Mapping[str, str | int]
"""Everything that the figures depend on."""


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    key: dict[str, str | int]
    trials: dict[Precision, FormatTrial]


def probe_key(weights: str, device: str, max_tokens: int) -> ProbeKey:
    """Return the key of a checkpoint on this machine, by the digest of its weights and the tokens of a pair."""
    import torch

    return {
        "weights": weights,
        "max_tokens": max_tokens,
        "device": torch.cuda.get_device_name() if device == "cuda" else f"{device}: {_processor()}",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "probe": PROBE_VERSION,
        "rounded": rounded_by("int8"),
    }


def known_or_measured(
    key: ProbeKey, measure: Callable[[], dict[Precision, FormatTrial]]
) -> dict[Precision, FormatTrial]:
    """Return what is known under this key, else what ``measure`` returns, which is kept."""
    trials = recall(key)
    if trials is None:
        trials = measure()
        remember(key, trials)
    return trials


def recall(key: ProbeKey) -> dict[Precision, FormatTrial] | None:
    """Return what was measured under this key, ``None`` where nothing usable is kept."""
    path = _path(key)
    try:
        kept = _Kept.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        logger.warning("%s is of no use (%s): the number formats are measured again", path, reason)
        return None
    if kept.key != dict(key):
        logger.warning("%s tells of another checkpoint: the number formats are measured again", path)
        return None
    return kept.trials


def remember(key: ProbeKey, trials: Mapping[Precision, FormatTrial]) -> None:
    """Keep what was measured; where it cannot be, the next process measures again, and the log says so."""
    path = _path(key)
    kept = {"key": dict(key), "trials": {name: asdict(trial) for name, trial in trials.items()}}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = lock_folder(path.parent, wait=True)
        try:
            publish_file(path, [memoryview(json.dumps(kept, indent=1).encode())])
        finally:
            unlock(lock)
    except OSError as error:
        logger.info("%s: not kept (%s), so it is measured again by the next process", path, error.strerror)


def _path(key: ProbeKey) -> Path:
    digest = hashlib.sha256(json.dumps(dict(key), sort_keys=True).encode()).hexdigest()
    return home() / "cache" / "precision" / f"{digest[:32]}.json"


@cache
def _processor() -> str:
    """Return the processor's name and a digest of its instructions, as far as the system tells them."""
    info = Path("/proc/cpuinfo")
    if not info.is_file():
        return f"{platform.machine()} {platform.processor()}"
    lines = dict(line.split(":", 1) for line in info.read_text().split("\n\n")[0].splitlines() if ":" in line)
    facts = {name.strip(): value.strip() for name, value in lines.items()}
    flags = facts.get("flags", facts.get("Features", ""))
    digest = hashlib.sha256(" ".join(sorted(flags.split())).encode()).hexdigest()[:12]
    return f"{facts.get('model name', platform.machine())}, instructions {digest}"
