"""Which commit of the user's own repository a run was made at, for the record."""

from __future__ import annotations

import shutil
import subprocess


def commit() -> str | None:
    """Return the commit of the repository around the working folder, ``+`` after it when files differ from it.

    ``None`` outside of a repository, or without git.
    """
    git = shutil.which("git")
    if git is None:
        return None
    head = subprocess.run([git, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    if head.returncode != 0:
        return None
    changed = subprocess.run([git, "status", "--porcelain"], capture_output=True, text=True, check=False)
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")
