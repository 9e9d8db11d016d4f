"""HTML pages: what is shown is read, what is not shown is not, and no page is too odd, too large or too deep."""

from __future__ import annotations

import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from quincunx.retrieval.errors import MissingExtraError
from quincunx.retrieval.passages import Document
from quincunx.retrieval.text.markdown import read_blocks
from quincunx.retrieval.text.readers.field_map import FieldMap
from quincunx.retrieval.text.readers.html.html_markdown import html_as_markdown
from quincunx.retrieval.text.readers.html.html_page import HtmlReader
from quincunx.retrieval.text.readers.reader import SourceFile, UnreadableFileError

DOCUMENTS = Path(__file__).parent.parent / "documents"
LISTED: list[dict[str, Any]] = json.loads((DOCUMENTS / "html.json").read_text("utf-8"))
READABLE = [entry for entry in LISTED if "answer" in entry]
ENCODINGS = {
    "html/windows_1252.html": "cp1252",
    "html/shift_jis.htm": "cp932",
    "html/strict.xhtml": "iso-8859-1",
}
FURNITURE = {
    "html/news.html": [
        "cookies",
        "Accept all",
        "Tide tables",
        "Most read",
        "Seal pup",
        "Imprint",
        "rights reserved",
    ],
    "html/documentation.html": ["index", "Table of Contents", "Show Source", "Created using", "¶"],
    "html/structured_data.html": ["Start", "Stand: Januar"],
    "html/short.html": ["Arrivals", "Badges", "Imprint"],
    "html/soup.html": ["Front page", "From the archive", "Sloes", "Subscribe", "Made by hand", "About us"],
    "html/layout.html": ["Moorings", "Weather", "Contact"],
}
WHOLE = [
    entry["file"]
    for entry in READABLE
    if entry["file"] not in {*FURNITURE, "html/hidden.html", "html/entity_bomb.html"}
]
UNSEEN = [
    "unseen",
    "on fire",
    "is lost",
    "nobody sees",
    "closes at noon",
    "Turn scripts",
    "styled words",
    "Icon",
    "rien",
    "boom",
    "sinks",
]


def read(name: str) -> Document:
    return the_document(SourceFile(DOCUMENTS / name, "x"))


def the_document(file: SourceFile) -> Document:
    (document,) = HtmlReader().read(file)
    return document


def written(folder: Path, html: str | bytes, name: str = "page.html") -> SourceFile:
    path = folder / name
    path.write_bytes(html.encode() if isinstance(html, str) else html)
    return SourceFile(path, "x")


def outcome(file: SourceFile) -> tuple[list[Document], str]:
    """Return the documents of a file, or why it cannot be read."""
    try:
        return list(HtmlReader().read(file)), ""
    except UnreadableFileError as error:
        return [], error.reason


def squeezed(text: str) -> str:
    """Return the letters and digits of a text."""
    return re.sub(r"[\W_]", "", text.casefold())


def said(text: str) -> list[str]:
    """Return the lines of a document's text without white space and marks: numbers of lists, and languages of code."""
    plain = re.sub(r"^(\s*)(?:`{3}\w*|\d+\. )", r"\1", text, flags=re.MULTILINE)
    return [line for line in map(squeezed, plain.splitlines()) if line]


