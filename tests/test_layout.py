"""The layout: imports run one way, folders and files stay small, and one public name means one thing.

Every import counts, those inside functions and under TYPE_CHECKING too.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("app", "eval", "programs", "retrieval", "signatures")
MAY_IMPORT = {
    "signatures": {"signatures"},
    "retrieval": {"retrieval"},
    "programs": {"programs", "retrieval", "signatures"},
    "eval": {"eval", "programs", "retrieval", "signatures"},
    "app": {"app", "eval", "programs", "retrieval", "signatures"},
}
MOST_MODULES = 16
MOST_LINES = 400
ONE_IDEA_ON_TWO_BACKENDS = {"QuincunxRetriever"}

Graph = Mapping[str, set[str]]


def modules(root: Path = ROOT) -> dict[str, Path]:
    """Return every module of the package by its dotted name; a folder's own module is named as the folder."""
    found = {}
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name: str, path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    """Yield the modules of the package that a module imports, wherever in it the import stands."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            if node.level:
                base = package[: len(package) - node.level + 1]
            elif (node.module or "").split(".")[0] == "quincunx":
                base = []
            else:
                continue
            stem = (node.module or "").removeprefix("quincunx").strip(".") if not node.level else node.module
            target = ".".join([*base, *(stem.split(".") if stem else [])])
            for alias in node.names:
                inside = f"{target}.{alias.name}".strip(".")
                yield inside if inside in known else target
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("quincunx."):
                    yield alias.name.removeprefix("quincunx.")


def import_graph(root: Path = ROOT) -> Graph:
    known = modules(root)
    return {
        name: {target for target in imports(name, path, known) if target in known and target != name}
        for name, path in known.items()
    }


def circles(graph: Graph) -> list[list[str]]:
    """Return the groups of nodes that reach each other (Tarjan's strongly connected components)."""
    found: list[list[str]] = []
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []

    def visit(node: str) -> None:
        order[node] = low[node] = len(order)
        stack.append(node)
        for target in sorted(graph.get(node, ())):
            if target not in order:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], order[target])
        if low[node] == order[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(graph):
        if node not in order:
            visit(node)
    return found


def between_folders(graph: Graph) -> Graph:
    """Return the graph with every module as its folder; those of a folder that has subfolders stand for themselves."""
    folders = {module.rpartition(".")[0] for module in graph}
    with_subfolders = {folder.rpartition(".")[0] for folder in folders}

    def unit(module: str) -> str:
        folder = module.rpartition(".")[0]
        return module if folder in with_subfolders else folder

    merged: dict[str, set[str]] = defaultdict(set)
    for module, targets in graph.items():
        merged[unit(module)] |= {unit(target) for target in targets} - {unit(module)}
    return merged


def test_no_circle_of_imports() -> None:
    assert circles(import_graph()) == []


def test_imports_run_downwards_between_folders() -> None:
    assert circles(between_folders(import_graph())) == []


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_the_top_folders_import_one_way(folder: str) -> None:
    graph = import_graph()
    wrong = {
        module: sorted(outside)
        for module, targets in graph.items()
        if module.split(".")[0] == folder
        and (outside := {target.split(".")[0] for target in targets} - MAY_IMPORT[folder])
    }
    assert not wrong
    assert any(module.startswith(f"{folder}.") for module in graph)


def test_the_checks_see_a_circle_a_deferred_import_and_a_wrong_direction(tmp_path: Path) -> None:
    for folder in FOLDERS:
        (tmp_path / folder / "sub").mkdir(parents=True)
    (tmp_path / "retrieval" / "a.py").write_text("def f():\n    from .sub.b import x\n")
    (tmp_path / "retrieval" / "sub" / "b.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..a import f\n"
    )
    (tmp_path / "retrieval" / "sub" / "c.py").write_text("from quincunx.programs import d\n")
    (tmp_path / "programs" / "d.py").write_text("from ..retrieval.sub.e import y\n")
    (tmp_path / "retrieval" / "sub" / "e.py").write_text("y = 1\n")
    graph = import_graph(tmp_path)
    assert circles(graph) == [["retrieval.a", "retrieval.sub.b"]]
    assert graph["retrieval.sub.c"] == {"programs.d"}
    assert circles(between_folders(graph)) == [["programs", "retrieval.a", "retrieval.sub"]]


def test_no_folder_holds_more_modules_than_a_reader_takes_in() -> None:
    counts: dict[Path, int] = defaultdict(int)
    for path in modules().values():
        counts[path.parent] += path.name != "__init__.py"
    assert {str(folder): count for folder, count in counts.items() if count > MOST_MODULES} == {}


def test_no_file_holds_more_than_one_idea_can_fill() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in modules().values()}
    assert {path: lines for path, lines in lengths.items() if lines > MOST_LINES} == {}


def test_one_public_name_means_one_thing() -> None:
    homes: dict[str, set[str]] = defaultdict(set)
    for module, path in modules().items():
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                homes[node.name].add(module)
    twice = {
        name: sorted(found)
        for name, found in homes.items()
        if len(found) > 1 and not name.startswith("_") and name not in ONE_IDEA_ON_TWO_BACKENDS
    }
    assert twice == {}
