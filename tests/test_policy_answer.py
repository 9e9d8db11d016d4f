"""A program of one's own does all that the five do: `policy_answer`, defined in one file outside of the package."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promptable
import pytest
from handbook_gold import HANDBOOK, write_handbook_gold
from ollama_server import OllamaServer
from policy_answer import Policy, PolicyAnswer
from scripted import in_markers, scripted

import quincunx as q
from quincunx.eval.optimise.demo_optimisers import Bootstrap
from quincunx.eval.optimise.plan import plan_optimization
from quincunx.programs.artifact.diff import diff_artifacts
from quincunx.programs.artifact.read import read_artifact
from quincunx.programs.events import Done, Event, Token
from quincunx.programs.program import GroundedProgram
from quincunx.retrieval.index.manage import build_index

HERE = Path(__file__).parent
QUESTION = "until when can leave be carried over?"
PAGE = "leave.md"
QUOTE = "Up to five days may be carried over until the end of March."


def telling(text: str, quote: str = QUOTE) -> str:
    claim = {"text": text, "citations": [{"passage_id": PAGE, "quote": quote}]}
    return in_markers("policy", {"title": "made up", "sentences": [claim]})


@pytest.fixture
def handbook(home: Path) -> Path:
    """The home folder is one that holds the handbook's index."""
    build_index("handbook", [HANDBOOK])
    return home


@pytest.fixture
def handbook_gold(tmp_path: Path) -> Path:
    return write_handbook_gold(tmp_path / "handbook-gold")


@pytest.fixture
def server() -> Iterator[OllamaServer]:
    with OllamaServer() as running:
        running.script = promptable.answer
        yield running


async def streamed(program: GroundedProgram) -> list[Event]:
    return [event async for event in program.stream(QUESTION)]


def test_the_program_is_defined_in_one_short_file_that_uses_public_names_only() -> None:
    text = (HERE / "policy_answer.py").read_text()
    assert len(text.splitlines()) < 60
    assert "from quincunx import" in text
    assert "quincunx." not in text


def test_the_extractive_engine_fills_it_without_knowing_it(handbook: Path) -> None:
    answer = q.load("policy_answer")(question=QUESTION, country="Spain")
    assert isinstance(answer.output, Policy)
    assert answer.output.title == "Annual leave"
    assert QUOTE in [citation.quote for citation in answer.citations]
    assert answer.details == {"country": "Spain"}


def test_a_language_model_answers_it_and_is_held_to_the_passages(handbook: Path) -> None:
    lm, engine = scripted(lambda prompt: telling("Five days, until the end of March."))
    answer = q.load("policy_answer", lm=lm, cites="quotes")(question=QUESTION)
    assert (answer.answered, answer.output.title) == (True, "Annual leave")
    assert "country" in engine.prompts[0]
    lying, _ = scripted(lambda prompt: telling("As many as you like.", "Unlimited leave for all."))
    refused = q.load("policy_answer", lm=lying, cites="quotes")(question=QUESTION)
    assert not refused.answered
    assert (refused.output.sentences, refused.output.title) == ([], "")
    assert refused.dropped[0].rule == "no_such_quote"


@pytest.mark.parametrize("engine", ["extractive", "scripted"])
def test_it_is_streamed(handbook: Path, engine: str) -> None:
    lm = q.lm("extractive") if engine == "extractive" else scripted(lambda prompt: telling("Five days."))[0]
    program = q.load("policy_answer", lm=lm, cites="quotes")
    events = asyncio.run(streamed(program))
    assert isinstance(events[-1], Done)
    assert events[-1].answer.record() == program(question=QUESTION).record()
    assert "".join(event.text for event in events if isinstance(event, Token)).strip()


