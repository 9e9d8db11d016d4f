"""The roots of a corpus: the files and folders it is read from, and the ids that they give to documents.

A file belongs to the innermost root that holds it, and its document's id is its path below that root, after the root's
name where it has one. So an id stays what it is whether a whole root is read, a folder below it, or one file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import UsageError
from ..storage.home import NAME
from .file_names import path_of, readable

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
    # Past a link, the folder above is not the one that the path names.
    return os.path.realpath(text) if ".." in Path(text).parts else os.path.abspath(text)


def roots_of(given: Sequence[Given], known: Sequence[Root] = ()) -> tuple[Root, ...]:
    """Return the roots of a reading: those known, and the paths given that lie in none of them.

    Raises:
        UsageError: a name that is known for another path, or a path that is known under another name.
    """
    by_name = {root.name: root for root in known if root.name is not None}
    by_path = by_path_of(known)
    new: list[Root] = []
    for entry in given:
        if entry.name is None:
            continue
        root = Root(readable(entry.path), entry.name)
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
        if root != there:
            new.append(root)
    unnamed = [Root(readable(entry.path)) for entry in given if entry.name is None]
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
    while source:
        if source in by_path:
            return by_path[source]
        source = source.rpartition("/")[0]
    return by_path.get("/")


def known_path(path: str, known: Origin) -> str:
    """Return the name by which an index knows a path: it may have been read through a link, or be named through one.

    A name that documents were read by counts before one that none was, and of the latter a place of its own before a
    link.
    """
    name, others = readable(path), list(_names_by_links(os.path.realpath(path), known))
    for candidate in (name, *others):
        if any(is_below(source, candidate) for source in known.sources.values()):
            return path_of(candidate)
    by_path = by_path_of(known.roots)
    for candidate in others:
        root = innermost(by_path, candidate)
        if root is not None and not any(part.startswith(".") for part in root.relative(candidate).split("/")):
            return path_of(candidate)
    return path


def is_below(source: str, place: str) -> bool:
    """Whether a file is a place, or lies below it."""
    return source == place or source.startswith(place.rstrip("/") + "/")


def _names_by_links(real: str, known: Origin) -> Iterator[str]:
    target = readable(real)
    ways = {root.path: readable(os.path.realpath(path_of(root.path))) for root in known.roots}
    for name, leads in (*ways.items(), *known.links.items()):
        if is_below(target, leads):
            yield name.rstrip("/") + target[len(leads.rstrip("/")) :]
