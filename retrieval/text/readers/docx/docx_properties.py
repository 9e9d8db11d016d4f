"""The properties of a Word document: those that every document has, and those that its authors added."""

from __future__ import annotations

import math
import re
from typing import Any

from ....passages import Metadata

_NAMES = {
    "title": "title",
    "creator": "author",
    "subject": "subject",
    "keywords": "keywords",
    "description": "description",
    "category": "category",
    "language": "language",
    "created": "created",
    "modified": "modified",
}


def read_docx_properties(core: Any | None, custom: Any | None) -> Metadata:
    """Return the properties that say something; one that the authors added never replaces one that all have."""
    found = {} if custom is None else dict(_added(custom))
    for element in core if core is not None else ():
        name = _NAMES.get(element.tag.rpartition("}")[2])
        text = " ".join("".join(element.itertext()).split())
        if name == "keywords":
            words: list[str] = [word for word in (part.strip() for part in re.split(r"[,;]", text)) if word]
            if words:
                found[name] = words
        elif name is not None and text:
            found[name] = text
    return found


def _added(custom: Any) -> list[tuple[str, Any]]:
    pairs = []
    for element in custom:
        name, value = element.get("name", "").strip(), next(iter(element), None)
        text = "".join(value.itertext()).strip() if value is not None else ""
        if name and text and value is not None:
            pairs.append((name, _value(value.tag.rpartition("}")[2], text)))
    return pairs


def _value(kind: str, text: str) -> Any:
    """Return a value by its type; as text where it does not look like one of that type."""
    if kind == "bool" and text in ("true", "false", "1", "0"):
        return text in ("true", "1")
    if re.fullmatch(r"u?i[1248]|u?int", kind) and re.fullmatch(r"-?\d{1,18}", text):
        return int(text)
    if kind in ("r4", "r8", "decimal"):
        try:
            number = float(text)
        except ValueError:
            return text
        return number if math.isfinite(number) else text
    return text
