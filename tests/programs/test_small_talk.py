"""Greetings and thanks are told from questions."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quincunx.programs.engines.extractive.small_talk import is_small_talk


@pytest.mark.parametrize(
    "said",
    [
        "hi",
        "Hello there!",
        "thanks!",
        "Thank you so much 🙂",
        "Thanks a lot, that was great.",
        "good morning",
        "How are you?",
        "hey, how's it going?",
        "I’m fine, and you?",
        "OK thanks, bye",
        "no thanks",
        "Hi all, good evening everyone",
        "¡Hola! Buenos días",
        "Guten Tag",
        "Merci beaucoup !",
        "你好！",
        "こんにちは",
        "مرحبا!",
        "สวัสดีครับ",
        "नमस्ते",
        "?!",
        "👋",
    ],
)
def test_greetings_and_thanks_are_small_talk(said: str) -> None:
    assert is_small_talk(said)


@pytest.mark.parametrize(
    "asked",
    [
        "hi, which port does the server listen on?",
        "Thanks! And how much is a pallet?",
        "good morning routines",
        "how are prices set?",
        "how are you funded?",
        "hello world in Rust",
        "what is up with the build?",
        "thanksgiving opening hours",
        "Can I pay by invoice?",
        "The Star reversed",
        "NOW",
    ],
)
def test_a_question_with_a_greeting_is_a_question(asked: str) -> None:
    assert not is_small_talk(asked)


def test_long_small_talk_is_read_in_no_time() -> None:
    begin = time.perf_counter()
    for said in ("thanks again " * 5_000, "hi " * 20_000 + "x", "you then and " * 5_000):
        assert not is_small_talk(said)
    assert time.perf_counter() - begin < 1


@given(st.sampled_from(["hi", "thanks", "good morning", "how are you"]), st.text("qxzv ", min_size=1))
def test_any_word_of_its_own_makes_it_a_question(polite: str, rest: str) -> None:
    assert is_small_talk(f"{polite}! {rest}") is not bool(rest.strip())
