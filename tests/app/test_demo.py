"""``quincunx demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from five_programs import SPECS


def test_demo_shows_five_cited_answers(quincunx: Any, canons: Path) -> None:
    done = quincunx("demo", "--json")
    assert done.status == 0
    programs = done.json["programs"]
    assert programs.keys() == SPECS.keys()
    for answer in programs.values():
        texts = {passage["id"]: passage["text"] for passage in answer["passages"]}
        assert (len(texts), len(answer["candidates"])) == (5, 20)
        assert answer["answered"]
        assert answer["citations"]
        assert all(citation["quote"] in texts[citation["passage_id"]] for citation in answer["citations"])
    assert "there already" in done.err


def test_demo_reads_well_to_a_person(quincunx: Any, canons: Path) -> None:
    out = quincunx("demo").out
    assert out.count("20 candidates → 5 passages") == 5
    assert "No investment advice" in out
    assert "extractive" in out
