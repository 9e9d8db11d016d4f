"""What stands in deploy/ fits the service: its ports, paths, options, variables and times, where no engine runs it.

Each file is read as its engine reads it. `systemd-analyze` reads the unit too, where it is installed.
"""

from __future__ import annotations

import io
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli_reference import commands, context, root
from dockerfile_parse import DockerfileParser
from yamllint import linter
from yamllint.config import YamlLintConfig

from quincunx.app.serve.application import create_app
from quincunx.app.serve.service import Service
from quincunx.app.serve.settings import ServeSettings, read_settings

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
SETTINGS_FILE = DEPLOY / "quincunx.toml"
DEFAULTS = ServeSettings()
OF_OTHERS = {"DSPY_CACHEDIR", "HF_HUB_OFFLINE", "OLLAMA_HOST", "PATH", "PYTHONDONTWRITEBYTECODE"}
"""Variables that are set here and read by libraries, or by Python itself."""
INSTRUCTIONS = {
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "ONBUILD", "RUN", "SHELL",
    "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
}  # fmt: skip
YAML_STYLE = "{extends: default, rules: {line-length: {max: 130}, document-start: disable}}"


def paths() -> set[str]:
    """Return the paths that the service answers."""
    return set(create_app(Service(DEFAULTS)).openapi()["paths"])


def given(command: Sequence[str]) -> dict[str, Any]:
    """Return what a `serve …` gives, by the name of its option; raises for one that there is not."""
    assert command[0] == "serve"
    path = ("quincunx", "serve")
    serve = dict(commands(root()))[path]
    parsed, left, _ = serve.make_parser(context(serve, path)).parse_args(list(command[1:]))
    assert left == []
    return {name: value for name, value in parsed.items() if value is not None}


def strange_variables(names: Sequence[str]) -> list[str]:
    """Return the variables that nothing reads."""
    sources = "".join(
        path.read_text("utf-8")
        for folder in ("app", "programs", "retrieval")
        for path in (ROOT / folder).rglob("*.py")
    )
    return [name for name in names if name not in OF_OTHERS and f'"{name}"' not in sources]


def read_yaml(name: str) -> list[Any]:
    return list(yaml.safe_load_all((DEPLOY / name).read_text("utf-8")))


def seconds(text: str) -> float:
    """Return a time such as ``70s`` in seconds."""
    return float(text.removesuffix("s"))


@pytest.mark.parametrize("path", sorted(DEPLOY.iterdir()), ids=lambda path: str(path.name))
def test_no_file_names_an_address_but_those_beside_the_service(path: Path) -> None:
    found = re.findall(r"\w+://[^\s'\"]+", path.read_text("utf-8"))
    allowed = ("http://127.0.0.1:", "http://ollama:", "file:///usr/share/doc/", "file:/usr")
    assert [address for address in found if not address.startswith(allowed)] == []
    assert "index-url" not in path.read_text("utf-8")


@pytest.mark.parametrize("name", ["compose.yaml", "kubernetes.yaml"])
def test_yaml_is_clean_and_names_no_key_twice(name: str) -> None:
    text = (DEPLOY / name).read_text("utf-8")
    assert [str(problem) for problem in linter.run(text, YamlLintConfig(YAML_STYLE))] == []


def test_the_settings_file_is_one_and_gives_every_accepted_request_its_time() -> None:
    limits = read_settings(SETTINGS_FILE, {}).limits
    assert limits.drain_seconds >= limits.seconds


# The image.


def instructions(text: str) -> list[tuple[str, str]]:
    """Return the instructions of a Dockerfile with what they say."""
    parser = DockerfileParser(fileobj=io.BytesIO(text.encode()))
    return [
        (step["instruction"], step["value"]) for step in parser.structure if step["instruction"] != "COMMENT"
    ]


def dockerfile() -> list[tuple[str, str]]:
    return instructions((DEPLOY / "Dockerfile").read_text("utf-8"))


def last_stage() -> list[tuple[str, str]]:
    steps = dockerfile()
    (begin,) = [n for n, (name, _) in enumerate(steps) if name == "FROM"][-1:]
    return steps[begin:]


def said(name: str) -> list[str]:
    return [value for instruction, value in last_stage() if instruction == name]


def copied() -> set[str]:
    """Return what the build takes from the checkout."""
    return {
        source.rstrip("/")
        for name, value in dockerfile()
        if name == "COPY" and not value.startswith("--from")
        for source in shlex.split(value)[:-1]
    }


def test_the_dockerfile_is_one() -> None:
    steps = dockerfile()
    assert {name for name, _ in steps} <= INSTRUCTIONS
    images = [value.split()[0] for name, value in steps if name == "FROM"]
    assert len(images) == 2
    assert all(re.fullmatch(r"[a-z/]+:\d[\w.-]*", image) for image in images)


