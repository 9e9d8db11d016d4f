"""The roots of a corpus: the files and folders it is read from, and the ids that they give to documents.

A file belongs to the innermost root that holds it, and its document's id is its path below that root, after the root's
name where it has one. So an id stays what it is whether a whole root is read, a folder below it, or one file.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import UsageError
from ..storage.home import NAME
from ..text.file_names import path_of, readable

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | Mapping[str, str | os.PathLike[str]]
"""One path, several, or paths by the names that they get as roots; a text ``name=path`` gives the name, too."""


@dataclass(frozen=True)
class Given:
    """A path that is to be read."""

    path: str
    """Absolute; links in it are left as they are."""
    name: str | None = None


@dataclass(frozen=True)
class Root:
    """A file or folder that an index is built from."""

    path: str
    """Absolute, as `readable` writes it."""
    name: str | None = None
    """What its documents' ids begin with."""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    """Which of its files are read, and which not: patterns as in ``.gitignore``."""
    fields: tuple[tuple[str, str], ...] = ()
    """What is mapped to which field of its files' records, see `FieldMap`."""

    def relative(self, source: str) -> str:
        """Return a path below the root; of a root that is a file, the file's name."""
        return source[len(self.path.rstrip("/")) + 1 :] or source.rpartition("/")[2]

    def document_id(self, below: str) -> str:
        """Return the id of what has that path, or in a corpus that id, below the root."""
        return f"{self.name}/{below}" if self.name else below


@dataclass(frozen=True)
class Origin:
    """Where documents came from. All paths are absolute and as `readable` writes them."""

    roots: tuple[Root, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    """The file of each document, by id; empty for one that was handed over without a file."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Where each link that was followed leads."""


def given_paths(paths: Paths) -> list[Given]:
    """Return the paths in the order given, with their names.

    Raises:
        UsageError: an empty path, a name that cannot be one, or that stands twice.
    """
    if isinstance(paths, str | os.PathLike):
        paths = [paths]
    if not isinstance(paths, Iterable):
        raise UsageError(f"paths must be a path, a list of them, or paths by name (got {paths!r:.80})")
    if isinstance(paths, Mapping):
        given = [Given(_absolute(path), _require_name(name)) for name, path in paths.items()]
    else:
        given = [_given(path) for path in paths]
    names = [root.name for root in dict.fromkeys(given) if root.name is not None]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"the name {twice[0]!r} stands twice: give each root a name of its own")
    paths_named = [root.path for root in dict.fromkeys(given) if root.name is not None]
    if len(set(paths_named)) < len(paths_named):
        raise UsageError("one path stands under two names: a document has one id, so give each path one name")
    return list(dict.fromkeys(given))


def _given(path: str | os.PathLike[str]) -> Given:
    name, equals, rest = path.partition("=") if isinstance(path, str) else ("", "", "")
    if equals and NAME.fullmatch(name) and not os.path.lexists(str(path)):
        return Given(_absolute(rest), name)
    return Given(_absolute(path))


def _require_name(name: object) -> str:
    if not (isinstance(name, str) and NAME.fullmatch(name)):
        raise UsageError(
            f"name {name!r} of a root: use 1 to 64 letters, digits, dots, dashes or underscores, a letter or digit first"
        )
    return name


def _absolute(path: object) -> str:
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        raise UsageError(f"{path!r} is no path: name a file or a folder")
    text = os.fsdecode(path)
    if "\0" in text:
        raise UsageError(f"{text!r} is no path: it holds a NUL")
    if text.startswith("~") and not os.path.lexists(text):
        text = os.path.expanduser(text)  # no shell does it in name=~/path
    # Past a link, the folder above is not the one that the path names.
    return os.path.realpath(text) if ".." in Path(text).parts else os.path.abspath(text)


def roots_of(
    given: Sequence[Given], known: Sequence[Root] = (), like: Root | None = None
) -> tuple[Root, ...]:
    """Return the roots of a reading: those known, and the paths given that lie in none of them.

    A new root is read ``like`` another one: by its patterns and fields.

    Raises:
        UsageError: a name that is known for another path, or a path that is known under another name.
    """
    by_name = {root.name: root for root in known if root.name is not None}
    by_path = by_path_of(known)
    like = like or Root("")
    new: list[Root] = []
    for entry in given:
        if entry.name is None:
            continue
        root = replace(like, path=readable(entry.path), name=entry.name)
        named, there = by_name.get(entry.name), by_path.get(root.path)
        if named is not None and named.path != root.path:
            raise UsageError(
                f"the index knows {root.name!r} as {named.path}, not {root.path}: choose another name, or build the "
                "index again from where its documents lie now (only what changed is embedded)"
            )
        if there is not None and there.name != root.name:
            raise UsageError(
                f"the index knows {root.path} {f'as {there.name!r}' if there.name else 'without a name'}, not as "
                f"{root.name!r}: leave the name as it was, or build the index again"
            )
        if there is None:
            new.append(root)
    unnamed = [replace(like, path=readable(entry.path), name=None) for entry in given if entry.name is None]
    apart, inside = by_path_of([*known, *new]), by_path_of(unnamed)
    outermost = [
        root
        for root in unnamed
        if innermost(apart, root.path) is None and innermost(inside, root.path.rpartition("/")[0]) is None
    ]
    return (*known, *new, *outermost)


def by_path_of(roots: Iterable[Root]) -> dict[str, Root]:
    """Return roots by their path, as `innermost` looks them up."""
    return {root.path: root for root in roots}


def innermost(by_path: Mapping[str, Root], source: str) -> Root | None:
    """Return the root that a file belongs to; ``None`` where it lies below none."""
    path = nearest(by_path, source)
    return by_path[path] if path is not None else None


def nearest(places: Collection[str], source: str) -> str | None:
    """Return the nearest of some places at which or below which a file lies."""
    while source:
        if source in places:
            return source
        source = source.rpartition("/")[0]
    return "/" if "/" in places else None


class KnownPaths:
    """The paths that an index was built from: one file may be named in several ways, through links or past them."""

    def __init__(self, known: Origin) -> None:
        self._roots = by_path_of(known.roots)
        self._read: set[str] = set()
        for source in known.sources.values():
            while source and source not in self._read:
                self._read.add(source)
                source = source.rpartition("/")[0]
        self._names: dict[str, list[str]] = defaultdict(list)
        """What roots and followed links are called, by the path without links that they lead to."""
        for root in known.roots:
            self._names[readable(os.path.realpath(path_of(root.path)))].append(root.path)
        for name, target in known.links.items():
            self._names[target].append(name)

    def __contains__(self, path: str) -> bool:
        """Whether documents were read from a file, or from below a folder."""
        return readable(path) in self._read

    def name(self, path: str) -> str:
        """Return what the index calls a path.

        A name that documents were read by counts before one that none was, and of the latter a place of its own before
        a link.
        """
        names = list(self._by_links(readable(os.path.realpath(path))))
        for name in (readable(path), *names):
            if name in self._read:
                return path_of(name)
        for name in names:
            root = innermost(self._roots, name)
            if root is not None and not any(part.startswith(".") for part in root.relative(name).split("/")):
                return path_of(name)
        return path

    def _by_links(self, target: str) -> Iterator[str]:
        place = target
        while (found := nearest(self._names, place)) is not None:
            for name in self._names[found]:
                yield name.rstrip("/") + target[len(found.rstrip("/")) :]
            if found == "/":
                return
            place = found.rpartition("/")[0] or "/"
