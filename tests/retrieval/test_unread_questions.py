"""A question in letters that the embedder has no tokens for is left to the lexical stage, and the result says so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import quincunx
from quincunx import SearchSettings
from quincunx.retrieval.models.embedders import MOST_UNREAD
from quincunx.retrieval.models.profiles import shared_embedder

PAGES = {  # a sentence, and a question that shares its words
    "运费由客户承担。": "运费由谁承担？",
    "仓库每天早上九点开门。": "仓库几点开门？",
    "发票通过电子邮件发送。": "发票怎么发送？",
    "电池保修期为两年。": "电池保修期多长？",
    "退款在五个工作日内到账。": "退款多久到账？",
    "停车场对顾客免费。": "停车场收费吗？",
    "鞋子尺码偏小一号。": "鞋子尺码偏大还是偏小？",
    "维修中心位于上海。": "维修中心位于哪里？",
    "ร้านเปิดเก้าโมงเช้าทุกวัน": "ร้านเปิดกี่โมง",
    "การคืนเงินใช้เวลาห้าวันทำการ": "การคืนเงินใช้เวลากี่วัน",
}


@pytest.fixture(scope="module", autouse=True)
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    work = tmp_path_factory.mktemp("unread")
    (work / "docs").mkdir()
    for place, text in enumerate(PAGES):
        (work / "docs" / f"{place}.txt").write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QUINCUNX_HOME", str(work / "home"))
        quincunx.build_index("pages", [work / "docs"])
        yield


@pytest.mark.parametrize(("place", "question"), enumerate(PAGES.values()))
def test_the_page_that_shares_its_words_comes_first_and_is_cited(place: int, question: str) -> None:
    found = quincunx.open_index("pages").search(question)
    assert found.passages[0].document_id == f"{place}.txt"
    assert any("has no token for" in note and "lexical stage alone" in note for note in found.notes)
    assert all(candidate.rerank_rank is None for candidate in found.candidates)
    answer = quincunx.load("chat_bridge", index="pages", lm="extractive")(question=question)
    assert f"{place}.txt" in {citation.passage_id for citation in answer.citations}


@pytest.mark.parametrize(
    "question", ["What does shipping cost?", "¿Dónde está?", "Привет, как дела?", "😀 tea?"]
)
def test_questions_that_the_embedder_reads_are_searched_as_ever(question: str) -> None:
    assert shared_embedder("embedded").unread(question) <= MOST_UNREAD
    assert not any("has no token" in note for note in quincunx.open_index("pages").search(question).notes)


def test_without_a_lexical_hit_the_dense_stage_answers_all_the_same() -> None:
    question = "龘龘龘"
    assert shared_embedder("embedded").unread(question) > MOST_UNREAD
    found = quincunx.open_index("pages").search(question, SearchSettings(lexical_weight=0.0))
    assert len(found.passages) == 5
    assert found.candidates[0].rerank_rank is not None


@pytest.mark.parametrize(
    ("text", "unread"),
    [("", False), ("plain words", False), ("!?", False), ("运费由谁承担", True), ("运 shipping", False)],
)
def test_the_share_of_unread_letters_is_that_of_words_without_tokens(text: str, unread: bool) -> None:
    share = shared_embedder("embedded").unread(text)
    assert (share > MOST_UNREAD) == unread
    assert 0 <= share <= 1
