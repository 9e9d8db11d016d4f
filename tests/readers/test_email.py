"""E-mail messages as documents."""

from __future__ import annotations

import email
import email.policy
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quincunx.retrieval.passages import Document, Part
from quincunx.retrieval.text.markdown import read_blocks
from quincunx.retrieval.text.readers.email import mbox
from quincunx.retrieval.text.readers.email.email_message import EmailReader
from quincunx.retrieval.text.readers.email.email_text import plain_as_markdown
from quincunx.retrieval.text.readers.field_map import FieldMap
from quincunx.retrieval.text.readers.reader import SourceFile, UnreadableFileError

DOCUMENTS = Path(__file__).parents[1] / "documents"
LISTED: list[dict[str, Any]] = json.loads((DOCUMENTS / "email.json").read_text(encoding="utf-8"))
READABLE = [entry for entry in LISTED if "answer" in entry]
LEFT_OUT = [entry for entry in LISTED if "reason" in entry and entry["reason"] != "empty"]
HEADERS = b"From: a@b.example\nSubject: Tide\n"


def source(name: str, **more: Any) -> SourceFile:
    return SourceFile(DOCUMENTS / name, id="x", **more)


def read(name: str, **more: Any) -> list[Document]:
    return list(EmailReader().read(source(name, **more)))


def read_bytes(data: bytes, folder: Path, name: str = "made.eml") -> tuple[list[Document], list[str]]:
    path = folder / name
    path.write_bytes(data)
    file = SourceFile(path, id="x")
    return list(EmailReader().read(file)), file.notices


def squeezed(text: str) -> str:
    return re.sub(r"[\s\\>]", "", text)


@pytest.mark.parametrize("name", ["plain", "attachment", "latin1", "broken_headers"])
def test_plain_text_stands_there_whole(name: str) -> None:
    """Equal, without white space, quote marks and escapes, to the plain text that the standard library's own choice of a
    body gives; its unknown charset is decoded by hand."""
    message = email.message_from_bytes(
        (DOCUMENTS / f"email/{name}.eml").read_bytes(), policy=email.policy.default
    )
    body = message.get_body(("plain",))
    assert body is not None
    data = body.get_payload(decode=True)
    assert isinstance(data, bytes)
    charset = {"broken_headers": "cp1252"}.get(name, body.get_content_charset())
    assert squeezed(read(f"email/{name}.eml")[0].text) == squeezed(data.decode(charset or "utf-8"))


@pytest.mark.parametrize("entry", READABLE, ids=lambda entry: entry["file"])
def test_each_file_holds_its_fact(entry: dict[str, Any]) -> None:
    (document,) = (document for document in read(entry["file"]) if entry["answer"] in document.text)
    assert [str(part) for part in document.parts] == ([entry["place"]] if entry["place"] else [])


@pytest.mark.parametrize("entry", LEFT_OUT, ids=lambda entry: entry["file"])
def test_what_cannot_be_read_says_why(entry: dict[str, Any]) -> None:
    with pytest.raises(UnreadableFileError) as raised:
        read(entry["file"])
    assert raised.value.reason == entry["reason"]
    assert raised.value.detail


def test_every_file_is_listed() -> None:
    assert {entry["file"] for entry in LISTED} == {
        f"email/{path.name}" for path in (DOCUMENTS / "email").iterdir()
    }


def test_headers_become_metadata() -> None:
    (document,) = read("email/plain.eml", fields=FieldMap.of("list=x-list|subject"))
    assert document.title == "Night watch in week 14"
    assert document.metadata == {
        "subject": "Night watch in week 14",
        "from": "Tove Aldersund <tove@marlowferry.example>",
        "to": ["crew@marlowferry.example", "Bellweather, Ines <ines@marlowferry.example>"],
        "cc": ["Jonas Pike <jonas@marlowferry.example>"],
        "date": "2026-03-30T18:05:00+02:00",
        "message_id": "<watch-14@marlowferry.example>",
        "in_reply_to": "<watch-13@marlowferry.example>",
        "thread": "<watch-1@marlowferry.example>",
        "list": "Night watch in week 14",
    }


def test_encoded_and_broken_headers_are_decoded() -> None:
    (document,) = read("email/latin1.eml")
    assert (document.title, document.metadata["from"]) == (
        "Fährplan nach Möwenört",
        "Jörg Ößling <joerg@marlowferry.example>",
    )
    (broken,) = read("email/broken_headers.eml")
    assert broken.title.startswith("Spare keys ä")
    assert broken.metadata["date"] == "yesterday evening"


def test_quotes_stay_quotes_and_end_where_they_end() -> None:
    (document,) = read("email/plain.eml")
    assert "> Who takes the key?\n> > The mate.\n\nJonas takes it." in document.text
    assert "\n\\--\nTove, harbour office" in document.text


def test_attachments_are_named_and_not_read() -> None:
    (document,) = read("email/attachment.eml")
    assert document.metadata["attachments"] == ["Rechnung für die Winde.pdf", "Preise für April.csv"]
    assert "a;b" not in document.text


def test_a_forwarded_message_stands_below_its_subject() -> None:
    (document,) = read("email/forwarded.eml")
    assert document.text.startswith(
        "See below, please.\n\n## Dry dock in May\n\nFrom: Odd Renning <odd@shipyard.example>\n"
    )


def test_html_stands_as_markdown() -> None:
    (document,) = read("email/html_only.eml")
    assert document.text == "The new crane lifts 18 tonnes.\n\n- Test it on Friday.\n\n> What does it lift?"


