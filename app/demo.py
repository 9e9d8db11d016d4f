"""The main job, once for each program: a question in, a cited answer out."""

from __future__ import annotations

from ..eval.goldsets.goldset import CANONS, canon_folder
from ..programs.answer import Answer
from ..programs.loading import load
from ..programs.registry import program_names, program_spec
from ..retrieval.corpus.beir import BEIR_CORPUS
from ..retrieval.corpus.reading import read_documents
from ..retrieval.errors import IndexStateError
from ..retrieval.index.contents import document_ids
from ..retrieval.index.manage import build_index
from ..retrieval.storage.home import index_names
from .output import notes, progress


def build_canons(*, rebuild: bool = False) -> None:
    """Build the indexes of the three canons, or bring them up to date; one of other documents is used as it is."""
    for name in CANONS:
        if not rebuild and _is_anothers(name):
            notes.print(f"index {name}: holds other documents than the demo's, used as it is")
            continue
        with progress(f"index {name}") as report:
            built = build_index(name, canon_folder(name) / BEIR_CORPUS, progress=report, fresh=rebuild)
        done = f"{built.embedded} embedded" if built.embedded else "there already"
        notes.print(f"index {name}: {built.passages} passages, {done}")


def _is_anothers(name: str) -> bool:
    """Whether an index of a canon's name holds none of the canon's documents: the app's own, then."""
    if name not in index_names():
        return False
    try:
        held = document_ids(name)
    except IndexStateError:
        return False
    return not held & {document.id for document in read_documents(canon_folder(name) / BEIR_CORPUS)}


def ask_all() -> dict[str, Answer]:
    """Ask each program its question."""
    answers = {}
    with progress("asking the five programs") as report:
        shown = [spec for spec in map(program_spec, program_names()) if spec.index in CANONS and spec.example]
        for done, spec in enumerate(shown, start=1):
            answers[spec.name] = load(spec.name, lm="extractive")(question=spec.example)
            report(done, len(shown))
    return answers