def test_the_image_is_built_of_files_that_are_there_and_of_all_that_the_wheel_holds() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wheel = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"])
    read_by_the_build = {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]}
    assert wheel | read_by_the_build <= copied()
    assert [source for source in copied() if not (ROOT / source).exists()] == []


def test_the_build_gets_what_it_copies_and_no_more() -> None:
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    kept = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert rules[0] == "*"
    assert kept == copied()
    assert any(fnmatch("app/__pycache__", rule) for rule in rules)


def test_the_image_installs_extras_that_there_are_at_the_versions_that_were_tested() -> None:
    (install,) = (value for name, value in dockerfile() if name == "RUN" and "pip install" in value)
    extras = re.search(r"\.\[([\w,]+)\]", install)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert extras is not None
    assert (
        {"embedded", "serve"} <= set(extras[1].split(",")) <= set(project["project"]["optional-dependencies"])
    )
    assert "--constraint constraints.txt" in install


def test_the_image_runs_the_service_as_nobody_of_importance() -> None:
    user = said("USER")[-1].split(":")[0]
    assert int(user) >= 1000
    entry, command = (json.loads(said(name)[-1]) for name in ("ENTRYPOINT", "CMD"))
    assert entry == ["quincunx"]
    assert given(command)["host"] == "0.0.0.0"
    assert said("EXPOSE") == [str(DEFAULTS.port)]
    assert said("STOPSIGNAL") == ["SIGTERM"]


def test_the_variables_of_the_image_are_read_by_somebody() -> None:
    variables = dict(word.split("=", 1) for value in said("ENV") for word in shlex.split(value))
    assert strange_variables(list(variables)) == []
    assert variables["QUINCUNX_HOME"] in json.loads(said("VOLUME")[0])
    assert variables["HF_HUB_OFFLINE"] == "1"


def test_the_image_asks_after_its_own_health() -> None:
    (check,) = said("HEALTHCHECK")
    asked = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)", check)
    assert asked is not None
    assert (int(asked[1]), asked[2]) == (DEFAULTS.port, "/healthz")
    assert asked[2] in paths()
    code = json.loads(check[check.index("CMD") + 3 :].strip())[2]
    compile(code, "HEALTHCHECK", "exec")


# Compose.


def services() -> dict[str, Any]:
    (file,) = read_yaml("compose.yaml")
    assert isinstance(file["services"], dict)
    return file["services"]


def test_compose_publishes_on_this_machine_alone() -> None:
    published = {name: service.get("ports", []) for name, service in services().items()}
    assert published == {"quincunx": [f"127.0.0.1:{DEFAULTS.port}:{DEFAULTS.port}"], "ollama": []}


def test_compose_serves_with_options_that_there_are_and_settings_from_the_file() -> None:
    service = services()["quincunx"]
    told = given([word.replace("${LM:-extractive}", "extractive") for word in service["command"]])
    assert (told["host"], told["lm"]) == ("0.0.0.0", "extractive")
    mounts = dict(mount.split(":")[:2] for mount in service["volumes"])
    (source,) = (source for source, target in mounts.items() if target == str(told["config"]))
    assert (DEPLOY / source).resolve() == SETTINGS_FILE
    assert strange_variables(list(service["environment"])) == []


def test_compose_asks_for_keys_that_are_handed_over_as_a_secret() -> None:
    (file,) = read_yaml("compose.yaml")
    told = given(services()["quincunx"]["command"])
    (secret,) = services()["quincunx"]["secrets"]
    assert str(told["keys"]) == f"/run/secrets/{secret}"
    assert file["secrets"] == {secret: {"file": "keys.json"}}
    assert "deploy/keys.json" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


def test_compose_names_volumes_and_files_that_there_are_and_keeps_the_home_of_the_image() -> None:
    (file,) = read_yaml("compose.yaml")
    sources = {mount.split(":")[0] for service in services().values() for mount in service["volumes"]}
    assert {source for source in sources if not source.startswith(".")} == set(file["volumes"])
    assert "home:/data" in services()["quincunx"]["volumes"]
    build = services()["quincunx"]["build"]
    assert (DEPLOY / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]).is_file()


def test_compose_waits_longer_than_the_drain_and_bounds_what_runs() -> None:
    service = services()["quincunx"]
    assert seconds(service["stop_grace_period"]) > read_settings(SETTINGS_FILE, {}).limits.drain_seconds
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert all("mem_limit" in service for service in services().values())
    assert all(re.search(r":\d[\w.-]*$", service["image"]) for service in services().values())


# systemd.

