"""Hostile artifacts: no file can do more than be refused.

Whatever lies in the folder, reading ends with a valid artifact or one `ArtifactError`, and touches nothing.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import pickle
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from compiled_programs import compiled, dumped, file_of, state, tiny_index
from conftest import TORTURE

from quincunx.programs.artifact import schema as artifact_schema
from quincunx.programs.artifact.diff import describe_artifact
from quincunx.programs.artifact.read import MANIFEST, read_artifact
from quincunx.programs.artifact.save import apply_artifact, save_program
from quincunx.programs.artifact.schema import Artifact, Score
from quincunx.programs.loading import load
from quincunx.programs.program import GroundedProgram
from quincunx.programs.prompt.citing import CitingAdapter
from quincunx.programs.prompt.compact_adapter import CompactAdapter
from quincunx.programs.prompt.rules import RULES
from quincunx.retrieval.errors import ArtifactError

CASES = 12_000 if TORTURE else 400


@pytest.fixture
def tiny(home: Path) -> str:
    """An index of two documents by a model that costs nothing."""
    return tiny_index()


WATCHED = ("socket.", "subprocess.", "ctypes.", "marshal.", "pickle.", "shutil.", "urllib.", "webbrowser.")
FORBIDDEN = {
    "exec", "compile", "import", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty",
    "os.startfile", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.chmod", "os.link", "os.symlink",
    "os.truncate", "os.putenv", "os.kill", "code.__new__", "builtins.input", "syslog.syslog", "tempfile.mkstemp",
}  # fmt: skip

seen: list[str] | None = None


def audit(event: str, arguments: tuple[Any, ...]) -> None:
    """Note what must not happen while `seen` is a list."""
    if seen is None:
        return
    writes = event == "open" and (
        (isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"))
        or (isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    )
    if writes or event in FORBIDDEN or event.startswith(WATCHED):
        seen.append(f"{event} {str(arguments)[:200]}")


@contextmanager
def watched() -> Iterator[None]:
    """Fail when anything but reading files happens inside."""
    global seen
    if audit not in _hooked:
        sys.addaudithook(audit)
        _hooked.append(audit)
    seen = []
    try:
        yield
        noted = list(seen)
    finally:
        seen = None
    assert noted == []


_hooked: list[Any] = []


@pytest.mark.parametrize(
    "act",
    [
        lambda path: subprocess.run(["true"], check=True),
        lambda path: eval("1"),
        lambda path: pickle.loads(pickle.dumps(Path)),
        lambda path: (path / "new").write_text(""),
        lambda path: sys.modules.pop("this", None) or __import__("antigravity_that_is_not_there"),
    ],
)
def test_the_watch_sees_what_it_is_there_for(act: Callable[[Path], Any], tmp_path: Path) -> None:
    with pytest.raises(AssertionError), watched(), suppress(ImportError):
        act(tmp_path)


HOSTILE_KEYS = (
    "config", "api_base", "base_url", "api_key", "headers", "extra_headers", "http_client", "lm", "traces", "train",
    "__class__", "__reduce__", "__init__", "py/object", "py/reduce", "$ref", "_target_", "stage", "callbacks",
    "signature_class", "extended_signature", "model_list", "proxy", "extra_body", "demos", "fields", "metadata", "",
    "constructor", "\u202e", "x" * 5000,
)  # fmt: skip
HOSTILE_VALUES: tuple[Any, ...] = (
    "http://elsewhere.example/v1", {"api_base": "http://elsewhere.example"}, ["os.system", "true"],
    {"py/object": "os.system", "args": ["true"]}, "!!python/object/apply:os.system [true]", "cos\nsystem\n(S'true'\ntR.",
    None, True, False, 0, -1, 1, 1.5, -0.0, 10**17, 10**40, 10**5000, 1e308, float("nan"), float("inf"), "", "0",
    "a" * 300_000, [], {}, [[]], [None] * 1000, {"a": {"b": {"c": []}}}, "../../etc/passwd", "\x00", "\ud800", "🜚",
    "{[(<", [{}], {"predict": {}}, "chat_bridge", "ticker_fit", 2, 3, "numbers", "quotes", "words", "compact", "chat", "99.99.99", "0" * 64, ">=0,<9", ">=3.4.1,<3.5",
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the path of every value inside."""
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inside:
        yield from places(part, (*path, key))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def changed(valid: dict[str, Any], dice: random.Random) -> Any:
    """Change one to three things in a JSON value."""
    value = deepcopy(valid)
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        every = [path for path in places(value) if path]
        if not every:
            return value
        path = dice.choice(every)
        parent, key = at(value, path[:-1]), path[-1]
        match dice.randrange(7):
            case 0:
                del parent[key]
            case 1:
                parent[key] = deepcopy(dice.choice(HOSTILE_VALUES))
            case 2:
                objects = [p for p in places(value) if isinstance(at(value, p), dict)]
                at(value, dice.choice(objects))[dice.choice(HOSTILE_KEYS)] = deepcopy(
                    dice.choice(HOSTILE_VALUES)
                )
            case 3:
                parent[key] = deepcopy(at(value, dice.choice(every)))
            case 4 if isinstance(parent, dict):
                parent[dice.choice((str(key) + "_", str(key).upper(), *HOSTILE_KEYS))] = parent.pop(key)
            case 5 if isinstance(parent, list):
                parent.insert(dice.randrange(len(parent) + 1), deepcopy(dice.choice(parent)))
            case _:
                for _ in range(dice.choice((1, 10, 100))):
                    parent[key] = dice.choice(([parent[key]], {"a": parent[key]}))
    return value


