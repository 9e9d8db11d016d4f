"""``quincunx demo``"""

from __future__ import annotations

from typing import Annotated

import typer

from ..options import AsJson


def run_demo(
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Build the demo's indexes again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask each of the five programs one question, and show how it was answered."""
    from ..demo import ask_all, build_canons
    from ..output import results, write_json
    from ..render.answers import answer_panel

    build_canons(rebuild=rebuild)
    answers = ask_all()
    if as_json:
        write_json({"programs": {program: answer.record() for program, answer in answers.items()}})
        return
    for answer in answers.values():
        results.print(answer_panel(answer, explain=True))
    results.print(
        "These answers only quote their passages. For answers that are written, name a language model: "
        "quincunx ask PROGRAM QUESTION --lm openai/gpt-4o-mini"
    )
