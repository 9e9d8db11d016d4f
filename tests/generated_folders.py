"""Folders with every oddity of real ones, and a plain model of what reading them must find."""

from __future__ import annotations

import json
import os
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NAMES = [
    b"plain", b"two words", b"caf\xc3\xa9", b"cafe\xcc\x81", b"Plain", b"hash#1-2", b"per%20cent", b"new\nline",
    b"latin-\xe9", b"latin-\\xe9", b"x" * 120, "一覧".encode(), b"eq=ual", b"-dash", b"quote'\"", b"[bracket]", b"star*",
]  # fmt: skip
WORDS = ["parcel", "ferry", "tide", "ledger", "meadow", "copper", "Straße", "naïve", "冬", "ต้น"]
TOOLS = ["node_modules", "__pycache__"]
GONE = {"empty", "unreadable", "binary", "not_a_file", "dangling_link", "already_read"}
"""Reasons for which a file's document leaves the index when it is met."""


@dataclass(frozen=True)
class Expected:
    """What one file must become: a document, or a skip."""

    title: str = ""
    text: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    reason: str = ""


def readable_id(path: str) -> str:
    """Write a path as its document's id, by the rule that the documentation gives."""
    raw, out, at = os.fsencode(path), "", 0
    while at < len(raw):
        step = next((n for n in (1, 2, 3, 4) if _is_utf8(raw[at : at + n])), 0)
        char = raw[at : at + step].decode() if step else f"\\x{raw[at]:02x}"
        follows = raw[at + 1 : at + 4].decode("latin-1")
        if char == "\\" and follows[:1] == "x" and (follows[1:3] == "5c" or _high_hex(follows[1:3])):
            char = "\\x5c"
        out += char
        at += step or 1
    return out


def _high_hex(digits: str) -> bool:
    return len(digits) == 2 and digits[0] in "89abcdef" and digits[1] in "0123456789abcdef"


def _is_utf8(raw: bytes) -> bool:
    try:
        return len(raw.decode()) == 1
    except UnicodeDecodeError:
        return False