UNIT = DEPLOY / "quincunx.service"
DIRECTIVES = {
    "Unit": {"Description", "Documentation", "Wants", "After", "StartLimitIntervalSec", "StartLimitBurst"},
    "Install": {"WantedBy"},
    "Service": {
        "Type", "User", "Group", "ExecStart", "ExecReload", "Restart", "RestartSec", "KillSignal", "KillMode",
        "TimeoutStopSec", "Environment", "StateDirectory", "StateDirectoryMode", "CacheDirectory", "ConfigurationDirectory",
        "UMask", "MemoryHigh", "MemoryMax", "TasksMax", "CapabilityBoundingSet", "AmbientCapabilities", "NoNewPrivileges",
        "LockPersonality", "PrivateDevices", "PrivateTmp", "PrivateUsers", "ProtectClock", "ProtectControlGroups",
        "ProtectHome", "ProtectHostname", "ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables", "ProtectProc",
        "ProtectSystem", "RemoveIPC", "RestrictAddressFamilies", "RestrictNamespaces", "RestrictRealtime",
        "RestrictSUIDSGID", "SystemCallArchitectures", "SystemCallErrorNumber", "SystemCallFilter",
    },
}  # fmt: skip
"""Directives of systemd 252 that the unit may use, for machines without `systemd-analyze`."""
with_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")


