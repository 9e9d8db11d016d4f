"""The handbook's index and gold set, and the program of one's own, made known as an app does: by importing its module."""

from __future__ import annotations

from pathlib import Path

import policy_answer  # noqa: F401  # adds the program
import pytest
from handbook_gold import HANDBOOK, write_handbook_gold

from quincunx.retrieval.index.manage import build_index


@pytest.fixture
def handbook(home: Path) -> Path:
    """The home folder is one that holds the handbook's index."""
    build_index("handbook", [HANDBOOK])
    return home


@pytest.fixture
def handbook_gold(tmp_path: Path) -> Path:
    return write_handbook_gold(tmp_path / "handbook-gold")