def test_it_is_saved_and_loaded_in_a_fresh_process_and_told_apart(handbook: Path) -> None:
    program = q.load("policy_answer")
    program.save("policy_first")
    program.predict.signature = PolicyAnswer.with_instructions("Answer in one sentence, from the passages.")
    program.save("policy_second")
    code = (
        "import json, policy_answer, quincunx\n"
        f"print(json.dumps(quincunx.load('policy_second')(question={QUESTION!r}).record()))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=HERE, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == program(question=QUESTION).record()
    first, second = (
        read_artifact(handbook / "programs" / name) for name in ("policy_first", "policy_second")
    )
    assert any("instructions changed" in line for line in diff_artifacts(first, second))


def test_a_saved_program_whose_kind_is_not_known_is_refused_with_the_remedy(handbook: Path) -> None:
    q.load("policy_answer").save("policy_saved")
    code = "import quincunx\nquincunx.load('policy_saved')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "UnknownProgramError: unknown program 'policy_answer'" in done.stderr
    assert "add_program" in done.stderr


def test_its_answers_are_evaluated_by_its_own_measures(
    handbook: Path, handbook_gold: Path, tmp_path: Path
) -> None:
    with q.evaluate_answers("policy_answer", handbook_gold, split="all", index="handbook") as run:
        means = run.means()
        page = run.write_page(tmp_path / "page.html").read_text()
        answers = run.summary.answers
    assert means["names_policy"].mean > 0.6
    assert means["citation_recall"].n == 20
    assert answers is not None
    assert answers.refusals.unanswerable_answered + answers.refusals.unanswerable_refused == 3
    assert "names_policy" in page
    assert "policy_answer" in page


def test_it_is_optimised_and_the_gain_is_on_the_page(
    server: OllamaServer, handbook: Path, handbook_gold: Path, tmp_path: Path
) -> None:
    lm = q.lm("ollama/qwen3", host=server.url, retries=0)
    few = Bootstrap(candidates=2)
    found = q.optimize("policy_answer", handbook_gold, optimizer=few, lm=lm, out=tmp_path / "run")
    gain = found.gain()
    assert gain is not None
    assert gain.result.n == 7
    assert {"names_policy", "kept"} <= {
        part for verdicts in found.scores.values() for v in verdicts.values() for part in v.parts
    }
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Gain on the test questions" in page
    assert "from the staff handbook" in page
    again = q.load(found.folder / "program", index="handbook", lm=lm)
    assert again(question=QUESTION).program == "policy_answer"


def test_the_command_line_asks_lists_tells_apart_and_evaluates_it(
    quincunx: Any, handbook: Path, handbook_gold: Path
) -> None:
    own = ("--program-module", "policy_answer")
    asked = quincunx("ask", "policy_answer", QUESTION, "--with", "country=Spain", "--json", *own).json
    assert asked["output"]["title"] == "Annual leave"
    q.load("policy_answer").save("policy_kept")
    assert "policy_answer" in quincunx("programs", "list", *own).out
    assert "policy_answer" in quincunx("programs", "show", "policy_kept", *own).out
    assert "no difference" in quincunx("programs", "diff", "policy_kept", "policy_kept", *own).out
    command = ("eval", "answers", "policy_answer", str(handbook_gold), "--index", "handbook", "--json", *own)
    evaluated = quincunx(*command).json
    assert "names_policy" in str(evaluated)


def test_an_installed_package_brings_programs_by_its_entry_points(handbook: Path, tmp_path: Path) -> None:
    facts = tmp_path / "handbook_app-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: handbook-app\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[quincunx.programs]\nstaff_answer = handbook_app:SPEC\n")
    (tmp_path / "handbook_app.py").write_text(
        "from policy_answer import PolicyAnswer\nfrom quincunx import ProgramSpec\n"
        "SPEC = ProgramSpec('staff_answer', PolicyAnswer, index='handbook')\n"
    )
    code = (
        f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(HERE)!r}]\n"
        "import json, quincunx; from quincunx.programs.registry import program_names\n"
        f"answer = quincunx.load('staff_answer')(question={QUESTION!r})\n"
        "print(json.dumps([program_names(), answer.program, answer.answered]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names, program, answered = json.loads(done.stdout)
    assert {"staff_answer", "chat_bridge"} <= set(names)
    assert (program, answered) == ("staff_answer", True)


def test_an_entry_point_that_leads_nowhere_is_one_typed_error(tmp_path: Path) -> None:
    facts = tmp_path / "broken_app-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-app\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[quincunx.programs]\nbroken = no_such_module:SPEC\n")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nimport quincunx\nquincunx.load('broken')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "ProgramSpecError: entry point 'broken'" in done.stderr


def test_a_loaded_program_is_optimised_from_where_it_is(handbook: Path, handbook_gold: Path) -> None:
    program = q.load("policy_answer", settings=q.SearchSettings(n=3))
    program.predict.signature = PolicyAnswer.with_instructions("Answer in one sentence, from the passages.")
    lm, engine = scripted(lambda prompt: telling("Five days."))
    plan = plan_optimization(program, handbook_gold, optimizer="bootstrap", lm=lm)
    assert plan.program is not program
    assert plan.program.predict.signature.instructions == "Answer in one sentence, from the passages."
    assert plan.program.retriever.settings.n == 3
    assert plan.metric.weights == {"names_policy": 2, "citation_recall": 2, "kept": 1}
    assert engine.prompts == []


@pytest.mark.parametrize(
    "call", [q.load, lambda program: plan_optimization(program, "builddaily", lm="openai/m")]
)
def test_what_is_no_program_is_one_typed_error(handbook: Path, call: Any) -> None:
    with pytest.raises(q.UsageError, match="a program is its name, or the folder of a saved one"):
        call(42)
