"""The README's Python is run as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


def test_the_python_of_the_readme_runs(canons: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 3
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "returns.md").write_text(
        "# Returns\n\n## How long\n\nGoods can be sent back within 30 days of delivery, unopened.\n\n"
        "## Who pays\n\nThe shop pays for the way back when the goods were faulty.\n"
    )
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(README), "exec"), namespace)  # noqa: S102
