"""Finding a quote in a passage, and keeping passages from speaking the prompt's own language.

A quote is verbatim when it is found in what the passage shows: without the marks of Markdown and HTML, words that were cut at
line ends whole, both sides in normal form (`shown_text`, `retrieval.text.normal_form`). Letters, case and digits stay as they
are, and words and numbers stay whole: "able" is no quote of "unable", nor "5 percent" of "1.5 percent" or "-5 percent".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from ...retrieval.text.markdown import Block, Kind, read_blocks
from ...retrieval.text.normal_form import UNSPACED, NormalForm, normal_text
from ...retrieval.text.sentences import Span, read_sentences, trimmed
from .shown_text import LINE_HYPHEN, shown_text

SHORTEST_QUOTE = 3
"""Words a quote must have at least, unless it is a whole sentence, line, cell or value: shorter ones are found anywhere."""
SHORTEST_UNSPACED = 6
"""Characters instead of words, in scripts that put no spaces between them."""

QuoteRule = Literal["no_such_quote", "too_short", "heading_only"]
REASONS: dict[QuoteRule, str] = {
    "no_such_quote": "the quote is not found",
    "too_short": f"a quote of fewer than {SHORTEST_QUOTE} words is no whole sentence, line, table cell or metadata value",
    "heading_only": "the quote is nothing but a heading",
}
"""By rule, why a quote does not stand: what is said before "in passage …"."""

_UNSPACED_CHARACTER = re.compile(f"[{UNSPACED}]")
_WORD = rf"[^\W{UNSPACED}]"
_INVISIBLE = "\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
_JOINER = "\u2060"
_MARKER = re.compile(rf"(?<=[\[［])(?!{_JOINER})(?=[{_INVISIBLE}]*[\[［][\s{_INVISIBLE}]*[#＃])")
_ENDS = " \t\n\"'.,;:!?。！？।؟۔"


def neutralise(text: str) -> str:
    """Break the field markers ``[[ ## name ## ]]`` of a prompt, and their look-alikes, with an invisible character.

    The normal form drops that character again, so quotes of such text are still found.
    """
    return _MARKER.sub(_JOINER, text)


def restore(text: str) -> str:
    """Return a text without the characters that `neutralise` puts in."""
    return text.replace(_JOINER, "")


@dataclass(frozen=True)
class QuoteFault:
    """Why a quote does not stand."""

    rule: QuoteRule

    @property
    def reason(self) -> str:
        return REASONS[self.rule]


def check_quote(quote: str, text: str, values: Iterable[str] = ()) -> str | QuoteFault:
    """Return the words of a passage that ``quote`` quotes, as they stand there, or why it may not stand.

    Args:
        text: of the passage.
        values: its metadata's, each of which may be quoted whole, too.
    """
    found = locate_quote(quote, text)
    if not isinstance(found, QuoteFault):
        return text[slice(*found)]
    value = whole_value(quote, values)
    return found if value is None else value


def locate_quote(quote: str, text: str) -> Span | QuoteFault:
    """Return where a passage holds the words of a quote that may stand, or why it may not."""
    wanted = _wanted(quote)
    found = list(_occurrences(wanted, shown_text(text)))
    if found and _long_enough(wanted):
        headings = [(block.start, block.end) for block in read_blocks(text) if _is_heading(block, text)]
        for start, end in found:
            if not any(first <= start and end <= last for first, last in headings):
                return start, end
        return QuoteFault("heading_only")
    bare = _bare(wanted)
    for start, end in _whole_parts(text) if bare else ():
        if _bare(shown_text(text[start:end]).text) == bare:
            return trimmed(text, (start, end)) or (start, end)
    return QuoteFault("too_short" if found else "no_such_quote")


def whole_value(quote: str, values: Iterable[str]) -> str | None:
    """Return the metadata value that a quote quotes whole, if any."""
    wanted = _wanted(quote)
    return next((value for value in values if wanted and normal_text(value) == wanted), None)


def _wanted(quote: str) -> str:
    return shown_text(quote).text.strip().strip("\"'").strip()


def find_quote(quote: str, text: str, values: Iterable[str] = ()) -> str | None:
    """Return the words that `check_quote` finds; ``None`` where the quote does not stand."""
    found = check_quote(quote, text, values)
    return found if isinstance(found, str) else None


def _occurrences(wanted: str, shown: NormalForm) -> Iterator[tuple[int, int]]:
    """Yield the spans of the passage where a quote stands, words and numbers whole."""
    if not wanted.strip(LINE_HYPHEN):
        return
    before, after = re.compile(_before(wanted[0])), re.compile(_after(wanted[-1]))
    if LINE_HYPHEN not in wanted + shown.text:
        at = shown.text.find(wanted)
        while at >= 0:
            end = at + len(wanted)
            whole = before.match(shown.text, at) and after.match(shown.text, end)
            if whole:
                yield shown.span(at, end)
            at = shown.text.find(wanted, end if whole else at + 1)
        return
    # A word that is cut at a line end in the one may be whole, or have its hyphen, in the other.
    letters = [f"[-{LINE_HYPHEN}]?" if letter == LINE_HYPHEN else re.escape(letter) for letter in wanted]
    pattern = f"{LINE_HYPHEN}?".join(letters).replace(f"{LINE_HYPHEN}?{re.escape('-')}", f"[-{LINE_HYPHEN}]")
    for match in re.finditer(before.pattern + pattern + after.pattern, shown.text):
        yield shown.span(match.start(), match.end())


def _whole_parts(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of what may be quoted however short: sentences, lines and table cells, but no heading."""
    yield from (
        (sentence.start, sentence.end) for sentence in read_sentences(text) if sentence.kind != "heading"
    )
    for block in read_blocks(text):
        if not _is_heading(block, text):
            if block.kind == "heading":
                yield block.start, block.end
            parts = re.finditer(
                r"[^|\n]+" if block.kind in ("head", "row") else r"[^\n]+", text[block.start : block.end]
            )
            yield from ((block.start + part.start(), block.start + part.end()) for part in parts)


def _is_heading(block: Block, text: str) -> bool:
    return block.kind == "heading" and _is_bare_heading(text[block.start : block.end])


@lru_cache(maxsize=8192)  # the sentences of a canon come up question after question
def may_be_cited(kind: Kind, text: str) -> bool:
    """Tell whether a sentence, row or line of that kind says something that can be cited."""
    if kind == "head" or (kind == "heading" and _is_bare_heading(text)):
        return False
    return any(map(str.isalnum, shown_text(text).text))


def _is_bare_heading(heading: str) -> bool:
    """Tell whether a heading is no more; a sentence over a line of dashes is, whatever Markdown makes of it."""
    return not shown_text(heading).text.strip().endswith((".", "。"))


def _bare(shown: str) -> str:
    return shown.replace(LINE_HYPHEN, "").strip(_ENDS)


def _long_enough(quote: str) -> bool:
    unspaced = len(_UNSPACED_CHARACTER.findall(quote))
    return len(quote.split()) >= SHORTEST_QUOTE or unspaced >= SHORTEST_UNSPACED


def _before(first: str) -> str:
    """Return what may not stand before a quote that begins so."""
    if first.isdigit():
        return r"(?<!\w)(?<!\d[.,:/])(?<![+-])"
    return f"(?<!{_WORD})(?<!{LINE_HYPHEN})" if re.match(_WORD, first) else ""


def _after(last: str) -> str:
    """Return what may not stand after a quote that ends so."""
    if last.isdigit():
        return r"(?!\w)(?![.,:/]\d)"
    return f"(?!{_WORD})(?!{LINE_HYPHEN})" if re.match(_WORD, last) else ""
