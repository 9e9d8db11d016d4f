"""Problems as the clients of other services read them: fields that stand beside those of problem+json."""

from __future__ import annotations

from typing import Any

COHERE = frozenset({"/v1/rerank", "/v2/rerank"})
TEI = "/rerank"
OPENAI = ("/v1/chat/completions", "/v1/embeddings", "/v1/models")
_OPENAI_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_TEI_TYPES = {413: "Validation", 422: "Tokenizer", 424: "Backend", 429: "Overloaded", 503: "Unhealthy"}


def vendor_fields(path: str, status: int, code: str, detail: str, param: str | None) -> dict[str, Any]:
    """Return the fields by which the clients that ask a path learn what went wrong; none for a path that is our own.

    ``param`` is the field of the request that is at fault, where it is one.
    """
    if path in COHERE:
        return {"message": detail}
    if path == TEI:
        return {"message": detail, "error": detail, "error_type": _TEI_TYPES.get(status, "Validation")}
    if path.startswith(OPENAI):
        kind = _OPENAI_TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
        return {"error": {"message": detail, "type": kind, "code": code, "param": param}}
    return {}
