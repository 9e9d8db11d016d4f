"""What ``.gitignore`` and ``.quincunxignore`` leave out, as git reads such files; and the globs of a call.

In every folder the files are heeded from the top of the git repository that it lies in, where it lies in one. The
deeper file counts before the one above it, in one folder ``.quincunxignore`` before ``.gitignore``, in one file a later
line before an earlier one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from ..errors import UsageError

IGNORE_FILES = (".quincunxignore", ".gitignore")
_THROUGH = "ps_d"
"""The group in which pathspec notes that a pattern matched a folder; what lies in it matches along with it."""


@dataclass(frozen=True)
class _RuleFile:
    folder: str
    patterns: tuple[GitIgnoreSpecPattern, ...]
    """The last line first."""

    def verdict(self, path: str, is_folder: bool) -> bool | None:
        """Return whether the file ignores a path; ``None`` where no line of it speaks of that."""
        below = path[len(self.folder.rstrip("/")) + 1 :]
        return next((bool(p.include) for p in self.patterns if _matches(p, below, is_folder)), None)


@dataclass(frozen=True)
class IgnoreRules:
    """The rules that hold in one folder."""

    files: tuple[_RuleFile, ...] = ()
    """The one that counts first first."""

    def below(self, folder: str) -> IgnoreRules:
        """Return the rules in a folder below, its own files heeded too."""
        return IgnoreRules((*_rule_files(folder), *self.files))

    def ignores(self, path: str, is_folder: bool) -> bool:
        verdicts = (file.verdict(path, is_folder) for file in self.files)
        return next((verdict for verdict in verdicts if verdict is not None), False)


def rules_above(path: str, root: str) -> IgnoreRules:
    """Return the rules that hold for what lies in a folder that was named, from the folders above it.

    A file of rules that would leave out the folder itself is not heeded: who names it wants it.
    """
    above = list(_parents(path))
    repositories = [folder for folder in (path, *above) if os.path.lexists(os.path.join(folder, ".git"))]
    top = min([root, *repositories[:1]], key=len)
    rules = IgnoreRules()
    for folder in [folder for folder in reversed(above) if len(folder) >= len(top)]:
        rules = rules.below(folder)
    return IgnoreRules(tuple(file for file in rules.files if not _ignores_one(file, path, above)))


def _ignores_one(file: _RuleFile, path: str, above: Sequence[str]) -> bool:
    """Whether a file of rules leaves out a folder or one of those above it."""
    inside = [folder for folder in (path, *above) if folder.startswith(file.folder.rstrip("/") + "/")]
    return any(file.verdict(folder, True) for folder in inside)


def _parents(path: str) -> Iterable[str]:
    """Yield the folders above, the nearest first."""
    while (parent := os.path.dirname(path)) != path:
        yield parent
        path = parent


def _rule_files(folder: str) -> list[_RuleFile]:
    found = []
    for name in IGNORE_FILES:
        try:
            with open(os.path.join(folder, name), encoding="utf-8-sig", errors="surrogateescape") as file:
                lines = file.read().splitlines()
        except OSError:
            continue  # none there, or no file
        patterns = tuple(pattern for line in reversed(lines) if (pattern := _pattern(line)) is not None)
        found.append(_RuleFile(folder, patterns))
    return found


def _pattern(line: str) -> GitIgnoreSpecPattern | None:
    """Return the pattern of a line; none for a comment, nor for what git passes over."""
    try:
        pattern = GitIgnoreSpecPattern(line)
    except GitIgnorePatternError:
        return None
    return pattern if pattern.include is not None else None


def _matches(pattern: GitIgnoreSpecPattern, below: str, is_folder: bool) -> bool:
    """Whether a pattern matches a path itself, not only a folder above it, which was looked at before."""
    regex = pattern.regex
    if regex is None:
        return False
    through = _THROUGH in regex.groupindex
    if any(not through or match[_THROUGH] is None for match in regex.finditer(below)):
        return True
    whole = below + "/"
    return is_folder and through and any(m.end(_THROUGH) == len(whole) for m in regex.finditer(whole))


@dataclass(frozen=True)
class Globs:
    """What a call takes in and leaves out, in the patterns of ``.gitignore``; a path is matched below its root."""

    include: GitIgnoreSpec | None
    exclude: GitIgnoreSpec

    @classmethod
    def of(cls, include: str | Iterable[str], exclude: str | Iterable[str]) -> Globs:
        taken, left = _spec("include", include), _spec("exclude", exclude)
        return cls(taken if len(taken) else None, left)

    def leave_out(self, below: str, is_folder: bool) -> bool:
        if self.exclude.match_file(below + "/" * is_folder):
            return True
        return not is_folder and self.include is not None and not self.include.match_file(below)


def _spec(what: str, globs: str | Iterable[str]) -> GitIgnoreSpec:
    lines = [globs] if isinstance(globs, str) else list(globs)
    for line in lines:
        if not isinstance(line, str) or _pattern(line) is None:
            raise UsageError(
                f"{what} {line!r} is no pattern: write it as in .gitignore, such as '*.md' or 'drafts/'"
            )
    return GitIgnoreSpec.from_lines(lines)
