"""Builds an index with Ray or without, in a process of its own that has no network but a loopback of its own.

Run: ``python ray_worker.py FOLDER DOCUMENTS MODEL ENGINE KILL``. ``MODEL``: ``hashing`` or ``minilm``. ``ENGINE``: ``here`` or
``ray``. ``KILL``: ``none``; ``driver`` ends this process once the second group of vectors is kept, ``actor`` the actor that
embeds the first. ``other``: the actors load another model; ``unloadable``: they can load none. Prints a digest of what the index holds, and the network's interfaces, as JSON.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import signal
import socket
import sqlite3
import struct
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from parts import Hashing

from quincunx.retrieval.errors import MissingExtraError
from quincunx.retrieval.index.build import build
from quincunx.retrieval.index.embedding import InThisProcess, TextGroup
from quincunx.retrieval.index.ray_engine import RayCluster, RayEngine
from quincunx.retrieval.models.embedders import Embedder, Progress, Vectors, load_minilm, no_progress
from quincunx.retrieval.models.profiles import LoadEmbedder
from quincunx.retrieval.passages import Document
from quincunx.retrieval.storage.home import DATABASE

_SET_FLAGS, _UP = 0x8914, 1
WORDS = (
    "tea",
    "port",
    "ledger",
    "comet",
    "harbour",
    "fuse",
    "violin",
    "glacier",
    "saffron",
    "pylon",
    "quartz",
    "meadow",
)
TABLES = {
    "documents": "id, hash",
    "passages": "number, id, text, vector",
    "vectors": "key, value",
    "meta": "key, value",
}


def main() -> None:
    folder, documents, model, engine, kill = Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]
    _bring_loopback_up()
    load: LoadEmbedder = Hashing if model == "hashing" else partial(load_minilm, "fp32")
    others: dict[str, LoadEmbedder] = {
        "actor": partial(_Mortal, folder.with_name("died")),
        "other": partial(Hashing, "other"),
        "unloadable": _unloadable,
    }
    ours = (
        RayEngine(RayCluster("local", actors=2), others.get(kill, load))
        if engine == "ray"
        else InThisProcess()
    )
    build(folder, written(documents), load(), engine=_Ending(ours) if kill == "driver" else ours)
    told = {"digest": digest(folder), "interfaces": [name for _, name in socket.if_nameindex()]}
    sys.stdout.write(json.dumps(told) + "\n")


def written(count: int) -> list[Document]:
    """Return documents of many lengths."""
    return [
        Document(
            f"d{i}",
            WORDS[i % 12],
            " ".join(WORDS[(i * j) % 12] + str(i % (j + 2)) for j in range(3 + i % 60)),
        )
        for i in range(count)
    ]


def digest(folder: Path) -> str:
    """Name what an index holds, and the vectors that are searched."""
    found = hashlib.sha256()
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        for table, columns in TABLES.items():
            rows = connection.execute(
                f"SELECT {columns} FROM {table} WHERE {columns.partition(',')[0]} != 'store'"
            )
            for row in sorted(rows.fetchall()):
                found.update(repr(row).encode())
    return found.hexdigest()


class _Ending:
    """Ends this process as kill −9 does, once the second group of vectors is kept."""

    def __init__(self, engine: RayEngine | InThisProcess) -> None:
        self.engine = engine

    def embed(
        self, embedder: Embedder, groups: Iterable[TextGroup], progress: Callable[[int], None]
    ) -> Iterator[tuple[TextGroup, Vectors]]:
        for nth, done in enumerate(self.engine.embed(embedder, groups, progress)):
            if nth == 2:
                os.kill(os.getpid(), signal.SIGKILL)
            yield done


class _Mortal(Hashing):
    """An embedder whose process dies when it first embeds."""

    def __init__(self, died: Path) -> None:
        super().__init__()
        self._died = died

    def embed_passages(self, texts: Sequence[str], progress: Progress = no_progress) -> Vectors:
        if not self._died.exists():
            self._died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().embed_passages(texts, progress)


def _unloadable() -> Embedder:
    raise MissingExtraError("sentence-transformers", "embedded")


def _bring_loopback_up() -> None:
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH14x", b"lo", _UP))


if __name__ == "__main__":
    main()