class _Shown(HTMLParser):
    """All text within the body, by Python's own parser, but for what tags alone say is not shown."""

    def __init__(self) -> None:
        super().__init__()
        self.unseen = 0
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.unseen += tag in ("head", "script", "style", "template", "noscript", "dialog", "svg", "title")
        self.text.append(dict(attrs).get("alt") or "" if tag == "img" else "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Nothing stands in such an element."""

    def handle_endtag(self, tag: str) -> None:
        self.unseen -= tag in ("head", "script", "style", "template", "noscript", "dialog", "svg", "title")

    def handle_data(self, data: str) -> None:
        self.text.append(data if not self.unseen else "")


def shown(name: str) -> str:
    parser = _Shown()
    parser.feed((DOCUMENTS / name).read_bytes().decode(ENCODINGS.get(name, "utf-8")))
    return squeezed("".join(parser.text))


@pytest.mark.parametrize("entry", READABLE, ids=lambda entry: entry["file"])
def test_the_answer_stands_in_the_text(entry: dict[str, Any]) -> None:
    assert entry["answer"] in read(entry["file"]).text


@pytest.mark.parametrize("name", WHOLE)
def test_every_word_of_a_page_without_furniture_stands_in_the_text_once_and_in_order(name: str) -> None:
    """Its letters and digits are those that Python's own parser of HTML finds, one after another."""
    assert "".join(said(read(name).text)) == shown(name)


@pytest.mark.parametrize("name", FURNITURE)
def test_no_word_of_a_page_with_furniture_is_invented(name: str) -> None:
    """The letters and digits of each line stand one after another in what Python's own parser of HTML finds."""
    assert [line for line in said(read(name).text) if line not in shown(name)] == []


@pytest.mark.parametrize("name", FURNITURE)
def test_furniture_is_left_out_and_nothing_else(name: str) -> None:
    """Every paragraph of the source stands in the text, but for those of the furniture."""
    text = read(name).text
    assert [words for words in FURNITURE[name] if words in text] == []
    source = (DOCUMENTS / name).read_text("utf-8")
    source = re.sub(
        r'<div id="(cookie|left).*?</p>|<footer.*?</footer>|<(script).*?</script>',
        "",
        source,
        flags=re.DOTALL,
    )
    paragraphs = [
        unescape(re.sub("<[^>]+>", "", found))
        for found in re.findall(r"<p\b[^>]*>(.*?)</p>", source, re.DOTALL)
    ]
    assert len(paragraphs) > 0
    assert [found for found in paragraphs if squeezed(found) not in squeezed(text)] == []


def test_hidden_elements_are_left_out_and_nothing_else() -> None:
    assert read("html/hidden.html").text.split("\n\n") == [
        "# Vaccination days",
        "The nurse vaccinates against influenza on the second Thursday of October, in room Kestrel.",
        "Who may come?",
        "Everyone who works on site, and one guest each.",
        "Bring your badge.",
        "Bring your 健康(けんこう) card, too.",
    ]


@pytest.mark.parametrize("entry", READABLE, ids=lambda entry: entry["file"])
def test_what_is_not_shown_is_not_read(entry: dict[str, Any]) -> None:
    assert [words for words in UNSEEN if words in read(entry["file"]).text] == []


@pytest.mark.parametrize(
    "entry", [entry for entry in LISTED if "reason" in entry], ids=lambda entry: entry["file"]
)
def test_what_cannot_be_read_is_left_out_with_its_reason(entry: dict[str, Any]) -> None:
    assert outcome(SourceFile(DOCUMENTS / entry["file"], "x")) == ([], entry["reason"].replace("empty", ""))


@pytest.mark.parametrize("name", ENCODINGS)
def test_the_encoding_is_found_and_noted(name: str) -> None:
    file = SourceFile(DOCUMENTS / name, "x")
    the_document(file)
    assert file.encoding == ENCODINGS[name].replace("iso-8859-1", "cp1252")


def test_a_page_that_is_utf8_though_it_says_otherwise_is_utf8(tmp_path: Path) -> None:
    file = written(tmp_path, '<meta charset="iso-8859-1"><p>Käse für 3 €')
    assert the_document(file).text == "Käse für 3 €"
    assert file.encoding is None


@pytest.mark.parametrize(
    ("charset", "codec", "text"),
    [
        ("gb2312", "gb18030", "办公室在三楼，电话分机二零七。"),
        ("euc-kr", "cp949", "사무실은 삼층에 있습니다."),
        ("iso-2022-jp", "iso2022_jp", "事務所は三階です。"),
        ("windows-1251", "cp1251", "Склад закрыт по средам."),
        ("no-such-thing", "utf-8", "Zoë"),
        ("rot13", "utf-8", "Zoë"),
        ("utf-16", "utf-16", "Zoë"),
    ],
)
def test_encodings_that_pages_declare(tmp_path: Path, charset: str, codec: str, text: str) -> None:
    html = f'<html><head><meta http-equiv="Content-Type" content="text/html; charset={charset}"></head><body><p>{text}</p></body></html>'
    assert the_document(written(tmp_path, html.encode(codec))).text == text


def test_a_page_that_says_it_is_utf8_is_read_though_some_of_its_bytes_are_broken(tmp_path: Path) -> None:
    file = written(tmp_path, b'<meta charset="utf-8"><p>Tea at \xff\xfe four\x7f')
    assert the_document(file).text.startswith("Tea at \ufffd\ufffd four")
    assert file.encoding == "utf-8, 2 broken characters replaced"


def test_metadata_is_what_the_page_says() -> None:
    news, german = read("html/news.html"), read("html/structured_data.html")
    assert (news.title, german.title) == ("Heron Ferries to run hydrogen boat from May", "Kündigungsfristen")
    assert news.metadata["published"] == "2026-03-04T07:30:00+00:00"
    assert news.metadata["site"] == "Quayside Gazette"
    assert german.metadata == {
        "url": "https://intranet.falkenau.example/personal/kuendigung",
        "author": "Jutta Brenneke",
        "published": "2025-11-03",
        "modified": "2026-01-20",
        "keywords": ["Kündigung", "Fristen", "Personal"],
        "language": "de",
        "site": "Intranet der Falkenau Werke",
    }
    assert read("html/documentation.html").metadata == {"language": "en"}


@pytest.mark.parametrize(
    ("head", "body", "title"),
    [
        ("<title>Leave - Acme</title><meta property='og:site_name' content='Acme'>", "<p>x", "Leave"),
        ("<title>Leave - Acme</title>", "<p>x", "Leave - Acme"),
        ("<title>Leave - Acme</title>", "<h1>Acme</h1><h1>Leave</h1><p>x", "Acme"),
        ("<title>Leave - Acme</title>", "<header><nav><h1>Acme</h1></nav></header><p>x", "Leave - Acme"),
        ("<meta property='og:title' content='Leave of absence'>", "<p>x", "Leave of absence"),
        ("<title>Leave | Acme</title>", "<h2>Leave</h2><p>x", "Leave"),
        ("<title>Acme | Leave</title>", "<h2>Leave</h2><p>x", "Acme | Leave"),
        (
            "<title>Leave of absence</title>",
            "<header><h1>Leave of absence</h1></header><main>x",
            "Leave of absence",
        ),
        ("", "<h2>x</h2>", "page"),
    ],
)
def test_titles(tmp_path: Path, head: str, body: str, title: str) -> None:
    assert the_document(written(tmp_path, f"<html><head>{head}</head><body>{body}")).title == title


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "/relative", "file:///etc/passwd", "https://", "ftp://x.example/"]
)
def test_urls_that_no_browser_would_follow_are_none(tmp_path: Path, url: str) -> None:
    file = written(
        tmp_path, f'<link rel="canonical" href="{url}"><meta property="og:url" content="{url}"><p>x'
    )
    assert the_document(file).metadata == {}


