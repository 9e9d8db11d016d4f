"""A gold set of the questions that projects answer in their documentation, made of folders of Markdown and reStructuredText.

Run: ``python bench/faq_set.py OUT FOLDER …``. In each file whose path has ``faq`` in it, a heading that ends with a question mark is
a question, and gold is what stands below it, up to the next heading that is not deeper. The headings of such questions leave the
text, so that an answer has to be known by itself. Every other file of the folders is there to be mistaken for it.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # `bench` itself, when this file is run by its path

from quincunx.eval.goldsets.goldset import GoldQuestion, GoldSpan
from quincunx.eval.goldsets.importing import write_gold_set
from quincunx.retrieval.passages import Document

ENDINGS = (".md", ".mdx", ".rst")
LEAST = 40
"""Characters of an answer."""
_ATX = re.compile(r"(#{1,6})\s+(.+?)\s*#*\s*(\{#.*\})?$")
_UNDERLINE = re.compile(r"([=\-~^\"'`#*+.:_])\1{2,}$")


@dataclass(frozen=True)
class Heading:
    """A heading of a file."""

    title: str
    level: int
    first: int
    """Its first line, and below the one after its last."""
    after: int


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("folders", type=Path, nargs="+")
    chosen = parser.parse_args(arguments)
    documents: list[Document] = []
    questions: list[GoldQuestion] = []
    for folder in chosen.folders:
        for path in sorted(path for path in folder.rglob("*") if path.suffix in ENDINGS):
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            id = f"{folder.name}/{path.relative_to(folder)}"
            found = list(headings(lines))
            title = found[0].title if found else path.stem
            is_faq = "faq" in str(path.relative_to(folder)).lower()
            asked = [heading for heading in found if heading.title.endswith("?")] if is_faq else []
            text, spans = _without(lines, found, asked)
            documents.append(Document(id, title, text))
            for heading, (start, end) in zip(asked, spans, strict=True):
                if end - start >= LEAST:
                    span = GoldSpan(id, start, end)
                    name = f"q{len(questions)}"
                    questions.append(GoldQuestion(name, heading.title, {}, gold={id: 1}, spans=(span,)))
    write_gold_set(chosen.out, [document for document in documents if document.text.strip()], questions)
    print(f"{len(questions)} questions, {len(documents)} documents")


def headings(lines: Sequence[str]) -> Iterator[Heading]:
    """Yield the headings of a file, of either form, but for those within blocks of code."""
    marks: list[str] = []
    fenced = False
    for number, line in enumerate(lines):
        fenced ^= line.lstrip().startswith("```")
        if fenced:
            continue
        if found := _ATX.fullmatch(line):
            yield Heading(_plain(found[2]), len(found[1]), number, number + 1)
            continue
        below = lines[number + 1] if number + 1 < len(lines) else ""
        is_title = line.strip() and not line[0].isspace() and not _UNDERLINE.fullmatch(line)
        if is_title and _UNDERLINE.fullmatch(below) and len(below) >= len(line.rstrip()) - 1:
            over = number > 0 and lines[number - 1].rstrip() == below.rstrip()
            mark = below[0] + ("over" if over else "")
            if mark not in marks:
                marks.append(mark)
            yield Heading(_plain(line), 1 + marks.index(mark), number - over, number + 2)


def _plain(title: str) -> str:
    title = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", title)
    return re.sub(r":\w+:`([^`]+)`|``([^`]+)``|`([^`]+)`", lambda m: m[1] or m[2] or m[3], title).strip(" *_")


def _without(
    lines: Sequence[str], every: Sequence[Heading], asked: Sequence[Heading]
) -> tuple[str, list[tuple[int, int]]]:
    """Return the text without the headings that are asked, and where in it what answers each of them stands."""
    gone = {number for heading in asked for number in range(heading.first, heading.after)}
    starts, text = [], ""
    for number, line in enumerate(lines):
        starts.append(len(text))
        if number not in gone:
            text += line + "\n"
    starts.append(len(text))
    spans = []
    for heading in asked:
        ends = (
            other.first for other in every if other.first > heading.first and other.level <= heading.level
        )
        start, end = starts[heading.after], starts[next(ends, len(lines))]
        answer = text[start:end]
        spans.append((start + len(answer) - len(answer.lstrip()), start + len(answer.rstrip())))
    return text, spans


if __name__ == "__main__":
    main()
