"""``quincunx programs …``, and programs of one's own on the command line."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any


def test_saved_programs_are_listed_shown_compared_and_asked(
    quincunx: Any, canons: Path, tmp_path: Path
) -> None:
    import quincunx as package

    program = package.load("chat_bridge")
    program.save(tmp_path / "plain")
    program.predict.signature = program.predict.signature.with_instructions("Answer in one plain sentence.")
    try:
        program.save("terse")
        assert [entry["name"] for entry in quincunx("programs", "list", "--json").json["saved"]] == ["terse"]
        shown = quincunx("programs", "show", "terse", "--json").json
        assert shown["predictors"]["predict"]["instructions"] == "Answer in one plain sentence."
        changes = quincunx("programs", "diff", str(tmp_path / "plain"), "terse").out
        assert "+Answer in one plain sentence." in changes
        asked = quincunx("ask", "terse", "What is Sage?", "--json").json
        assert (asked["program"], asked["answered"]) == ("chat_bridge", True)
        assert quincunx("programs", "show", "nope").status == 2
    finally:
        shutil.rmtree(canons / "programs")
