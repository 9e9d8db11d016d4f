"""The front door: it is light, its names are all there, and every error is typed."""

from __future__ import annotations

import ast
import importlib
import inspect
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import quincunx
from quincunx.retrieval import errors

ROOT = Path(__file__).parents[1]

ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "expandvars"}


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
        for folder in ("app", "eval", "programs", "retrieval", "signatures")
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


def test_every_public_name_can_be_had_and_comes_from_its_module() -> None:
    assert sorted(quincunx._HOMES) == sorted(quincunx.__all__)
    # What a reader raises never reaches a caller: its file is left out.
    raised = [name for name in quincunx.__all__ if name.endswith("Error") and name != "UnreadableFileError"]
    assert raised == errors.__all__
    for name in quincunx.__all__:
        home = importlib.import_module(quincunx._HOMES[name], "quincunx")
        assert getattr(quincunx, name) is getattr(home, name)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = quincunx.nothing


def error_classes() -> list[type[errors.QuincunxError]]:
    return [
        value
        for value in vars(errors).values()
        if inspect.isclass(value) and issubclass(value, errors.QuincunxError)
    ]


def test_an_error_is_the_same_in_another_process() -> None:
    own = {
        errors.EmptyQuestionError: ("",),
        errors.MissingExtraError: ("ray", "ray"),
        errors.ServiceUnreachableError: ("http://127.0.0.1:1", "refused"),
        errors.UnknownIndexError: ("a", ["b"], "home"),
        errors.UnknownProfileError: ("a", ["b"]),
        errors.UnknownProgramError: ("a", ["b"]),
        errors.UnknownNameError: ("a", ["b"]),
        errors.UnknownRunError: ("a", ["b"]),
    }
    for kind in error_classes():
        error = kind(*own.get(kind, ("said",)))
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), vars(again)) == (kind, str(error), vars(error))


def test_every_error_has_a_code_of_its_own_and_stands_in_the_tree() -> None:
    concrete = [error for error in error_classes() if error is not errors.UnknownNameError]
    codes = [error.code for error in concrete]
    assert len(set(codes)) == len(codes)
    assert all(error.__name__ in str(errors.__doc__) for error in concrete)
    assert sorted(error.__name__ for error in concrete) == errors.__all__
