"""What a PDF document says of itself: its author, its dates, its subject and its title."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone

from ....passages import Metadata

_NAMES = {"Author": "author", "Subject": "subject", "Keywords": "keywords"}
_DATES = {"CreationDate": "created", "ModDate": "modified"}
INFO_KEYS = ("Title", *_NAMES, *_DATES)
_DATE = re.compile(
    r"(?:D:)?(\d{4})(\d{2})?(\d{2})?(\d{2})?(\d{2})?(\d{2})?(?:(Z|[+-])(?:(\d{2})'?(?:(\d{2})'?)?)?)?"
)
_NO_TITLE = re.compile(
    r"untitled(?:[ -]?\d+)?|unbenannt(?:\d+)?|no title|title|document\d*|dokument\d*|microsoft \w+ - .*|powerpoint .*"
    r"|print|\S+\.(?:docx?|dotx?|odt|rtf|pdf|tex|dvi|indd|qxd|xlsx?|pptx?|html?|txt|ps|eps|tiff?|jpe?g|png)|.*[\\/]\S+\.\w{2,4}",
    re.IGNORECASE,
)


def read_pdf_properties(info: Mapping[str, str]) -> Metadata:
    """Return the entries of an info dictionary under plain names, dates as ISO texts."""
    metadata: Metadata = {}
    for key, name in _NAMES.items():
        if value := _clean(info.get(key, "")):
            metadata[name] = value
    for key, name in _DATES.items():
        if value := _clean(info.get(key, "")):
            metadata[name] = pdf_date(value) or value
    return metadata


def read_title(info: Mapping[str, str]) -> str | None:
    """Return the title where it is a real one: not what programs write for want of one, and no name of a file."""
    title = _clean(info.get("Title", ""))
    return None if not title or _NO_TITLE.fullmatch(title) else title


def pdf_date(text: str) -> str | None:
    """Return a date of PDF, such as ``D:20260301120000+01'00'``, as ISO 8601 has it; ``None`` where it is none."""
    found = _DATE.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part) if part else None for part in found.groups()[:6])
    try:
        moment = datetime(year or 0, month or 1, day or 1, hour or 0, minute or 0, second or 0)
        if hour is None:
            return moment.date().isoformat()
        if found[7] is not None:
            away = timedelta(hours=int(found[8] or 0), minutes=int(found[9] or 0))
            moment = moment.replace(tzinfo=timezone(-away if found[7] == "-" else away))
    except ValueError:
        return None
    return moment.isoformat()


def _clean(text: str) -> str:
    """Return a text on one line, without control characters and halves of characters."""
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
