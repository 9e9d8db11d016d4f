"""The programs by name: those of installed packages, quincunx's own among them, and those that were added."""

from __future__ import annotations

import functools
import importlib
from importlib.metadata import EntryPoint, entry_points

from ..retrieval.errors import ProgramSpecError, UnknownProgramError
from .spec import ProgramSpec

GROUP = "quincunx.programs"
"""Of entry points: each is named as its program and leads to a `ProgramSpec`."""

_added: dict[str, ProgramSpec] = {}


def add_program(spec: ProgramSpec) -> None:
    """Make a program of one's own known by its name, in this process.

    An installed package does the same for every process with an entry point of the group ``quincunx.programs``.

    Raises:
        ProgramSpecError: it is no `ProgramSpec`, or another program has its name.

    Example:
        >>> import dspy
        >>> class PolicyAnswer(dspy.Signature):
        ...     '''Answer from the handbook.'''
        ...     question: str = dspy.InputField()
        ...     passages: list[quincunx.Evidence] = dspy.InputField()
        ...     claims: list[quincunx.Claim] = dspy.OutputField()
        >>> quincunx.add_program(quincunx.ProgramSpec("policy_answer", PolicyAnswer))
        >>> quincunx.load("policy_answer", index="builddaily")(question="What is Sage Daily?").answered
        True
    """
    if not isinstance(spec, ProgramSpec):
        raise ProgramSpecError(f"add_program takes a ProgramSpec (got {spec!r:.80})")
    if spec.name in _installed() or _added.get(spec.name, spec) != spec:
        raise ProgramSpecError(f"a program {spec.name!r} is there already: choose another name")
    _added[spec.name] = spec
    program_spec.cache_clear()


def program_names() -> list[str]:
    """Return the names of all programs: those of installed packages, then those that were added."""
    return [*_installed(), *_added]


@functools.cache
def program_spec(name: str) -> ProgramSpec:
    """Return the program of that name; raises `UnknownProgramError`."""
    if name in _added:
        return _added[name]
    if name not in _installed():
        raise UnknownProgramError(name, program_names())
    return _load(name, _installed()[name])


def import_programs(module: str) -> None:
    """Import a module that adds programs; raises `ProgramSpecError` where it cannot be imported."""
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise ProgramSpecError(
            f"module {module!r} cannot be imported ({error}): name one that Python finds, such as my_app.programs, and "
            "that calls quincunx.add_program"
        ) from error


@functools.cache
def _installed() -> dict[str, EntryPoint]:
    """Return the entry points of programs by name, quincunx's own first."""
    found = list(entry_points(group=GROUP))
    found.sort(key=lambda point: not point.value.startswith("quincunx."))
    named: dict[str, EntryPoint] = {}
    for point in found:
        named.setdefault(point.name, point)
    return named


def _load(name: str, point: EntryPoint) -> ProgramSpec:
    try:
        spec = point.load()
    except (ImportError, AttributeError) as error:
        raise ProgramSpecError(
            f"entry point {name!r} of the group {GROUP} leads nowhere ({point.value}: {error}): mend or remove the package "
            "that brings it"
        ) from error
    if not isinstance(spec, ProgramSpec) or spec.name != name:
        raise ProgramSpecError(
            f"entry point {name!r} of the group {GROUP} must lead to the ProgramSpec of that name (got {spec!r:.80})"
        )
    return spec
