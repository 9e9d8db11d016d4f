"""Typed errors by their stable codes, which are all that crosses a wire."""

from __future__ import annotations

from ..retrieval.errors import QuincunxError, UnknownNameError


def error_of_code(code: str, message: str) -> QuincunxError | None:
    """Return the error of a stable code with a message that was made elsewhere; ``None`` where no class has the code."""
    kinds: list[type[QuincunxError]] = [QuincunxError]
    for kind in kinds:  # grows as it is walked
        kinds += kind.__subclasses__()
    known = next((kind for kind in kinds if kind.code == code), None)
    if known is None:
        return None
    error = known.__new__(known, message)  # classes that make their own message take other arguments
    if isinstance(error, UnknownNameError):
        error.name, error.known = "", []
    return error