def corrupted(valid: bytes, dice: random.Random) -> bytes:
    """Change a file's bytes."""
    here, there = sorted(dice.randrange(len(valid)) for _ in range(2))
    match dice.randrange(14):
        case 0:
            return valid[:here]
        case 1:
            return valid[:here] + bytes([dice.randrange(256)]) + valid[here + 1 :]
        case 2:
            return valid[:here] + dice.randbytes(dice.choice((1, 4, 100))) + valid[here:]
        case 3:
            return valid[:here] + valid[there:]
        case 4:
            return valid[:there] + valid[here:]
        case 5:
            disguised = pickle.dumps((os.system, ("true",)), protocol=dice.randrange(6))
            return dice.choice((disguised, disguised + valid, valid + disguised, valid[:here] + disguised))
        case 6:
            return dice.choice(
                (
                    gzip.compress(valid),
                    valid.decode().encode("utf-16"),
                    b"\xef\xbb\xbf" + valid,
                    b"PK\x03\x04",
                )
            )
        case 7:
            depth = dice.choice((63, 64, 65, 1000, 100_000))
            return dice.choice(
                (b"[" * depth, b'{"a":' * depth, b"[" * depth + b"]" * depth, valid[:here] + b"[" * depth)
            )
        case 8:
            word = dice.choice(
                (
                    b"NaN",
                    b"-Infinity",
                    b"1e999",
                    b"-1e-999",
                    b"9" * 5000,
                    b'"\\ud800"',
                    b"01",
                    b"0x1",
                    b"+1",
                    b"''",
                )
            )
            numbers = [
                i for i in range(len(valid) - 1) if valid[i : i + 1].isdigit() and valid[i - 1 : i] == b" "
            ]
            place = dice.choice(numbers)
            return valid[:place] + word + valid[place + 1 :]
        case 9:
            line = dice.choice([part for part in valid.splitlines() if b'": ' in part])
            return valid.replace(line, line.rstrip(b",") + b"," + line, 1)
        case 10:
            return dice.choice(
                (b"", b"null", b"[]", b"{}", b'""', b"1", b" ", b"\x00" * 100, b'{"schema_version": 3}')
            )
        case 11:
            return valid.replace(
                b'"schema_version": 3',
                b'"schema_version": '
                + dice.choice((b"0", b"1", b"2", b"4", b"true", b'"3"', b"3.0", b"null", b"9" * 30)),
                1,
            )
        case 12:
            return valid.replace(
                dice.choice((b"{", b"}", b'"', b":", b",")), dice.choice((b"", b"//", b"\x00", b"\n")), 1
            )
        case _:
            return bytes(dice.choice(valid) for _ in range(dice.choice((10, 500))))


