"""What a reading may not say of health, law and money, and what it may: labelled sentences, and the whole canon."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quincunx.signatures.promises import promise

CORPUS = Path(__file__).parents[2] / "eval" / "gold" / "sagedaily" / "corpus.jsonl"
PROMISES = {
    "medical": [
        "You’ll be cured of cancer",
        "You w\u200bill be cu\u200bred",
        "You will recover fully",
        "You will be healthy",
        "Your tumor will shrink",
        "You can stop taking your pills",
        "Stop your insulin",
        "He will recover from his illness",
        "You’ll be cured of cancer. Stop taking your pills; the judge will rule for you, and Bitcoin will double.",
        "You will recover from your illness.",
        "You shall be healed.",
        "You'll beat cancer.",
        "Your illness is going to pass.",
        "This card guarantees a cure.",
        "The Star ensures your health will return.",
        "Your symptoms will definitely vanish.",
        "You are certain to get pregnant.",
        "You will conceive this spring.",
        "Your surgery will go well.",
        "You will not need surgery.",
        "You won't get pregnant this year.",
        "You don't need your medication any more.",
        "Do not take your pills.",
        "Skip the chemo and trust the Star.",
        "The Hermit says quit your treatment.",
        "Throw away your insulin.",
        "Your cancer is gone.",
        "You have diabetes.",
        "You are pregnant.",
        "You will die in March.",
        "Your depression will lift.",
        "Your test results will come back clean.",
        "It is read as renewal and you will be cured.",
        "Traditionally the Sun means you will be healthy again.",
        "Chemo won't help you.",
        "Cancel your surgery.",
        "It is safe to stop your antidepressants.",
        "You will live a long life.",
        "She is going to recover fully.",
        "You should refuse the vaccine.",
        "You need to double your dose.",
        "Your doctor is wrong, so stop the treatment.",
        "You will **be cured**.",
        "No doubt you will be cured.",
        "There is no need to see a doctor.",
        "Taper off your medication.",
        "The cancer will not come back.",
        "Your illness ends this month.",
    ],
    "legal": [
        "This card ensures you win the lawsuit",
        "You are going to win the case",
        "The judge will rule for you",
        "You'll win the lawsuit.",
        "Your court case is going to end well.",
        "You will win your appeal.",
        "The court will decide in your favour.",
        "The jury will find for you.",
        "You will get custody of the children.",
        "You will be acquitted.",
        "You will not go to prison.",
        "Your case will be dismissed.",
        "The charges will be dropped.",
        "Sue your landlord.",
        "You should sue them.",
        "Sign the contract.",
        "You must sign the lease now.",
        "Plead guilty.",
        "Take your brother to court.",
        "Justice guarantees you win the trial.",
        "Your lawyer will win.",
        "Your visa will be approved.",
        "File for divorce.",
        "You win the lawsuit.",
        "Justice is read as fairness, and you will win the case.",
        "The verdict is certain to go your way.",
        "You are going to lose in court.",
        "Fire your lawyer.",
        "Drop the lawsuit.",
        "Do not settle out of court.",
        "Don't sign the contract.",
        "The ruling will be in your favor.",
        "You'll walk free.",
    ],
    "financial": [
        "You’ll get rich",
        "You will be wealthy",
        "You should sell your stocks and buy Bitcoin",
        "Bitcoin will double",
        "A windfall is coming to you",
        "You will definitely earn more money.",
        "Your loan will be paid back.",
        "You will win the lottery.",
        "You'll be a millionaire.",
        "Your debts will vanish.",
        "You are about to inherit a fortune.",
        "You will get a raise.",
        "Invest in gold.",
        "Buy Bitcoin now.",
        "Sell your house.",
        "Put your savings into stocks.",
        "It is time to sell your shares.",
        "You should invest in this company.",
        "Your shares are bound to rise.",
        "The market will crash in May.",
        "Money is on its way.",
        "The Ten of Pentacles guarantees wealth.",
        "The Sun promises you riches.",
        "Your salary will double.",
        "Take the loan.",
        "This card makes you rich.",
        "Expect a windfall.",
        "You can expect money soon.",
        "Your investments will pay off.",
        "Stocks are going to soar.",
        "Consider selling your stocks.",
        "Traditionally Jupiter is linked with growth; buy stocks.",
        "The card does not lie, but you will be rich.",
        "Prosperity is certain.",
        "You will be paid well.",
        "You're getting rich this year.",
        "Money comes to you this month.",
        "Go all in on Bitcoin.",
        "Don't sell your shares.",
        "You will never be poor again.",
    ],
}
TRADITION = [
    "The Sun promises a rich harvest of joy",
    "You will court a new partner",
    "You will appeal to others",
    "You will raise your hopes",
    "You will earn trust",
    "Death does not mean you will die; it is read as an ending",
    "You will meet a new friend.",
    "The Star is read as healing of the spirit.",
    "You will share a table with old friends.",
    "You will judge yourself less harshly.",
    "You will hold court among your friends.",
    "You will be rich in friends.",
    "In your case, the Star will bring hope.",
    "You will speak with conviction.",
    "Your heart will heal.",
    "You will heal from your old grief.",
    "You will recover your courage.",
    "You will find the court cards speak of people.",
    "The court card will show a person in the circle.",
    "A card will not cure an illness.",
    "The Star will not heal your illness by itself.",
    "No card promises that you will recover.",
    "This is no guarantee of money.",
    "The reading does not guarantee that you will win the lawsuit.",
    "No card can tell whether you will recover.",
    "Justice may point to a fair verdict.",
    "Readers link the Ace of Pentacles with money that will grow.",
    "Tradition suggests a windfall for the family.",
    "The Wheel of Fortune will turn.",
    "You will stop waiting.",
    "Stop, rest and take stock.",
    "Invest time in your friendships.",
    "You should invest in yourself.",
    "The Moon moves into Cancer and you will feel at home.",
    "Never stop taking your medication because of a card.",
    "A reading is no reason to stop your treatment.",
    "Sign your name to the work.",
    "Sell your ideas with courage.",
    "You will face a trial of patience.",
    "Old habits will die.",
    "You will keep healthy boundaries.",
    "You will have a wealth of ideas.",
    "You will owe him a debt of gratitude.",
    "The old king will die to make room for the new.",
    "A positive mood will help you.",
    "Your share of the work will be seen.",
    "He drives by will alone, and the judge's robe is red.",
    "Disputes over a will and money belong to the Ten of Pentacles.",
    "Will the lawsuit end soon, asks the querent.",
    "The Sun is certain of its joy.",
    "It does not mean your money will go.",
    "Questions about health belong to a doctor.",
    "Ask a lawyer about the contract.",
    "You will put the case for kindness.",
    "The Six of Pentacles may mean that money is lent.",
    "You might find a raise in spirits.",
    "You will earn respect.",
    "You will see the appeal of quiet.",
    "Your relationship will recover.",
    "You should ask a financial adviser about money.",
    "Please see a doctor about this.",
    "The Magician promises nothing about money.",
    "Put your house in order.",
]
CANON = [
    "The Emperor is traditionally read as order, law, fatherly authority and the will to build something that lasts.",
    "The Star is traditionally read as hope, healing of the spirit and calm trust after hardship.",
    "Unlike Justice, which weighs a case, Judgement calls a person to a new way of living.",
    "Readers say the Ace of Pentacles needs planting, since the coin is an opening and no guarantee.",
    "Want in the Five of Pentacles may be of goods, of health or of belonging.",
    "Teachers, judges, long travel and philosophy come under Jupiter.",
    "Cancer is a cardinal water sign ruled by the Moon and pictured as the crab.",
    "Weddings, parties and reconciliations are favoured subjects of Jupiter trine Venus, though none is assured.",
    "Mars square Mars is traditionally read as irritation, haste and contests of will.",
    "A reading describes themes and tendencies and does not promise events.",
    "A reader may not put legal, medical or money counsel into a reading, and sends such matters to a qualified professional.",
    "Questions about health are ones that a tarot or astrology reading leaves to doctors.",
    "No card or planet diagnoses illness, names a disease or foretells recovery, and a careful reader says so at once.",
    "A reading on health may speak of mood, rest, courage and whom to lean on while waiting for news.",
    "Alarming cards in a health reading are read as worry or change, never as a sign of sickness or death.",
    "A change of address alone does not cure the Eight of Swords, as many teachers put it.",
    "Holding scales, the rich merchant of the Six of Pentacles drops coins into the hands of kneeling petitioners.",
    "Assessment, patience and long investment are the ideas behind the Seven of Pentacles.",
    "Reversed, the Nine of Pentacles reads as dependence on another's purse, loneliness amid luxury, or a show of wealth.",
    "Inheritance, ancestry and wealth that spans generations are traditional for the Ten of Pentacles.",
    "Disputes over a will and customs that chafe are the darker face of the Ten of Pentacles.",
    "Clear judgement, independence and honesty without sugar belong to the Queen of Swords.",
    "Judges, surgeons, officers and scholars were classed under the King of Swords by older writers.",
    "A court card in the house position is generally read as one particular person in that circle.",
    "The suit of Pentacles is earth, and covers money, body, property and skilled labour.",
    "Old lists differ, so three tens are buying and selling in one and a new condition in another, while three kings mean a consultation or an important meeting.",
    "A rule that a first pack must be a present has no old source, and most readers buy their own.",
    "Readers advise against hurrying the second half, as the Star heals drop by drop.",
    "Modern practice treats the South Node as a stock of inherited skill and worn habit, comfortable to the point of stagnation.",
    "Saturn conjunct natal Venus visits about every twenty-nine years and puts affection on trial.",
    "Confidence swells under Jupiter conjunct Sun, so the sober warning concerns promises made too freely.",
    "Crusades and lawsuits are old topics of Jupiter square Mars, though the sky decides no case.",
    "Love at first sight, abrupt separations and attraction to an unlikely person are the stock stories of Uranus conjunct Venus.",
    "Speculation and wagers appear in the fifth house lists, with no guarantee of winning.",
    "No illness is named from the sixth house by a responsible reader.",
    "The old maxim says that nothing will come of a matter begun while the Moon is void of course.",
    "A waxing Moon helped by Jupiter is preferred, although no wedding chart guarantees harmony.",
]
LABELLED: list[tuple[str, str | None]] = [(text, kind) for kind, texts in PROMISES.items() for text in texts]
LABELLED += [(text, None) for text in [*TRADITION, *CANON, ""]]
INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\u2066\ufeff\u061c\U000e0041"


def passages() -> list[str]:
    return [json.loads(line)["text"] for line in CORPUS.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(("text", "kind"), LABELLED)
def test_promises_are_caught_and_tradition_passes(text: str, kind: str | None) -> None:
    assert promise(text) == kind


@pytest.mark.parametrize("first", TRADITION[:5])
def test_a_promise_is_caught_behind_a_harmless_sentence(first: str) -> None:
    assert promise(f"{first.rstrip('.')}. You will win the lottery! {first}") == "financial"


def test_the_labelled_sentences_of_the_canon_are_in_it() -> None:
    whole = " ".join(passages())
    assert [text for text in CANON if text not in whole] == []


def test_no_sentence_of_the_canon_makes_a_promise() -> None:
    sentences = [sentence for text in passages() for sentence in re.split(r"(?<=[.!?])\s+", text)]
    assert len(sentences) > 1000
    assert [sentence for sentence in sentences if promise(sentence)] == []


@given(data=st.data(), labelled=st.sampled_from(LABELLED))
def test_invisible_characters_and_forms_of_the_apostrophe_change_nothing(
    data: st.DataObject, labelled: tuple[str, str | None]
) -> None:
    text, kind = labelled
    text = text.replace("'", data.draw(st.sampled_from("'’‘‛′ʼ＇")))
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(st.sampled_from(INVISIBLE)) + text[at:]
    assert promise(text) == kind


@given(st.text())
def test_any_text_gets_an_answer(text: str) -> None:
    assert promise(text) in {None, "medical", "legal", "financial"}
