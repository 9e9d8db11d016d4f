"""The part of the TypeScript client that is made from the service's OpenAPI; run as a script it writes that part anew.

python tests/typescript_client.py app/client/quincunx.ts

Everything above the line that begins with `MADE` is written by hand, and is kept.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from quincunx.app.serve.application import create_app
from quincunx.app.serve.service import Service
from quincunx.app.serve.settings import ServeSettings

MADE = "// ── What the service takes and gives, made from its OpenAPI"
REFERENCE = "#/components/schemas/"
GENERIC = {"AnswerBody": "output"}
"""The field of a schema whose type the caller names, since each program has its own."""
WIDTH = 120

Schema = Mapping[str, Any]


def described() -> dict[str, Any]:
    """Return the OpenAPI of a service; nothing is loaded for it."""
    return create_app(Service(ServeSettings())).openapi()


def made_anew(client: str, openapi: Mapping[str, Any]) -> str:
    """Return the text of the client with what is made of this OpenAPI in its place."""
    by_hand, line, _ = client.partition(MADE)
    if not line:
        raise ValueError(f"no line of the client begins with {MADE!r}")
    heading = line + client.partition(MADE)[2].partition("\n")[0]
    return by_hand + "\n".join([heading, "", *Types(openapi).written()]) + "\n"


class Types:
    """The schemas and routes of an OpenAPI as TypeScript."""

    def __init__(self, openapi: Mapping[str, Any]) -> None:
        self.schemas: Mapping[str, Schema] = openapi["components"]["schemas"]
        self.paths: Mapping[str, Any] = openapi["paths"]
        self.generic = self._generic()

    def written(self) -> Iterator[str]:
        """Yield the lines: what each route takes and gives, then every schema by its name."""
        yield "/** What is sent to each route, and what it answers. */"
        yield "export interface Routes {"
        for path, operations in self.paths.items():
            for method, operation in operations.items():
                yield from self._route(f"{method.upper()} {path}", operation)
        yield "}"
        yield ""
        yield "export type Route = keyof Routes;"
        for name in sorted(self.schemas):
            yield ""
            yield from self._declared(name, self.schemas[name])

    def type_of(self, schema: Schema) -> str:
        """Return the type of a schema's values.

        Raises:
            ValueError: a form of schema that is not known here.
        """
        if "$ref" in schema:
            name = schema["$ref"].removeprefix(REFERENCE)
            return f"{name}<Output>" if name in self.generic else str(name)
        if "const" in schema:
            return json.dumps(schema["const"])
        if "enum" in schema:
            return " | ".join(map(json.dumps, schema["enum"]))
        for several in ("anyOf", "oneOf"):
            if several in schema:
                return " | ".join(dict.fromkeys(map(self.type_of, schema[several])))
        kind = schema.get("type")
        if kind == "array":
            entry = self.type_of(schema.get("items", {}))
            return f"({entry})[]" if " | " in entry else f"{entry}[]"
        if kind == "object":
            others = schema.get("additionalProperties", True)
            return f"Record<string, {'unknown' if others is True else self.type_of(others)}>"
        plain = {
            "string": "string",
            "integer": "number",
            "number": "number",
            "boolean": "boolean",
            "null": "null",
        }
        if kind in plain:
            return plain[kind]
        if kind is None and not schema.keys() - {"title", "description", "examples", "default"}:
            return "unknown"
        raise ValueError(f"no type is known for the schema {json.dumps(schema)[:200]}")

    def _route(self, name: str, operation: Mapping[str, Any]) -> Iterator[str]:
        content = operation.get("requestBody", {}).get("content", {})
        body = self.type_of(content["application/json"]["schema"]) if content else "undefined"
        given = next(
            response for status, response in operation["responses"].items() if status.startswith("2")
        )
        answered = given.get("content", {}).get("application/json")
        answer = self.type_of(answered["schema"]) if answered else "string"
        yield f"  {json.dumps(name)}: {{ body: {_anything(body)}; answer: {_anything(answer)} }};"

    def _declared(self, name: str, schema: Schema) -> Iterator[str]:
        yield from _comment(schema.get("description", ""))
        shown = f"{name}<Output = unknown>" if name in self.generic else name
        if "properties" not in schema:
            yield f"export type {shown} ={_union(self.type_of(schema))};"
            return
        yield f"export interface {shown} {{"
        for field, value in schema["properties"].items():
            yield from _comment(value.get("description", ""), "  ")
            # A constant with a default is always told, and it is what tells one thing from another.
            sure = field in schema.get("required", ()) or "const" in value
            own = "Output" if GENERIC.get(name) == field else self.type_of(value)
            yield f"  {field}{'' if sure else '?'}: {own};"
        if schema.get("additionalProperties") is True:
            yield "  [name: string]: unknown;"
        yield "}"

    def _generic(self) -> set[str]:
        """Return the schemas that hold, at whatever depth, a field whose type the caller names."""
        found = set(GENERIC)
        while True:
            more = {
                name
                for name, schema in self.schemas.items()
                if any(f'"{REFERENCE}{other}"' in json.dumps(schema) for other in found)
            }
            if more <= found:
                return found
            found |= more


def _anything(type_: str) -> str:
    return type_.replace("<Output>", "")


def _union(type_: str) -> str:
    lines = "".join(f"\n  | {part}" for part in type_.split(" | "))
    return lines if len(type_) > WIDTH // 2 else f" {type_}"


def _comment(text: str, indent: str = "") -> Iterator[str]:
    """Yield the first paragraph of a description as a comment."""
    said = " ".join(text.partition("\n\n")[0].split()).replace("``", "`").replace("*/", "* /")
    if said:
        yield f"{indent}/** {said.removesuffix('.')}. */"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(made_anew(path.read_text("utf-8"), described()), encoding="utf-8")