def outcome(source: Path | bytes, program: GroundedProgram) -> str:
    """Read and apply; return how it ended. Anything but a valid artifact or one typed error fails."""
    before = state(program)
    with watched():
        try:
            artifact = read_artifact(source)
        except ArtifactError as error:
            message = str(error).encode()
            artifact = None
    if artifact is None:
        assert 0 < len(message) < 3000
        return "refused"
    assert isinstance(artifact, Artifact)
    assert artifact_schema.read_record(Artifact, artifact_schema.written(artifact), "") == artifact
    json.dumps(describe_artifact(artifact))
    with watched():
        try:
            apply_artifact(program, artifact)
        except ArtifactError:
            assert state(program) == before
            return "mismatch"
    assert {p.lm for _, p in program.named_predictors()} == {None}
    assert not any(p.config for _, p in program.named_predictors())
    for cites, rules in RULES.items():
        asked = {"question": "q", "passages": [], "history": []}
        prompt = CitingAdapter(CompactAdapter(), cites).format(
            program.predict.signature, program.predict.demos, asked
        )
        assert rules in prompt[0]["content"]
    return "applied"


def version_2(valid: bytes) -> bytes:
    """Return a file as the version before this one wrote it: with the rules at the end of the instructions."""
    value = json.loads(valid)
    del value["cites"]
    value["predictors"]["predict"]["instructions"] += f" {RULES['quotes']}"
    return dumped({**value, "adapter": "chat", "schema_version": 2})


@pytest.mark.torture
@pytest.mark.parametrize("version", [2, 3])
def test_hostile_files_end_as_an_artifact_or_one_error(tiny: str, tmp_path: Path, version: int) -> None:
    valid = file_of(save_program(compiled(load("chat_bridge", index=tiny)), tmp_path / "p")).read_bytes()
    valid = version_2(valid) if version == 2 else valid
    program = load("chat_bridge", index=tiny)
    assert outcome(valid, program) == "applied"
    ends: Counter[str] = Counter()
    for case in range(CASES):
        dice = random.Random(case)
        data = corrupted(valid, dice) if case % 2 else dumped(changed(json.loads(valid), dice))
        source: Path | bytes = data
        if case % 5 == 0:  # in a folder, with a manifest that is right
            source = folder_of(data, tmp_path / "f")
        ends[outcome(source, program)] += 1
    if TORTURE:
        sys.stderr.write(f"\nprogram files of version {version}: {CASES} cases, {dict(ends)}\n")
    assert ends["refused"] > CASES / 2
    assert min(ends["applied"], ends["mismatch"]) > 0


