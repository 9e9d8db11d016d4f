"""Holding an answer to its evidence: what cannot be supported is dropped and reported.

A citation stands when its id is one of this call's passages and its quote is found there. A claim stands
with at least one citation, with no link but those that a passage it cites holds, and unless its output forbids
it; an entry of a list with at least one claim, an answer with at least one entry or claim. A pointer stands when
its passage is one of this call's. An answer left without a citation becomes a refusal, and keeps its pointers only.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from ...retrieval.text.normal_form import normal_text
from ...retrieval.text.sentences import Span
from ...signatures.evidence import Citation, Claim, Evidence, Item, Pointer
from .forms import empty_output, empty_value
from .quotes import QuoteFault, QuoteRule, locate_quote, restore, whole_value

Output = TypeVar("Output", bound=BaseModel)
Cited = dict[str, Evidence]
"""The passages that something cites by id, the first cited first."""

Rule = Literal[QuoteRule, "foreign_id", "no_citation", "empty", "stray_link", "forbidden", "unsupported"]
"""Which rule a dropped part broke: stable, and free of what anybody wrote."""


_REST = r"[^\s<>\"'`]"
_NOT_HOSTS = "cc|cs|go|js|md|ml|pl|py|rb|rs|sh|so|ts"
"""Two letters that end names of files and tools (``next.js``, ``setup.py``) and are endings of hosts too, or look so."""
_ENDINGS = (
    "com|net|org|info|biz|dev|app|page|site|online|shop|store|club|link|live|news|blog|cloud|tech|space|world|pro|xyz|top"
    "|icu|vip|win|fun|gov|edu|mil|int|example|test|onion"
)
_LINK = re.compile(
    rf"""
      \b [a-z][a-z0-9+.-]{{1,20}} : [/\\]{{2}} {_REST}+                                 # https://…, hxxps://…, https:\\…
    | \b (?:mailto|javascript|vbscript|data|tel|sms|file|magnet) : {_REST}+
    | (?<![\w:/]) // [\w-]+ (?:\.[\w-]+)+ {_REST}*
    | \b www\. {_REST}+
    | (?<![\w@.-]) (?:[\w-]+\.)+ [a-z]{{2,24}} / {_REST}*                               # host.tld/path
    | (?<![\w.-]) (?:[\w.+-]+@)? (?:[\w-]+\.)+ (?:{_ENDINGS}|(?!(?:{_NOT_HOSTS})\b)[a-z]{{2}}) \b (?![\w-])
    """,
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True)
class Dropped:
    """One part of a model's answer that did not stand."""

    where: str
    """Its place in the output, e.g. ``tickers[2].reasons[0].citations[1]``."""
    rule: Rule
    reason: str
    value: Any
    """What the model wrote there, as JSON values."""


@dataclass
class Grounded:
    """A model's answer after the check."""

    output: Any
    """Holds only what stands."""
    citations: list[Citation] = field(default_factory=list)
    """All that stand, in order of appearance, each once; quotes are spelt as the passage spells them."""
    dropped: list[Dropped] = field(default_factory=list)

    @property
    def answered(self) -> bool:
        return bool(self.citations)


def ground(output: Any, evidence: Sequence[Evidence]) -> Grounded:
    """Check an answer against the passages it was given; ``output`` is of a form that `forms` supports."""
    check = _Check({passage.id: passage for passage in evidence}, output)
    kept, cited = check.value(output, "")
    if cited and isinstance(kept, Item):
        validated = kept.validate_against(cited)
        if isinstance(validated, str):
            check.drop("", "unsupported", validated, output)
            cited = {}
        else:
            kept = validated
    if not cited:
        return Grounded(_refused(kept), dropped=check.dropped)
    citations = {(c.passage_id, c.quote, c.start): c for c in citations_of(kept)}
    return Grounded(kept, list(citations.values()), check.dropped)


def _refused(output: Any) -> Any:
    """Return an output that says nothing, and asks back what it asked."""
    if not isinstance(output, BaseModel):
        return []
    if isinstance(output, Claim):
        return empty_output(Claim)
    update = {
        name: value if _all(value, Pointer) else empty_value(info)
        for name, info in type(output).model_fields.items()
        for value in [getattr(output, name)]
    }
    return output.model_copy(update=update)


def _all(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(entry, kind) for entry in value)


def citations_of(value: Any) -> list[Citation]:
    """Return every citation inside an output, however deep, in order of appearance."""
    if isinstance(value, Claim):
        return value.citations
    if isinstance(value, BaseModel):
        return [c for name in type(value).model_fields for c in citations_of(getattr(value, name))]
    if isinstance(value, list):
        return [c for entry in value for c in citations_of(entry)]
    return []


def _held(passage: Evidence) -> list[str]:
    """Return the addresses that a passage holds, in its title and metadata too."""
    return [link for text in (passage.title, passage.text, *passage.about.values()) for link in links(text)]


def _own_place(citation: Citation, passage: Evidence, found: Span) -> Span:
    """Return where a citation itself says that its quote begins, if it stands there; else where it was found first."""
    if citation.start is None:
        return found
    start = citation.start - passage.start + passage.head
    end = start + len(citation.quote)
    return (start, end) if start >= 0 and passage.text[start:end] == citation.quote else found


