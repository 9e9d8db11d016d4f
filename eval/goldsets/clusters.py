"""Which questions were drawn together: those that share a gold document, however indirectly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from scipy.sparse import coo_array  # type: ignore[import-untyped]
from scipy.sparse.csgraph import connected_components  # type: ignore[import-untyped]

from .goldset import GoldQuestion


def question_clusters(
    questions: Sequence[GoldQuestion],
    *,
    sources: Mapping[str, str] | None = None,
    alike: Iterable[tuple[str, str]] = (),
) -> list[int]:
    """Return for each question the number of its cluster, from 0; the numbers mean nothing else.

    Args:
        questions: each with its gold documents.
        sources: the source of a document by its id, where several documents were cut from one.
        alike: pairs of ids of these questions that belong together for another reason.
    """
    if not questions:
        return []
    # The nodes of a graph: the questions, then the documents or their sources.
    nodes = {("question", question.id): node for node, question in enumerate(questions)}
    edges = [(nodes["question", one], nodes["question", other]) for one, other in alike]
    for question in questions:
        for document in question.gold:
            source = ("document", (sources or {}).get(document, document))
            edges.append((nodes["question", question.id], nodes.setdefault(source, len(nodes))))
    ends = np.array(edges, dtype=np.int32).reshape(-1, 2)  # (edges, 2)
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(len(nodes), len(nodes)))
    _, labels = connected_components(graph, directed=False)  # labels: (nodes,)
    return [int(labels[nodes["question", question.id]]) for question in questions]
