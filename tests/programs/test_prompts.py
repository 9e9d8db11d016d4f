"""What language models are told: no docstring meant for people, and nothing that DSPy is about to drop."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import dspy
import pytest
from five_programs import SPECS

from quincunx.programs.prompt.citing import CitingAdapter
from quincunx.programs.prompt.compact_adapter import BOUNDS, CompactAdapter
from quincunx.programs.prompt.rules import RULES, Cites
from quincunx.signatures.evidence import Evidence

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("program", SPECS)
@pytest.mark.parametrize("cites", RULES)
@pytest.mark.parametrize("adapter", [CompactAdapter, dspy.ChatAdapter, dspy.JSONAdapter])
def test_no_docstring_for_developers_is_in_a_prompt(
    program: str, adapter: type[dspy.Adapter], cites: Cites
) -> None:
    inputs = dict.fromkeys(SPECS[program].signature.input_fields, "")
    form = CitingAdapter(adapter(), cites)
    messages = form.format(SPECS[program].signature, [], {**inputs, "question": "q", "passages": []})
    text = "\n".join(message["content"] for message in messages)
    assert "Citation" in text or cites == "numbers" or adapter is not dspy.ChatAdapter
    assert not any(mark in text for mark in (">>>", "Example:", "quincunx", "Raises:"))


def test_the_compact_prompt_says_rules_form_and_bounds_before_what_was_given() -> None:
    """What is the same for all questions comes first, and the question last, so that servers read the rest once."""
    passage = Evidence(id="bd-1", title="Sage", text="Sage answers.", about={"kind": "page"})
    inputs = {"history": [], "question": "What is Sage?", "passages": [passage]}
    signature = SPECS["chat_bridge"].signature
    system, asked = CitingAdapter(CompactAdapter(), "numbers").format(signature, [], inputs)
    assert system["content"].split("\n") == [
        *f"{signature.instructions} {RULES['numbers']}".split("\n"),
        "",
        "Reply with one JSON object of this form, and nothing else:",
        '{"sentences": [{"cites": [1], "text": "…"}], "between": []}',
        "- sentences: the answer, one claim a sentence; empty if the passages lack it",
        "- between: only when the question's name fits several products: the passages it may mean; else empty",
        BOUNDS,
    ]
    assert asked["content"] == (
        "[[ ## passages ## ]]\nP1 Sage (kind: page)\n[1] Sage answers.\n\n[[ ## question ## ]]\nWhat is Sage?"
    )
    assert "bd-1" not in asked["content"]


@pytest.mark.parametrize("program", SPECS)
def test_a_model_is_not_asked_for_what_the_check_fills_in(program: str) -> None:
    form = CitingAdapter(CompactAdapter(), "numbers")
    system = form.format(SPECS[program].signature, [], {"question": "q", "passages": []})[0]["content"]
    example = json.dumps(json.loads(system.split("and nothing else:\n")[1].split("\n")[0]))
    filled_in = ("citations", "quote", "link", "start", "end", "title", "as_of", "event", "date")
    assert '"cites": [1]' in example
    assert not any(f'"{name}"' in example for name in filled_in)


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
