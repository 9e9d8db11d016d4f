"""What a compiled program is saved as: schema version 3, and how its bytes are read without trusting them.

An artifact is JSON and holds words and numbers only. No language model, endpoint, key, header or setting of a
call has a place in it: a file that brings one is refused. Reading runs no code that comes with the file, opens
nothing and imports nothing; it ends with a whole `Artifact` or one `ArtifactError`.

    schema_version, quincunx, dspy, program     who wrote it, for which DSPy, for which program
    predictors                                  by name: instructions, fields by name, demos, size of the prompt
    adapter, queries, cites                     form of the prompt; into how many queries a question is split; numbers or quotes
    retrieval                                   the indexes, embedder, reranker and search it was made with
    scores, data, notes                         what was measured (n and interval), sha256 of what was used
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal, NoReturn, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    model_validator,
)

from ...retrieval.errors import ArtifactError, FilterError
from ...retrieval.filter_text import parse_filter
from ...retrieval.settings import MOST_NEIGHBOURS
from ..prompt.rules import Cites, without_rules

SCHEMA: Final = 3
OLDEST: Final = 1
MOST_QUERIES = 8
"""Into which a question may be split."""
MAX_BYTES = 8 * 2**20
MAX_DEPTH = 64
"""Of objects and lists within each other."""
MAX_VALUES = 100_000
"""Keys of all objects together."""
MAX_DIGITS = 18
"""Of a whole number."""

Role = Literal["input", "output"]
AdapterName = Literal["chat", "json", "compact"]

_Program = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
_Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]
_Predictor = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.\[\]'-]{1,200}$")]
_Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Short = Annotated[str, StringConstraints(max_length=500)]
_Text = Annotated[str, StringConstraints(max_length=200_000)]
_Version = Annotated[str, StringConstraints(pattern=r"^[0-9][0-9A-Za-z.+!-]{0,49}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class FieldRecord(_Strict):
    """One field of a signature; what optimisers may rewrite of it is ``prefix`` and ``desc``."""

    name: _Identifier
    role: Role
    type: _Text
    """Its type spelt out, e.g. ``list[Citation{passage_id: str, quote: str}]``."""
    prefix: _Text
    desc: _Text


class PromptSize(_Strict):
    """How long the prompt is before any question and passages: instructions, fields and demos."""

    characters: Annotated[int, Field(ge=0)]
    estimated_tokens: Annotated[int, Field(ge=0)]
    """An estimate: a quarter of the characters."""


class PredictorRecord(_Strict):
    """What optimisation made of one predictor."""

    instructions: _Text
    fields: Annotated[tuple[FieldRecord, ...], Field(min_length=1, max_length=100)]
    """Inputs, then outputs, each in the signature's order."""
    signature: _Sha256
    """sha256 over the names, order, roles and types of the fields."""
    demos: Annotated[tuple[dict[str, JsonValue], ...], Field(max_length=1000)] = ()
    """Examples shown in the prompt: values by name of field."""
    nearest_demos: Annotated[int, Field(ge=1)] | None = None
    """How many of them a prompt shows: those nearest to what is asked; null: all."""
    prompt: PromptSize

    @model_validator(mode="after")
    def _holds_together(self) -> PredictorRecord:
        names = [field.name for field in self.fields]
        if len(set(names)) < len(names):
            raise ValueError("two fields share a name")
        if self.signature != signature_hash((field.role, field.name, field.type) for field in self.fields):
            raise ValueError("the signature hash is not that of the fields")
        for number, demo in enumerate(self.demos):
            if not demo.keys() <= set(names):
                raise ValueError(f"demo {number} holds a value for no field of the signature")
        return self


class IndexRecord(_Strict):
    """An index as it was when the program was saved; for information."""

    name: _Short
    generation: int | None = None
    snapshot: _Sha256 | None = None
    """sha256 of that generation's vector snapshot."""


