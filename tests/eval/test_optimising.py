"""Optimisation against a model whose answers depend on its prompt (see `promptable`), over an Ollama test server.

1. What is optimised is better on test questions, the artifact comes back the same, the estimate holds.
2. Where nothing can be gained, nothing is claimed.
3. Killed anywhere, a run goes on, pays for nothing twice, and ends as it would have.
4. No budget is passed, and what it holds is kept.
5. Wrong input, and a language model that is down, cost nothing.
6. Every question is searched for once, and memory does not grow with the index.
"""

from __future__ import annotations

import json
import logging
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import dspy
import promptable
import pytest
from conftest import TORTURE
from gold_sets import hashing_profile, write_dealt_gold, write_split_gold
from ollama_server import Fault, OllamaServer
from optimise_worker import SMALL, planned
from parts import Hashing, Shortest
from typer.testing import CliRunner

import quincunx
from quincunx.app.cli import app
from quincunx.eval.goldsets.goldset import canon_folder
from quincunx.eval.optimise.call_ledger import CallLedger
from quincunx.eval.optimise.demo_optimisers import Bootstrap
from quincunx.eval.optimise.optimisers import OPTIMIZERS, Chain, Gepa, Mipro
from quincunx.eval.optimise.plan import LOOKED_AT, Plan, plan_optimization
from quincunx.eval.optimise.result import REPORT
from quincunx.eval.optimise.run import run_optimization
from quincunx.eval.optimise.spending import Caps
from quincunx.eval.optimise.student import SHOWN, TrialLog, make_student
from quincunx.eval.prices import Price
from quincunx.eval.report.run_entries import run_entry
from quincunx.programs.answer import Answer
from quincunx.programs.artifact.diff import diff_artifacts
from quincunx.programs.artifact.read import read_artifact
from quincunx.programs.spec import GENERIC_PARTS
from quincunx.retrieval.errors import (
    BoundError,
    GoldSetError,
    LanguageModelError,
    OllamaUnreachableError,
    QuincunxError,
    RunMismatchError,
    UsageError,
)
from quincunx.retrieval.models.profiles import DEFAULT_PROFILE, Profile, add_profile
from quincunx.retrieval.models.rerankers import Scores
from quincunx.retrieval.settings import SearchSettings
from quincunx.retrieval.storage.home import HOME_VARIABLE

PROGRAMS = ("resource_search", "chat_bridge")
WORKER = Path(__file__).parents[1] / "optimise_worker.py"
KILLS = 10 if TORTURE else 2
WORKERS = 8
SEEDS = range(20) if TORTURE else range(1)
log = logging.getLogger(__name__)


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("optimising")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(folder))
        yield folder


@pytest.fixture(scope="module")
def builddaily(home: Path, canon_index: Callable[[str], Path]) -> str:
    """The name of an index of that canon in the home folder."""
    shutil.copytree(canon_index("builddaily"), home / "indexes" / "builddaily")
    return "builddaily"


@pytest.fixture(scope="module")
def gold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_split_gold(tmp_path_factory.mktemp("gold") / "split", "chat_bridge")


@pytest.fixture
def server() -> Iterator[OllamaServer]:
    with OllamaServer() as running:
        running.script = promptable.answer
        yield running


def chats(server: OllamaServer) -> int:
    return sum(request.path == "/api/chat" for request in server.requests)


# 1. Gains


