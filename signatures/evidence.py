"""What goes into every task as evidence, and what every claim must come back with."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema


class SetByCheck:
    """Marks a field of an output that the check fills in, whatever a language model wrote: models are not asked for it.

    Example:
        >>> from typing import Annotated
        >>> class Page(quincunx.Item):
        ...     title: Annotated[str, quincunx.SetByCheck()] = ""
        ...     why: list[quincunx.Claim]
        >>> Page(why=[]).title
        ''
    """


LINKS = ("url", "link", "source")
"""Names of metadata that hold a document's address, the first that there is."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d(?!\d)")


def _told(description: str) -> ConfigDict:
    """Return a configuration by which a language model is told this of a class, and not its docstring."""
    return ConfigDict(json_schema_extra={"description": description})


class Evidence(BaseModel):
    """A passage as the language model sees it: what a program's ``passages`` are.

    Example:
        >>> quincunx.Evidence(id="p1", title="Leave", text="27 days a year.", about={"kind": "policy"}).title
        'Leave'
    """

    model_config = ConfigDict(frozen=True)

    id: str
    title: str
    text: str
    about: dict[str, str] = Field(default_factory=dict)
    """The passage's metadata, such as its ticker and date."""
    start: int = Field(default=0, exclude=True)
    """Where its own text begins in its document, in characters; what stands above that in ``text`` is `head`."""
    head: int = Field(default=0, exclude=True)
    """Characters of ``text`` that stand elsewhere in the document: the head of its table."""
    parts: tuple[tuple[int, str, int], ...] = Field(default=(), exclude=True)
    """Where the pages of the document begin, or its other parts, in which ``text`` lies: (character, kind, number)."""
    names: tuple[str, ...] = Field(default=(), exclude=True)
    """What the document says that it is called: its subject and aliases."""
    path: str = Field(default="", exclude=True)
    """The document's file, below the root that it was read from; empty where it has none."""

    def citation(self, start: int, end: int) -> Citation:
        """Return what points to ``text[start:end]``."""
        own = start >= self.head
        shift = self.start - self.head
        return Citation(
            passage_id=self.id,
            quote=self.text[start:end],
            title=self.title,
            link=next((self.about[name] for name in LINKS if self.about.get(name)), ""),
            path=self.path,
            start=start + shift if own else None,
            end=end + shift if own else None,
        )

    def place_of(self, citation: Citation) -> tuple[int, int] | None:
        """Return where ``text`` holds what a citation of this passage points to; ``None`` where it does not say."""
        if citation.start is None:
            return None
        start = citation.start - self.start + self.head
        return (start, start + len(citation.quote)) if start >= 0 else None


class Citation(BaseModel):
    """Points from a claim to the words that support it.

    Example:
        >>> answer = quincunx.load("chat_bridge")(question="What is Sage Daily?")
        >>> cited = answer.citations[0]
        >>> cited.passage_id, cited.title, cited.quote
        ('bd-sage-daily', 'Sage Daily', 'Sage Daily is the sister site of Build Daily...')
        >>> cited.start, cited.end == len(cited.quote)
        (0, True)
    """

    model_config = _told("Points from a claim to the words that support it.")

    passage_id: str = Field(description="id of one of the given passages")
    quote: str = Field(description="words copied exactly from that passage")
    title: Annotated[SkipJsonSchema[str], SetByCheck()] = ""
    """The passage's title."""
    link: Annotated[SkipJsonSchema[str], SetByCheck()] = ""
    """The document's address, where its metadata has one: ``url``, ``link`` or ``source``."""
    path: Annotated[SkipJsonSchema[str], SetByCheck()] = ""
    """The document's file, below the folder that the index was built from; empty where it has none."""
    page: Annotated[SkipJsonSchema[int | None], SetByCheck()] = None
    """The page that the quote begins on, counted from 1; ``None`` where the document has no pages."""
    place: Annotated[SkipJsonSchema[str], SetByCheck()] = ""
    """Where in the document a person finds it: ``page 3``, ``row 17``, ``line 120``, ``cell 4``; empty where it has no parts."""
    url: Annotated[SkipJsonSchema[str], SetByCheck()] = ""
    """What leads there: the link, or else the path, relative and quoted, with a fragment for the place: ``#page=3`` of a PDF,
    ``#row=17`` of a table, ``#:~:text=…`` (the quote, which browsers show and highlight) of a page of the web."""
    start: Annotated[SkipJsonSchema[int | None], SetByCheck()] = None
    """Where the quote begins in the document as it was read, in characters; ``None`` for metadata, titles and what
    stands above a piece of a table."""
    end: Annotated[SkipJsonSchema[int | None], SetByCheck()] = None
    """One past its last character there."""


