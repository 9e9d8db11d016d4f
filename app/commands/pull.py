"""``quincunx pull``"""

from __future__ import annotations

from typing import Annotated

import typer


def pull_model(
    model: Annotated[str, typer.Argument(help="Name of the model.")] = "nomic-embed-text",
) -> None:
    """Let the Ollama server fetch a model; the variable OLLAMA_HOST says where the server is."""
    from ...retrieval.models.ollama.embedder import pull
    from ..output import progress, results

    with progress(f"pull {model}") as report:
        pull(None, model, report)
    results.print(f"{model}: there", markup=False)
