"""``quincunx keys …``"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ...options import AsJson

KeysFile = Annotated[Path, typer.Argument(help="The file of keys that `quincunx serve --keys` reads.")]


def keys_add(
    file: KeysFile,
    name: Annotated[str, typer.Argument(help="What the key is called in the log and in messages.")],
    scopes: Annotated[
        str, typer.Option(help="What it is for, joined by commas: ask, search, write, admin.")
    ] = "ask,search",
    requests_a_minute: Annotated[
        int | None, typer.Option(help="Most requests a minute.", show_default="no bound")
    ] = None,
    tokens_a_day: Annotated[
        int | None,
        typer.Option(
            help="Most tokens of language models from midnight to midnight, UTC.", show_default="no bound"
        ),
    ] = None,
    expires: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day from whose beginning, UTC, it is none any more."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, once: the file keeps its SHA-256 alone."""
    from ...output import notes, results, write_json
    from ...serve.access.keys import add_key

    key, known = add_key(
        file,
        name,
        [scope.strip() for scope in scopes.split(",")],
        requests_a_minute=requests_a_minute,
        tokens_a_day=tokens_a_day,
        expires=None if expires is None else expires.replace(tzinfo=UTC),
    )
    if as_json:
        write_json({"key": key, **_said_of(known)})
        return
    results.print(key, markup=False, soft_wrap=True)
    notes.print(
        f"{file}: key {name}, for {', '.join(known.scopes)}. It is shown this once; a service that runs takes it "
        "after a reload (SIGHUP)",
        markup=False,
        soft_wrap=True,
    )


def keys_list(file: KeysFile, as_json: AsJson = False) -> None:
    """List the keys of a file: their names and what they may."""
    from ...output import results, write_json
    from ...render.lists import keys_table
    from ...serve.access.keys import read_keys

    entries = [_said_of(key) for key in read_keys(file).keys]
    if as_json:
        write_json({"keys": entries})
    else:
        results.print(keys_table(entries))


def keys_remove(
    file: KeysFile, name: Annotated[str, typer.Argument(help="The key's name.")], as_json: AsJson = False
) -> None:
    """Take a key out of a file."""
    from ...output import results, write_json
    from ...serve.access.keys import remove_key

    removed = remove_key(file, name)
    if as_json:
        write_json({"removed": removed.name})
        return
    results.print(
        f"{file}: key {name} is removed; a service that runs refuses it after a reload (SIGHUP)",
        markup=False,
        soft_wrap=True,
    )


def _said_of(key: Any) -> dict[str, Any]:
    """Return what is said of a key, an `ApiKey`, without its digest."""
    return {**key.model_dump(mode="json", exclude={"sha256"}), "expired": key.is_expired()}
