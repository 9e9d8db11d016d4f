"""Promises and advice that no reading may give: an outcome in health, law or money said as certain, or what to do.

A rule over English words, clause by clause: a certainty ("you will", "ensures") beside a word of one field, or what
is too much by itself ("sell your stocks"). Words of many senses (court, rich, case) need a neighbour that settles the
sense. What tradition is said to say ("is read as"), and what is denied ("does not mean"), passes, unless the asker is
told an outcome all the same. It is a net for plain wording, not a judge of meaning: a paraphrase without these words,
another language and look-alike letters slip through, and a harmless "you will" beside "money" is caught.
"""

from __future__ import annotations

import re
import unicodedata

_PLAIN = str.maketrans({**dict.fromkeys("‘’‚‛′`´ʹʼ", "'"), **dict.fromkeys("*_~", "")})


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(patterns)})", re.IGNORECASE)


_CLAUSE_END = re.compile(r"(?i)[.!?;:]+(?!\d)| [–—-]+ |, (?=(?:and|but|yet|so|while|though)\b)| (?=but\b)")
_DENIED = _any(
    r"(?:not|no|never|nor|neither|cannot|none|nothing|without|\w+n't)\b"
    r"(?! (?:an? |the )?(?:doubt|question|only|just|merely|worry|fear|fail|long)\b)(?: \w+){0,4}? "
    r"(?:means?|promise[sd]?|guarantee\w*|ensures?|assure[sd]?|says?|tells?|shows?|proves?|predicts?|foretells?"
    r"|diagnoses|certain|proof|reason to)\b[^,]*",
    r"whether\b[^,]*|(?:promises?|guarantees?) nothing\b[^,]*|questions? (?:about|of) \w+",
)
_GOING = r"(?:is|are|am|'s|'re) (?:\w+ )?(?:going|bound|sure|certain|destined|meant|set|about) to\b"
_CERTAIN = _any(
    r"(?<!^)(?<!\bthe )(?<!\ba )(?<!\bfree )(?<!\bof )(?<!\bby )will\b(?! (?:not|and|or|to|of|is|over|alone)\b)",
    rf"shall\b|'ll\b|gonna\b|{_GOING}|(?:'re|are|is) getting\b|com(?:es?|ing) to you\b|for sure",
    r"guarantee[sd]?\b|ensures?\b|assures?\b|(?<!a )promise[sd]?\b(?! (?:made|about|of|to)\b)|it is certain",
    r"certainly|definitely|surely\b|inevitabl|(?:no|without a|without) doubt|means? (?:that )?you (?:win|get|recover|are)\b",
    r"(?:is|are) (?:\w+ )?(?:coming|yours|on (?:its|the|their|your) way|in store|certain|guaranteed|assured)\b",
)
_ASKER_TOLD = _any(
    rf"you(?: \w+)?(?:'ll| will| shall| won't| gonna| ?{_GOING})\b|you(?:'re| are) getting\b",
    rf"your [\w' -]{{1,40}}?(?:'ll| will| shall| won't| ?{_GOING})\b|com(?:es?|ing) to you\b|is yours",
    r"(?:will|shall|guarantees?|ensures?|assures?|promises?) (?!not\b)(?:[\w'-]+ ){0,5}you(?:r|rs)?\b",
    r"means? (?:that )?you\b|(?:(?<=^)|(?<=you can )|(?<=you should ))expect\b",
)
_TRADITION = _any(
    r"(?:read|taken|seen|treated|regarded|understood|known) (?:\w+ )?as\b|said to\b|tradition|readers?\b|astrologers?\b",
    r"teachers\b|older\b|suggests?\b|(?-i:may)\b|might\b|hints?\b|link(?:s|ed)?\b|associate[sd]?\b|symboli|speaks? of\b",
)
_DO = (
    r"(?:(?<=^)|(?<=, )|(?<= and )|(?<= then )|(?<= so )|(?<= just )|(?<=says )|(?<=means )|(?<=consider )|(?:you|time|wise"
    r"|safe|best|right) to |(?:now|please|should|must|can|better|(?:ought|need|have) to)(?: \w+ly| now)? )"
    r"(?:(?:don't|do not|never|not) (?!.*\b(?:card|reading|chart)\b))?"
)
_THE = r"(?: (?:your|the|an?|any|this|that|these|those|all|of))*"
_DRUG = r"(?:pills?|medic(?:ation|ine)s?|meds|insulin|chemo\w*|dos(?:e|age)s?|antidepressants?)\b"
_CARE = rf"(?:{_DRUG}|(?:treatment|operation|prescription|doctor|vaccine|checkup)s?\b|therapy\b|surgery\b)"
_SICK = r"(?:illness(?:es)?|diseases?|(?-i:cancer)|tumou?rs?|diabetes|infections?|asthma|arthritis)\b"
_CASE = r"(?:law ?suits?|case|appeal|trial|custody|court|charges|settlement)\b"
_COIN = r"(?:stocks|bitcoin|crypto\w*|ethereum|savings|gold prices)\b"
_GIFT = r"(?:your |more |some )*(?:self|yourself|time|care|love|trust|heart|energy|effort|patience|friend\w*|relation\w*)"
_FEELING = r"(?:hearts?|heartbreak|spirit|soul|grief|loss|rift|bond|friendship|relationship|past|betrayal|quarrel|wound)"
_HEAL = r"(?:be )?(?:heal(?:s|ed)?\b|recover(?:s|y|ed)?\b(?! (?:your|the|lost|faith|hope)\b))"

