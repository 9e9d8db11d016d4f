"""Finding the files of a corpus below what was named: every file once, and a reason for each that is left out.

Links are followed after everything that lies there itself, so that a file that is reached both ways keeps the name of
its own place.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

from ..text.file_names import path_of, readable
from ..text.readers.registry import reader_of
from .beir import BEIR_CORPUS
from .ignore_rules import IGNORE_FILES, Globs, IgnoreRules, rules_above
from .read_report import Skip
from .roots import Root, innermost

_BEIR_PARTS = {BEIR_CORPUS, "queries.jsonl", "qrels", "spans.jsonl", "manifest.json"}
"""What a folder of a gold set holds beside documents."""
TOOL_FOLDERS = {"node_modules", "bower_components", "site-packages", "__pycache__", "__MACOSX"}


@dataclass(frozen=True)
class _Folder:
    path: str
    real: str
    """The path without links."""
    rules: IgnoreRules
    beside: bool
    """Whether a corpus above it is read in its place."""


class Walk:
    """One walk over everything that was named.

    ``files`` and ``corpora`` are the paths found, absolute, links in them left as they are; ``skipped`` what was left
    out; ``links`` where each link that was followed leads.
    """

    def __init__(self, roots: Mapping[str, Root], globs: Globs | None = None) -> None:
        """Take the patterns of this walk; without any, each root's own count."""
        self.files: list[str] = []
        self.corpora: list[str] = []
        self.skipped: list[Skip] = []
        self.links: dict[str, str] = {}
        self._roots = roots
        self._globs = {path: globs or Globs.of(root.include, root.exclude) for path, root in roots.items()}
        self._no_globs = globs or Globs.of((), ())
        self._folders: dict[tuple[int, int], str] = {}
        """Path by device and inode, of the folders entered."""
        self._entered: set[str] = set()
        self._real_files: dict[str, str] = {}
        """Path by the path without links, of the files found."""
        self._links = deque[_Link]()
        self._real_roots: dict[str, str] = {}
        for path in map(path_of, roots):
            self._real_roots.setdefault(os.path.realpath(path), path)
        for path in self._real_roots.values():
            # A link that leads to a root, or above it, must not read it again at another place.
            if os.path.isdir(path):
                status = os.stat(path)
                self._folders.setdefault((status.st_dev, status.st_ino), path)

    def add(self, path: str) -> None:
        """Take in a file or folder that was named: whatever it is called, and whatever ignores it."""
        try:
            status = os.stat(path)
        except OSError as error:
            self._skip(path, *_reason(error))
            return
        real = os.path.realpath(path)
        own = self._own_place(real, stat.S_ISDIR(status.st_mode)) if real != path else path
        if own is not None and own != path:
            self._skip(path, "already_read", f"as {readable(own)}")
        elif stat.S_ISDIR(status.st_mode):
            if self._is_new(path, status):
                self._enter(path, real, rules_above(path, self._root(path)), beside=False, named=True)
        elif not stat.S_ISREG(status.st_mode):
            self._skip(path, "not_a_file")
        elif self._is_excluded(path, False):
            self._skip(path, "excluded")
        else:
            self._file(path, real, named=True)

    def follow_links(self) -> None:
        """Follow the links that were met, and those met behind them."""
        while self._links:
            link = self._links.popleft()
            try:
                status = os.stat(link.path)
            except OSError as error:
                self._skip(link.path, *_reason(error))
                continue
            real = os.path.realpath(link.path)
            is_folder = stat.S_ISDIR(status.st_mode)
            own = None if link.beside else self._own_place(real, is_folder)
            if own is not None and own != link.path:
                self._skip(link.path, "already_read", f"as {readable(own)}")
            elif is_folder:
                if self._is_new(link.path, status):
                    self.links[link.path] = real
                    self._enter(link.path, real, link.rules, link.beside, named=False)
            elif not stat.S_ISREG(status.st_mode):
                self._skip(link.path, "not_a_file")
            elif link.beside and reader_of(link.path) is not None:
                self._skip(link.path, "beside_corpus")
            elif self._file(link.path, real, named=False):
                self.links[link.path] = real

    def _own_place(self, real: str, is_folder: bool) -> str | None:
        """Return where below a root something is read without a link, whether or not this walk reads there."""
        top = real
        while top not in self._real_roots:
            if top == os.path.dirname(top):
                return None
            top = os.path.dirname(top)
        path = self._real_roots[top]
        rules = rules_above(path, path)
        parts = PurePath(real).relative_to(top).parts
        for number, name in enumerate(parts, start=1):
            rules, path = rules.below(path), os.path.join(path, name)
            inside = number < len(parts) or is_folder
            if self._rule_against(path, inside, rules) is not None:
                return None
        return path if is_folder or reader_of(path) is not None else None

    def _is_new(self, path: str, status: os.stat_result) -> bool:
        """Whether a folder is entered for the first time; that it was entered under another path is noted."""
        before = self._folders.setdefault((status.st_dev, status.st_ino), path)
        if before != path:
            self._skip(path, "already_read", f"as {readable(before)}")
            return False
        if path in self._entered:
            return False
        self._entered.add(path)
        return True

    def _enter(self, path: str, real: str, rules: IgnoreRules, beside: bool, named: bool) -> None:
        """Read a folder and all below it but the links."""
        if named and self._corpus(path, real):
            beside = True
        waiting = [_Folder(path, real, rules, beside)]
        while waiting:
            waiting += reversed(self._read(waiting.pop()))

    def _corpus(self, folder: str, real: str) -> bool:
        """Take a folder that holds a corpus for one."""
        path = os.path.join(folder, BEIR_CORPUS)
        if not os.path.isfile(path):
            return False
        if self._is_excluded(path, False):
            self._skip(path, "excluded")
            return False
        self._file(path, os.path.realpath(path), named=True)
        return True

    def _read(self, folder: _Folder) -> list[_Folder]:
        """Look at what one folder holds, and return the folders in it that are to be read."""
        try:
            with os.scandir(folder.path) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self._skip(folder.path, *_reason(error))
            return []
        rules, below = folder.rules.below(folder.path), []
        for entry in found:
            try:
                is_folder = entry.is_dir()
                if self._left_out(entry, is_folder, rules, folder.beside):
                    continue
                if entry.is_symlink():
                    self._links.append(_Link(entry.path, rules, folder.beside))
                elif is_folder:
                    if self._is_new(entry.path, entry.stat()):
                        real = os.path.join(folder.real, entry.name)
                        below.append(_Folder(entry.path, real, rules, folder.beside))
                elif not entry.is_file():
                    self._skip(entry.path, "not_a_file")
                elif folder.beside and reader_of(entry.name) is not None:
                    self._skip(entry.path, "beside_corpus")
                else:
                    self._file(entry.path, os.path.join(folder.real, entry.name), named=False)
            except OSError as error:
                self._skip(entry.path, *_reason(error))
        return below

    def _left_out(self, entry: os.DirEntry[str], is_folder: bool, rules: IgnoreRules, beside: bool) -> bool:
        """Whether a rule leaves an entry out; it is noted then."""
        if entry.name in IGNORE_FILES or (beside and entry.name in _BEIR_PARTS):
            return True
        reason = self._rule_against(entry.path, is_folder, rules)
        if reason is not None:
            self._skip(entry.path, reason)
        return reason is not None

    def _rule_against(self, path: str, is_folder: bool, rules: IgnoreRules) -> str | None:
        """Return the reason for which a path is left out, by its name alone."""
        name = os.path.basename(path)
        if name.startswith("."):
            return "hidden"
        if is_folder and name in TOOL_FOLDERS:
            return "tool_folder"
        if rules.ignores(path, is_folder):
            return "ignored"
        return "excluded" if self._is_excluded(path, is_folder) else None

    def _file(self, path: str, real: str, *, named: bool) -> bool:
        """Take in a file if it is of a known kind and was not found before; a link counts by its own name."""
        is_corpus = named and path.lower().endswith(".jsonl")
        if not is_corpus and reader_of(path) is None:
            self._skip(path, "unknown_kind")
            return False
        before = self._real_files.get(real)
        if before is not None:
            if before != path:
                self._skip(path, "already_read", f"as {readable(before)}")
            return False
        self._real_files[real] = path
        (self.corpora if is_corpus else self.files).append(path)
        return True

    def _root(self, path: str) -> str:
        root = innermost(self._roots, readable(path))
        return path_of(root.path) if root is not None else path

    def _is_excluded(self, path: str, is_folder: bool) -> bool:
        root = innermost(self._roots, readable(path))
        if root is None:
            return self._no_globs.leave_out(os.path.basename(path), is_folder)
        return self._globs[root.path].leave_out(root.relative(readable(path)), is_folder)

    def _skip(self, path: str, reason: str, detail: str = "") -> None:
        self.skipped.append(Skip(readable(path), reason, detail))


@dataclass(frozen=True)
class _Link:
    path: str
    rules: IgnoreRules
    beside: bool


def _reason(error: OSError) -> tuple[str, str]:
    """Return why a path cannot be read, and the system's words for it."""
    reason = "dangling_link" if error.errno in (errno.ENOENT, errno.ELOOP, errno.ENOTDIR) else "unreadable"
    return reason, error.strerror or str(error)
