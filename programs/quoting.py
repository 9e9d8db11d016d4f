"""Finding a quote in a passage, and keeping passages from speaking the prompt's own language.

A quote is verbatim when it is found after both sides are normalised: Unicode compatibility forms (NFKC),
typographic quotes and dashes to plain ones, runs of white space to one space, invisible format characters
dropped. Letters, case and digits stay as they are, and words stay whole: "able" is no quote of "unable".
"""

from __future__ import annotations

import re
import unicodedata

SHORTEST_QUOTE = 3
"""Words a quote must have at least, unless it is the whole passage: shorter ones are found anywhere."""

_PLAIN = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′`´", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
    }
)
_MARKER = re.compile(r"\[\[(?=\s*##)")
_JOINER = "\u2060"


def neutralise(text: str) -> str:
    """Break the field markers ``[[ ## name ## ]]`` of a prompt with an invisible character.

    Normalisation drops that character again, so quotes of such text are still found.
    """
    return _MARKER.sub(f"[{_JOINER}[", text)


def find_quote(quote: str, text: str) -> str | None:
    """Return the words of ``text`` that ``quote`` quotes, as they stand there; ``None`` if they do not."""
    wanted = _normalise(quote)[0].strip().strip("\"'").strip()
    found_in, origin = _normalise(text)
    if not wanted or (len(wanted.split()) < SHORTEST_QUOTE and wanted != found_in.strip()):
        return None
    before = r"(?<!\w)" if wanted[0].isalnum() else ""
    after = r"(?!\w)" if wanted[-1].isalnum() else ""
    whole = re.compile(before + re.escape(wanted) + after)
    match = whole.search(found_in)
    if match is None:
        return None
    return text[origin[match.start()][0] : origin[match.end() - 1][1]]


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