@pytest.mark.torture
def test_hostile_manifests_end_as_an_artifact_or_one_error(tiny: str, tmp_path: Path) -> None:
    folder = save_program(load("chat_bridge", index=tiny), tmp_path / "p")
    valid = (folder / MANIFEST).read_bytes()
    program = load("chat_bridge", index=tiny)
    ends: Counter[str] = Counter()
    for case in range(CASES // 6):
        dice = random.Random(case)
        data = corrupted(valid, dice) if case % 2 else dumped(changed(json.loads(valid), dice))
        (folder / MANIFEST).write_bytes(data)
        ends[outcome(folder, program)] += 1
    if TORTURE:
        sys.stderr.write(f"\nmanifests: {CASES // 6} cases, {dict(ends)}\n")
    assert ends["refused"] > CASES / 10


@pytest.mark.parametrize("key", [key for key in HOSTILE_KEYS if key not in ("demos", "fields")])
def test_a_foreign_key_is_refused_at_every_level_of_the_schema(tiny: str, tmp_path: Path, key: str) -> None:
    scores = [Score(name="recall@5", value=0.9, n=60, low=0.8, high=0.97)]
    path = file_of(save_program(compiled(load("chat_bridge", index=tiny)), tmp_path / "p", scores=scores))
    valid = json.loads(path.read_bytes())
    record = ("predictors", "predict")
    closed: list[tuple[Any, ...]] = [
        (), record, (*record, "fields", 0), (*record, "prompt"), (*record, "demos", 0), ("retrieval",),
        ("retrieval", "indexes", 0), ("retrieval", "search"), ("scores", 0),
    ]  # fmt: skip
    for place in closed:
        hostile = deepcopy(valid)
        at(hostile, place)[key] = {"api_base": "http://elsewhere.example"}
        with pytest.raises(ArtifactError):
            read_artifact(dumped(hostile))


def folder_of(data: bytes, folder: Path) -> Path:
    """Lay a program file down as an attacker would, with a manifest that fits it."""
    digest = hashlib.sha256(data).hexdigest()
    folder.mkdir(exist_ok=True)
    (folder / f"program-{digest[:16]}.json").write_bytes(data)
    manifest = {
        "schema_version": artifact_schema.SCHEMA,
        "file": f"program-{digest[:16]}.json",
        "sha256": digest,
        "size": len(data),
    }
    (folder / MANIFEST).write_text(json.dumps(manifest))
    return folder


def test_a_folder_that_is_not_one_is_refused(tiny: str, tmp_path: Path) -> None:
    folder = save_program(load("chat_bridge", index=tiny), tmp_path / "p")
    path, manifest = file_of(folder), folder / MANIFEST
    contents, listed = path.read_bytes(), manifest.read_bytes()

    def refused(match: str) -> None:
        with watched():
            with pytest.raises(ArtifactError, match=match):
                read_artifact(folder)

    path.write_bytes(contents[:-1])
    refused("its manifest says")
    path.write_bytes(contents.replace(b"chat_bridge", b"ticker_fit_", 1))
    refused("sha256")
    path.write_bytes(b" " * (artifact_schema.MAX_BYTES + 1))
    refused(r"at most 8388608")
    path.unlink()
    refused("is missing")
    path.mkdir()
    refused("no plain file|directory")
    path.rmdir()
    os.mkfifo(path)
    refused("no plain file")
    path.unlink()
    path.symlink_to("/dev/zero")
    refused("no plain file")
    path.unlink()
    path.symlink_to(path)
    refused("symbolic links")
    manifest.write_bytes(listed.replace(b"program-", b"../../program-"))
    refused("file: ")
    manifest.unlink()
    refused(f"no {MANIFEST}")
    with pytest.raises(ArtifactError, match="no saved program"):
        read_artifact(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"[" * 4_000_000, "deeper than 64 at character 64"),
        (b'"' + b'\\"' * 4_000_000, "no JSON"),
        (b'{"schema_version": 1, "notes": {' + b'"a": 1, ' * 2 + b'"b": 2}}', "'?a'? stands twice"),
        (dumped({f"k{i}": 0 for i in range(200_000)}), "more than 100000 keys"),
        (b'{"schema_version": 1, "notes": ' + b"9" * 5000 + b"}", "too large"),
        (b'{"schema_version": 1, "notes": 1e999}', "too large"),
        (b'{"schema_version": 1, "notes": NaN}', "NaN is no number"),
        (b'{"schema_version": 4}', "schema version 4, this version of quincunx reads 1 to 3"),
        (b'{"schema_version": 0}', "schema version 0, this version of quincunx reads 1 to 3"),
        (b'{"schema_version": 1, "queries": 2}', "queries has no place in schema version 1"),
        (b'{"schema_version": 1, "cites": "quotes"}', "cites has no place in schema version 1"),
        (b'{"schema_version": 2, "cites": "numbers"}', "cites has no place in schema version 2"),
        (b'{"schema_version": 1, "api_key": "sk-secret"}', "api_key: Extra inputs are not permitted"),
        (b"\xff\xfe", "no UTF-8 text .byte 0."),
        (pickle.dumps(os.system), "no UTF-8|no JSON"),
    ],
)
def test_the_error_says_what_and_where(data: bytes, match: str) -> None:
    with pytest.raises(ArtifactError, match=match) as caught:
        read_artifact(data)
    assert "sk-secret" not in str(caught.value)
    assert caught.value.__context__ is None or caught.value.__suppress_context__


@pytest.mark.parametrize("cites", ["words", "", "Numbers", None, 3, True, ["numbers"], {"numbers": "quotes"}])
def test_another_way_to_cite_is_refused(tiny: str, tmp_path: Path, cites: Any) -> None:
    valid = json.loads(file_of(save_program(load("chat_bridge", index=tiny), tmp_path / "p")).read_bytes())
    assert valid["cites"] == "numbers"
    with pytest.raises(ArtifactError, match="cites: Input should be 'numbers' or 'quotes'"):
        read_artifact(dumped({**valid, "cites": cites}))
    del valid["cites"]
    with pytest.raises(ArtifactError, match="cites: Field required"):
        read_artifact(dumped(valid))
