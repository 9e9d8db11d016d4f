"""Printing names and values."""

from __future__ import annotations

from typing import Any


def show_facts(facts: dict[str, Any], as_json: bool) -> None:
    """Print names and values, as a table or as JSON."""
    from ..output import results, write_json
    from ..render.text import facts_table

    if as_json:
        write_json(facts)
    else:
        results.print(facts_table(facts))
