"""Which questions were drawn together: those that share a gold document, however indirectly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .goldset import GoldQuestion


def question_clusters(
    questions: Sequence[GoldQuestion],
    *,
    sources: Mapping[str, str] | None = None,
    alike: Iterable[tuple[str, str]] = (),
) -> list[str]:
    """Name for each question its group; the names mean nothing else.

    Args:
        questions: each with its gold documents.
        sources: The source of a document by its id, where several documents were cut from one.
        alike: Pairs of ids of questions that belong together for another reason.
    """
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    def join(one: str, other: str) -> None:
        first, second = sorted((root(one), root(other)))
        parent[second] = first

    for question in questions:
        for document in question.gold:
            join(f"question {question.id}", f"document {(sources or {}).get(document, document)}")
    for one, other in alike:
        join(f"question {one}", f"question {other}")
    return [root(f"question {question.id}") for question in questions]
