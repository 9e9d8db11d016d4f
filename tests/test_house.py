"""What holds the house together: import direction, a light front door, typed errors, a true face."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import quincunx
from quincunx.retrieval import errors

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "signatures": {"signatures"},
    "retrieval": {"retrieval"},
    "programs": {"programs", "retrieval", "signatures"},
    "eval": {"eval", "programs", "retrieval", "signatures"},
    "app": {"app", "eval", "programs", "retrieval", "signatures"},
}


ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "expandvars"}


def folders_imported(path: Path) -> set[str]:
    """Return the top-level folders of quincunx that a module imports from, relatively or absolutely."""
    package = ["quincunx", *path.relative_to(ROOT).parts[:-1]]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        modules: list[str] = []
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            modules = [module, *(f"{module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        found |= {name.split(".")[1] for name in modules if name.startswith("quincunx.")}
    return found & MAY_IMPORT.keys()


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_imports_run_one_way(folder: str) -> None:
    modules = sorted((ROOT / folder).rglob("*.py"))
    assert modules
    wrong = {
        str(path.relative_to(ROOT)): sorted(outside)
        for path in modules
        if (outside := folders_imported(path) - MAY_IMPORT[folder])
    }
    assert not wrong


def test_the_import_check_sees_a_wrong_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "retrieval").mkdir()
    (tmp_path / "retrieval" / "bad.py").write_text("from ..programs.answer import Answer\n")
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    assert folders_imported(tmp_path / "retrieval" / "bad.py") == {"programs"}


def test_signatures_import_only_dspy_and_pydantic() -> None:
    allowed = {"dspy", "pydantic", *sys.stdlib_module_names}
    for path in (ROOT / "signatures").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= allowed
            elif isinstance(node, ast.ImportFrom) and not node.level:
                assert str(node.module).split(".")[0] in allowed


def test_the_environment_is_read_in_one_module() -> None:
    reads = {
        str(path.relative_to(ROOT))
        for folder in MAY_IMPORT
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT)
        or (isinstance(node, ast.ImportFrom) and {alias.name for alias in node.names} & ENVIRONMENT)
    }
    # The command line sets defaults for libraries that read theirs when they are imported.
    assert reads == {"app/cli.py", "retrieval/environment.py"}


def test_importing_quincunx_is_light() -> None:
    code = (
        "import sys, quincunx; "
        "print(sorted({'torch', 'faiss', 'dspy', 'transformers', 'sentence_transformers', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_command_line_starts_without_the_heavy_libraries() -> None:
    code = "import sys, quincunx.app.cli; print(sorted({'torch', 'faiss', 'dspy', 'transformers'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_all_names_every_public_name_and_each_can_be_had() -> None:
    assert sorted(quincunx.__all__) == quincunx.__all__
    assert sorted(quincunx._HOMES) == quincunx.__all__
    for name in quincunx.__all__:
        assert getattr(quincunx, name) is getattr(
            importlib.import_module(quincunx._HOMES[name], "quincunx"), name
        )
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = quincunx.nothing


def error_classes() -> list[type[errors.QuincunxError]]:
    return [
        value
        for value in vars(errors).values()
        if inspect.isclass(value) and issubclass(value, errors.QuincunxError)
    ]


def test_every_error_has_a_code_of_its_own_and_stands_in_the_tree() -> None:
    concrete = [error for error in error_classes() if error is not errors.UnknownNameError]
    codes = [error.code for error in concrete]
    assert len(set(codes)) == len(codes)
    assert all(error.__name__ in str(errors.__doc__) for error in concrete)


def test_no_module_holds_more_than_one_idea_can_fill() -> None:
    lengths = {
        path: len(path.read_text().splitlines())
        for folder in MAY_IMPORT
        for path in (ROOT / folder).rglob("*.py")
    }
    assert {str(path): lines for path, lines in lengths.items() if lines > 450} == {}
