"""Numbers, dates and amounts of a text in one spelling: ``12``, ``twelve`` and ``a dozen`` are the same."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from ....retrieval.text.normal_form import normal_text
from .claim_words import word_set

_TOKEN = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)(?!\d)|\d+(?:[.,]\d+)*(?P<suffix>[^\W\d_]*)|[^\W\d_][\w']*|[%$€£¥]|[.,;:!?]"
)
_SMALL = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_WORDS = {word: value for value, word in enumerate(_SMALL)} | {w: 20 + 10 * n for n, w in enumerate(_TENS)}
_SCALES = {
    "hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "dozen": 12.0,
    "k": 1e3, "m": 1e6, "mn": 1e6, "bn": 1e9,
}  # fmt: skip
_ORDINALS = {
    "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10, "eleventh": 11,
    "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15, "sixteenth": 16, "seventeenth": 17,
    "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30, "fortieth": 40, "fiftieth": 50,
    "hundredth": 100, "thousandth": 1000, "second": 2, "first": 1,
}  # fmt: skip
_FRACTIONS = {"half": 2, "halves": 2, "quarter": 4, "quarters": 4} | {
    word + s: value for word, value in _ORDINALS.items() for s in ("", "s") if value > 2
}
_DECADES = {word[:-1] + "ies": _WORDS[word] for word in _TENS}
_LOOSE = {"both": 2, "pair": 2, "couple": 2, "twice": 2, "double": 2, "doubled": 2, "doubles": 2, "twin": 2, "thrice": 3,
          "triple": 3, "tripled": 3, "halved": 0.5, "halve": 0.5, "halves": 0.5, "halving": 0.5, "sole": 1, "single": 1}  # fmt: skip
MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_MONTHS = {name: at for at, name in enumerate(MONTHS, 1)} | {
    name[:3]: at for at, name in enumerate(MONTHS, 1) if name not in ("march", "may")
}
_MONTHS |= {"sept": 9}
_BEFORE_MONTH = word_set(
    """
    in by since until till of late early mid last this next from between to and before after on
    """
)

_KINDS: dict[str, dict[str, float]] = {
    "time": {
        "second": 1 / 86400, "minute": 1 / 1440, "hour": 1 / 24, "day": 1, "session": 1, "night": 1, "week": 7,
        "fortnight": 14, "month": 30.4375, "year": 365.25, "decade": 3652.5, "century": 36525,
    },
    "date": {"day of the month": 1, "calendar year": 1},
    "percent": {"percent": 1, "%": 1, "pct": 1},
    "dollars": {"dollar": 1, "$": 1, "usd": 1, "cent": 0.01},
    "euros": {"euro": 1, "€": 1, "eur": 1},
    "pounds": {"pound": 1, "£": 1, "gbp": 1},
    "yen": {"yen": 1, "¥": 1, "jpy": 1},
    "degrees": {"degree": 1},
    "words": {"word": 1},
    "characters": {"character": 1, "letter": 1},
    "tokens": {"token": 1},
    "lines": {"line": 1},
    "bytes": {
        "byte": 1, "kilobyte": 1e3, "kb": 1e3, "megabyte": 1e6, "mb": 1e6, "gigabyte": 1e9, "gb": 1e9, "terabyte": 1e12,
        "tb": 1e12,
    },
    "length": {
        "metre": 1, "meter": 1, "kilometre": 1e3, "kilometer": 1e3, "km": 1e3, "mile": 1609, "inch": 0.0254,
    },
    "weight": {"gram": 1, "kilogram": 1e3, "kg": 1e3, "tonne": 1e6, "ton": 1e6},
}  # fmt: skip
_UNITS = {name: (kind, size) for kind, units in _KINDS.items() for name, size in units.items()}
"""By a unit's name, what it measures, and how much of that it is."""
_PLURAL_UNITS = {"centuries": "century", "inches": "inch"}


@dataclass(frozen=True)
class Amount:
    """A number of a text."""

    shown: str
    values: tuple[float, ...]
    """What it may mean: ``a third`` is 1/3, and may be the third of several."""
    unit: str | None = None
    """Name of a unit; ``month`` with ``is_month`` for the name of one."""
    is_month: bool = False
    is_sure: bool = True
    """It says how many or how much, beyond doubt: "one" may be a pronoun."""
    noun: str = ""
    """The word after it, which may be what is counted, where that is no unit."""
    place: int = -1
    """Of its first word or number among those of its text."""

    @property
    def is_spelt(self) -> bool:
        return not any(map(str.isdigit, self.shown))

    @property
    def measures(self) -> str | None:
        """What its unit measures, such as ``dollars``; ``None`` where it has none."""
        return _UNITS[self.unit][0] if self.unit in _UNITS else None

    @property
    def is_money(self) -> bool:
        return self.measures in ("dollars", "euros", "pounds", "yen")

    def states(self, other: Amount) -> bool:
        """Tell whether this number and another say the same amount, or may."""
        if self.is_month or other.is_month:
            return self.is_month == other.is_month and self.values == other.values
        mine, theirs = _UNITS.get(self.unit or ""), _UNITS.get(other.unit or "")
        if mine and theirs and mine[0] != theirs[0]:
            pairs: list[tuple[float, float]] = []
        elif mine and theirs:
            pairs = [(a * mine[1], b * theirs[1]) for a in self.values for b in other.values]
            # Months and years are not of one length.
            return any(_near(a, b, 0.02 if self.unit != other.unit else 1e-9) for a, b in pairs)
        else:
            pairs = [(a, b) for a in self.values for b in other.values]
        # 33 percent may be told as a third.
        pairs += [(a / 100, b) for a in self.values for b in other.values if self.unit == "percent" and b < 1]
        pairs += [
            (a, b / 100) for a in self.values for b in other.values if other.unit == "percent" and a < 1
        ]
        return any(_near(a, b, 0.011 if 0 < b < 1 else 1e-9) for a, b in pairs)