@pytest.mark.torture
@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_is_optimised_is_better_on_the_test_questions(
    server: OllamaServer, builddaily: str, tmp_path: Path, program: str, name: str
) -> None:
    if not TORTURE and (program, name) != ("chat_bridge", "bootstrap"):
        pytest.skip("in make torture")
    lm = quincunx.lm("ollama/qwen3", host=server.url, retries=0)
    plan = plan_optimization(
        program, "builddaily", optimizer=name, lm=lm, index=builddaily, out=tmp_path / "run"
    )
    found = run_optimization(plan)
    gain = found.gain()
    assert gain is not None
    result = gain.result
    taken = found.spent.input_tokens + found.spent.output_tokens
    log.warning(
        "%s %s: test %.3f → %.3f, %+.3f [%.3f, %.3f]; %d calls, %d expected; %d tokens, %d expected; %d answers, searches %s",
        program, name, result.mean_a, result.mean_b, result.difference, result.low, result.high,
        found.spent.calls, plan.estimate.calls, taken, plan.estimate.tokens, found.evaluations, found.searches,
    )  # fmt: skip
    assert result.low > 0
    assert run_entry(found.folder).tokens == taken
    assert len(found.changed) == result.wins + result.losses
    assert {fact for fact in found.facts if fact[0] in ("program", "language model", "budget")} == {
        ("program", program), ("language model", "ollama/qwen3"), ("budget", "no bound"),
    }  # fmt: skip
    # Prompts that do not fit the window fail before they are sent.
    assert found.spent.calls - found.spent.failed == chats(server)
    assert plan.estimate.calls == pytest.approx(found.spent.calls, rel=0.3)
    assert plan.estimate.tokens == pytest.approx(taken, rel=0.3)
    questions = {question.text for gold in plan.splits.values() for question in gold.questions.values()}
    assert found.searches[1] <= len(questions)
    assert found.evaluations > 2 * found.searches[1]
    verdicts_after = found.scores[f"after {found.seed}"]
    asked = list(verdicts_after)
    again = fresh(found.folder / "program", program, server.url, asked)
    assert again == {id: verdicts_after[id].score for id in asked}
    for tested, counts in found.refusals.items():
        verdicts = found.scores[tested].values()
        assert sum(asdict(counts).values()) == sum(verdict.failed is None for verdict in verdicts)
        assert counts.unanswerable_refused == sum(v.score == 1 and not v.answered for v in verdicts)
    changes = diff_artifacts(*(read_artifact(found.folder / saved) for saved in ("before", "program")))
    assert any("demo added" in line or "instructions changed" in line for line in changes)


