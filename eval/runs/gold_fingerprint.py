"""What tells the questions and the corpus of a gold set from others."""

from __future__ import annotations

import hashlib
from dataclasses import asdict

from ..goldsets.goldset import GoldSet
from .folder import fingerprint


def gold_fingerprint(gold: GoldSet) -> str:
    """Return a sha256 over the questions of the split, their gold, and the corpus."""
    digest = hashlib.sha256()
    for document in gold.documents:
        digest.update(fingerprint([document.id, document.title, document.text, document.metadata]).encode())
    for question in gold.questions.values():
        digest.update(fingerprint(asdict(question)).encode())
    return digest.hexdigest()
