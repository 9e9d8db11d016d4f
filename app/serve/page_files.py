"""The files of the playground, which lie beside this module in ``page`` and are sent as they are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parent / "page"
START = "index.html"
"""The page itself."""
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def page_paths(folder: Path = FOLDER) -> dict[str, Path]:
    """Return each file of the page by the path that it is served at; nothing else in the folder is ever sent."""
    found = {f"/page/{path.name}": path for path in sorted(folder.iterdir()) if path.suffix in MEDIA_TYPES}
    return {"/": found.pop(f"/page/{START}"), **found}


PAGE_PATHS: Mapping[str, Path] = page_paths()
