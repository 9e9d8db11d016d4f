"""The playground: one page that asks the service it comes from, and nothing else.

The policy forbids whatever does not come from here: no script or style within the page, none from elsewhere, no frame
around it, and no text that becomes markup.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ..page_files import MEDIA_TYPES, PAGE_PATHS

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

router = APIRouter(include_in_schema=False)


def _sender(path: Path) -> Callable[[Request], Response]:
    """Return the route that sends a file, or says that a browser has it already."""

    def send(request: Request) -> Response:
        content = path.read_bytes()
        tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        headers = {**HEADERS, "etag": tag}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=MEDIA_TYPES[path.suffix], headers=headers)

    return send


for where, file in PAGE_PATHS.items():
    router.add_api_route(where, _sender(file))