def test_a_heading_above_the_content_is_not_lost(tmp_path: Path) -> None:
    html = "<title>Leave - Acme</title><header><h1>Leave</h1></header><main><p>Ask Zoë.</main>"
    assert the_document(written(tmp_path, html)).text == "# Leave\n\nAsk Zoë."


@pytest.mark.parametrize(
    "odd",
    [
        "\x01",
        "\x0c",
        "\x1b",
        "\x7f",
        "\x85",
        "\ufffe",
        "&#1;",
        "&#12;",
        "&#0;",
        "&#x1F ",
        "&#x000c;",
        "&#xFFFE;",
        "&#65535;",
        "&#xD800;",
        "&#x110000;",
    ],
)
def test_odd_characters_beside_furniture(tmp_path: Path, odd: str) -> None:
    html = f"<title>x</title><section>{odd}a{odd}</section>{odd}<nav>b</nav>{odd}c{odd}<nav>d</nav>{odd}<p>e"
    assert squeezed(the_document(written(tmp_path, html)).text) == "ace"


def test_a_page_of_nothing_but_a_menu_is_read(tmp_path: Path) -> None:
    assert (
        the_document(
            written(tmp_path, "<nav><ul><li><a href=a>Alder</a><li><a href=b>Birch</a></ul></nav>")
        ).text
        == "- Alder\n- Birch"
    )


def test_a_page_that_leads_on_to_another_one_has_no_text(tmp_path: Path) -> None:
    html = '<meta http-equiv="refresh" content="0; URL=../leave.html"><p>Redirecting to <a href="../leave.html">leave</a></p>'
    assert outcome(written(tmp_path, html)) == ([], "no_text")


@pytest.mark.parametrize(
    ("module", "name"), [("trafilatura", "html/soup.html"), ("lxml.html", "html/news.html")]
)
def test_a_missing_library_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, module: str, name: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"^{module.split('.')[0]} is not installed: .*documents"):
        read(name)


