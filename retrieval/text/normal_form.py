"""The one form in which texts are compared: by the lexical stage, by quotes and by what marks them.

Unicode compatibility forms (NFKC: decomposed letters, ligatures, full-width letters), typographic quotes and dashes made
plain, invisible format characters (soft hyphens, zero-width spaces) dropped, runs of white space made one space. Letters,
case and digits stay as they are.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from dataclasses import dataclass

import regex

PLAIN = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′`´", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
    }
)
UNSPACED = (
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u2e80-\u2fdf\u3005-\u3007"
    "\u3040-\u30ff\u3100-\u312f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uaa60-\uaa7f\uaa80-\uaadf"
    "\uf900-\ufaff\uff66-\uff9f\U00016fe0-\U00018cff\U0001b000-\U0001b2ff\U00020000-\U0003ffff"
)
"""Characters of the scripts that put no spaces between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese, Tibetan), as the
ranges of a regular expression's class."""

_INVISIBLE = regex.compile(r"\p{Cf}+")
_PLAIN_RUN = re.compile(r"[!-\x5f\x61-~]+")
"""ASCII, which is its own normal form; the grave accent is a typographic quote."""


@dataclass(frozen=True)
class NormalForm:
    """A text in normal form, and where each of its characters came from."""

    text: str
    starts: array[int]
    ends: array[int]
    """By character of `text`, where its span in the text that was normalised begins, and where it ends."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the span, in the text that was normalised, of ``text[start:end]``, which is not empty."""
        return self.starts[start], self.ends[end - 1]


def normal_text(text: str) -> str:
    """Return a text in normal form, without white space at its ends."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))
    return " ".join(text.translate(PLAIN).split())


def normal_form(text: str) -> NormalForm:
    """Return a text in normal form with the origin of each character; white space at its ends is one space."""
    characters: list[str] = []
    starts, ends = array("q"), array("q")
    start = 0
    while start < len(text):
        run = _PLAIN_RUN.match(text, start)
        # The last character of a run may be the base of a mark after it.
        if run and run.end() - 1 > start:
            end = run.end() - 1
            characters.extend(text[start:end])
            starts.extend(range(start, end))
            ends.extend(range(start + 1, end + 1))
            start = end
            continue
        end = start + 1
        while end < len(text) and _joins(text[end]):
            end += 1
        shown = _INVISIBLE.sub("", text[start:end])
        for character in unicodedata.normalize("NFKC", shown).translate(PLAIN):
            if character.isspace():
                if characters and characters[-1] == " ":
                    continue
                character = " "
            characters.append(character)
            starts.append(start)
            ends.append(end)
        start = end
    return NormalForm("".join(characters), starts, ends)


def _joins(character: str) -> bool:
    """Tell whether a character may become one with that before it, or stand invisible between two that do."""
    if character.isascii():
        return False
    return (
        unicodedata.category(character) in ("Mn", "Mc", "Me", "Cf")
        or "\u1160" <= character <= "\u11ff"
        or character in "\uff9e\uff9f"
    )