_OUTRIGHT = {
    "medical": _any(
        rf"(?<!not )(?<!never )(?<!n't )(?<!reason to )(?:stop|quit|skip|halve|double|cancel|refuse|replace|throw away"
        rf"|give up|taper off|come off|go off)(?: taking| using)?{_THE} (?:\w+ )?{_CARE}",
        rf"(?:don't|do not|no longer|never|no) (?:need|take|get)(?: for)?(?: to see| to take)?{_THE} {_CARE}",
        rf"{_CARE} (?:will not|won't|cannot) (?:help|cure|heal|save|work)|you(?: have| are|'re)(?: an?)? (?:{_SICK}|pregnant|cured)",
        rf"{_SICK} (?:(?:is|has) (?:gone|vanished|cured|in remission)|ends|won't|will not)\b|cures (?:you|your|{_SICK})",
        rf"{_DO}(?:have|undergo|get|take less){_THE} {_CARE}|(?:you|s?he|they)(?:'ll| will| shall) (?:\w+ )?die\b(?! (?:to|away)\b)",
    ),
    "legal": _any(
        rf"{_DO}(?:sue\b|suing\b|plead\b|settle out|take (?:\w+ ){{1,3}}to court|fire your lawyer|file{_THE} for "
        rf"(?:divorce|bankruptcy|custody)|(?:drop|settle|fight|file|reject|accept){_THE} {_CASE}"
        rf"|(?:sign|break){_THE} (?:contract|lease|papers|deal|agreement|deed))",
        rf"(?:judge|jury|court) (?:will|won't|is going to|rules)\b[^,]*\byour?\b|you win{_THE} (?:court )?{_CASE}",
    ),
    "financial": _any(
        rf"{_DO}(?:(?:buy|sell)(?:ing)?{_THE} (?:\w+ )?(?:gold|property|house|home|land|everything|it all|now$)|refinance"
        rf"|(?:buy|sell|short|dump|trade|put|move|bet|borrow|gamble|hold|go all in)(?:ing)?\b[^,]{{0,30}}? (?:{_COIN}|shares|stock|bonds|money)"
        rf"|invest(?:ing)?\b(?! (?:in )?{_GIFT})|take (?:out )?(?:the|an?|that) (?:loan|mortgage))",
        rf"(?:{_COIN}|stock|shares|the market|prices?)(?: \w+)? (?:will|{_GOING})\b|makes? you (?:rich|wealthy)",
    ),
}
_FIELDS = {
    "medical": _any(
        rf"{_SICK}|{_DRUG}|cure[sd]?\b|pregnan|surger(?:y|ies)\b|diagnos|symptoms?\b|remission|hospital|health\b|biops",
        rf"(?<=^)(?!.*\b{_HEAL}(?: \w+){{0,3}} {_FEELING})(?!.*\b{_FEELING} \w+ {_HEAL}).*\b{_HEAL}",
        r"healthy\b(?! (?:boundar|relation|bond|love|distance|choice|habit|balance))|(?:test|lab|scan) results?",
        r"(?:your|the|medical) (?:treatment|operation|therapy)\b|tests? (?:\w+ ){0,3}(?:positive|negative)|depression\b",
        r"conceive (?:a (?:child|baby)|this|soon)|live (?:a )?long|fertility|cancer (?:will|is) (?:leave|gone|vanish|shrink)",
    ),
    "legal": _any(
        r"law ?suits?\b|verdict|custody|acquit|convicted|sentenced|legal|jury\b|evicted|arrested|visa\b|asylum\b",
        r"(?:in|to|the|your) courts?\b(?! (?:card|rank|figure|of)s?\b)|court (?:case|ruling|battle|order|hearing)",
        r"(?:your|win|lose|file an?) (?:the |your )?appeal\b(?! (?:to|of)\b)|the (?:appeal|ruling) (?:will|is)\b",
        rf"(?:win|lose|settle|beat|court|criminal){_THE} {_CASE}|(?<!in )(?:your|the) (?:case|divorce) (?:will|is|shall)\b",
        r"your trial\b|judge (?:will|rules)|your lawyer\b|(?:not|found) guilty|charges\b|walk free|(?:to|avoid) (?:prison|jail)",
    ),
    "financial": _any(
        rf"{_COIN}|money\b|cash\b|profits\b|a profit\b|profitable|lottery|jackpot|windfall|millions?\b|[mb]illionaire|dollars",
        r"wealthy?\b(?! of\b)|(?<!inner )riches\b|prosper(?:ous|ity)|income\b|salary|inheritance|mortgage\b|financ(?:ial|es)",
        r"(?:be|get|getting|become|grow|are|you) (?:very |so )?rich\b(?! (?:in|with)\b)|(?:a|your|pay|the) raise\b",
        rf"invest(?:s|ed|ing|ments?)?\b(?! (?:(?:of|in) )?{_GIFT})|loans?\b|debts?\b(?! of\b)|bankrupt|be poor\b",
        r"(?:your|buy|sell) (?:shares|stock)\b|earn (?:more|double)\b(?! trust)|(?:be|get) paid\b(?! (?:attention|heed))|a fortune",
    ),
}


def promise(text: str) -> str | None:
    """Return which kind of promise or advice (``medical``, ``legal``, ``financial``) a text gives; ``None`` if none."""
    for clause in _CLAUSE_END.split(_plain(text)):
        said = _DENIED.sub("", clause).strip(" \"'()[]")
        sure = _ASKER_TOLD.search(said) or (_CERTAIN.search(said) and not _TRADITION.search(said))
        for kind, words in _FIELDS.items():
            if _OUTRIGHT[kind].search(said) or (sure and words.search(said)):
                return kind
    return None


def _plain(text: str) -> str:
    """Return a text in compatibility letters, without accents, emphasis or invisible characters, evenly spaced."""
    letters = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    seen = (
        letter
        for letter in letters
        if letter.isspace() or unicodedata.category(letter) not in {"Cf", "Cc", "Mn"}
    )
    return " ".join("".join(seen).split())