class Claim(BaseModel):
    """One statement with what supports it: what the output of every program is made of.

    Example:
        >>> cited = quincunx.Citation(passage_id="p1", quote="27 days a year")
        >>> quincunx.Claim(text="There are 27 days of leave.", citations=[cited]).text
        'There are 27 days of leave.'
    """

    model_config = _told("One statement with what supports it.")

    text: str = Field(description="one sentence in your own words")
    citations: list[Citation] = Field(description="at least one")


class Pointer(BaseModel):
    """Names a given passage and claims nothing; its title is the passage's own, whatever the model wrote.

    Example:
        >>> quincunx.Pointer(passage_id="bd-sage", title="Sage").title
        'Sage'
    """

    model_config = _told(
        "Names a given passage and claims nothing; its title is the passage's own, whatever the model wrote."
    )

    passage_id: str = Field(description="id of one of the given passages")
    title: Annotated[str, SetByCheck()] = Field(default="", description="its title")


class Item(BaseModel):
    """An output, or one entry of a list in it, that has rules of its own to stand by.

    What its claims cite is checked whatever the class; a subclass adds a rule by overriding a method.

    Example:
        >>> class Policy(quincunx.Item):
        ...     title: str = ""
        ...     claims: list[quincunx.Claim]
        ...     def validate_against(self, cited):
        ...         return self.model_copy(update={"title": next(iter(cited.values())).title})
        >>> page = quincunx.Evidence(id="p1", title="Leave", text="27 days a year.")
        >>> Policy(claims=[]).validate_against({"p1": page}).title
        'Leave'
    """

    def validate_against(self, cited: Mapping[str, Evidence]) -> Self | str:
        """Return the entry as it may stand, given the passages (by id) that its surviving claims cite.

        A string instead says why it may not.
        """
        return self

    @classmethod
    def may_refuse_whole(cls) -> bool:
        """Tell whether `validate_against` may refuse an output for what its claims cite together.

        Its sentences are then told at the end, and else as each stands.
        """
        return cls.validate_against is not Item.validate_against

    def forbidden(self, claim: str) -> str | None:
        """Say why this output may not hold a claim, whatever supports it; ``None`` when it may."""
        return None


def names_cited(passage_id: str, cited: Mapping[str, Evidence]) -> str | None:
    """Say what is wrong when an entry is about a passage that none of its claims cites."""
    if passage_id in cited:
        return None
    return f"it is about passage {passage_id!r}, which none of its supported claims cites"


def newest_date(cited: Mapping[str, Evidence]) -> str:
    """Return the latest ``date`` among the passages' metadata, as YYYY-MM-DD; empty where none has one."""
    dates = (_DATE.match(passage.about.get("date", "")) for passage in cited.values())
    return max((date[0] for date in dates if date), default="")


Entry = TypeVar("Entry", bound=Item)


def joined(entries: Sequence[Entry], key: str) -> list[Entry]:
    """Join the entries that share the value of ``key``: the first stays, and the claims of the others join its own."""
    first: dict[str, Entry] = {}
    for entry in entries:
        name = getattr(entry, key)
        if name in first:
            lists = {field: value for field, value in first[name] if isinstance(value, list)}
            update = {field: [*value, *getattr(entry, field)] for field, value in lists.items()}
            first[name] = first[name].model_copy(update=update)
        else:
            first[name] = entry
    return list(first.values())
