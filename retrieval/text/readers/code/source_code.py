"""Source code: each definition below a heading that names it, its lines unchanged in a fence.

Lines outside definitions stand below the file's name. Blank lines between two fences stand between them, so that the
text holds every line of the source once, in order.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ....passages import Document, Metadata, Part
from ...file_names import readable
from ..as_markdown import as_code, as_heading
from ..reader import SourceFile, UnreadableFileError
from .definitions import Definition, find_definitions, parse_python

MOST_BYTES = 8 * 1024 * 1024
"""Largest source file that is read."""
MOST_IN_LINE = 2_000
"""Most characters in a line of JavaScript that was written by hand: of a longer one, the file is minified."""


@dataclass(frozen=True)
class _Language:
    name: str
    fence: str
    """What it is called above a fence."""
    rule: str
    """By which `find_definitions` finds its definitions."""


_LANGUAGES = {
    ".py": _Language("Python", "python", "keyword"),
    ".pyi": _Language("Python", "python", "keyword"),
    ".js": _Language("JavaScript", "javascript", "c"),
    ".mjs": _Language("JavaScript", "javascript", "c"),
    ".cjs": _Language("JavaScript", "javascript", "c"),
    ".jsx": _Language("JavaScript", "jsx", "c"),
    ".ts": _Language("TypeScript", "typescript", "c"),
    ".tsx": _Language("TypeScript", "tsx", "c"),
    ".go": _Language("Go", "go", "keyword"),
    ".rs": _Language("Rust", "rust", "keyword"),
    ".java": _Language("Java", "java", "c"),
    ".kt": _Language("Kotlin", "kotlin", "keyword"),
    ".c": _Language("C", "c", "c"),
    ".h": _Language("C", "c", "c"),
    ".cc": _Language("C++", "cpp", "c"),
    ".cpp": _Language("C++", "cpp", "c"),
    ".hpp": _Language("C++", "cpp", "c"),
    ".cs": _Language("C#", "csharp", "c"),
    ".rb": _Language("Ruby", "ruby", "keyword"),
    ".php": _Language("PHP", "php", "keyword"),
    ".sh": _Language("Shell", "bash", "shell"),
    ".sql": _Language("SQL", "sql", "sql"),
    ".lua": _Language("Lua", "lua", "keyword"),
    ".swift": _Language("Swift", "swift", "keyword"),
    ".scala": _Language("Scala", "scala", "keyword"),
    ".r": _Language("R", "r", "assigned"),
    ".pl": _Language("Perl", "perl", "keyword"),
}
_NAMES = {language.name.casefold(): language.name for language in _LANGUAGES.values()}
_COOKIE = re.compile(rb"[ \t\f]*(?:#|//|--).*?coding[:=][ \t]*([-\w.]+)")
_PLAIN_CODEC = re.compile(
    r"iso8859-\d+|cp\d+|koi8-[rtu]|mac-\w+|euc_\w+|shift_jis\w*|gb\w+|big5\w*|johab|ptcp154"
)
"""Encodings of text that a source may name; Python knows others, that are not, or that take long."""
_CLOSING = re.compile(r"[ \t]*(?:[})\];,]+|end\b)[ \t]*(?:(?://|#|--).*)?$")
"""A line that does no more than end what was begun above it."""


class SourceCodeReader:
    """Reads programs, titled by their file's name with its ending."""

    name = "code"
    version = 1
    suffixes = tuple(_LANGUAGES)

    def read(self, file: SourceFile) -> Iterator[Document]:
        suffix = file.path.suffix.lower()
        language = _LANGUAGES[suffix]
        file.require_size(MOST_BYTES)
        text = _text(file).replace("\r", "\n")
        if not text.strip():
            return
        lines = text.split("\n")
        if language.name == "JavaScript":
            _require_written_by_hand(lines)
        metadata: Metadata = {"programming_language": language.name}
        definitions = None
        if language.name == "Python":
            try:
                parsed = parse_python(text, lines)
            except ValueError as error:
                file.notices.append(f"read by its lines, as Python cannot parse it: {error}")
            else:
                definitions = parsed.definitions
                if parsed.description:
                    metadata["description"] = parsed.description
        file.require_time()
        if definitions is None:
            definitions = find_definitions(lines, language.rule)
        title = " ".join(readable(file.path.name).split())
        shown, parts = _markdown(title, lines, definitions, language.fence)
        yield file.document(title, shown, metadata | file.fields.added(metadata), parts=parts)


