"""Finding a quote in a passage, and keeping passages from speaking the prompt's own language.

A quote is verbatim when it is found after both sides are normalised: Unicode compatibility forms (NFKC),
typographic quotes and dashes to plain ones, runs of white space to one space, invisible format characters
dropped. Letters, case and digits stay as they are, and words and numbers stay whole: "able" is no quote of
"unable", nor "5 percent" of "1.5 percent" or "-5 percent".
"""

from __future__ import annotations

import re
import unicodedata

SHORTEST_QUOTE = 3
"""Words a quote must have at least, unless it is the whole passage: shorter ones are found anywhere."""
SHORTEST_UNSPACED = 6
"""Characters instead of words, in scripts that put no spaces between them."""

_PLAIN = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′`´", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
    }
)
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_UNSPACED_CHARACTER = re.compile(f"[{_UNSPACED}]")
_WORD = rf"[^\W{_UNSPACED}]"
_INVISIBLE = "\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
_JOINER = "\u2060"
_MARKER = re.compile(rf"(?<=[\[［])(?!{_JOINER})(?=[{_INVISIBLE}]*[\[［][\s{_INVISIBLE}]*[#＃])")


def neutralise(text: str) -> str:
    """Break the field markers ``[[ ## name ## ]]`` of a prompt, and their look-alikes, with an invisible character.

    Normalisation drops that character again, so quotes of such text are still found.
    """
    return _MARKER.sub(_JOINER, text)


def restore(text: str) -> str:
    """Return a text without the characters that `neutralise` puts in."""
    return text.replace(_JOINER, "")


def normalise(text: str) -> str:
    """Return a text as quotes are compared."""
    return _normalise(text)[0].strip()


def find_quote(quote: str, text: str) -> str | None:
    """Return the words of ``text`` that ``quote`` quotes, as they stand there; ``None`` if they do not."""
    wanted = normalise(quote).strip("\"'").strip()
    found_in, origin = _normalise(text)
    if not wanted or (not _long_enough(wanted) and wanted != found_in.strip()):
        return None
    whole = re.compile(_before(wanted[0]) + re.escape(wanted) + _after(wanted[-1]))
    match = whole.search(found_in)
    if match is None:
        return None
    return text[origin[match.start()][0] : origin[match.end() - 1][1]]


def _long_enough(quote: str) -> bool:
    unspaced = len(_UNSPACED_CHARACTER.findall(quote))
    return len(quote.split()) >= SHORTEST_QUOTE or unspaced >= SHORTEST_UNSPACED


def _before(first: str) -> str:
    """Return what may not stand before a quote that begins so."""
    if first.isdigit():
        return r"(?<!\w)(?<!\d[.,])(?<![+-])"
    return f"(?<!{_WORD})" if re.match(_WORD, first) else ""


def _after(last: str) -> str:
    """Return what may not stand after a quote that ends so."""
    if last.isdigit():
        return r"(?!\w)(?![.,]\d)"
    return f"(?!{_WORD})" if re.match(_WORD, last) else ""


def _normalise(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Return the normalised text, and for each of its characters the span of ``text`` it came from."""
    characters: list[str] = []
    origin: list[tuple[int, int]] = []
    start = 0
    while start < len(text):
        end = start + 1
        while end < len(text) and unicodedata.combining(text[end]):
            end += 1
        for character in unicodedata.normalize("NFKC", text[start:end]).translate(_PLAIN):
            if unicodedata.category(character) == "Cf":
                continue
            if character.isspace():
                if characters and characters[-1] == " ":
                    continue
                character = " "
            characters.append(character)
            origin.append((start, end))
        start = end
    return "".join(characters), origin