def test_fields_are_mapped_from_meta_tags(tmp_path: Path) -> None:
    file = written(
        tmp_path, '<meta name="department" content="HR"><meta name="doc-name" content="Leave"><p>x'
    )
    file.fields = FieldMap.of(["team=department", "title=doc-name"])
    document = the_document(file)
    assert (document.title, document.metadata) == ("Leave", {"team": "HR"})


def test_headings_stand_as_headings() -> None:
    blocks = [
        (block.level, block.name)
        for block in read_blocks(read("html/documentation.html").text)
        if block.kind == "heading"
    ]
    assert blocks == [(1, "Backups"), (2, "Options"), (2, "From Python")]


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", "- a\n  - b\n- c"),
        ("<ol start=3><li>a<p>b</p></li><li value=9>c</li></ol>", "3. a\n\n   b\n9. c"),
        ("<pre><code class='language-sh'>ls\n# x\n</code></pre>", "```sh\nls\n# x\n```"),
        ("<pre>```</pre>", "````\n```\n````"),
        ("<blockquote><p>a</p><p>b</p></blockquote>", "> a\n>\n> b"),
        ("<dl><dt>a</dt><dd>b</dd><dd>c</dd></dl>", "a\n: b\n: c"),
        ("<dl><dt>a<dd>b<dd>c<dt>d<dd>e</dl>", "a\n: b\n: c\n\nd\n: e"),
        ("<p>a<br># b<br>---<br>=</p>", "a\n\\# b\n\\---\n\\="),
        ("<p>a<br><br>b</p>", "a\n\nb"),
        ("<p>See <a href='x'>the <b>rule</b></a>.<!-- no --><img src=x alt='A  map'>", "See the rule.A map"),
        ("<p>10<sup>6</sup> m<sup>a</sup>, <s>5</s> <q>so</q>", "10^6 ma, ~~5~~ “so”"),
        ("<table><tr><th>a<th>b<tr><td>10<sup>6</sup><td><p>c</p><p>d|e</p></table>", "| a | b |\n| --- | --- |\n| 10^6 | c d\\|e |"),
        ("<table><tr><th>a<td>1<tr><th>b<td>2</table>", "|  |  |\n| --- | --- |\n| a | 1 |\n| b | 2 |"),
        ("<table><tr><td colspan=2>a<td>b<tr><td rowspan=2>c<td>d<td>e<tr><td>f<td>g</table>",
         "| a |  | b |\n| --- | --- | --- |\n| c | d | e |\n|  | f | g |"),
        ("<table><tr><td><h2>a</h2><td><table><tr><td>b<td>c<tr><td>d<td>e</table></table>", "## a\n\n| b | c |\n| --- | --- |\n| d | e |"),
        ("<table>stray<tr><td>a<td>b</table>", "stray\n\na\n\nb"),
        ("a<div>b<div>c</div>d</div>e", "a\n\nb\n\nc\n\nd\n\ne"),
        ("<h2>The <em>List&lt;x&gt;</em><a class=headerlink>¶</a></h2>", "## The List\\<x>"),
        ("<h2>Fees<a href='#fees'>§</a> <button title='Copy the path'>Copy</button></h2><button>More</button>", "## Fees\n\nMore"),
        ("<body style='display:none'><div role=tabpanel hidden>a</div><div hidden>no</div>", "a"),
        ("<p>a<sup><a href='#n'>[1]</a></sup></p><ol><li>b <a href='#r'>↑</a></ol>", "a[1]\n\n1. b"),
        ("<title>no</title><header>a</header><main><p>b</main>c<p>d", "a\n\nb\n\nc\n\nd"),
        ("<title>no</title><x-y>a</x-y>b<script>no</script> c", "ab c"),
        ("<head><title>no</title></head><article>a</article><body>b</body>", "a\n\nb"),
        ("", ""),
        ("just text", "just text"),
        ("<?xml version='1.0' encoding='utf-16'?><p>a\0b", "a b"),
    ],
)  # fmt: skip
def test_blocks(html: str, markdown: str) -> None:
    assert html_as_markdown(html) == markdown


