"""The main job, once for each program: a question in, a cited answer out."""

from __future__ import annotations

from ..eval.goldset import CANONS, canon_folder
from ..programs.answer import Answer
from ..programs.loading import load
from ..retrieval.home import index_names
from ..retrieval.indexes import build_index
from .output import notes, progress

QUESTIONS = {
    "chat_bridge": "What is the difference between Sage and Sage Daily?",
    "ticker_fit": "which tickers have a strong pre-earnings setup",
    "catalyst_precedent": "token unlock into a weak market with crowded shorts",
    "resource_search": "something that makes random test inputs for my functions",
    "astrology_reading": "I drew The Star reversed, should I stay in my job?",
}


def build_canons(*, rebuild: bool = False) -> None:
    """Build the indexes of the three canons; one that is there already is used as it is."""
    present = index_names()
    for name in CANONS:
        if name in present and not rebuild:
            notes.print(f"index {name}: there already, used as it is")
            continue
        with progress(f"index {name}") as report:
            built = build_index(name, [canon_folder(name)], progress=report)
        notes.print(f"index {name}: {built.passages} passages")


def ask_all() -> dict[str, Answer]:
    """Ask each program its question."""
    answers = {}
    with progress("asking the five programs") as report:
        for done, (program, question) in enumerate(QUESTIONS.items(), start=1):
            answers[program] = load(program)(question=question)
            report(done, len(QUESTIONS))
    return answers
