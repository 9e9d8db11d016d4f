"""Files that are cut off or have some bytes changed, as a reader meets them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from quincunx.retrieval.text.readers.reader import Reader, SourceFile, UnreadableFileError


def damaged(data: bytes, seed: str) -> Iterator[bytes]:
    """Yield data cut off at each 1/20th of its length, and with four bytes changed, in turn; the same for a seed."""
    chance = random.Random(seed)
    for step in range(20):
        yield data[: len(data) * step // 20]
        flipped = bytearray(data)
        for _ in range(4):
            flipped[chance.randrange(len(data))] = chance.randrange(256)
        yield bytes(flipped)


def reasons_for_damaged(reader: Reader, original: Path, seed: str, folder: Path) -> set[str]:
    """Return the reasons for which damaged ones of a file are left out; those that can be read are read whole."""
    reasons = set()
    for number, data in enumerate(damaged(original.read_bytes(), seed)):
        path = folder / f"{number}{original.suffix}"
        path.write_bytes(data)
        try:
            list(reader.read(SourceFile(path, "x")))
        except UnreadableFileError as error:
            reasons.add(error.reason)
    return reasons
