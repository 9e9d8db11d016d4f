"""Where the classes, functions and tables of a program are defined: by Python's own parser, else by a plain rule for lines.

The rule for lines: a line opens a definition where it begins with the words of one (``class Room``, ``pub fn price``,
``CREATE TABLE rooms``; in languages such as C, ``static int price(`` with a body below) and stands in no other than a
class or the like. It goes on until a definition that is indented no deeper, or until another such line that does not
close it, and above which stands a blank line or what closes it. Functions within functions belong to the outer one;
comments and decorators directly above a definition belong to it. The rule knows no strings and no macros: what looks
like a definition counts as one.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...encodings import without_half_pairs

MOST_PARSED = 1024 * 1024
"""Most characters of a Python text that is parsed: the parser takes up to 500 times as many bytes."""
_MOST_MATCHED = 300
"""Characters of a line in which the words of a definition are looked for."""
_MOST_PARAMETERS = 20
"""Lines below the first one of a function that its parameters may take."""
_MOST_ABOVE = 100
"""Lines of comments and decorators that belong to a definition."""


@dataclass(slots=True)
class Definition:
    """One definition: the lines ``first`` to before ``end``, counted from 0, those of the definitions within it, too."""

    name: str
    """Its words up to the name, such as ``class Room``."""
    first: int
    end: int
    depth: int
    """Of how many definitions it stands in."""


@dataclass(frozen=True)
class PythonDefinitions:
    """What Python's parser found in a text."""

    definitions: list[Definition]
    description: str
    """The first line of its docstring; empty where it has none."""


