"""Running TypeScript under Node, whose newer versions take its types out by themselves."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

LEAST = (22, 6)
"""The first version that reads TypeScript."""
_PLACES = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
NODE = shutil.which("node", path=_PLACES)


def why_not() -> str | None:
    """Return why TypeScript cannot be run here; ``None`` where it can."""
    least = ".".join(map(str, LEAST))
    if NODE is None:
        return f"node is not installed: TypeScript runs under Node {least} or newer"
    said = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    major, minor = (int(number) for number in re.findall(r"\d+", said)[:2])
    return None if (major, minor) >= LEAST else f"node is {said}: TypeScript runs under Node {least} or newer"


def run_typescript(folder: Path, script: str) -> Any:
    """Run a script in a folder with the modules that it imports; return what the JSON says that it prints."""
    path = folder / "script.ts"
    path.write_text(script, encoding="utf-8")
    done = subprocess.run(
        [str(NODE), "--experimental-strip-types", "--no-warnings", path.name],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
