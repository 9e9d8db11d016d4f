"""Saved programs: where they lie, and reading one safely."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from ...retrieval.errors import ArtifactError, UnknownProgramError, UsageError
from ...retrieval.storage.home import home, named_folder, names_of
from ..registry import program_names
from .schema import MAX_BYTES, Artifact, Manifest, read_record

MANIFEST = "MANIFEST.json"
_ATTEMPTS = 20


def artifact_folder(name: str) -> Path:
    """Return where the artifact of that name lies or would lie."""
    return named_folder("programs", name)


def named_artifacts() -> list[str]:
    """Return the names of all artifacts in the home folder, sorted."""
    return names_of("programs", MANIFEST)


def saved_folder(program: str | Path) -> Path:
    """Return the folder of a saved program; raises `UnknownProgramError`.

    It is given by its name, as the folder itself, or as ``RUN/program``, RUN being a run of the home folder.
    """
    if not isinstance(program, str | Path):
        raise UsageError(f"a program is its name, or the folder of a saved one (got {program!r:.80})")
    if isinstance(program, Path) or os.sep in program:
        of_run = home() / "runs" / program
        return of_run if not Path(program).exists() and of_run.exists() else Path(program)
    if program not in named_artifacts():
        raise UnknownProgramError(program, [*program_names(), *named_artifacts()])
    return artifact_folder(program)


def require_program(program: str) -> None:
    """Raise `UnknownProgramError` unless a program or a saved one has this name, or it is the path of a folder."""
    if program not in program_names():
        saved_folder(program)


def read_artifact(source: Path | bytes) -> Artifact:
    """Read a folder that `save_program` wrote, or the bytes of its program file.

    A reader that meets a writer gets the old artifact or the new one, whole.

    Raises:
        ArtifactError: it is not there, damaged, of another schema version, or holds what no artifact may.
    """
    if isinstance(source, bytes):
        return read_record(Artifact, source, "artifact")
    for _ in range(_ATTEMPTS):
        listed = _read_file(source / MANIFEST)
        if listed is None:
            raise ArtifactError(f"{source}: no saved program (there is no {MANIFEST})")
        manifest = read_record(Manifest, listed, str(source / MANIFEST))
        data = _read_file(source / manifest.file)
        if data is not None:
            return _verified(data, manifest, source / manifest.file)
        if _read_file(source / MANIFEST) == listed:
            raise ArtifactError(f"{source}: {manifest.file} is missing; save the program again")
    raise ArtifactError(f"{source}: it was saved again {_ATTEMPTS} times while it was read; try again")


def _verified(data: bytes, manifest: Manifest, path: Path) -> Artifact:
    if len(data) != manifest.size:
        raise ArtifactError(f"{path}: {len(data)} bytes, its manifest says {manifest.size}; save it again")
    if hashlib.sha256(data).hexdigest() != manifest.sha256:
        raise ArtifactError(f"{path}: its sha256 is not the one in its manifest; save the program again")
    return read_record(Artifact, data, str(path))


def _read_file(path: Path) -> bytes | None:
    """Return a plain file's bytes, ``None`` if it is not there."""
    try:
        # Without O_NONBLOCK, opening a pipe that somebody left there would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise ArtifactError(f"{path}: no plain file")
            if status.st_size > MAX_BYTES:
                raise ArtifactError(f"{path}: {status.st_size} bytes, at most {MAX_BYTES} are read")
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ArtifactError(f"{path}: {error.strerror or error}") from error