_TAGS = st.sampled_from(
    [
        "p",
        "div",
        "ul",
        "ol",
        "li",
        "dl",
        "dt",
        "dd",
        "table",
        "tr",
        "td",
        "th",
        "thead",
        "h2",
        "pre",
        "code",
        "blockquote",
        "q",
        "sup",
        "s",
        "b",
        "a",
        "br",
        "hr",
        "section",
        "caption",
        "tbody",
    ]
)
_NODES = st.recursive(
    st.integers(0, 10**6).map(lambda number: f" w{number} "),
    lambda children: st.builds(
        lambda tag, inner: f"<{tag}>{''.join(inner)}</{tag}>", _TAGS, st.lists(children, max_size=4)
    ),
    max_leaves=20,
)


@given(_NODES)
@example("<p><dt><dt> w1 </dt></dt> w0 </p>")
def test_every_word_stands_once_and_in_order_however_tags_are_nested(html: str) -> None:
    """But for captions, which stand above their table wherever they stand in it."""
    found, there = re.findall(r"w\d+", html_as_markdown(html)), re.findall(r"w\d+", html)
    assert Counter(found) == Counter(there)
    assert found == there or "<caption>" in html


def bombs() -> Iterator[tuple[str, str]]:
    yield "100,000 tags in one another", "<p>a" + "<div>" * 100_000 + "b"
    yield "1,500 quotes in one another", "<blockquote>" * 1_500 + "b"
    yield "lists in one another", "<ul><li>x" * 700
    yield "navigation in one another", "<nav>" * 1_900 + "<b>x</b>" * 20_000 + "<main>x"
    yield "tables in one another", "<table><tr><td>x" * 400
    yield "spanned columns", "<table><tr>" + "<td>x" * 100 + "<tr><td colspan=1000>x<td>y" * 5_000
    yield "spanned rows", "<table><tr>" + "<td rowspan=65534>x" * 500 + "<tr><td>x" * 3_000
    yield "entities", "&lt;" * 1_000_000
    yield "CDATA", "<?xml?>" + "<![CDATA[" * 100_000
    yield "quotation marks that never end", "<?xml?>" + "<a b='" * 100_000
    yield "JSON in JSON", "<script type='application/ld+json'>" + "[" * 100_000 + "</script>x"
    yield "more tags than are read", "<b>" * 1_000_001
    yield "numbers of lists", "<ol start=99999999999999999999><li value=99999999999999999999>x"


@pytest.mark.parametrize(("what", "html"), list(bombs()), ids=lambda value: value if len(value) < 60 else "")
def test_no_page_takes_long(tmp_path: Path, what: str, html: str) -> None:
    began = time.monotonic()
    documents, reason = outcome(written(tmp_path, html))
    assert reason in ("", "too_large", "no_text"), what
    assert sum(len(document.text) for document in documents) <= 30 * len(html) + 1_000
    assert time.monotonic() - began < 20


def test_a_page_of_more_than_32_megabytes_is_too_large(tmp_path: Path) -> None:
    file = written(tmp_path, "")
    with file.path.open("wb") as sparse:
        sparse.truncate(33 * 1024 * 1024)
    with pytest.raises(UnreadableFileError, match="too_large"):
        list(HtmlReader().read(file))


def test_nothing_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    html = '<html><head><base href="http://x.example/"><link rel=stylesheet href="http://x.example/a.css"></head><body><iframe src="http://x.example/"></iframe><p>Here'
    assert the_document(written(tmp_path, html)).text == "Here"


@pytest.mark.parametrize(
    "name", ["html/news.html", "html/documentation.html", "html/shift_jis.htm", "html/strict.xhtml"]
)
def test_damage_raises_nothing_but_what_is_named(tmp_path: Path, name: str) -> None:
    whole = (DOCUMENTS / name).read_bytes()
    chance = random.Random(7)
    damaged = [whole[: len(whole) * twentieth // 20] for twentieth in range(20)]
    for _ in range(15):
        flipped = bytearray(whole)
        for _ in range(20):
            flipped[chance.randrange(len(flipped))] = chance.randrange(256)
        damaged.append(bytes(flipped))
    damaged += [
        chance.randbytes(500),
        b"%PDF-1.7\n",
        b"PK\x03\x04\x00\x00",
        b"\xff\xfe<",
        b"<",
        b"<!",
        b"<?xml",
        b"\xef\xbb\xbf",
    ]
    for number, data in enumerate(damaged):
        documents, reason = outcome(written(tmp_path, data, f"{number}{Path(name).suffix}"))
        assert all(document.text for document in documents)
        assert reason in ("", "no_text", "binary")