class _Check:
    def __init__(self, evidence: Mapping[str, Evidence], output: Any) -> None:
        self.evidence = evidence
        self.output = output
        self.dropped: list[Dropped] = []

    def value(self, value: Any, where: str) -> tuple[Any, Cited]:
        """Return an output, or a field of one, with only what stands in it, and what its claims cite."""
        if isinstance(value, Claim):
            claim, cited = self.claim(value, where)
            return claim or empty_output(Claim), cited
        if isinstance(value, list):
            return self.entries(value, where)
        if isinstance(value, Pointer):
            return self.pointer(value, where) or Pointer(passage_id=""), {}
        if isinstance(value, BaseModel):
            return self.model(value, where)
        return value, {}

    def entries(self, entries: list[Any], where: str) -> tuple[list[Any], Cited]:
        """Return the entries of a list that stand, and what their claims cite."""
        if not _all(entries, BaseModel):
            return entries, {}
        kept, cited = [], Cited()
        for index, entry in enumerate(entries):
            standing, ids = self.entry(entry, f"{where}[{index}]")
            if standing is not None:
                kept.append(standing)
                cited |= ids
        return kept, cited

    def model(self, model: Output, where: str) -> tuple[Output, Cited]:
        """Return a model with only what stands in its fields, and what its claims cite."""
        cited: Cited = {}
        update: dict[str, Any] = {}
        for name in type(model).model_fields:
            place = f"{where}.{name}" if where else name
            update[name], ids = self.value(getattr(model, name), place)
            cited |= ids
        return model.model_copy(update=update), cited

    def entry(self, entry: BaseModel, where: str) -> tuple[BaseModel | None, Cited]:
        """Return an entry of a list as it may stand, ``None`` where it may not, and what its claims cite."""
        if isinstance(entry, Claim):
            return self.claim(entry, where)
        if isinstance(entry, Pointer):
            return self.pointer(entry, where), {}
        kept, cited = self.model(entry, where)
        if not cited:
            self.drop(where, "unsupported", "none of its claims is supported", entry)
            return None, cited
        validated = kept.validate_against(cited) if isinstance(kept, Item) else kept
        if isinstance(validated, str):
            self.drop(where, "unsupported", validated, entry)
            return None, {}
        return validated, cited

    def pointer(self, pointer: Pointer, where: str) -> Pointer | None:
        passage = self.passage_of(pointer.passage_id)
        if passage is None:
            self.drop_foreign_id(pointer.passage_id, where, pointer)
            return None
        # A title is shown without a citation: one that leads somewhere gives way to the id.
        title = passage.id if links(passage.title) else passage.title or passage.id
        return pointer.model_copy(update={"passage_id": passage.id, "title": title})

    def claim(self, claim: Claim, where: str) -> tuple[Claim | None, Cited]:
        standing = []
        for index, citation in enumerate(claim.citations):
            checked = self.citation(citation, f"{where}.citations[{index}]")
            if checked is not None:
                standing.append(checked)
        if not standing:
            self.drop(where, "no_citation", "it has no citation that stands", claim)
            return None, {}
        if not claim.text.strip():
            self.drop(where, "empty", "it says nothing", claim)
            return None, {}
        cited = {citation.passage_id: self.evidence[citation.passage_id] for citation in standing}
        stray = sorted(
            set(links(claim.text)) - {link for passage in cited.values() for link in _held(passage)}
        )
        if stray:
            self.drop(where, "stray_link", f"its link {stray[0]!r} stands in no passage that it cites", claim)
            return None, {}
        forbidden = self.output.forbidden(claim.text) if isinstance(self.output, Item) else None
        if forbidden:
            self.drop(where, "forbidden", forbidden, claim)
            return None, {}
        return claim.model_copy(update={"citations": standing}), cited

    def citation(self, citation: Citation, where: str) -> Citation | None:
        passage = self.passage_of(citation.passage_id)
        if passage is None:
            self.drop_foreign_id(citation.passage_id, where, citation)
            return None
        found = locate_quote(citation.quote, passage.text)
        if not isinstance(found, QuoteFault):
            return passage.citation(*_own_place(citation, passage, found))
        value = whole_value(citation.quote, passage.about.values())
        if value is not None:
            return passage.citation(0, 0).model_copy(update={"quote": value, "start": None, "end": None})
        self.drop(where, found.rule, f"{found.reason} in passage {passage.id!r}", citation)
        return None

    def passage_of(self, id: str) -> Evidence | None:
        """Return the passage of that id, as it is or as the language model was told it."""
        return self.evidence.get(id) or self.evidence.get(restore(id))

    def drop_foreign_id(self, id: str, where: str, value: BaseModel) -> None:
        self.drop(where, "foreign_id", f"passage {id!r} was not among those given", value)

    def drop(self, where: str, rule: Rule, reason: str, value: Any) -> None:
        self.dropped.append(Dropped(where, rule, reason, to_jsonable_python(value)))


def links(text: str) -> list[str]:
    """Return the addresses that a text leads to, however they are dressed up, in lower case and without punctuation after.

    Looked for in the text as quotes are compared (in normal form) and with HTML's entities resolved: anything with a
    scheme, ``//host``, ``www.``, and bare host names, with a path or with an ending that host names have.
    """
    found = _LINK.findall(normal_text(html.unescape(text)).lower())
    return [link.rstrip(".,;:!?)]}…\\") for link in found]
