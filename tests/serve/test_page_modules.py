"""The page's modules by themselves, under Node: reading streams, placing quotes, links, names of cards."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from quincunx.app.serve.page_files import FOLDER, PAGE_PATHS

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed: apt-get install nodejs")
MOST_LINES = 400


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the page's modules that Node takes for what they are."""
    folder = tmp_path_factory.mktemp("modules") / "page"
    shutil.copytree(FOLDER, folder)
    (folder / "package.json").write_text('{"type": "module"}')
    return folder


def evaluate(modules: Path, module: str, names: str, expression: str) -> Any:
    """Return what an expression over names of a module gives."""
    script = f"import {{ {names} }} from './{module}'; console.log(JSON.stringify({expression}))"
    done = subprocess.run(
        [str(NODE), "--input-type=module", "-e", script],
        cwd=modules,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@needs_node
@pytest.mark.parametrize("name", sorted(path.name for path in PAGE_PATHS.values() if path.suffix == ".js"))
def test_every_module_parses(modules: Path, name: str) -> None:
    done = subprocess.run([str(NODE), "--check", modules / name], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_files_are_short_and_write_no_markup() -> None:
    for name, path in PAGE_PATHS.items():
        text = path.read_text("utf-8")
        assert len(text.splitlines()) <= MOST_LINES, name
        for way in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "style=",
        ):
            assert way not in text, (name, way)
        for away in ("http://", "https://", "//cdn"):
            assert away not in text.replace("http://www.w3.org/2000/svg", ""), (name, away)


@needs_node
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_stream_cut_anywhere_gives_the_same_events(modules: Path, end: str) -> None:
    lines = [
        ": still at work", "", "event: status", 'data: {"stage": "asking"}', "", "event: token",
        'data: {"text":', 'data: "wood: 🪵"}', "", "id: 3", "", 'data:{"plain":1}', "", "event: left", 'data: {"cut": ',
    ]  # fmt: skip
    stream = end.join(lines)
    found = evaluate(
        modules,
        "sse.js",
        "EventReader",
        f"""[1, 2, 3, 7, 1000].map((size) => {{
          const reader = new EventReader(), text = {json.dumps(stream)}, events = [];
          for (let at = 0; at < text.length; at += size) events.push(...reader.feed(text.slice(at, at + size)));
          return events;
        }})""",
    )
    wanted = [
        {"type": "status", "data": {"stage": "asking"}},
        {"type": "token", "data": {"text": "wood: 🪵"}},
        {"type": "message", "data": {"plain": 1}},
    ]
    assert found == [wanted] * 5


@needs_node
def test_a_quote_is_placed_by_characters_not_by_units(modules: Path) -> None:
    text = "🪵🪚 saws saw. Saws saw."
    passage = {"text": text, "start": 10, "end": 10 + len(text)}
    tabular = {"text": "a | b\n1 | 2", "start": 50, "end": 55}
    quotes: list[tuple[dict[str, Any], dict[str, Any], str | None]] = [
        (passage, {"quote": "saw", "start": 10 + text.index("saw."), "end": 0}, "saw"),
        (passage, {"quote": "saw", "start": 10 + text.rindex("saw"), "end": 0}, "saw"),
        (passage, {"quote": "Saws", "start": 3, "end": 7}, "Saws"),  # a place that is wrong: searched for
        (passage, {"quote": "saws", "start": None, "end": None}, "saws"),
        (passage, {"quote": "axe", "start": 12, "end": 15}, None),
        (tabular, {"quote": "1 | 2", "start": 50, "end": 55}, "1 | 2"),
    ]
    found = evaluate(
        modules,
        "quotes.js",
        "quoteIn",
        f"{json.dumps([quote[:2] for quote in quotes])}.map(([p, c]) => {{ const w = quoteIn(p, c); return w && [w[0], p.text.slice(...w)]; }})",
    )
    assert [place and place[1] for place in found] == [quote[2] for quote in quotes]
    assert found[1][0] > found[0][0]


@needs_node
def test_overlapping_quotes_cut_a_text_into_pieces_that_are_whole(modules: Path) -> None:
    ranges = [{"start": 2, "end": 6, "strength": 1}, {"start": 4, "end": 8, "strength": 2}]
    found = evaluate(modules, "quotes.js", "cutAt", f"cutAt('0123456789', {json.dumps(ranges)})")
    assert [(piece["text"], piece["strength"]) for piece in found] == [
        ("01", 0),
        ("23", 1),
        ("45", 2),
        ("67", 2),
        ("89", 0),
    ]


@needs_node
def test_only_addresses_of_the_web_are_followed(modules: Path) -> None:
    hostile = [
        "javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "java\nscript:alert(1)", "data:text/html,x",
        "vbscript:x", "file:///etc/passwd", "//evil.example", "page.html", "", None, "http://", "https://[",
    ]  # fmt: skip
    found = evaluate(modules, "dom.js", "webAddress", f"{json.dumps(hostile)}.map(webAddress)")
    assert found == [None] * len(hostile)
    assert evaluate(modules, "dom.js", "webAddress", "webAddress('HTTPS://a.example/b#:~:text=c%20d')") == (
        "https://a.example/b#:~:text=c%20d"
    )


@needs_node
def test_a_link_brings_back_what_it_was_made_of(modules: Path) -> None:
    shared = {
        "program": "a b",
        "question": "Was ist #1 & 2? 🪵",
        "details": {"program": "x", "drawn": "The Star=1"},
    }
    found = evaluate(
        modules, "address.js", "readLink, writeLink", f"readLink(writeLink({json.dumps(shared)}))"
    )
    assert found == shared
    assert evaluate(modules, "address.js", "readLink", "readLink('')") == {
        "program": "",
        "question": "",
        "details": {},
    }


@needs_node
def test_cards_are_found_by_name(modules: Path) -> None:
    drawn = "Past: the tower; Present: Star reversed, Future: three of cups. Strength"
    found = evaluate(modules, "deck.js", "cardsIn", f"cardsIn({json.dumps(drawn)}, false)")
    assert found == [
        {"name": "The Tower", "reversed": False, "position": "Past"},
        {"name": "The Star", "reversed": True, "position": "Present"},
        {"name": "Three of Cups", "reversed": False, "position": "Future"},
        {"name": "Strength", "reversed": False, "position": ""},
    ]
    sentence = "I need strength: I drew The Star reversed, and death scares me"
    found = evaluate(modules, "deck.js", "cardsIn", f"cardsIn({json.dumps(sentence)}, true)")
    assert found == [{"name": "The Star", "reversed": True, "position": ""}]
    assert evaluate(modules, "deck.js", "CARDS", "CARDS.length") == 78


@needs_node
def test_a_draw_has_no_card_twice(modules: Path) -> None:
    many = json.dumps([""] * 78)
    drawn = evaluate(modules, "deck.js", "drawAtRandom", f"drawAtRandom({many})")
    names = {part.removesuffix(" reversed") for part in drawn.split("; ")}
    assert len(names) == 78