def test_an_empty_plain_alternative_gives_way(tmp_path: Path) -> None:
    data = (
        HEADERS
        + b"Content-Type: multipart/alternative; boundary=q\n\n--q\nContent-Type: text/plain\n\n  \n--q\n"
        b"Content-Type: text/html\n\n<p>High at noon</p>\n--q--\n"
    )
    assert [document.text for document in read_bytes(data, tmp_path)[0]] == ["High at noon"]


def test_messages_of_an_archive_are_told_apart() -> None:
    found = read("email/archive.mbox")
    assert [document.id for document in found] == ["x#message-1", "x#message-2", "x#message-3"]
    assert [document.parts for document in found] == [(Part(0, "message", number),) for number in (1, 2, 3)]
    assert found[1].text.endswith("Note: the blue one.\n\nFrom here on it is quoted.")


def test_messages_that_cannot_be_read_are_passed_over(tmp_path: Path) -> None:
    begin = b"From a@b.example Mon Mar  2 08:00:00 2026\n"
    data = (
        begin
        + HEADERS
        + b"\nHigh at noon\n\n"
        + begin
        + HEADERS
        + b"\n-----BEGIN PGP MESSAGE-----\n\n"
        + begin
        + HEADERS
        + b"\n\n"
    )
    found, notices = read_bytes(data, tmp_path, "made.mbox")
    assert [document.id for document in found] == ["x#message-1"]
    assert notices == ["message 2 passed over: encrypted", "message 3 passed over: no_text"]


def test_a_message_without_text_is_told(tmp_path: Path) -> None:
    assert read_bytes((DOCUMENTS / "email/no_text.eml").read_bytes(), tmp_path) == (
        [],
        ["the message holds no text and was passed over"],
    )


def test_a_message_too_large_is_passed_over_without_being_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mbox, "MOST_BYTES", 200)
    begin = b"From a@b.example Mon Mar  2 08:00:00 2026\n"
    data = begin + HEADERS + b"\n" + b"a long line\n" * 100 + b"\n" + begin + HEADERS + b"\nshort\n"
    found, notices = read_bytes(data, tmp_path, "made.mbox")
    assert [document.text for document in found] == ["short"]
    assert notices == ["message 1 passed over: too_large"]


def test_parts_too_deep_in_one_another_are_refused(tmp_path: Path) -> None:
    data = HEADERS
    for depth in range(60):
        data += b"Content-Type: multipart/mixed; boundary=q%d\n\n--q%d\n" % (depth, depth)
    with pytest.raises(UnreadableFileError, match="too_large"):
        read_bytes(data + b"\nhello\n", tmp_path)


@pytest.mark.parametrize(
    "header",
    [
        b"From: " + b"(" * 60_000,
        b"Content-Type: text/plain; " + b"a=b; " * 400_000,
        b"To: " + b"a <a@b>, " * 50_000,
    ],
    ids=["brackets", "parameters", "people"],
)
def test_long_headers_take_no_long_time(header: bytes, tmp_path: Path) -> None:
    found, _ = read_bytes(b"Subject: Tide\n" + header + b"\n\nHigh at noon\n", tmp_path)
    assert [(document.title, document.text) for document in found] == [("Tide", "High at noon")]


@pytest.mark.parametrize(
    "charset", ["idna", "undefined", "base64", "utf-7", "x\\0y", "us-ascii", "iso-8859-1"]
)
def test_a_charset_that_is_none_is_guessed(charset: str, tmp_path: Path) -> None:
    data = (
        HEADERS
        + f'Content-Type: text/plain; charset="{charset}"\n\nHigh water at noon, low at six\n'.encode()
    )
    assert [document.text for document in read_bytes(data, tmp_path)[0]] == ["High water at noon, low at six"]


@pytest.mark.parametrize("name", ["attachment.eml", "broken_headers.eml", "forwarded.eml", "archive.mbox"])
def test_a_damaged_file_raises_nothing_else(name: str, tmp_path: Path) -> None:
    """Cut off at every twentieth, and with bytes changed: it is read, or refused in the one way; what is read can be
    written as UTF-8."""
    whole = (DOCUMENTS / "email" / name).read_bytes()
    chance = random.Random(5)
    damaged = [whole[: len(whole) * part // 20] for part in range(20)]
    for _ in range(60):
        changed = bytearray(whole)
        for _ in range(5):
            changed[chance.randrange(len(whole))] = chance.randrange(256)
        damaged.append(bytes(changed))
    outcomes = {_outcome(data, tmp_path, name) for data in damaged}
    assert outcomes <= {"read", "damaged", "binary", "encrypted"}


def _outcome(data: bytes, folder: Path, name: str) -> str:
    try:
        found, _ = read_bytes(data, folder, name)
    except UnreadableFileError as error:
        return error.reason
    for document in found:
        json.dumps([document.title, document.text, document.metadata], ensure_ascii=False).encode()
    return "read"


@given(
    st.lists(
        st.sampled_from(
            ["# a", "> b", ">> c", "---", "===", "```", "<div>", "word", "", "d  e", "~~~", "> ```"]
        )
    )
)
def test_plain_text_becomes_paragraphs_and_quotes_alone(lines: list[str]) -> None:
    text = plain_as_markdown("\n".join(lines))
    assert {block.kind for block in read_blocks(text)} <= {"paragraph"}
    assert squeezed(text) == squeezed("\n".join(lines))