class SearchRecord(_Strict):
    """`SearchSettings`, with the filter as text. A setting that comes later needs the value that it had before."""

    k: Annotated[int, Field(ge=1)]
    n: Annotated[int, Field(ge=1)]
    where: Annotated[str, StringConstraints(max_length=100_000)] | None
    dense_weight: Annotated[float, Field(ge=0)]
    lexical_weight: Annotated[float, Field(ge=0)]
    proximity_weight: Annotated[float, Field(ge=0)] = 0.0
    fusion: Literal["scores", "rrf"] = "rrf"
    rrf_constant: Annotated[float, Field(gt=0)]
    depth: int
    collapse: Annotated[float, Field(gt=0, le=1)] | None
    rerank: bool
    final: Literal["combined", "reranked"]
    rerank_weight: Annotated[float, Field(gt=0)] = 1.0
    name_weight: Annotated[float, Field(ge=0)] = 0.0
    neighbours: Annotated[int, Field(ge=0, le=MOST_NEIGHBOURS)] = 0

    @model_validator(mode="after")
    def _can_be_searched(self) -> SearchRecord:
        if self.n > self.k:
            raise ValueError("n is more than k")
        if not self.dense_weight and not self.lexical_weight:
            raise ValueError("dense and lexical weight are both 0")
        if self.where is not None:
            try:
                parse_filter(self.where)
            except FilterError as error:
                raise ValueError(f"where: {str(error)[:200]}") from None
        return self


class RetrievalRecord(_Strict):
    """What the program searched when it was saved."""

    indexes: Annotated[tuple[IndexRecord, ...], Field(max_length=100)]
    profile: _Short
    embedder: Annotated[dict[_Identifier, bool | int | _Short], Field(max_length=50)]
    """`EmbedderIdentity` of the indexes."""
    reranker: _Short | None = None
    """Its name; not recorded when the models were never loaded before saving."""
    search: SearchRecord


class Score(_Strict):
    """One measured number, e.g. recall@5 over 60 questions, with its interval."""

    name: _Short
    value: float
    n: Annotated[int, Field(ge=1)]
    """How many questions it is the mean over."""
    low: float
    high: float

    @model_validator(mode="after")
    def _is_an_interval(self) -> Score:
        if self.low > self.high:
            raise ValueError("low is more than high")
        return self


class Artifact(_Strict):
    """A compiled program, apart from the language model and the index."""

    schema_version: Literal[3]
    quincunx: _Version
    """Version that wrote it."""
    dspy: Annotated[str, StringConstraints(pattern=r"^>=\d{1,4}(\.\d{1,4}){0,2},<\d{1,4}(\.\d{1,4}){0,2}$")]
    """Versions of DSPy whose prompts are those it was made with."""
    program: _Program
    """Of a `ProgramSpec`; whether there is one of that name is for whoever loads it to see."""
    predictors: Annotated[dict[_Predictor, PredictorRecord], Field(min_length=1, max_length=50)]
    adapter: AdapterName
    queries: Annotated[int, Field(ge=1, le=MOST_QUERIES)]
    """Since version 2."""
    cites: Cites
    """Since version 3: how its claims cite."""
    retrieval: RetrievalRecord
    scores: Annotated[tuple[Score, ...], Field(max_length=1000)] = ()
    data: Annotated[dict[_Short, _Sha256], Field(max_length=1000)] = Field(default_factory=dict)
    """sha256 of the gold sets and other files it was made with, by name."""
    notes: Annotated[dict[_Short, JsonValue], Field(max_length=1000)] = Field(default_factory=dict)
    """What else the maker wants to keep; nothing reads it."""


class Manifest(_Strict):
    """Names the file that holds the artifact; whoever replaces it publishes another."""

    schema_version: Literal[3]
    file: Annotated[str, StringConstraints(pattern=r"^program-[0-9a-f]{16}\.json$")]
    sha256: _Sha256
    size: Annotated[int, Field(ge=0, le=MAX_BYTES)]


def signature_hash(fields: Iterable[tuple[str, str, str]]) -> str:
    """Return the sha256 over (role, name, type) of the fields in order."""
    return hashlib.sha256(json.dumps([list(field) for field in fields]).encode()).hexdigest()


def written(record: Artifact | Manifest) -> bytes:
    """Return the file that reads back as this record."""
    text = json.dumps(record.model_dump(mode="json"), ensure_ascii=False, allow_nan=False, indent=1)
    return (text + "\n").encode()


Record = TypeVar("Record", Artifact, Manifest)


def read_record(kind: type[Record], data: bytes, where: str) -> Record:
    """Read bytes as an artifact or a manifest; raises `ArtifactError` that says what is wrong, and where."""
    value = _checked_json(data, where)
    version = value.get("schema_version")
    if type(version) is not int or not OLDEST <= version <= SCHEMA:
        raise ArtifactError(
            f"{where}: schema version {ascii(version)[:40]}, this version of quincunx reads {OLDEST} to {SCHEMA}; "
            "save the program again, or read it with the quincunx that wrote it"
        )
    try:
        return kind.model_validate_json(data if version == SCHEMA else _upgraded(kind, value, where))
    except ValidationError as error:
        raise ArtifactError(f"{where}: {first_faults(error)}") from None


