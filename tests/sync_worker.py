"""A sync or a watch in a process of its own, to be killed at any moment.

Usage: python sync_worker.py NAME sync|watch. The home folder is that of the environment.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from parts import Hashing, Shortest

from quincunx.retrieval.index.sync import sync_index, watch_index
from quincunx.retrieval.models.embedders import Progress, Vectors, no_progress
from quincunx.retrieval.models.profiles import Profile

PAUSE = 0.004
"""Seconds that the embedding of a text takes: without it the moments of a sync would be over at once."""


class SlowHashing(Hashing):
    """As slow as a model, so that there is a time in which it can be killed."""

    def embed_passages(self, texts: Sequence[str], progress: Progress = no_progress) -> Vectors:
        time.sleep(PAUSE * len(texts))
        return super().embed_passages(texts, progress)


SLOW = Profile("slow", SlowHashing, Shortest)

if __name__ == "__main__":
    name, what = sys.argv[1:]
    SLOW.load_embedder()
    print("begins", flush=True)  # noqa: T201
    if what == "sync":
        sync_index(name, profile=SLOW)
    else:
        for _ in watch_index(name, profile=SLOW):
            pass
