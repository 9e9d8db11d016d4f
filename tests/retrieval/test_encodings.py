"""Files in other encodings than UTF-8 are read as what they are, the same each time; what is no text is told apart."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quincunx.retrieval.corpus.reading import read_corpus
from quincunx.retrieval.text.encodings import NotTextError, decode

TEXTS = {
    "cp1252": [
        "Die Geschäftsstelle öffnet um neun Uhr. Für Rückfragen erreichen Sie uns über die Straße.", "café", "Für Öl",
        "Smart “quotes” and it’s a dash — here, with enough English text around it to be clear.", "Keep at 5° to 8°C.",
        "# Délais\n\nLe café ouvre à neuf heures.\n", "# Prices\n\nA pallet costs £40.\n", "Crème brûlée: 7 €.",
        "El año pasado la señora pidió más información sobre la devolución.",
        "A devolução é aceita até trinta dias após a entrega. Não há exceções.",
        "Blåbær og rødgrød på fløde. Kontoret åpner klokken ni.",
    ],
    "cp1250": ["Zażółć gęślą jaźń. Proszę złożyć wniosek o urlop w dziale kadr."],
    "cp1251": ["Возврат товара принимается в течение тридцати дней после доставки."],
    "koi8_r": ["Возврат товара принимается в течение тридцати дней после доставки."],
    "cp1253": ["Οι επιστροφές γίνονται δεκτές εντός τριάντα ημερών."],
    "cp932": ["返品は三十日以内に受け付けます。配達は二日かかります。", "営業時間"],
    "euc_jp": ["返品は三十日以内に受け付けます。配達は二日かかります。"],
    "gb18030": ["退货在三十天内受理。配送需要两天时间，请耐心等待。"],
    "big5": ["退貨在三十天內受理。配送需要兩天時間，請耐心等待。"],
    "cp949": ["반품은 삼십 일 이내에 가능합니다."],
    "utf-16": ["Hours: nine to five. Größe 4.", "营业时间"], "utf-32": ["Hours: nine to five. Größe 4."],
    "utf-16-le": ["Hours: nine to five."], "utf-16-be": ["Hours: nine to five."],
}  # fmt: skip


@pytest.mark.parametrize(
    ("encoding", "text"), [(name, text) for name, texts in TEXTS.items() for text in texts]
)
def test_a_text_is_read_as_what_it_is_encoded_in_and_that_is_told(encoding: str, text: str) -> None:
    decoded = decode(text.encode(encoding))
    assert decoded.text == text
    assert decoded.encoding
    assert decode(text.encode(encoding)) == decoded


def test_plain_utf8_with_or_without_a_mark_needs_no_telling() -> None:
    assert decode("Größe 冬".encode()) == decode("Größe 冬".encode("utf-8-sig"))
    assert decode("Größe 冬".encode()).encoding is None


def test_a_few_broken_characters_do_not_make_utf8_another_encoding() -> None:
    decoded = decode("Größe und Länge über Öl, für später. ".encode() * 20 + b"\xc3 end")
    assert decoded.text.startswith("Größe und Länge")
    assert decoded.encoding == "utf-8, 1 broken characters replaced"


@pytest.mark.parametrize(
    "data",
    [b"text\0text", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\xff\xfe\x00\xd8", b"\xff\xfea\x00\x00\x00", b"\x80\x01\x02\x03\x90\x05" * 40],
)  # fmt: skip
def test_what_is_no_text_is_no_document(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(NotTextError):
        decode(data)
    (tmp_path / "a.md").write_bytes(data)
    (tmp_path / "b.md").write_text("Text.")
    corpus = read_corpus(tmp_path)
    assert [document.id for document in corpus.documents] == ["b.md"]
    assert [(skip.path, skip.reason) for skip in corpus.report.skipped] == [(f"{tmp_path}/a.md", "binary")]


@given(st.binary(max_size=200))
def test_any_bytes_are_text_or_told_to_be_none(data: bytes) -> None:
    try:
        decoded = decode(data)
    except NotTextError:
        return
    assert "\0" not in decoded.text
    decoded.text.encode()
    assert decode(data) == decoded