def _upgraded(kind: type[BaseModel], value: dict[str, Any], where: str) -> bytes:
    """Return what a record of an earlier version says, as the present version says it."""
    version, added = value["schema_version"], {}
    if kind is Artifact:
        added = {"cites": "quotes", **({"queries": 1} if version < 2 else {})}
    for name in added.keys() & value.keys():
        _refuse(where, f"{name} has no place in schema version {version}")
    return json.dumps({**_without_rules(value), **added, "schema_version": SCHEMA}).encode()


def _without_rules(value: dict[str, Any]) -> dict[str, Any]:
    """Return a record without the rules that instructions ended with up to version 2: they are added to every prompt."""
    predictors = value.get("predictors")
    if not isinstance(predictors, dict):
        return value
    bare = {
        name: {**record, "instructions": without_rules(record["instructions"])}
        if isinstance(record, dict) and isinstance(record.get("instructions"), str)
        else record
        for name, record in predictors.items()
    }
    return {**value, "predictors": bare}


def _checked_json(data: bytes, where: str) -> dict[str, Any]:
    """Return the object that the bytes spell, once nothing in them can overrun a parser or be read two ways."""
    if len(data) > MAX_BYTES:
        raise ArtifactError(f"{where}: {len(data)} bytes, at most {MAX_BYTES} are read")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ArtifactError(f"{where}: no UTF-8 text (byte {error.start})") from None
    _require_shallow(text, where)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_Pairs(where),
            parse_constant=lambda name: _refuse(where, f"{name} is no number of JSON"),
            parse_float=lambda digits: _finite(digits, where),
            parse_int=lambda digits: _whole(digits, where),
        )
    except ValueError as error:
        raise ArtifactError(f"{where}: no JSON: {str(error)[:200]}") from None
    if not isinstance(value, dict):
        raise ArtifactError(f"{where}: an object is expected, not {type(value).__name__}")
    return value


_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)
"""A string, whole or cut off, or a bracket. Possessive, so that no text takes more than one pass."""


def _require_shallow(text: str, where: str) -> None:
    depth = 0
    for token in _TOKEN.finditer(text):
        if token[0] in ("[", "{"):
            depth += 1
            if depth > MAX_DEPTH:
                _refuse(where, f"nested deeper than {MAX_DEPTH} at character {token.start()}")
        elif token[0] in ("]", "}"):
            depth -= 1


class _Pairs:
    """Builds the objects of one file, counting their keys."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.count = 0

    def __call__(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        self.count += len(pairs)
        if self.count > MAX_VALUES:
            _refuse(self.where, f"more than {MAX_VALUES} keys")
        built = dict(pairs)
        if len(built) < len(pairs):
            ((repeated, _),) = Counter(name for name, _ in pairs).most_common(1)
            _refuse(self.where, f"key {_shown(repeated)} stands twice in one object")
        return built


def _finite(digits: str, where: str) -> float:
    number = float(digits)
    return number if abs(number) < float("inf") else _refuse(where, f"number {digits[:40]} is too large")


def _whole(digits: str, where: str) -> int:
    return int(digits) if len(digits) <= MAX_DIGITS else _refuse(where, f"number {digits[:40]} is too large")


def _refuse(where: str, why: str) -> NoReturn:
    raise ArtifactError(f"{where}: {why}")


def first_faults(error: ValidationError) -> str:
    """Say three faults, foreign keys first, each with its place and without the value: it may be a secret, or huge."""
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    faults.sort(key=lambda fault: fault["type"] != "extra_forbidden")
    said = [
        f"{'.'.join(_shown(part) for part in fault['loc'][:12]) or 'the whole'}: {ascii(fault['msg'])[1:-1][:300]}"
        for fault in faults[:3]
    ]
    more = f" (and {len(faults) - 3} more)" if len(faults) > 3 else ""
    return "; ".join(said) + more


def _shown(part: object) -> str:
    """Return a key of the file as it may stand in a message: short, and of plain characters."""
    return ascii(part).strip("'\"")[:60]
