"""Whether files lie on another machine."""

from __future__ import annotations

import os
from pathlib import Path

_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "virtiofs", "ceph", "glusterfs", "lustre", "afs"}
"""File systems on which memory is not shared with a writer on another machine."""


def network_of(path: Path) -> str:
    """Return the kind of network file system that a file lies on; empty for a local one, or where it cannot be told."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines()
        device = path.stat().st_dev
    except OSError:
        return ""
    number = f"{os.major(device)}:{os.minor(device)}"
    for fields in map(str.split, mounts):
        kind = fields[fields.index("-") + 1]
        if fields[2] == number and (kind in _NETWORK or kind.startswith("fuse")):
            return kind
    return ""
