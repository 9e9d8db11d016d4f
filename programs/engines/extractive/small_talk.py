"""Greetings, thanks and other small talk: what is said to be polite, and no passage answers."""

from __future__ import annotations

import re

import regex

from ....retrieval.text.normal_form import normal_text

_PHRASES = r"""
    hi+ | hiya | hey+ | hello+ | hallo | howdy | yo | greetings | good \s (?:morning | afternoon | evening | night | day)
  | (?:no \s | many \s)? thanks? (?:\s you)? (?:\s (?:so \s much | very \s much | a \s (?:lot | million)))? | thx | ty | cheers
  | (?:much | really)? \s? appreciated? (?:\s it)? | (?:you\W? (?:re | \s are) \s)? welcome | no \s (?:problem | worries)
  | bye+ (?:\s bye)? | goodbye | see \s (?:you | ya) (?:\s (?:later | soon | tomorrow))? | take \s care | farewell
  | (?:have \s a \s (?:nice | good | great) \s (?:day | evening | weekend | one))
  | ok (?:ay)? | k | great | cool | nice | perfect | awesome | lovely | helpful | well \s done | got \s it | sure | yes | yeah | no | lol | haha+ | wow
  | (?:and \s)? how (?:\W?s | \s are | \s is) \s (?:you | ya | it \s going | things | everything | life | your \s day) (?:\s doing | \s going)?
  | how \s do \s you \s do | how \s have \s you \s been | what\W?s \s up | sup | (?:it\W?s \s)? (?:nice | pleased | good) \s to \s meet \s you
  | (?:are \s you | anyone | anybody | is \s any(?:one | body)) \s there | i (?:'m | m | \s am) \s (?:fine | good | ok)
  | that(?:'s | s | \s is | \s was) \s (?:very \s)? (?:great | good | nice | helpful | all | it)
  | guten \s (?:tag | morgen | abend) | danke (?:\s sch[oö]n)? | tsch[uü]ss | bonjour | salut | merci (?:\s beaucoup)? | au \s revoir
  | hola | gracias | muchas \s gracias | buen[oa]s \s (?:d[ií]as | tardes | noches) | adi[oó]s | ciao | grazie | buongiorno
  | ol[aá] | obrigad[oa] | bom \s dia | hej | tack | привет | здравствуйте | спасибо | cześć | dzięki | merhaba | teşekkürler
  | 你好 | 您好 | 谢谢 | 謝謝 | 早上好 | 再见 | こんにちは | おはよう | ありがとう (?:ございます)? | 안녕하세요 | 감사합니다
  | สวัสดี (?:ครับ | ค่ะ)? | ขอบคุณ (?:ครับ | ค่ะ)? | नमस्ते | धन्यवाद | مرحبا | شكرا | السلام \s عليكم | שלום | תודה
"""
_TO_WHOM = r"there | all | everyone | everybody | folks | team | friends? | guys | again | today | mate | bot | please | then | and | you | so"
_SMALL_TALK = re.compile(rf"(?:(?:{_PHRASES}) (?:\s (?:{_TO_WHOM}))* (?:\s | $)){{1,6}}", re.VERBOSE)


def is_small_talk(question: str) -> bool:
    """Tell whether a question is small talk and nothing else; "hi, which port is it?" asks something."""
    words = regex.sub(r"[^\p{L}\p{M}\p{N}'\s]", " ", normal_text(question).casefold())
    return _SMALL_TALK.fullmatch(" ".join(words.split())) is not None or not words.strip()
