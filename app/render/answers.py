"""Searches and answers as a person reads them on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ...programs.check.forms import output_form
from ...retrieval.passages import Candidate, Passage
from ...signatures.evidence import Citation, Claim
from ..client.output_view import ServedField, ServedOutput
from .text import PROSE, printable, table_of, with_words

if TYPE_CHECKING:
    from ...programs.answer import Answer
    from ..client.served_answer import ServedAnswer

HEADINGS = {"reasons": "for it", "against": "against it", "why": "because", "followed": "what followed"}
"""What stands over the claims of a field, where its name alone would not say it."""

ROUND = 60
"""Characters of the passage that are shown before and after what is quoted."""


def candidates_table(candidates: Sequence[Candidate], n: int, *, scores: bool = False) -> Table:
    """Every candidate in final order, with each stage's rank (and score); the n that are kept stand out."""
    title = f"{len(candidates)} candidates → {min(n, len(candidates))} passages"
    table = with_words(table_of(title, "final", "dense", "lexical", "fused", "rerank", "passage", "title"))
    table.columns[0].justify, table.columns[5].justify = "right", "left"
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
            _panel(f"{rank}. {passage.id}  {passage.title}", Text(printable(passage.text)))
            for rank, passage in enumerate(passages, start=1)
        )
    )


def found_passages(
    candidates: Sequence[Candidate], n: int, passages: Sequence[Passage], *, explain: bool
) -> Group:
    """What a search found: its passages, below every candidate's way where that is to be explained."""
    table = [candidates_table(candidates, n, scores=True)] if explain else []
    return Group(*table, passages_list(passages) if passages else "no passage found")


def _panel(heading: str, *parts: RenderableType) -> Panel:
    """Parts in a frame, under a heading that is never cut, as the title of a frame would be."""
    return Panel(Group(Text(printable(heading), style="dim"), *parts), width=PROSE)


def answer_panel(answer: Answer | ServedAnswer, *, explain: bool) -> Panel:
    """An answer with its checked citations, and where its passages came from."""
    parts: list[RenderableType] = [Text(printable(f"Q  {answer.question}"), style="bold"), Text()]
    if explain:
        parts += [candidates_table(answer.candidates, len(answer.passages)), Text()]
    if answer.answered:
        parts += [Text(printable(line)) for line in answer_lines(answer.output)]
        parts.append(Text())
        texts = {passage.id: passage.text for passage in answer.passages}
        parts += [_citation(c, texts.get(c.passage_id, "")) for c in answer.citations]
    else:
        parts.append(Text(f"Declined: {answer.refusal}", style="yellow"))
        if follow_up := getattr(answer.output, "follow_up", ""):
            parts.append(Text(printable(follow_up)))
    parts += [Text(printable(f"✗ dropped {d.where}: {d.reason}"), style="red") for d in answer.dropped]
    parts += [Text(f"note: {note}", style="yellow") for note in answer.notes]
    title = f"{answer.program} · index {answer.index} · engine {answer.engine}"
    return _panel(title, *parts)


def _citation(citation: Citation, passage: str) -> Text:
    """A citation: the words that are quoted stand out in what stands round them; below, what leads there."""
    place = f", {citation.place}" if citation.place else ""
    before, found, after = passage.partition(citation.quote)
    line = Text()
    line.append(printable(f"✓ {citation.passage_id}{place}: "), style="green")
    if found and before.strip():
        line.append(printable(f"…{before[-ROUND:]}".replace("\n", " ")), style="dim")
    line.append(printable(f"“{citation.quote}”"), style="green")
    if found and after.strip():
        line.append(printable(f"{after[:ROUND]}…".replace("\n", " ")), style="dim")
    if citation.url and citation.url != citation.passage_id:
        line.append(printable(f"\n  {citation.url}"), style="dim")
    return line


def answer_lines(output: Any, indent: str = "") -> Iterator[str]:
    """Lay out an output by its form; the citations of its claims are shown apart.

    A claim is a line. A model is a line of its facts, then its claims under the names of their fields and the text that
    it computes; a list of models is each of them.
    """
    if isinstance(output, list):
        for entry in output:
            yield from answer_lines(entry, indent)
    elif isinstance(output, Claim):
        yield f"{indent}– {output.text}"
    elif isinstance(output, BaseModel):
        yield from _model_lines(_fields(output), indent)
    elif isinstance(output, ServedOutput):
        yield from _model_lines(output.served_fields, indent)


def _fields(model: BaseModel) -> list[ServedField]:
    """Return the fields of a model as those of a service's output are told."""
    kind = type(model)
    own = [
        ServedField(name, getattr(model, name), output_form(info.annotation), computed=False)
        for name, info in kind.model_fields.items()
    ]
    return own + [
        ServedField(name, getattr(model, name), None, computed=True) for name in kind.model_computed_fields
    ]


def _model_lines(fields: Iterable[ServedField], indent: str) -> Iterator[str]:
    fields = list(fields)
    prose = [
        field.value for field in fields if field.computed and isinstance(field.value, str) and field.value
    ]
    facts: list[str] = []
    rest: list[str] = []
    for field in fields:
        if field.computed:
            continue
        name, value, form = field.name, field.value, field.form
        if form is None:
            if isinstance(value, str | int | float) and value != "":
                facts.append(f"{name.replace('_', ' ')} {value}")
            elif _is_plain_list(value):
                facts.append(f"{name.replace('_', ' ')} {', '.join(map(str, value))}")
        elif form == "models":
            rest += answer_lines(value, indent)
        elif value and not (form == "claims" and _joined(value) in prose):
            rest.append(f"{indent}{HEADINGS.get(name, name.replace('_', ' '))}")
            rest += answer_lines(value, indent + "  ")
    if facts:
        yield indent + " · ".join(facts)
    yield from rest
    yield from (indent + text for text in prose)


def _is_plain_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(e, str | int | float) for e in value)


def _joined(claims: Sequence[Claim]) -> str:
    return " ".join(claim.text for claim in claims)


def _place(rank: int | None, score: float | None = None) -> str:
    place = "–" if rank is None else str(rank)
    return place if score is None else f"{place} ({score:.3f})"