def parse_python(text: str, lines: Sequence[str]) -> PythonDefinitions:
    """Return the definitions of a Python text, with their decorators.

    Raises:
        ValueError: it is no Python of this version, or nested too deeply; the message says where.
    """
    if len(text) > MOST_PARSED:
        raise ValueError(f"it is longer than {MOST_PARSED:,} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in its strings
            tree = ast.parse(text)
        found = list(_python(tree, 0))
    except SyntaxError as error:
        raise ValueError(f"line {error.lineno}: {error.msg}") from error
    except (RecursionError, MemoryError) as error:
        raise ValueError("it is nested too deeply") from error
    for definition in found:
        definition.first = _with_comments(lines, definition.first)
    docstring = ast.get_docstring(tree) or ""
    # Its escapes can make half surrogate pairs and NUL.
    shown = without_half_pairs(docstring.replace("\0", "")).strip()
    return PythonDefinitions(_nested(found), shown.partition("\n")[0])


def _python(parent: ast.AST, depth: int) -> Iterator[Definition]:
    """Yield the definitions that stand in a module or a class, those under an ``if`` or a ``try`` among them."""
    for node in ast.iter_child_nodes(parent):
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                words = {ast.ClassDef: "class", ast.FunctionDef: "def"}.get(type(node), "async def")
                first = min([node.lineno, *(each.lineno for each in node.decorator_list)]) - 1
                yield Definition(f"{words} {node.name}", first, node.end_lineno or node.lineno, depth)
                if isinstance(node, ast.ClassDef):
                    yield from _python(node, depth + 1)
            case ast.If() | ast.Try() | ast.TryStar() | ast.With() | ast.ExceptHandler():
                yield from _python(node, depth)


_MODIFIER = (
    r"(?:(?:export|default|declare|public|private|protected|internal|fileprivate|static|abstract|final|sealed|open|"
    r"override|async|unsafe|extern|const|virtual|partial|data|inline|inner|suspend|implicit|case|local|mutating|"
    r"typedef|annotation|enum|companion|pub(?:\([^)]*\))?|@\w+)\s+)*"
)
_HOLDS = r"class|struct|interface|trait|enum|union|namespace|module|object|protocol|extension|record|mod|type"
_KEYWORD = re.compile(
    rf"{_MODIFIER}(?:(?P<holds>impl\b[^{{]*[^{{\s]|(?:{_HOLDS})\s+(?:<<\s*)?[A-Za-z_$][\w$:.]*)"
    r"|(?:function\b\s*\*?|func|fun|fn|def|sub|macro_rules!)\s*(?:(?<=\s)|(?<=\*))(?:\([^)]*\)\s*)?(?:<[^>]*>\s*)?[\w$][\w$:.]*[?!=]?)"
)
_VARIABLE = re.compile(
    rf"{_MODIFIER}(?:struct|union|enum)\s+\w+\b\s*[*&]*\s*(?!(?:extends|implements|final|where)\b)\w"
)
"""Something of a type of that name, in C: no definition of the type."""
_TYPED = re.compile(
    r"(?!(?:if|for|foreach|while|switch|catch|return|else|do|throw|new|await|case|using|lock|match|elseif|yield|goto)\b)"
    r"(?P<type>(?:[\w@~<][\w:<>\[\],.?&*~]*\s+(?:[*&]+\s*)?)*)(?:[\w:]*operator[^\w\s(]+|[\w:~$#]+)(?=\s*\()"
)
_INITIAL = re.compile(r"=\s*\{$")
_TYPE_ALONE = re.compile(r"[A-Za-z_][\w:<>,*& \t]*$")
_ASSIGNED = re.compile(
    r"(?:export\s+)?(?:(?:const|let|var|local)\s+)?[\w$.]+(?=[^=<({]*(?:=|<-)\s*(?:[\w.$]+\s*=\s*)?(?:async\s*)?"
    r"(?:function\b|(?P<holds>class\b)|\([^()]*\)[^=]*=>|\w+\s*=>))"
)
_SHELL = re.compile(r"function\s+[\w:.-]+|[\w:.-]+(?=\s*\(\s*\)\s*(?:[{(#]|$))")
_CREATE = re.compile(
    r"CREATE\s+(?:OR\s+\w+\s+)?(?:(?!TABLE|VIEW)\w+\s+){0,3}?(?:TABLE|VIEW|FUNCTION|PROCEDURE|TRIGGER|INDEX|TYPE|SCHEMA|"
    r"SEQUENCE|DATABASE|ROLE|POLICY|DOMAIN)\s+(?:IF\s+NOT\s+EXISTS\s+)?[^\s(;]+",
    re.IGNORECASE,
)
_RULES = {
    "c": (_KEYWORD, _ASSIGNED, _TYPED),
    "keyword": (_KEYWORD, _ASSIGNED),
    "shell": (_SHELL,),
    "assigned": (_ASSIGNED,),
    "sql": (_CREATE,),
}
_COMMENT = re.compile(
    r"[ \t]*(?://|/\*|\*|#(?!\s*(?:include|define|undef|if|ifdef|ifndef|else|endif|pragma)\b)|--|@|\[)"
)
_CLOSES = re.compile(
    r"\s*(?:[})\]{]|\$\$|(?:end|begin|as|is|declare|go|fi|done|esac)\b|(?:public|private|protected)\s*:|#\s*(?:if|el|endif))",
    re.IGNORECASE,
)
_ENDS = re.compile(r"\s*(?:[})\]]|(?:end|fi|done|esac)\b|\$\$)", re.IGNORECASE)


def find_definitions(lines: Sequence[str], rule: str) -> list[Definition]:
    """Return the definitions of a text by the rule for lines of one family of languages, a key of `_RULES`."""
    found: list[Definition] = []
    opened: list[tuple[Definition, int, bool]] = []  # with its indentation, and whether it may hold others
    above, comment = "", False
    for at, line in enumerate(lines):
        if comment or not line.strip():
            comment = comment and "*/" not in line
            above = line
            continue
        comment = line.lstrip().startswith("/*") and "*/" not in line
        indentation = _indentation(line)
        # What holds this line, where it opens a definition: those that are indented as deep, or deeper, end then.
        holding = next((entry for entry in reversed(opened) if entry[1] < indentation), None)
        may_open = not comment and (holding is None or holding[2])
        words = _words(lines, at, rule, holding is not None) if may_open else None
        while opened and indentation <= opened[-1][1] and (words or _is_over(line, above, opened[-1][1])):
            opened.pop()[0].end = at
        if words:
            name, holds = words
            first = at - 1 if _has_type_above(lines, at, rule, name) else at
            definition = Definition(name, _with_comments(lines, first), len(lines), len(opened))
            found.append(definition)
            opened.append((definition, indentation, holds))
        above = line
    return _nested(found)


def _words(lines: Sequence[str], at: int, rule: str, inside: bool) -> tuple[str, bool] | None:
    """Return the words that a definition begins with, and whether it may hold others."""
    text = lines[at].strip()[:_MOST_MATCHED]
    for pattern in _RULES[rule]:
        match = pattern.match(text)
        if match is None:
            continue
        if pattern is _TYPED and not _is_function(lines, at, match, inside):
            continue
        holds = match.groupdict().get("holds")
        if pattern is _KEYWORD and holds and "{" not in text and text.endswith(";") and "=" not in text:
            continue  # it says that there is such a thing, elsewhere
        if rule == "c" and _VARIABLE.match(text) and pattern is not _TYPED:
            continue
        return " ".join(match[0].split()).rstrip(":."), bool(holds)
    return None


def _is_function(lines: Sequence[str], at: int, match: re.Match[str], inside: bool) -> bool:
    """Tell the head of a function from a call and a declaration, in languages that have no word for it."""
    text = match.string
    typed = bool(match["type"]) or "::" in match[0] or _has_type_above(lines, at, "c", match[0])
    if text.endswith(("{", "}")):
        rest = text[match.end() :]
        return (
            ")" in rest
            and not _INITIAL.search(rest)
            and (typed or inside or bool(re.match(r"\s*\(\s*\)\s*\{", rest)))
        )
    if text.endswith((",", "(")):
        # A body follows the parameters, or only the end of a declaration or of a call.
        below = lines[at + 1 : at + 1 + _MOST_PARAMETERS]
        return (typed or (inside and text[-1] == "(")) and "{" in next(
            (line for line in below if "{" in line or ";" in line), ""
        ).partition(";")[0]
    return not text.endswith((";", "=", "\\")) and _below(lines, at).startswith(("{", ":"))


def _has_type_above(lines: Sequence[str], at: int, rule: str, name: str) -> bool:
    """Tell whether a line in C holds the name of a function whose type stands on the line above it."""
    alone = (
        rule == "c" and at > 0 and " " not in name and _indentation(lines[at]) == _indentation(lines[at - 1])
    )
    return alone and _TYPE_ALONE.match(lines[at - 1][:_MOST_MATCHED]) is not None


def _below(lines: Sequence[str], at: int) -> str:
    return lines[at + 1].lstrip() if at + 1 < len(lines) else ""


def _is_over(line: str, above: str, indentation: int) -> bool:
    """Tell whether a line that is indented no deeper than a definition stands below its end."""
    if _CLOSES.match(line):
        return False
    return not above.strip() or (_ENDS.match(above) is not None and _indentation(above) <= indentation)


def _indentation(line: str) -> int:
    return len(line[: len(line) - len(line.lstrip())].expandtabs(4))


def _with_comments(lines: Sequence[str], first: int) -> int:
    """Return where the comments and decorators begin that stand directly above a line and are indented as it is."""
    indentation, inside = _indentation(lines[first]), False
    at = first
    while at > max(0, first - _MOST_ABOVE) and lines[at - 1].strip():
        line = lines[at - 1]
        inside = (inside or line.strip() in ("*/", "**/")) and "/*" not in line
        if not inside and not (_COMMENT.match(line) and 0 <= _indentation(line) - indentation <= 1):
            break
        at -= 1
    # A comment of which no beginning was found is none.
    return first if inside else at


def _nested(found: Sequence[Definition]) -> list[Definition]:
    """Return definitions, in the order of their lines, so that each lies within the one it stands in and beside the others."""
    opened: list[Definition] = []
    latest = -1
    for definition in found:
        definition.first = max(definition.first, latest + 1)
        latest = definition.first
        while len(opened) > definition.depth:
            last = opened.pop()
            last.end = min(last.end, definition.first)
        if opened:
            definition.end = min(definition.end, opened[-1].end)
        opened.append(definition)
    return [definition for definition in found if definition.first < definition.end]