def is_unit(word: str) -> bool:
    """Tell whether a word in small letters is the name of a unit: ``gb``."""
    return word in _UNITS


def read_days(text: str) -> set[tuple[float, float]]:
    """Return the days that a text names, each as its month and day."""
    found = read_amounts(text)
    days: set[tuple[float, float]] = set()
    for day in found:
        # "12 June" and "12th of June" before "June 12": in "12 June, 14 July" both stand beside the 14.
        for apart in (0, 1, 2, -1):
            month = next(
                (other for other in found if other.is_month and other.place - day.place == apart), None
            )
            if month and day.unit == "day of the month":
                days.add((month.values[0], day.values[0]))
                break
    return days


def _near(one: float, other: float, tolerance: float) -> bool:
    return abs(one - other) <= tolerance * max(abs(one), abs(other))


@lru_cache(maxsize=1024)
def read_amounts(text: str) -> tuple[Amount, ...]:
    """Return the numbers of an English text, or those in digits of any; parts of names (``L6``) are none."""
    return tuple(_Reading(normal_text(text)).amounts())


class _Reading:
    def __init__(self, text: str) -> None:
        found = list(_TOKEN.finditer(text))
        self.tokens = [match[0] for match in found]
        self.lower = [match[0].lower() for match in found]
        self.dates = {at for at, match in enumerate(found) if match["date"]}
        self.at = 0

    def word(self, at: int) -> str:
        return self.lower[at] if 0 <= at < len(self.lower) else ""

    def amounts(self) -> list[Amount]:
        read: list[tuple[Amount, int, int]] = []
        while self.at < len(self.tokens):
            start = self.at
            for amount in self.next():
                read.append((amount, start, self.at))
            self.at = max(self.at, start + 1)
        done: list[Amount] = []
        for amount, start, end in reversed(read):
            unit = amount.unit or self.unit(start, end)
            if (
                unit is None
                and done
                and self.word(end) in ("and", "to", "or")
                and end + 1 in self.begins(read)
            ):
                unit = done[-1].unit  # "88 to 92 dollars"
            sure = amount.is_sure or (
                amount.values == (1,) and _UNITS.get(unit or "", ("time",))[0] != "time"
            )
            done.append(
                Amount(
                    amount.shown,
                    amount.values,
                    unit,
                    amount.is_month,
                    sure,
                    "" if unit else self.word(end),
                    start,
                )
            )
        return done[::-1]

    @staticmethod
    def begins(read: list[tuple[Amount, int, int]]) -> set[int]:
        return {start for _, start, _ in read}

    def unit(self, start: int, end: int) -> str | None:
        beside = (start - 1, end, end + 1 if self.word(end) == "of" else end)
        counts = self.word(start)[0].isdigit() or self.word(start) in _ORDINALS
        if (
            end - start == 1
            and counts
            and any(self.word(at) in _MONTHS and self.is_month(at) for at in beside)
        ):
            return (
                "day of the month"
                if len(self.word(start)) < 4 or not self.word(start).isdigit()
                else "calendar year"
            )
        if self.word(start - 1) in ("$", "€", "£", "¥"):
            return self.word(start - 1)
        if self.word(end) == "per" and self.word(end + 1) == "cent":
            return "percent"
        named = _unit(self.word(end))
        if named is None and self.word(end).isalpha():
            later = _unit(self.word(end + 1))
            if (
                later
                and _UNITS[later][0] == "time"
                and self.word(end) not in ("of", "in", "and", "to", "or", "a", "the")
            ):
                return later  # "fourteen trading days"
        return "percent" if named in ("%", "pct") else named

    def next(self) -> list[Amount]:
        """Return the numbers that begin at this token, and step behind them."""
        at, word = self.at, self.word(self.at)
        if at in self.dates:
            year, month, day = (int(part) for part in word.split("-"))
            self.at += 1
            return [
                Amount(word, (year,), "calendar year"),
                Amount(word, (month,), "month", is_month=True),
                Amount(word, (day,), "day of the month"),
            ]
        if word in _MONTHS and self.is_month(at):
            self.at += 1
            return [Amount(self.tokens[at], (_MONTHS[word],), "month", is_month=True)]
        if word in ("day", "week", "month", "year", "decade", "century", "hour", "minute"):
            self.at += 1
            return [Amount(word, (1,), word, is_sure=False)]
        if word == "fortnight":
            self.at += 1
            return [Amount(word, (14,), "day")]
        if word in _DECADES:
            self.at += 1
            return [Amount(word, (_DECADES[word],))]
        if word in _LOOSE:
            self.at += 1
            return [Amount(word, (_LOOSE[word],), is_sure=word in ("twice", "thrice"))]
        if (
            word in ("a", "an", "every")
            and self.word(at + 1) in (*_SCALES, *_FRACTIONS)
            and len(self.word(at + 1)) > 2
        ):
            following = self.word(at + 1)
            self.at += 2
            if following in _SCALES:
                return [Amount(f"{word} {following}", (self.scaled(_SCALES[following]),))]
            values = (1 / _FRACTIONS[following], float(_FRACTIONS[following]))
            # "A quarter" may be a part of the year, "a third" another one.
            return [Amount(f"{word} {following}", values, is_sure=following not in ("quarter", "half"))]
        if word == "half":
            self.at += 1
            return [Amount(word, (0.5,), is_sure=False)]
        if word in _ORDINALS:
            self.at += 1
            return [Amount(word, (_ORDINALS[word], 1 / _ORDINALS[word]), is_sure=_ORDINALS[word] > 2)]
        value = self.number()
        if value is None:
            return []
        shown = " ".join(self.tokens[at : self.at])
        if (
            self.word(self.at) in _FRACTIONS
            and value < _FRACTIONS[self.word(self.at)]
            and self.word(self.at) != "half"
        ):
            parted = self.word(self.at)
            self.at += 1
            return [Amount(f"{shown} {parted}", (value / _FRACTIONS[parted],))]
        vague = value in (0, 1) or (value == 2 and (self.word(at - 1) == "the" or self.word(self.at) == "of"))
        return [Amount(shown, (value,), is_sure=not (vague and not shown[0].isdigit()))]

    def is_month(self, at: int) -> bool:
        if not self.tokens[at][0].isupper():
            return False
        if self.word(at) not in ("may", "march"):
            return True
        beside = (self.word(at - 1), self.word(at + 1))
        return beside[0] in _BEFORE_MONTH or any(word[:1].isdigit() for word in beside)

    def number(self) -> float | None:
        """Read one number, in digits or words, with its scale and "and a half"."""
        value = self.digits()
        if value is None:
            value = self.spelt()
        if value is None:
            return None
        value = self.scaled(value)
        if self.word(self.at) == "and" and self.word(self.at + 1) in ("a", "one"):
            part = self.word(self.at + 2)
            if part in ("half", "quarter", "third"):
                self.at += 3
                return value + 1 / _FRACTIONS[part]
        if self.word(self.at) == "and" and self.word(self.at + 2) in ("thirds", "quarters"):
            above = _WORDS.get(self.word(self.at + 1), 1)
            value += above / _FRACTIONS[self.word(self.at + 2)]
            self.at += 3
        return value

    def digits(self) -> float | None:
        word = self.word(self.at)
        match = re.fullmatch(r"(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?)([^\W\d_]*)", word)
        if not match:
            return None
        value = float(
            match[1].replace(",", "" if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", match[1]) else ".")
        )
        suffix = match[2]
        if suffix in _SCALES:
            value *= _SCALES[suffix]
        elif (
            suffix not in ("", "s", "st", "nd", "rd", "th", "x", "am", "pm", "h", "d")
            and suffix not in _UNITS
        ):
            return None
        self.at += 1
        return value

    def spelt(self) -> float | None:
        word = self.word(self.at)
        if word not in _WORDS:
            return None
        value = float(_WORDS[word])
        self.at += 1
        following = self.word(self.at)
        if value >= 20 and _WORDS.get(following, 99) in range(1, 10):
            value += _WORDS[following]
            self.at += 1
        elif value >= 20 and _ORDINALS.get(following, 99) in range(1, 10):
            value += _ORDINALS[following]
            self.at += 1
        return value

    def scaled(self, value: float) -> float:
        """Return a number times the scales after it: "three hundred and twenty thousand"."""
        while self.word(self.at) in _SCALES and len(self.word(self.at)) > 1:
            scale = self.word(self.at)
            value *= _SCALES[scale]
            self.at += 1
            joined = self.at + (self.word(self.at) == "and")
            if scale in ("hundred", "thousand") and self.word(joined) in _WORDS:
                self.at = joined
                value += self.spelt() or 0
        return value


def _unit(word: str) -> str | None:
    word = _PLURAL_UNITS.get(word, word)
    for form in (word, word.removesuffix("s"), word.removesuffix("'s").removesuffix("s'")):
        if form in _UNITS:
            return form
    return None