def directives(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield section, name and value of each line of a unit."""
    section = ""
    for line in text.splitlines():
        if found := re.fullmatch(r"\[(\w+)\]", line):
            section = found[1]
        elif line and not line.startswith("#"):
            name, _, value = line.partition("=")
            yield section, name, value


def unit(name: str) -> list[str]:
    return [value for _, directive, value in directives(UNIT.read_text("utf-8")) if directive == name]


def analyzed(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Let systemd read the unit, as where its program is installed."""
    copy = folder / UNIT.name
    copy.write_text(UNIT.read_text("utf-8").replace("/opt/quincunx/bin/quincunx", sys.executable), "utf-8")
    command = ["systemd-analyze", *arguments, str(copy)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_unit_has_only_directives_that_systemd_knows() -> None:
    strange = [
        (section, name)
        for section, name, _ in directives(UNIT.read_text("utf-8"))
        if name not in DIRECTIVES[section]
    ]
    assert strange == []


@with_systemd
def test_systemd_reads_the_unit_without_a_complaint(tmp_path: Path) -> None:
    done = analyzed(tmp_path, "verify", "--man=no")
    assert (done.returncode, done.stderr.strip()) == (0, "")


@with_systemd
def test_systemd_finds_little_exposed(tmp_path: Path) -> None:
    done = analyzed(
        tmp_path, "security", "--offline=true", "--threshold=20"
    )  # tenths of its scale from 0 to 10
    assert done.returncode == 0, done.stdout


def test_the_unit_serves_with_options_that_there_are_and_stops_after_the_drain() -> None:
    (start,) = unit("ExecStart")
    told = given(shlex.split(start)[1:])
    assert told["config"] == "/etc/quincunx/quincunx.toml"
    (wait,) = unit("TimeoutStopSec")
    assert seconds(wait) > read_settings(SETTINGS_FILE, {}).limits.drain_seconds
    assert unit("KillSignal") == ["SIGTERM"]


def test_the_unit_writes_where_its_folders_are() -> None:
    variables = dict(value.split("=", 1) for value in unit("Environment"))
    assert strange_variables(list(variables)) == []
    assert variables["QUINCUNX_HOME"] == f"/var/lib/{unit('StateDirectory')[0]}"
    assert variables["DSPY_CACHEDIR"].startswith(f"/var/cache/{unit('CacheDirectory')[0]}/")


# Kubernetes.


def manifests() -> dict[str, Any]:
    """Return the manifests by their kind."""
    found = read_yaml("kubernetes.yaml")
    kinds = {manifest["kind"]: manifest for manifest in found}
    assert len(kinds) == len(found)
    return kinds


def pod() -> dict[str, Any]:
    template = manifests()["Deployment"]["spec"]["template"]
    assert isinstance(template["spec"], dict)
    return template["spec"]


def container() -> dict[str, Any]:
    (one,) = pod()["containers"]
    assert isinstance(one, dict)
    return one


def replica_settings(tmp_path: Path) -> ServeSettings:
    (name, text), *_ = manifests()["ConfigMap"]["data"].items()
    (tmp_path / name).write_text(text, "utf-8")
    return read_settings(tmp_path / name, {})


def test_the_manifests_are_of_kinds_and_versions_that_there_are() -> None:
    versions = {kind: manifest["apiVersion"] for kind, manifest in manifests().items()}
    assert versions == {
        "ConfigMap": "v1",
        "PersistentVolumeClaim": "v1",
        "Deployment": "apps/v1",
        "Service": "v1",
        "PodDisruptionBudget": "policy/v1",
        "NetworkPolicy": "networking.k8s.io/v1",
    }


def test_every_selector_finds_the_replicas() -> None:
    spec = {kind: manifest.get("spec", {}) for kind, manifest in manifests().items()}
    labels = spec["Deployment"]["template"]["metadata"]["labels"]
    (spread,) = pod()["topologySpreadConstraints"]
    assert spec["Deployment"]["selector"]["matchLabels"] == labels
    assert spec["Service"]["selector"] == labels
    assert spec["PodDisruptionBudget"]["selector"]["matchLabels"] == labels
    assert spec["NetworkPolicy"]["podSelector"]["matchLabels"] == labels
    assert spread["labelSelector"]["matchLabels"] == labels


def test_ports_of_replicas_are_the_service_s(tmp_path: Path) -> None:
    (port,) = container()["ports"]
    (published,) = manifests()["Service"]["spec"]["ports"]
    assert port["containerPort"] == published["port"] == replica_settings(tmp_path).port
    assert published["targetPort"] == port["name"]


@pytest.mark.parametrize("probe", ["startupProbe", "readinessProbe", "livenessProbe"])
def test_probes_ask_for_paths_that_there_are_under_a_name_that_is_allowed(probe: str) -> None:
    asked = container()[probe]["httpGet"]
    assert asked["path"] in paths()
    assert asked["port"] == container()["ports"][0]["name"]
    assert asked["httpHeaders"] == [{"name": "Host", "value": "localhost"}]


def test_a_replica_that_is_busy_or_loads_is_not_killed() -> None:
    assert container()["livenessProbe"]["httpGet"]["path"] == "/healthz"
    start = container()["startupProbe"]
    assert start["periodSeconds"] * start["failureThreshold"] >= 60


def test_replicas_have_time_to_be_forgotten_and_to_drain(tmp_path: Path) -> None:
    (command, pause) = container()["lifecycle"]["preStop"]["exec"]["command"]
    limits = replica_settings(tmp_path).limits
    assert command == "sleep"
    assert limits.drain_seconds >= limits.seconds
    assert pod()["terminationGracePeriodSeconds"] > int(pause) + limits.drain_seconds


def test_replicas_run_under_the_restricted_standard() -> None:
    own, shared = container()["securityContext"], pod()["securityContext"]
    assert own == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert shared["runAsNonRoot"]
    assert str(shared["runAsUser"]) == said("USER")[-1].split(":")[0]
    assert shared["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not pod()["automountServiceAccountToken"]
    assert not pod()["enableServiceLinks"]
    assert {"memory"} <= set(container()["resources"]["limits"])


def test_replicas_mount_volumes_that_there_are_and_read_the_home_only(tmp_path: Path) -> None:
    volumes = {volume["name"]: volume for volume in pod()["volumes"]}
    mounts = {mount["mountPath"]: mount for mount in container()["volumeMounts"]}
    assert {mount["name"] for mount in mounts.values()} == set(volumes)
    assert mounts["/data"]["readOnly"]
    claim = manifests()["PersistentVolumeClaim"]["metadata"]["name"]
    assert volumes["home"]["persistentVolumeClaim"]["claimName"] == claim
    keys = replica_settings(tmp_path).keys_file
    assert keys is not None
    assert mounts[str(keys.parent)]["name"] == "keys"
    assert volumes["keys"]["secret"]["defaultMode"] & 0o022 == 0  # else the service refuses the file
    assert volumes["settings"]["configMap"]["name"] == manifests()["ConfigMap"]["metadata"]["name"]
    config = Path(given(container()["args"])["config"])
    assert str(config.parent) in mounts
    assert config.name in manifests()["ConfigMap"]["data"]


def test_the_service_answers_to_the_name_that_others_know_it_by(tmp_path: Path) -> None:
    settings = replica_settings(tmp_path)
    assert settings.host == "0.0.0.0"
    assert manifests()["Service"]["metadata"]["name"] in settings.allowed_hosts


# The checks themselves.


def test_the_checks_see_what_is_wrong() -> None:
    with pytest.raises(Exception, match="--prot"):
        given(["serve", "--prot", "1"])
    assert strange_variables(["QUINCUNX_HOEM", "QUINCUNX_HOME"]) == ["QUINCUNX_HOEM"]
    assert [name for name, _ in instructions("FORM a:1\nRUN x \\\n  && y\n")] == ["FORM", "RUN"]
    twice = linter.run("a: 1\na: 2\n", YamlLintConfig(YAML_STYLE))
    assert ["duplication of key" in str(problem) for problem in twice] == [True]