def fresh(saved: Path, program: str, url: str, asked: list[str]) -> dict[str, float]:
    """Return the scores of a saved program on test questions, in a process of its own."""
    code = f"""
import json, dspy, quincunx
from pathlib import Path
from quincunx.eval.runs.answer_run import inputs_of
from quincunx.eval.optimise.plan import plan_optimization
lm = quincunx.lm("ollama/qwen3", host={url!r}, retries=0)
plan = plan_optimization({program!r}, "builddaily", lm=lm, index="builddaily", out=Path("nowhere"))
loaded = quincunx.load({str(saved)!r}, index=plan.handle.inner)
import sys
from quincunx.eval.optimise.metric import example_of
with dspy.context(lm=lm):
    told = {{}}
    for question in map(plan.splits["test"].questions.get, {asked!r}):
        inputs = inputs_of(loaded, question)
        told[question.id] = plan.metric(example_of(question, inputs), loaded(**inputs)).score
sys.stdout.write(json.dumps(told))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    scores: dict[str, float] = json.loads(done.stdout)
    return scores


def test_several_seeds_are_compared_and_the_best_on_dev_is_saved(
    server: OllamaServer, gold: Path, tmp_path: Path
) -> None:
    found = run_optimization(planned("chat_bridge", "gepa", gold, tmp_path / "run", server.url, seeds=(3, 4)))
    assert {(gain.seed, gain.baseline) for gain in found.gains} == {
        (seed, baseline) for seed in (3, 4, None) for baseline in ("before", "few-shot")
    }
    assert found.dev[found.seed] == max(score for score in found.dev.values() if score is not None)
    each = [gain.result.difference for gain in found.gains if gain.baseline == "before"]
    assert each[2] == pytest.approx((each[0] + each[1]) / 2)


# 2. Nothing to gain


@pytest.mark.torture
def test_where_gold_is_dealt_out_at_random_no_gain_is_claimed_and_elsewhere_it_is(
    server: OllamaServer, builddaily: str, tmp_path: Path
) -> None:
    def outcome(seed: int | None) -> str:
        dealt = write_dealt_gold(
            tmp_path / f"gold{seed}", canon_folder("builddaily"), "resource_search", seed
        )
        out = tmp_path / f"run{seed}"
        plan = planned(
            "resource_search", "mipro", dealt, out, server.url, profile=DEFAULT_PROFILE, index=builddaily,
            seeds=[seed or 0], workers=WORKERS,
        )  # fmt: skip
        gain = run_optimization(plan).gain()
        assert gain is not None
        return gain.result.outcome

    assert outcome(None) == "better"
    claims = sum(outcome(seed) == "better" for seed in SEEDS)
    log.warning("%d claims of gain over %d seeds of gold dealt out at random", claims, len(SEEDS))
    assert claims <= len(SEEDS) // 10


def test_a_model_that_never_hits_the_form_learns_it_from_the_answers_of_another(
    server: OllamaServer, gold: Path, tmp_path: Path
) -> None:
    def lost(body: dict[str, Any]) -> str:
        shown = any(message["role"] == "assistant" for message in body["messages"])
        return promptable.answer(body) if shown else "I would rather talk about the weather."

    server.script = lost
    with OllamaServer() as stronger:
        stronger.script = promptable.answer
        writer = quincunx.lm("ollama/qwen3", host=stronger.url, retries=0)
        plan = planned(
            "chat_bridge", "bootstrap", gold, tmp_path / "taught", server.url, prompt_lm=writer, taught=True
        )
        found = run_optimization(plan)
        gain = found.gain()
        assert gain is not None
        assert gain.result.wins > gain.result.losses == 0
        assert gain.failed == (16.0, 0.0)
        assert 1 < chats(stronger) <= 1 + len(plan.splits["train"].questions)
        assert ("writes prompts and demos", "ollama/qwen3") in found.facts
        alone = run_optimization(
            planned("chat_bridge", "bootstrap", gold, tmp_path / "alone", server.url, prompt_lm=writer)
        )
        assert all(not predictor["demos"] for predictor in alone.after.values())
        assert alone.scores["before"] == found.scores["before"]


# 3. Kills


@pytest.mark.torture
@pytest.mark.parametrize("optimizer", ["bootstrap", "mipro", "gepa"] if TORTURE else ["mipro"])
def test_a_killed_run_of_many_workers_ends_as_an_undisturbed_one_of_one(
    server: OllamaServer, gold: Path, tmp_path: Path, optimizer: str
) -> None:
    whole = tmp_path / "whole" / "run"
    made = finish(worker(optimizer, gold, whole, server.url, workers=1))["made"]
    once = Counter(json.dumps(body, sort_keys=True) for body in server.sent("/api/chat"))
    assert made == once.total()
    moments = sorted(random.Random(optimizer).sample(range(1, made), KILLS))
    killed = tmp_path / "killed" / "run"
    victims: list[subprocess.Popen[str]] = []
    asked: Counter[str] = Counter()
    lock = threading.Lock()

    def deadly(body: dict[str, Any]) -> str:
        with lock:
            asked[json.dumps(body, sort_keys=True)] += 1
            if len(victims) <= KILLS and asked.total() >= moments[len(victims) - 1]:
                victims[-1].send_signal(signal.SIGKILL)
        time.sleep(0.05)  # so that the workers ask at once
        return promptable.answer(body)

    server.script = deadly
    for _ in range(KILLS):
        with lock:
            victims.append(worker(optimizer, gold, killed, server.url, workers=WORKERS))
        assert victims[-1].wait() == -signal.SIGKILL, victims[-1].communicate()
    with lock:
        victims.append(worker(optimizer, gold, killed, server.url, workers=WORKERS))
    finish(victims[-1])
    ahead = set(asked) - set(once)  # of train questions that one worker does not come to
    repeated = (asked - once - Counter(ahead)).total()
    log.warning(
        "%s: %d calls of one worker; %d ahead and %d repeated by %d with %d kills",
        optimizer, made, len(ahead), repeated, WORKERS, KILLS,
    )  # fmt: skip
    assert not once - asked
    assert len(ahead) < WORKERS
    assert repeated <= KILLS * WORKERS
    files = sorted(path.name for path in (whole / "program").iterdir())
    assert files == sorted(path.name for path in (killed / "program").iterdir())
    assert all(
        (whole / "program" / name).read_bytes() == (killed / "program" / name).read_bytes() for name in files
    )
    assert report(whole) == report(killed)


def worker(optimizer: str, gold: Path, out: Path, url: str, workers: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(WORKER), "chat_bridge", optimizer, str(gold), str(out), url, str(workers)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> dict[str, int]:
    out, err = process.communicate()
    assert process.returncode == 0, err
    told: dict[str, int] = json.loads(out)
    return told


def report(folder: Path) -> dict[str, Any]:
    """Return a report without what depends on how it came to be.

    Every run that ends adds to the looks, and several workers answer train questions ahead that one does not come to.
    """
    told: dict[str, Any] = json.loads((folder / REPORT).read_text())
    for name in ("look", "evaluations", "searches", "spent"):
        del told[name]
    return told


def test_a_run_that_ended_is_replayed_for_nothing_and_another_configuration_is_refused(
    server: OllamaServer, gold: Path, tmp_path: Path
) -> None:
    first = run_optimization(planned("chat_bridge", "bootstrap", gold, tmp_path / "run", server.url))
    before = chats(server)
    second = run_optimization(planned("chat_bridge", "bootstrap", gold, tmp_path / "run", server.url))
    assert chats(server) == before
    assert (second.spent.made, second.look) == (0, first.look + 1)
    other = planned("chat_bridge", "bootstrap", gold, tmp_path / "none", server.url)
    other.program.retriever.handle = other.handle.inner
    other.program.retriever.settings = SearchSettings(n=4)
    other.program.save(tmp_path / "other")
    with pytest.raises(RunMismatchError, match="search"):
        run_optimization(planned(str(tmp_path / "other"), "bootstrap", gold, tmp_path / "run", server.url))
    with pytest.raises(RunMismatchError, match="seeds"):
        run_optimization(planned("chat_bridge", "bootstrap", gold, tmp_path / "run", server.url, seeds=[9]))
    forked = run_optimization(
        planned("chat_bridge", "bootstrap", gold, tmp_path / "run", server.url, seeds=[9], fork=True)
    )
    assert forked.folder.name == "run-2"


# 4. Caps


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("workers", [1, WORKERS])
def test_no_optimizer_makes_a_21st_call_of_20(
    server: OllamaServer, gold: Path, tmp_path: Path, optimizer: str, workers: int
) -> None:
    caps = Caps(calls=20)
    only = planned(
        "chat_bridge",
        optimizer,
        gold,
        tmp_path / "run",
        server.url,
        caps=caps,
        workers=workers,
        search_only=True,
    )
    found = run_optimization(only)
    assert found.spent.calls == chats(server) <= 20
    assert any("budget" in note for note in found.notes)
    quincunx.load(
        str(found.folder / "program"),
        index=planned("chat_bridge", optimizer, gold, tmp_path / "other", server.url).handle.inner,
    )


def test_what_judges_on_test_is_kept_back_where_half_the_budget_holds_it(
    server: OllamaServer, gold: Path, tmp_path: Path
) -> None:
    plan = planned("chat_bridge", "mipro", gold, tmp_path / "run", server.url, caps=Caps(calls=100))
    assert plan.estimate.tests <= 50
    found = run_optimization(plan)
    assert found.gain() is not None
    assert any("kept for" in note for note in found.notes)
    assert found.spent.calls <= 100


def test_a_budget_that_holds_no_verdict_is_refused_with_the_least_that_does(
    server: OllamaServer, gold: Path, tmp_path: Path
) -> None:
    prices = {"task": Price(1.0, 1.0), "prompt": Price(1.0, 1.0)}
    for caps in (Caps(calls=50), Caps(tokens=9_000), Caps(usd=0.009)):
        with pytest.raises(BoundError, match=r"holds no verdict.* at the least.*--search-only"):
            planned("chat_bridge", "gepa", gold, tmp_path / "run", server.url, caps=caps, prices=prices)
    assert chats(server) == 0
    free = planned("chat_bridge", "gepa", gold, tmp_path / "run", server.url)
    assert free.budget_words() == ""
    least = Caps(calls=free.estimate.least.calls)
    plan = planned("chat_bridge", "gepa", gold, tmp_path / "run", server.url, caps=least)
    assert re.search(r"holds the verdict .* and about \d+% of the search", plan.budget_words())
    assert run_optimization(plan).gain() is not None
    ample = planned("chat_bridge", "gepa", gold, tmp_path / "run", server.url, caps=Caps(calls=10_000))
    assert ample.budget_words() == "The budget holds all of it."


def test_a_search_alone_is_judged_by_the_same_run_later(
    server: OllamaServer, gold: Path, tmp_path: Path
) -> None:
    only = run_optimization(
        planned("chat_bridge", "bootstrap", gold, tmp_path / "run", server.url, search_only=True)
    )
    assert (only.gain(), only.look) == (None, 0)
    assert any("search alone" in note for note in only.notes)
    judged = run_optimization(planned("chat_bridge", "bootstrap", gold, tmp_path / "run", server.url))
    assert judged.gain() is not None
    assert 0 < judged.spent.made <= judged.estimate.tests


@pytest.mark.parametrize(
    ("caps", "workers"), [(Caps(tokens=20_000), 1), (Caps(usd=0.02), 1), (Caps(usd=0.02), 2)]
)
def test_tokens_and_dollars_end_a_run_at_the_call_that_passes_them(
    server: OllamaServer, gold: Path, tmp_path: Path, caps: Caps, workers: int
) -> None:
    prices = {"task": Price(1.0, 1.0), "prompt": Price(1.0, 1.0)}
    plan = planned(
        "chat_bridge", "mipro", gold, tmp_path / "run", server.url, caps=caps, prices=prices, workers=workers,
        search_only=True,
    )  # fmt: skip
    spent = run_optimization(plan).spent
    tokens = spent.input_tokens + spent.output_tokens
    assert spent.usd == pytest.approx(tokens / 1e6)
    assert 20_000 <= tokens < 24_000


# 5. Wrong input


def test_wrong_input_is_refused_before_anything_is_asked(
    server: OllamaServer, gold: Path, tmp_path: Path
) -> None:
    untrained, leaking, unsplit = (tmp_path / name for name in ("untrained", "leaking", "unsplit"))
    write_split_gold(unsplit, "chat_bridge")
    queries = (unsplit / "queries.jsonl").read_text()
    (unsplit / "queries.jsonl").write_text(
        re.sub(r'"answerable": false, "split": "\w+"', '"answerable": false', queries)
    )
    shutil.copytree(gold, untrained)
    (untrained / "qrels" / "train.tsv").unlink()
    shutil.copytree(gold, leaking)
    test = leaking / "qrels" / "test.tsv"
    rows = (leaking / "qrels" / "dev.tsv").read_text().splitlines()
    test.write_text(
        test.read_text()
        + test.read_text().splitlines()[1].split("\t")[0]
        + "\t"
        + rows[1].split("\t")[1]
        + "\t1\n"
    )
    wrong: list[tuple[type[QuincunxError], str, dict[str, Any]]] = [
        (GoldSetError, "train", {"gold": untrained}),
        (GoldSetError, "document_in_two_splits", {"gold": leaking}),
        (GoldSetError, "is in train and in dev", {"gold": unsplit}),
        (BoundError, "unknown part", {"weights": {"charm": 1}}),
        (BoundError, "0 or more", {"seeds": [-1]}),
        (UsageError, "both language models", {"prices": {"prompt": Price(1.0, 1.0)}}),
        (BoundError, "seeds", {"seeds": []}),
        (BoundError, r"workers must be at least 1 \(got 0\)", {"workers": 0}),
        (UsageError, "prices", {"caps": Caps(usd=1.0)}),
        (UsageError, "need one: give prompt_lm", {"taught": True}),
    ]
    for error, words, options in wrong:
        with pytest.raises(error, match=words):
            planned("chat_bridge", "gepa", options.pop("gold", gold), tmp_path / "run", server.url, **options)
    budgets: tuple[dict[str, Any], ...] = ({"calls": 0}, {"tokens": -1}, {"usd": 0.0})
    for budget in budgets:
        with pytest.raises(BoundError, match="over 0"):
            Caps(**budget)
    with pytest.raises(UsageError, match="unknown optimizer"):
        plan_optimization(
            "chat_bridge", gold, optimizer="magic", lm=quincunx.lm("ollama/qwen3", host=server.url)
        )
    for chosen, words in (
        (Gepa(at_once=0), r"at_once of Gepa must be at least 1 \(got 0\)"),
        (Mipro(candidates=2), r"candidates of Mipro must be at least 3 \(got 2\)"),
        (Chain(Bootstrap(demos=-1)), "demos of Bootstrap must be at least 0"),
    ):
        with pytest.raises(BoundError, match=words):
            plan_optimization(
                "chat_bridge", gold, optimizer=chosen, lm=quincunx.lm("ollama/qwen3", host=server.url)
            )
    with pytest.raises(UsageError, match="only quotes"):
        plan_optimization("chat_bridge", gold, lm=quincunx.lm("extractive"))
    assert chats(server) == 0
    assert not (tmp_path / "run").exists()


def test_a_model_that_is_down_ends_the_run_before_it_begins(gold: Path, tmp_path: Path) -> None:
    with pytest.raises(OllamaUnreachableError):
        run_optimization(planned("chat_bridge", "gepa", gold, tmp_path / "run", "http://127.0.0.1:9"))


@pytest.mark.parametrize("down", ["lm", "prompt_lm"])
def test_a_run_that_could_not_begin_begins_once_its_models_are_up(
    server: OllamaServer, gold: Path, tmp_path: Path, down: str
) -> None:
    with OllamaServer() as another:
        another.script = promptable.answer
        broken = another if down == "prompt_lm" else server
        broken.fail("/api/chat", Fault.RUNNER_DEATH)

        def plan() -> Plan:
            writer = quincunx.lm("ollama/qwen3", host=another.url, retries=0)
            return planned("chat_bridge", "bootstrap", gold, tmp_path / "run", server.url, prompt_lm=writer)

        with pytest.raises(QuincunxError, match="died"):
            run_optimization(plan())
        assert run_optimization(plan()).gain() is not None


def test_a_budget_that_does_not_hold_the_opening_calls_is_an_error(
    server: OllamaServer, gold: Path, tmp_path: Path
) -> None:
    writer = quincunx.lm("ollama/writer", host=server.url, retries=0)
    plan = planned(
        "chat_bridge",
        "gepa",
        gold,
        tmp_path / "run",
        server.url,
        prompt_lm=writer,
        caps=Caps(calls=1),
        search_only=True,
    )
    with pytest.raises(BoundError, match="opening calls: 1 calls of 1 are spent"):
        run_optimization(plan)


def test_a_malformed_first_reply_does_not_block_the_run(
    server: OllamaServer, gold: Path, tmp_path: Path
) -> None:
    asked = 0

    def stammering(body: dict[str, Any]) -> str:
        nonlocal asked
        asked += 1
        return "what?" if asked <= 2 else promptable.answer(body)

    server.script = stammering
    found = run_optimization(planned("chat_bridge", "bootstrap", gold, tmp_path / "run", server.url))
    assert found.gain() is not None


def test_a_model_for_prompts_that_goes_down_ends_the_run(
    server: OllamaServer, gold: Path, tmp_path: Path
) -> None:
    with OllamaServer() as another:
        another.script = promptable.answer
        writer = quincunx.lm("ollama/qwen3", host=another.url, retries=0)
        plan = planned("chat_bridge", "gepa", gold, tmp_path / "run", server.url, prompt_lm=writer)
        calls = 0

        def dying(body: dict[str, Any]) -> str:
            nonlocal calls
            calls += 1
            another.fail("/api/chat", Fault.RUNNER_DEATH, times=1000)
            return promptable.answer(body)

        another.script = dying
        with pytest.raises(LanguageModelError, match="in a row"):
            run_optimization(plan)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_model_that_goes_down_ends_the_run_and_what_was_paid_is_kept(
    server: OllamaServer, gold: Path, tmp_path: Path, optimizer: str
) -> None:
    calls = 0

    def dying(body: dict[str, Any]) -> str:
        nonlocal calls
        calls += 1
        if calls == 20:
            server.fail("/api/chat", Fault.RUNNER_DEATH, times=1000)
        return promptable.answer(body)

    server.script = dying
    with pytest.raises(QuincunxError):
        run_optimization(planned("chat_bridge", optimizer, gold, tmp_path / "run", server.url))
    with closing(CallLedger(tmp_path / "run", Caps(), {})) as kept:
        assert 20 <= kept.spent.calls < 40
    assert not (tmp_path / "run" / "program").exists()


# 6. Retrieval and memory


def test_a_run_of_300_answers_searches_and_reranks_each_question_once(
    server: OllamaServer, gold: Path, tmp_path: Path
) -> None:
    read: Counter[str] = Counter()

    class Counting(Shortest):
        def score(self, question: str, passages: Sequence[str]) -> Scores:
            read[question] += 1
            return super().score(question, passages)

    add_profile(Profile("counting", Hashing, Counting))
    plan = planned(
        "chat_bridge", "simba", gold, tmp_path / "run", server.url, seeds=(0, 1, 2), profile="counting"
    )
    found = run_optimization(plan)
    assert found.spent.failed == 0
    assert found.evaluations >= 300
    asked = {q.text for questions in plan.splits.values() for q in questions.questions.values()}
    assert read == dict.fromkeys(asked, 1)
    assert found.searches == (found.evaluations + LOOKED_AT + 1, len(asked))


def test_an_optimizer_shows_what_was_answered_and_not_all_that_was_searched(
    server: OllamaServer, gold: Path, tmp_path: Path
) -> None:
    plan = planned("chat_bridge", "simba", gold, tmp_path / "run", server.url)
    student = make_student(plan.program, TrialLog([], plan.leak_filter(), lambda: None))
    question = next(iter(plan.splits["dev"].questions.values()))
    with dspy.context(lm=plan.lm):
        shown, whole = student(question=question.text), plan.program(question=question.text)
    told = json.loads(json.dumps(dict(shown)))
    assert set(told) == set(SHOWN)
    assert told["passages"] == [
        {"id": each.id, "title": each.title, "text": each.text, "rank": rank}
        for rank, each in enumerate(whole.passages, 1)
    ]
    assert isinstance(shown, Answer)
    assert (shown.record(), shown.output, shown.candidates) == (
        whole.record(),
        whole.output,
        whole.candidates,
    )


@pytest.mark.torture
def test_simba_over_a_large_index_takes_the_memory_of_a_single_answer(tmp_path: Path) -> None:
    passages = 100_000 if TORTURE else 2_000
    told = {}
    for what in ("build", "answer", "simba"):
        done = subprocess.run(
            [sys.executable, str(WORKER.with_name("memory_worker.py")), what, str(passages), str(tmp_path)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        told[what] = json.loads(done.stdout or "0")
    log.warning("peak memory over %d passages, in MiB: %s", passages, told)
    assert told["simba"] <= 1.1 * told["answer"]


def test_every_part_is_known_to_some_program() -> None:
    assert {"citation_recall", "kept", "quote_faithfulness"} <= set(GENERIC_PARTS)
    assert set(SMALL) == set(OPTIMIZERS)


# 7. The command and the page


def test_the_command_tells_the_price_first_and_the_gain_last(
    server: OllamaServer, gold: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", server.url)
    command = [
        "optimize", "chat_bridge", str(gold), "--optimizer", "bootstrap", "--lm", "ollama/qwen3",
        "--profile", hashing_profile(), "--out", str(tmp_path / "run"), "--prices", "1,2",
    ]  # fmt: skip
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "16 train, 16 dev, 16 test questions" in " ".join(done.stderr.split())
    assert "tokens, about $" in " ".join(done.stderr.split())
    assert "gain on the test questions" in done.stdout
    assert "demo added" in done.stdout or "instructions changed" in done.stdout
    again = CliRunner().invoke(app, [*command, "--json"], catch_exceptions=False)
    told = json.loads(again.stdout)
    assert told["spent"]["calls"] == chats(server)
    page = (tmp_path / "run" / "report.html").read_text()
    for part in ("Gain on the test questions", "The search", "Before", "After", "default-src 'none'"):
        assert part in page
    assert "<script" not in page
    for name, value in (("--budget-calls", "0"), ("--optimizer", "magic"), ("--metric", "charm=1")):
        refused = CliRunner().invoke(app, [*command, name, value])
        assert isinstance(refused.exception, UsageError)
