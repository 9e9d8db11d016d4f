"""The lexical stage on real questions in scripts without spaces, which the embedder cannot read: XQuAD, if it is there."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import shared
from parts import Hashing

from quincunx.eval.goldsets.goldset import ALL, read_gold_set
from quincunx.retrieval.index.build import build
from quincunx.retrieval.search import Searcher
from quincunx.retrieval.settings import SearchSettings


@pytest.mark.parametrize("name", ["xquad-zh", "xquad-th"])
def test_questions_without_spaces_find_their_document_by_words_alone(name: str, tmp_path: Path) -> None:
    gold = read_gold_set(shared(name), ALL)
    build(tmp_path, gold.documents, Hashing())
    searcher = Searcher(tmp_path, Hashing(), None)
    found = 0
    for question in gold.questions.values():
        order = searcher.search(question.text, SearchSettings(dense_weight=0)).lexical
        documents = list(dict.fromkeys(passage.document_id for passage in order))
        found += bool(set(documents[:5]) & set(question.gold))
    assert found / len(gold.questions) >= 0.98