class GeneratedFolder:
    """A folder that is made at random, and what each of its paths must become."""

    def __init__(self, base: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.root = base / self.random.choice(["docs", "my docs", "d=ocs", "dócs"])
        self.outside = base / "outside"
        self.root.mkdir()
        self.outside.mkdir()
        self.files: dict[str, Expected] = {}
        """By path below the root, as the file system has it; a link to a folder stands for all below it."""
        self.folders = [""]
        self.links: dict[str, str] = {}
        """Links to files of the folder itself, and where they lead."""
        self._number = 0
        for _ in range(self.random.randrange(3, 7)):
            self._add_folder()
        for _ in range(self.random.randrange(8, 20)):
            self.add_file()
        for _ in range(self.random.randrange(0, 4)):
            self._add_left_out_folder()
        self._add_ignore_file()
        for _ in range(self.random.randrange(1, 5)):
            self._add_link()

    def name(self) -> str:
        """A name that no other has, though it may look like one."""
        self._number += 1
        return os.fsdecode(self.random.choice(NAMES)) + f"~{self._number}"

    def path(self, below: str) -> Path:
        return self.root / below

    def add_file(self, folder: str | None = None) -> str:
        where = self.random.choice(self.folders) if folder is None else folder
        below = os.path.join(
            where, self.name() + self.random.choice([".md", ".md", ".txt", ".markdown", ".MD"])
        )
        self.write(below)
        return below

    def write(self, below: str) -> None:
        """Give a file a content of any kind, new each time."""
        data, self.files[below] = self._content(below)
        self.path(below).parent.mkdir(parents=True, exist_ok=True)
        self.path(below).write_bytes(data)

    def remove(self, below: str) -> None:
        self.path(below).unlink()
        del self.files[below]
        self._cut_links(below)

    def _cut_links(self, target: str) -> None:
        for link, leads in self.links.items():
            if leads == target:
                self.files[link] = Expected(reason="dangling_link")
                self._cut_links(link)

    def move(self, below: str) -> str:
        after = os.path.join(self.random.choice(self.folders), self.name() + Path(below).suffix)
        self.path(below).rename(self.path(after))
        expected = self.files.pop(below)
        metadata = {**expected.metadata, "path": readable_id(after)} if expected.metadata else {}
        stem = readable_id(Path(below).stem)
        title = readable_id(Path(after).stem) if expected.title == stem else expected.title
        self.files[after] = Expected(title, expected.text, metadata, expected.reason)
        self._cut_links(below)
        return after

    def replace_by_link(self, below: str) -> None:
        """Put a link to another file that is read in the place of a file."""
        others = [other for other in self.changeable() if other != below and not self.files[other].reason]
        if others:
            self.path(below).unlink()
            self.links[below] = self.random.choice(others)
            self.path(below).symlink_to(self.path(self.links[below]))
            self.files[below] = Expected(reason="already_read")

    def changeable(self) -> list[str]:
        """The files that are read or could be, and are no links."""
        return [
            below
            for below, expected in self.files.items()
            if (not expected.reason or expected.reason in ("empty", "binary"))
            and self.path(below).is_file()
            and os.path.realpath(self.path(below)) == os.path.join(os.path.realpath(self.root), below)
        ]

    def _sentence(self) -> str:
        self._number += 1
        return " ".join(self.random.choices(WORDS, k=self.random.randrange(3, 9))) + f" {self._number}."

    def _body(self) -> str:
        return self.random.choice(
            [
                self._sentence(),
                "\n\n".join(self._sentence() for _ in range(12)),
                f"## Part\n\n{self._sentence()}\n\n| a | b |\n|---|---|\n| 1 | {self._number} |\n",
                f"```\n# no heading {self._number}\n```\n\n{self._sentence()}",
                "x" * 700 + str(self._number),
                "冬は寒い。" * 90 + str(self._number),
            ]
        )

    def _content(self, below: str) -> tuple[bytes, Expected]:
        markdown = Path(below).suffix.lower() != ".txt"
        stem, path = readable_id(Path(below).stem), {"path": readable_id(below)}
        body = self._body()
        kind = self.random.choice(
            ["plain"] * 4
            + [
                "crlf",
                "mark",
                "latin-1",
                "utf-16",
                "empty",
                "blank",
                "binary",
                "headed",
                "yaml",
                "toml",
                "title",
                "rule",
            ]
        )
        if kind == "headed" and markdown:
            title = f"Title {self._number}"
            text = f"# {title}\n\n{body}"
            return text.encode(), Expected(title, text, path)
        if kind == "yaml" and markdown:
            front = f"---\ntitle: Front {self._number}\ntags: [a, 2]\ndate: 2026-03-01\ndraft: true\n# a comment\n---\n"
            fields = {"tags": ["a", 2], "date": "2026-03-01", "draft": True, **path}
            return (front + body).encode(), Expected(f"Front {self._number}", body, fields)
        if kind == "toml" and markdown:
            front = f'+++\ntitle = "Front {self._number}"\nweight = 1.5\n[author]\nname = "A"\n+++\n\n'
            return (front + body).encode(), Expected(
                f"Front {self._number}", body, {"weight": 1.5, "author": {"name": "A"}, **path}
            )
        if kind == "title" and markdown:
            return f"---\ntitle: Alone {self._number}\n---\n".encode(), Expected(
                f"Alone {self._number}", "", path
            )
        if kind == "rule" and markdown:
            text = f"---\n\n{body}\n\n---\n\n{self._sentence()}"
            return text.encode(), Expected(stem, text, path)
        if kind == "crlf":
            return body.replace("\n", "\r\n").encode(), Expected(stem, body, path)
        if kind == "mark":
            return b"\xef\xbb\xbf" + body.encode(), Expected(stem, body, path)
        if kind == "utf-16":
            return body.encode("utf-16"), Expected(stem, body, path)
        if kind == "latin-1":
            text = (
                f"Die Geschäftsstelle öffnet um neun Uhr, für Rückfragen auch später. Nummer {self._number}."
            )
            return text.encode("latin-1"), Expected(stem, text, path)
        if kind in ("empty", "blank"):
            return {"empty": b"", "blank": b" \n\t\n"}[kind], Expected(reason="empty")
        if kind == "binary":
            return f"{self._number}".encode() + b"text\0text\xff" * 3, Expected(reason="binary")
        return body.encode(), Expected(stem, body, path)

    def _add_folder(self) -> None:
        below = os.path.join(self.random.choice(self.folders), self.name())
        self.path(below).mkdir()
        self.folders.append(below)

    def _add_left_out_folder(self) -> None:
        where = self.random.choice(self.folders)
        name, reason = self.random.choice(
            [(f".hidden{self.name()}", "hidden"), (self.random.choice(TOOLS), "tool_folder")]
        )
        below = os.path.join(where, name)
        if not self.path(below).exists():
            (self.path(below) / "deep").mkdir(parents=True)
            (self.path(below) / "deep" / "lost.md").write_text(self._sentence())
            self.files[below] = Expected(reason=reason)

    def _add_ignore_file(self) -> None:
        """Ignore two files by a pattern, and take one of them in again."""
        where = self.random.choice(self.folders)
        for name, ignored in (("a.skip.md", True), ("b.skip.md", False)):
            below = os.path.join(where, name)
            self.write(below)
            if ignored:
                self.files[below] = Expected(reason="ignored")
        self.path(os.path.join(where, self.random.choice([".gitignore", ".quincunxignore"]))).write_text(
            "# drafts\n*.skip.md\n!b.skip.md\n"
        )

    def _add_link(self) -> None:
        where, name = self.random.choice(self.folders), self.name()
        match self.random.choice(["file", "folder", "inside", "loop", "self", "nowhere", "pipe", "image"]):
            case "file":
                below = os.path.join(where, name + ".md")
                data, self.files[below] = self._content(below)
                target = self.outside / f"file{self._number}"
                target.write_bytes(data)
                self.path(below).symlink_to(target)
            case "folder":
                target = self.outside / f"folder{self._number}"
                (target / "sub").mkdir(parents=True)
                (target / "back").symlink_to(self.root)
                below = os.path.join(where, name)
                self.path(below).symlink_to(target)
                self.files[os.path.join(below, "back")] = Expected(reason="already_read")
                self.write(os.path.join(below, "sub", self.name() + ".md"))
            case "inside":
                read = [other for other in self.changeable() if not self.files[other].reason]
                if read:
                    below = os.path.join(where, name + ".md")
                    self.links[below] = self.random.choice(read)
                    self.path(below).symlink_to(self.path(self.links[below]))
                    self.files[below] = Expected(reason="already_read")
            case "loop":
                below = os.path.join(where, name)
                self.path(below).symlink_to("..", target_is_directory=True) if where else self.path(
                    below
                ).symlink_to(".")
                self.files[below] = Expected(reason="already_read")
            case "self" | "nowhere" as kind:
                below = os.path.join(where, name + ".md")
                self.path(below).symlink_to(Path(below).name if kind == "self" else "nothing-there.md")
                self.files[below] = Expected(reason="dangling_link")
            case "pipe":
                below = os.path.join(where, name + ".md")
                os.mkfifo(self.path(below))
                self.files[below] = Expected(reason="not_a_file")
            case "image":
                below = os.path.join(where, name + self.random.choice([".png", ".bin", ".iso", ""]))
                self.path(below).write_bytes(json.dumps({"_id": "x", "text": "y"}).encode())
                self.files[below] = Expected(reason="unknown_kind")
