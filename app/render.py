"""Records as a person reads them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ..programs.answer import Answer
from ..retrieval.passages import Candidate, Passage


def candidates_table(candidates: Sequence[Candidate], n: int, *, scores: bool = False) -> Table:
    """Every candidate in final order, with each stage's rank (and score); the n that are kept stand out."""
    title = f"{len(candidates)} candidates → {min(n, len(candidates))} passages"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), expand=True)
    for name in ("final", "dense", "lexical", "fused", "rerank"):
        table.add_column(name, justify="right", no_wrap=True, min_width=len(name))
    table.add_column("passage", no_wrap=True, overflow="ellipsis", ratio=3)
    table.add_column("title", no_wrap=True, overflow="ellipsis", ratio=2)
    for candidate in candidates:
        ranks = (
            _place(candidate.final_rank),
            _place(candidate.dense_rank, candidate.dense_score if scores else None),
            _place(candidate.lexical_rank, candidate.lexical_score if scores else None),
            _place(candidate.fused_rank, candidate.fused_score if scores else None),
            _place(candidate.rerank_rank, candidate.rerank_score if scores else None),
        )
        kept = (candidate.final_rank or 0) <= n
        title = candidate.passage.title or candidate.passage.text[:60]
        table.add_row(
            *ranks,
            escape(printable(candidate.passage.id)),
            escape(printable(title)),
            style="bold" if kept else "dim",
        )
    return table


def passages_list(passages: Iterable[Passage]) -> Group:
    """Each passage with its rank, id and text."""
    return Group(
        *(
            Panel(
                Text(passage.text), title=escape(f"{rank}. {passage.id}  {passage.title}"), title_align="left"
            )
            for rank, passage in enumerate(passages, start=1)
        )
    )


def answer_panel(answer: Answer, *, explain: bool) -> Panel:
    """An answer with its checked citations, and where its passages came from."""
    parts: list[RenderableType] = [Text(f"Q  {answer.question}", style="bold"), Text()]
    if explain:
        parts += [candidates_table(answer.candidates, len(answer.passages)), Text()]
    if answer.answered:
        parts += [Text(printable(line)) for line in _lines(answer.output.model_dump(mode="json"))]
        parts.append(Text())
        parts += [Text(printable(f"✓ {c.passage_id}: “{c.quote}”"), style="green") for c in answer.citations]
    else:
        parts.append(Text(f"Declined: {answer.refusal}", style="yellow"))
        if follow_up := getattr(answer.output, "follow_up", ""):
            parts.append(Text(printable(follow_up)))
    parts += [Text(printable(f"✗ dropped {d.where}: {d.reason}"), style="red") for d in answer.dropped]
    parts += [Text(f"note: {note}", style="yellow") for note in answer.notes]
    title = f"{answer.program} · index {answer.index} · engine {answer.engine}"
    return Panel(Group(*parts), title=escape(title), title_align="left")


def facts_table(facts: dict[str, Any]) -> Table:
    """Names and values."""
    table = Table(show_header=False)
    for name, value in facts.items():
        table.add_row(name, escape(str(value)))
    return table


def printable(text: str) -> str:
    """Return a text without the control characters that would steer a terminal."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) != "Cc")


def _place(rank: int | None, score: float | None = None) -> str:
    place = "–" if rank is None else str(rank)
    return place if score is None else f"{place} ({score:.3f})"


def _lines(value: dict[str, Any], indent: str = "") -> Iterable[str]:
    """Lay out an output: prose and notices as they are, each entry under a line of its facts; citations are shown apart."""
    facts, rest = [], []
    for name, entry in value.items():
        if isinstance(entry, list):
            if entry and name not in ("citations", "sentences", "between"):
                rest += [f"{indent}{_SIGNS.get(name, name)}"] if name not in _ENTRIES else []
                for item in entry:
                    rest += _claim_or_entry(item, indent if name in _ENTRIES else indent + "  ")
        elif name in _PROSE and entry:
            rest.append(f"{indent}{entry}")
        elif entry != "":
            facts.append(f"{name.replace('_', ' ')} {entry}")
    if facts:
        yield indent + " · ".join(facts)
    yield from rest


_PROSE = ("answer", "follow_up", "reading", "notice")
_ENTRIES = ("tickers", "precedents", "pages")
_SIGNS = {"reasons": "for it", "against": "against it", "why": "because", "followed": "what followed"}


def _claim_or_entry(item: Any, indent: str) -> Iterable[str]:
    if set(item) == {"text", "citations"}:
        yield f"{indent}– {item['text']}"
    else:
        yield from _lines(item, indent)
