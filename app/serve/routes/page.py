"""The playground: one page that asks the service it comes from, and nothing else.

Its files lie beside this package in ``page`` and are sent as they are. The policy forbids whatever does not come from
here: no script or style within the page, none from elsewhere, no frame around it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ..problems import Problem

FOLDER = Path(__file__).parents[1] / "page"
START = "index.html"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",  # a browser asks each time whether it has changed, as a service may be updated
}
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

router = APIRouter(include_in_schema=False)


@router.get("/")
def show_playground(request: Request) -> Response:
    return _sent(START, request)


@router.get("/page/{name}")
def send_page_file(name: str, request: Request) -> Response:
    return _sent(name, request)


def page_files() -> dict[str, Path]:
    """Return the files of the page by name: only these are ever sent."""
    return {path.name: path for path in sorted(FOLDER.iterdir()) if path.suffix in MEDIA_TYPES}


def _sent(name: str, request: Request) -> Response:
    path = page_files().get(name)
    if path is None:
        raise Problem(404, "unknown_path", f"the page has no file {name[:100]!r}")
    content = path.read_bytes()
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {**HEADERS, "etag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=MEDIA_TYPES[path.suffix], headers=headers)
