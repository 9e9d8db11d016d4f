"""The programs that quincunx brings, and the question that each is shown with."""

from __future__ import annotations

from quincunx.programs.registry import program_names, program_spec

SPECS = {name: program_spec(name) for name in program_names()}
QUESTIONS = {name: spec.example for name, spec in SPECS.items()}
