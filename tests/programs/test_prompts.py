"""What language models are told: no docstring meant for people, and nothing that DSPy is about to drop."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dspy
import pytest
from five_programs import SPECS

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("program", SPECS)
@pytest.mark.parametrize("adapter", [dspy.ChatAdapter, dspy.JSONAdapter])
def test_no_docstring_for_developers_is_in_a_prompt(program: str, adapter: type[dspy.Adapter]) -> None:
    messages = adapter().format(SPECS[program].signature, [], {"question": "q", "passages": []})
    text = "\n".join(message["content"] for message in messages)
    assert "Citation" in text or adapter is dspy.JSONAdapter
    assert not any(mark in text for mark in (">>>", "Example:", "quincunx", "Raises:"))


def test_a_call_of_each_program_meets_nothing_that_is_deprecated(canons: Path) -> None:
    code = (
        "import quincunx\n"
        "from five_programs import QUESTIONS\n"
        "from scripted import scripted\n"
        "for program, question in QUESTIONS.items():\n"
        "    assert quincunx.load(program)(question=question).answered\n"
        "    lm, engine = scripted(lambda prompt: 'no form')\n"
        "    try:\n"
        "        quincunx.load(program, lm=lm)(question=question)\n"
        "    except quincunx.ModelOutputError:\n"
        "        print(program, len(engine.prompts))\n"
    )
    command = [sys.executable, "-W", "error::DeprecationWarning", "-c", code]
    done = subprocess.run(command, cwd=TESTS, capture_output=True, text=True, check=False)
    assert done.stdout.split() == [word for program in SPECS for word in (program, "2")], done.stderr
