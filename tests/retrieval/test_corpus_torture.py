"""Folders with every oddity mixed, built, changed, updated, pruned and exported, against a plain model.

Nothing is lost without a word: each path of a folder is a document, or lies in what the report names with the right
reason.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import TORTURE
from generated_folders import GONE, Expected, GeneratedFolder, readable_id
from gold_sets import hashing_profile
from parts import without_facts

from quincunx.retrieval.corpus.reading import read_documents
from quincunx.retrieval.index.changes import BuildReport
from quincunx.retrieval.index.contents import export_index, index_documents, read_index, verify_index
from quincunx.retrieval.index.manage import build_index, update_index
from quincunx.retrieval.passages import Document
from quincunx.retrieval.storage.home import require_index

pytestmark = pytest.mark.torture
FOLDERS = 300 if TORTURE else 12
Model = dict[str, Expected]
"""The documents that the index must hold, by their path below the root."""


def below(path: str, place: str) -> bool:
    return not place or path == place or path.startswith(place + "/")


def held(name: str) -> dict[str, Expected]:
    documents: list[Document] = read_index(require_index(name), lambda reading: list(reading.documents()))
    return {d.id: Expected(d.title, d.text, without_facts(d.metadata)) for d in documents}


def as_held(model: Model) -> dict[str, Expected]:
    return {readable_id(path): expected for path, expected in model.items()}


def read_at(folder: GeneratedFolder, place: str) -> Model:
    return {p: e for p, e in folder.files.items() if below(p, place) and not e.reason}


def assert_told(folder: GeneratedFolder, place: str, report: BuildReport) -> None:
    """Hold the skips against the model, and every path on disk against skips and documents."""
    root = readable_id(str(folder.root))
    told = {skip.path[len(root) + 1 :]: skip.reason for skip in report.reading.skipped}
    expected = {readable_id(p): e.reason for p, e in folder.files.items() if below(p, place) and e.reason}
    assert told == expected
    documents = {readable_id(path) for path in read_at(folder, place)}
    for path in paths_on_disk(folder.root / place):
        name = readable_id(os.path.relpath(path, folder.root))
        assert name in documents or any(below(name, skip) for skip in told), name


def paths_on_disk(place: Path) -> Iterator[str]:
    if not place.is_dir():
        yield str(place)
        return
    for folder, folders, files in os.walk(place, followlinks=False):
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in files:
            if name not in (".gitignore", ".quincunxignore"):
                yield os.path.join(folder, name)
        for name in links:
            if os.path.realpath(os.path.join(folder, name)).startswith(os.path.realpath(place)):
                yield os.path.join(folder, name)


def change(folder: GeneratedFolder) -> list[str]:
    """Change some files, and return the paths that are gone."""
    gone = []
    for path in folder.random.sample(changeable := folder.changeable(), min(4, len(changeable))):
        match folder.random.choice(["write", "remove", "move", "link"]):
            case "write":
                folder.write(path)
            case "link":
                folder.replace_by_link(path)
            case "remove":
                folder.remove(path)
                gone.append(path)
            case _:
                folder.move(path)
                gone.append(path)
    folder.add_file()
    return gone


def update_model(model: Model, folder: GeneratedFolder, place: str, *, prune: bool) -> None:
    for path in [path for path in model if below(path, place)]:
        reason = folder.files[path].reason if path in folder.files else None
        if reason in GONE or (path not in folder.files and (prune or path == place)):
            del model[path]
    model.update(read_at(folder, place))


def twin_of(folder: GeneratedFolder, place: Path) -> list[str]:
    """Write another folder with files of the same paths, and return some of them."""
    place.mkdir()
    paths = [path for path in folder.changeable() if not folder.files[path].reason][:5]
    for path in paths:
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(f"The twin of {readable_id(path)}.")
    return paths


def torture(base: Path, seed: int) -> None:
    folder, name, profile = GeneratedFolder(base, seed), "tortured", hashing_profile()
    dice = folder.random
    root = str(folder.root)
    report = build_index(name, root, profile=profile)
    model = read_at(folder, "")
    assert held(name) == as_held(model)
    assert_told(folder, "", report)
    for _ in range(3):
        gone = change(folder)
        known_gone = [path for path in gone if path in model]
        places = ["", *folder.folders, *folder.changeable(), *known_gone]
        place, prune = dice.choice(places), dice.random() < 0.5
        if not place and not read_at(folder, ""):
            continue
        before = held(name)
        dry = update_index(name, folder.path(place), profile=profile, prune=prune, dry_run=True)
        assert held(name) == before
        report = update_index(name, folder.path(place), profile=profile, prune=prune)
        assert report.changes == dry.changes
        update_model(model, folder, place, prune=prune)
        assert held(name) == as_held(model)
        if place not in gone:
            assert_told(folder, place, report)
        assert set(report.changes.leaving) == before.keys() - held(name).keys()
        told = " ".join(report.notices)
        assert all(prune or repr(id) in told for id in report.changes.removed)
    assert verify_index(name) == []
    update_index(name, root, profile=profile, prune=True)
    assert held(name) == as_held(read_at(folder, ""))
    count = export_index(name, base / "out")
    exported = {
        d.id: Expected(d.title, d.text, without_facts(d.metadata)) for d in read_documents(base / "out")
    }
    assert exported == held(name)
    assert count == len(exported)
    twin = twin_of(folder, base / "twin")
    named = build_index(name, {"own": root, "twin": base / "twin"}, profile=profile)
    ids = {f"own/{id}" for id in exported} | {f"twin/{readable_id(path)}" for path in twin}
    assert {document.id for document in index_documents(name)} == ids
    assert named.changes.removed == tuple(sorted(exported))
    for path in twin[:1]:
        (base / "twin" / path).write_text("Another text.")
        assert update_index(name, base / "twin" / path, profile=profile).changes.changed == (
            f"twin/{readable_id(path)}",
        )


def test_generated_folders_are_held_as_the_plain_model_has_them(home: Path) -> None:
    for seed in range(FOLDERS):
        base = Path(tempfile.mkdtemp(prefix="quincunx-corpus-"))
        try:
            torture(base, seed)
        except Exception as error:
            raise AssertionError(f"folder of seed {seed}") from error
        finally:
            shutil.rmtree(base, ignore_errors=True)