def language_named(name: str) -> str:
    """Return the name of a programming language as it stands in the metadata of source code, however it is capitalised."""
    return _NAMES.get(name.casefold(), name)


def _text(file: SourceFile) -> str:
    """Return the file's text: in UTF-8, else in the encoding that its first lines name, else in what its bytes look like."""
    data = file.read_bytes()
    try:
        data.decode()
    except UnicodeDecodeError:
        named = next(filter(None, map(_COOKIE.match, data.split(b"\n", 2)[:2])), None)
        try:
            codec = codecs.lookup(named[1].decode("ascii", "replace")).name if named else ""
            if _PLAIN_CODEC.fullmatch(codec) and b"\0" not in data:
                text = data.decode(codec)
                file.encoding = codec
                return text.replace("\r\n", "\n")
        except (LookupError, UnicodeDecodeError):
            pass
    return file.decoded(data)


def _require_written_by_hand(lines: Sequence[str]) -> None:
    for number, line in enumerate(lines, 1):
        if len(line) > MOST_IN_LINE:
            raise UnreadableFileError(
                "no_text",
                f"minified: line {number} has {len(line):,} characters; put the source that it was made of in its place",
            )


def _markdown(
    title: str, lines: Sequence[str], definitions: Sequence[Definition], fence: str
) -> tuple[str, list[Part]]:
    """Return the lines as Markdown, and the number of the line that each fence begins with."""
    written: list[str] = []
    parts: list[Part] = []
    length = 0
    for owner, first, end in _sections(title, lines, definitions):
        begin = next((at for at in range(first, end) if not _is_blank(lines[at])), end)
        stop = next((at + 1 for at in range(end - 1, begin - 1, -1) if not _is_blank(lines[at])), begin)
        blocks = list(lines[first:begin])
        if begin < stop:
            parts.append(
                Part((length + sum(map(len, blocks)) + len(blocks)) if parts else 0, "line", begin + 1)
            )
            blocks.append(as_heading(_escaped(owner.name), owner.depth + 2))
            blocks.append(as_code("\n".join(lines[begin:stop]), fence))
        blocks += lines[stop:end]
        written += blocks
        length += sum(map(len, blocks)) + len(blocks)
    return "\n".join(written), parts


def _sections(
    title: str, lines: Sequence[str], definitions: Sequence[Definition]
) -> Iterator[tuple[Definition, int, int]]:
    """Yield the runs of lines that belong to one definition, or to the file, in order.

    Lines that do no more than close what stands above them go with that.
    """
    sections: list[tuple[Definition, int, int]] = []
    opened = [Definition(title, 0, len(lines), -1)]
    at = 0
    for definition in (*definitions, None):
        while at < (definition.first if definition else len(lines)):
            while opened[-1].end <= at:
                opened.pop()
            stop = min(definition.first if definition else len(lines), opened[-1].end)
            if sections and all(_is_blank(line) or _CLOSING.match(line) for line in lines[at:stop]):
                owner, first, _ = sections.pop()
                sections.append((owner, first, stop))
            else:
                sections.append((opened[-1], at, stop))
            at = stop
        if definition:
            opened.append(definition)
    return iter(sections)


def _is_blank(line: str) -> bool:
    """Tell what Markdown takes for a blank line."""
    return not line.strip(" \t")


def _escaped(name: str) -> str:
    """Return a name so that Markdown shows it as it is: ``__init__`` would become bold."""
    name = re.sub(r"[\\`*\[\]<>&~#]", r"\\\g<0>", name)
    beside_words = r"(?<![^\W_])_|_(?![^\W_])"
    return re.sub(beside_words, r"\\_", name) if len(re.findall(beside_words, name)) > 1 else name
