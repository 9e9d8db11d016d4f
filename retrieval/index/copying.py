"""Indexes that lie in a database: naming one, and copying an index there and back."""

from __future__ import annotations

from pathlib import Path

from ..errors import UsageError
from ..storage.disk import storing
from ..storage.home import DATABASE, ELSEWHERE, index_folder, is_index, require_index
from .contents import IndexInfo, index_info
from .postgres.place import DatabasePlace, default_schema, write_place
from .recipe import IndexRecipe
from .store import Store, postgres


def attach_index(name: str, store: str, *, schema: str | None = None) -> IndexInfo:
    """Give an index that lies in a Postgres database a name here, by which it is searched and changed from now on.

    Args:
        name: of the index, in this home folder.
        store: the address of the database, ``postgresql://HOST/DATABASE``; a password is read from ``PGPASSWORD`` or from
            the file that ``PGPASSFILE`` names, and stands in no file of this package.
        schema: that holds the index; ``quincunx_`` and the name, if left out.

    Raises:
        UsageError: an address that cannot be one, or another index of that name.
        IndexStateError: there is no index in that schema. StoreUnreachableError: the database cannot be reached.
        MissingExtraError: the extra ``postgres`` is not installed.

    Example:
        >>> import quincunx
        >>> quincunx.attach_index("shared", "postgresql://app:secret@db.example/answers")
        Traceback (most recent call last):
        quincunx.retrieval.errors.UsageError: store: the address holds a password...
    """
    folder = index_folder(name)
    is_new = not is_index(folder)
    place_index(folder, store, schema)
    try:
        return index_info(name)
    except BaseException:
        if is_new:
            forget_place(folder)
        raise


def detach_index(name: str) -> None:
    """Take the name of an index that lies in a database away; the index stays there as it is.

    Raises:
        UnknownIndexError: no index of that name. UsageError: it lies in this home folder.

    Example:
        >>> from pathlib import Path
        >>> import quincunx
        >>> written = Path("tea.txt").write_text("Tea is served at four.")
        >>> built = quincunx.build_index("teatime", "tea.txt")
        >>> quincunx.detach_index("teatime")
        Traceback (most recent call last):
        quincunx.retrieval.errors.UsageError: index 'teatime' lies in ...
    """
    folder = require_index(name)
    if (folder / DATABASE).is_file():
        raise UsageError(f"index {name!r} lies in {folder}: remove it with `quincunx index drop {name}`")
    forget_place(folder)


def copy_index(name: str, to: str, *, store: str | None = None, schema: str | None = None) -> IndexInfo:
    """Copy an index with all it holds; nothing is cut or embedded again.

    Args:
        name: of the index.
        to: the name that the copy gets; none of that name may be there.
        store, schema: the database that it goes to, as in `attach_index`; this home folder, if left out.

    Raises:
        UnknownIndexError, UsageError: no index of that name, or one that is called as the copy.
        StoreUnreachableError, StorageError: the database cannot be reached, or it or the disk refused; nothing of the copy stays
            here, and it can be made again.
        WriterBusyError: another process is writing what would be the copy.

    Example:
        >>> from pathlib import Path
        >>> import quincunx
        >>> written = Path("milk.txt").write_text("Milk is brought at six.")
        >>> built = quincunx.build_index("milk", "milk.txt")
        >>> copied = quincunx.copy_index("milk", "milk-before")
        >>> copied.name, copied.passages
        ('milk-before', 1)
    """
    source, target = require_index(name), index_folder(to)
    if is_index(target):
        raise UsageError(f"there is an index {to!r} already: take another name, or drop it first")
    if store is not None:
        place_index(target, store, schema, is_new=True)
    held, copy = Store(source), Store(target)
    begun = False
    try:
        with held.read() as reading, copy.write(make=True) as writing:
            if writing.generation:
                raise UsageError(f"there is an index {to!r} already: take another name, or drop it first")
            begun = True
            for keys, vectors in reading.keyed_vectors():
                writing.add_vectors(keys, vectors)
            kind = reading.snapshot.kind
            writing.replace(
                reading.keyed_documents(),
                (),
                recipe=IndexRecipe(reading.identity, reading.chunking),
                kind=kind if kind in writing.kinds else writing.kinds[0],
                origin=reading.origin(),
                files=reading.files(),
            )
    except BaseException:
        if store is not None:
            forget_place(target)
        elif begun:
            copy.drop()
            forget_place(target)
        raise
    finally:
        held.close()
        copy.close()
    return index_info(to)


def place_index(folder: Path, store: str, schema: str | None, *, is_new: bool = False) -> None:
    """Note in an index's folder that it lies in a schema of a database; where it ``is_new``, none may be there yet.

    Raises:
        UsageError: see `DatabasePlace.of` and `write_place`; or the schema holds an index already, or something else.
        StoreUnreachableError, MissingExtraError: the database cannot be reached.
    """
    place = DatabasePlace.of(store, schema or default_schema(folder.name))
    if postgres(folder, place).is_taken() and is_new:
        raise UsageError(
            f"{place} holds an index already: give it a name here with `quincunx index attach`, or name another --schema"
        )
    write_place(folder, place)


def forget_place(folder: Path) -> None:
    """Take away what a folder says of where its index lies, and the folder, where nothing else is in it."""
    with storing(folder):
        (folder / ELSEWHERE).unlink(missing_ok=True)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
