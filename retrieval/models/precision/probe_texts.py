"""The questions and passages that number formats are tried on, of many subjects and of 6 to 140 words.

Written for this package, and fictional in what they tell. To change them is to change what was measured: raise
`PROBE_VERSION` with them, so that what was remembered is measured again.
"""

from __future__ import annotations

PROBE_VERSION = 1

QUESTIONS = (
    "How many days do I have to send a parcel back?",
    "Which metal melts last?",
    "What was the operating margin of the ferry company in 2019?",
    "Why does the bread not rise?",
    "How is a replica of the database brought up to date after an outage?",
    "When does the last tram leave for the harbour on Sundays?",
)

PASSAGES = (
    "Parcels can be returned within thirty days of delivery, free of charge.",
    "Tungsten melts at 3422 °C, later than any other metal, and is drawn into wire for lamps and heaters.",
    "The label for a return is in the parcel; where it is not, print one from the order's page.",
    (
        "A refund is paid to the card that the order was paid with. It takes five working days from the moment "
        "the parcel has been scanned at our warehouse in Lund, and ten for orders from outside the country. "
        "Opened bottles, cut cloth and goods made to measure are not taken back unless they were faulty. If "
        "something arrives broken, send a picture before you post it: in most cases we replace it at once and ask"
        " for nothing in return."
    ),
    "Operating margin fell to 6.4 %, from 8.1 % a year before.",
    "Platinum is used for crucibles, because it melts at 1768 °C and hardly anything attacks it.",
    (
        "The ferry company carried 2.3 million passengers and 410,000 cars in 2019. Revenue rose by 4.2 % to 318 "
        "million crowns, helped by a dry summer and a second ship on the northern route, while the cost of fuel "
        "grew by 19 % and that of crews by 6 %. Operating profit was 20.4 million crowns, which is a margin of "
        "6.4 %, against 24.7 million and 8.1 % in the year before. Of the capital expenditure of 75 million, two "
        "thirds went into batteries for the short crossing, which the company expects to pay for themselves "
        "within eight years. The board proposes a dividend of 1.10 crowns a share, unchanged, and expects revenue"
        " to grow more slowly in 2020, with a margin between 6 and 7 %, since the contract for the mail ends in "
        "March."
    ),
    "Dough that stands in a cold kitchen needs twice the time.",
    (
        "Profit of the northern route doubled, while the ferry to the islands lost 3.1 million crowns in 2019, as"
        " it has in every year since the bridge was opened."
    ),
    (
        "Old yeast is the usual reason that bread stays flat. Stir a spoonful into warm water with some sugar; "
        "where no foam shows after ten minutes, it is dead, and so it is when the water was hotter than your hand"
        " can bear. Too much salt slows it, and so does a heavy flour of rye."
    ),
    "Knead for ten minutes, until the dough is smooth and springs back.",
    "Salt is added last, when flour and water have stood together for half an hour.",
    (
        "A replica that was away for less than an hour asks the primary for the log from its last position on, "
        "and replays it. When the log has been cut meanwhile, it takes a fresh copy instead: the primary is asked"
        " for a snapshot, the old files are moved aside, and the replica opens for reading only when the copy is "
        "whole. Until then it answers every request with an error that says how far it has come. Clients that can"
        " wait are sent to another replica by the proxy, those that cannot are told so. None of this locks the "
        "primary, but the copy takes bandwidth, which can be bounded with the setting copy_rate; its default of "
        "40 MB a second fills a small network, and the log of writes can outgrow the disk while a slow copy runs."
    ),
    (
        "Back up the database before every upgrade; the new version rewrites its files, and the old one cannot "
        "read them."
    ),
    (
        "A replica tells the proxy every second how many bytes it is behind. Over 64 MB it gets no more readers "
        "until it has caught up."
    ),
    (
        "Trams to the harbour run every twelve minutes from six in the morning, and every twenty after eight in "
        "the evening. The last one leaves Market Square at 23:40 from Monday to Thursday, at 00:40 on Fridays and"
        " Saturdays, and at 22:20 on Sundays and holidays."
    ),
    "Tickets are sold at the stop and on board, at the same price.",
    (
        "On Sundays the number 4 runs every half hour and ends at the hospital, not at the harbour; change there "
        "to the night bus."
    ),
    (
        "Iron melts at 1538 °C and copper at 1085 °C. Alloys melt over a range and not at a point, usually below "
        "their parts: solder of tin and lead is the example that everyone has held in a hand."
    ),
    "Sunday is a day of rest at the yard.",
    "Gift cards cannot be returned, and are valid for three years.",
    (
        "The lighthouse was lit in 1861 with oil of rape, and with electricity from 1923. Its keeper lived with "
        "two goats and a harmonium in the house below, and wrote down the weather three times a day for thirty-"
        "one years; his notebooks are the longest unbroken record of the coast, and are now read by people who "
        "study how the wind has turned."
    ),
    "Answers of the support are given within one working day.",
    "Melting wax smells of honey when it comes from the hive, and of nothing when it was made from oil.",
    (
        "To change an address after you have ordered, open the order and choose “deliver elsewhere”. This works "
        "until the parcel has been handed to the carrier, which is usually at four in the afternoon. Later the "
        "carrier can still be asked to keep it at a shop near you for seven days, after which it comes back to us"
        " and the price is refunded, less the postage."
    ),
    "Mercury is a liquid at room temperature.",
    (
        "The auditors had no remarks on the accounts for 2019, which were approved by the meeting of owners on "
        "the fourth of April, with two votes against."
    ),
    (
        "Our second quarter was better than the first. Sales of tools grew by 12 % to 41 million, those of seeds "
        "and soil fell by 3 % to 18 million, and rent was lower after two shops had closed. The margin before "
        "interest and taxes was 9.7 %, the highest since the company was listed. We still expect sales of 220 "
        "million for the whole year, and a margin of 8 to 9 %, as the autumn is our weakest season. Stocks were "
        "reduced from 52 to 44 million, and debts by 11 million. After the end of the quarter the company bought "
        "a maker of greenhouses with 35 employees for 6.5 million, paid in cash."
    ),
    (
        "Sourdough rises slowly, in eight to fourteen hours, because there are fewer yeasts in it and more "
        "bacteria. Feed it the evening before, keep it at 26 °C, and bake when a dent made by a finger fills only"
        " half way."
    ),
    (
        "Bake at 230 °C for the first quarter of an hour, with a cup of water thrown on the floor of the oven, "
        "then at 190 °C until the loaf sounds hollow. Let it cool on a grid, for at least an hour, before you cut"
        " it: the crumb sets only then."
    ),
    "The index is rebuilt at night.",
    (
        "A cluster chooses a new primary when more than half of its members have not heard from the old one for "
        "six seconds. Writes that only the old one had are lost unless they were confirmed by a second member, "
        "which is why the setting for money should always be “majority”, slow as it is."
    ),
    (
        "After the outage of the third of May we changed three things. Alarms now go to two people. The snapshot "
        "of the night is kept for a week and not for a day. And a replica that has been away for more than an "
        "hour is no longer let in by a script, but by a person who has looked at its log."
    ),
    (
        "The harbour office is open from nine to three, except on Sundays. Berths for guests cost 180 crowns a "
        "night with water and power; boats of more than fourteen metres should ring beforehand. The tram stops in"
        " front of it."
    ),
    (
        "The comet can be seen with the naked eye in the second half of October, low in the west, an hour after "
        "the sun has set."
    ),
    "Dogs travel free on trams outside the rush hours.",
)
"""Neighbours share a subject or a word of one, so that what is read for a question is near it, and some of it answers."""

PER_QUESTION = 18
STEP = 6


def probe_questions() -> list[tuple[str, tuple[str, ...]]]:
    """Return each question with the passages that are scored for it, every passage for three questions."""
    return [
        (question, tuple(PASSAGES[(STEP * i + j) % len(PASSAGES)] for j in range(PER_QUESTION)))
        for i, question in enumerate(QUESTIONS)
    ]
