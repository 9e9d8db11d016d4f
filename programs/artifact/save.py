"""Saving a compiled program as an artifact, and setting a program up from one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any

import dspy
from packaging.specifiers import SpecifierSet
from pydantic import JsonValue, TypeAdapter, ValidationError

from ...retrieval.errors import ArtifactError, ArtifactMismatchError, UsageError
from ...retrieval.filter_text import parse_filter
from ...retrieval.handle import SearchHandle
from ...retrieval.index.reader import IndexReader
from ...retrieval.index.store import Store
from ...retrieval.settings import SearchSettings
from ...retrieval.storage.disk import make_folder, publish_file, storing
from ...retrieval.storage.lock import lock_folder, unlock
from ..parts import ProgramParts
from ..predictor import nearest_demos
from ..prompt.citing import CitingAdapter
from ..prompt.compact_adapter import CompactAdapter, default_adapter
from ..prompt.rules import Cites
from ..prompt.sentence_choice import SentenceChoice
from .fields import changes, form, with_wording
from .read import MANIFEST
from .schema import (
    SCHEMA,
    AdapterName,
    Artifact,
    FieldRecord,
    IndexRecord,
    Manifest,
    PredictorRecord,
    PromptSize,
    RetrievalRecord,
    Role,
    Score,
    SearchRecord,
    first_faults,
    read_record,
    signature_hash,
    written,
)

DSPY_RANGE = ">=3.4.1,<3.5"
_ADAPTERS: dict[AdapterName, type[dspy.Adapter]] = {
    "chat": dspy.ChatAdapter,
    "json": dspy.JSONAdapter,
    "compact": CompactAdapter,
}


def save_program(
    program: ProgramParts,
    folder: Path,
    *,
    notes: Mapping[str, JsonValue] | None = None,
    scores: Sequence[Score] = (),
    data: Mapping[str, str] | None = None,
    adapter: AdapterName | None = None,
) -> Path:
    """Write what optimisation made of a program; a folder that holds an artifact holds the new one afterwards.

    Language model, endpoint, keys and call settings stay out. Of a demo, the values of the signature's fields
    are kept. A reader, or a kill at any moment, finds the old artifact or the new one.

    Args:
        program: the program.
        folder: where to; see `artifact_folder` for the place of a name.
        notes: JSON values by name that the maker wants to keep.
        scores: what was measured, each with n and interval.
        data: sha256 of gold sets and other files it was made with, by name.
        adapter: the adapter it was made for; the one set on the program or in ``dspy.context`` if left out.

    Raises:
        ArtifactError: it holds something that would not come back the same, such as a demo that no JSON can hold.
        StorageError: the disk refused.
    """
    chosen = adapter or adapter_name(program)
    try:
        artifact = Artifact(
            schema_version=SCHEMA,
            quincunx=version("quincunx"),
            dspy=DSPY_RANGE,
            program=program.name,
            predictors={
                name: _predictor_record(
                    name, predictor, chosen, program.cites if predictor is program.predict else None
                )
                for name, predictor in predictors_of(program)
            },
            adapter=chosen,
            queries=program.queries,
            cites=program.cites,
            retrieval=_retrieval_record(program),
            scores=tuple(scores),
            data=dict(data or {}),
            notes=dict(notes or {}),
        )
        contents = written(artifact)
    except ValidationError as error:
        raise ArtifactError(f"{program.name} cannot be saved: {first_faults(error)}") from error
    except ValueError as error:
        raise ArtifactError(f"{program.name} cannot be saved as JSON: {str(error)[:200]}") from error
    _require_same_prompts(program, read_record(Artifact, contents, "the artifact to be saved"))
    _publish(folder, contents)
    return folder


def apply_artifact(program: ProgramParts, artifact: Artifact, *, allow_other_index: bool = False) -> None:
    """Give a program the instructions, wording of fields and demos of an artifact: all of them or none.

    Args:
        program: a program of the same kind, as `load` makes it.
        artifact: what `read_artifact` returned.
        allow_other_index: whether its index may be of another embedder than the one it was saved with.

    Raises:
        ArtifactMismatchError: other program, predictors, fields, embedder or DSPy; it says which.
        ArtifactError: a demo is none for these fields.
    """
    if artifact.program != program.name:
        raise ArtifactMismatchError(f"the artifact is of program {artifact.program}, not of {program.name}")
    _require_dspy(artifact.dspy)
    predictors = dict(predictors_of(program))
    differences = _differences(predictors, artifact)
    if differences:
        raise ArtifactMismatchError(
            f"the artifact was saved for another form of {program.name}: {'; '.join(differences)}. Optimise the "
            f"program again, or use quincunx {artifact.quincunx}, which saved it"
        )
    if not allow_other_index:
        _require_embedder(program, artifact)
    prepared = {
        name: _restored(predictor.signature, artifact.predictors[name], name)
        for name, predictor in predictors.items()
    }
    for name, predictor in predictors.items():
        predictor.signature, predictor.demos = prepared[name]
        predictor.nearest_demos = artifact.predictors[name].nearest_demos


def search_settings(artifact: Artifact) -> SearchSettings:
    """Return the search settings that the program was saved with."""
    search = artifact.retrieval.search
    where = None if search.where is None else parse_filter(search.where)
    return SearchSettings(**{**search.model_dump(), "where": where})


def predictors_of(program: dspy.Module) -> Iterator[tuple[str, dspy.Predict]]:
    """Give every predictor by name, those too that an optimiser marked as compiled and DSPy's own list hides."""
    for path, predictor in program.named_sub_modules(type_=dspy.Predict, skip_compiled=False):
        yield path.removeprefix("self."), predictor


def adapter_name(program: ProgramParts) -> AdapterName:
    adapter = program.adapter or dspy.settings.adapter or default_adapter(program.cites)
    if isinstance(adapter, CompactAdapter):
        return "compact"
    if isinstance(adapter, dspy.JSONAdapter):
        return "json"
    if isinstance(adapter, dspy.ChatAdapter) and not isinstance(adapter, dspy.XMLAdapter):
        return "chat"
    raise ArtifactError(f"{type(adapter).__name__} is neither the chat nor the JSON adapter: pass adapter=…")


def prompt_characters(
    predictor: dspy.Predict,
    adapter: AdapterName,
    cites: Cites | None,
    inputs: Mapping[str, Any] = MappingProxyType({}),
    choose: SentenceChoice | None = None,
) -> int:
    """Return how long the prompt of a predictor is, with as many demos as it shows; without inputs, before anything is asked."""
    messages = _prompt_adapter(adapter, cites, choose).format(
        predictor.signature, predictor.demos[: nearest_demos(predictor)], dict(inputs)
    )
    return sum(len(str(message["content"])) for message in messages)


def _prompt_adapter(
    adapter: AdapterName, cites: Cites | None, choose: SentenceChoice | None = None
) -> dspy.Adapter:
    """Return what renders the prompts of a predictor; one whose output makes no claims has no compact form."""
    if cites is None:
        return dspy.ChatAdapter() if adapter == "compact" else _ADAPTERS[adapter]()
    return CitingAdapter(_ADAPTERS[adapter](), cites, choose)


def _predictor_record(
    name: str, predictor: dspy.Predict, adapter: AdapterName, cites: Cites | None
) -> PredictorRecord:
    fields = [
        FieldRecord(
            name=field,
            role=role,
            type=form(info.annotation),
            prefix=info.json_schema_extra["prefix"],
            desc=info.json_schema_extra["desc"],
        )
        for role, field, info in _fields(predictor.signature)
    ]
    demos = tuple(
        _demo_record(predictor.signature, demo, f"{name}: demo {number}")
        for number, demo in enumerate(predictor.demos)
    )
    try:
        characters = prompt_characters(predictor, adapter, cites)
    except UsageError as error:
        raise ArtifactError(f"{name}: {error}") from error
    return PredictorRecord(
        instructions=predictor.signature.instructions,
        fields=tuple(fields),
        signature=signature_hash((field.role, field.name, field.type) for field in fields),
        demos=demos,
        nearest_demos=nearest_demos(predictor),
        prompt=PromptSize(characters=characters, estimated_tokens=-(-characters // 4)),
    )


def _fields(signature: type[dspy.Signature]) -> Iterator[tuple[Role, str, Any]]:
    for role, fields in (("input", signature.input_fields), ("output", signature.output_fields)):
        for name, info in fields.items():
            yield role, name, info  # type: ignore[misc]


def _demo_record(signature: type[dspy.Signature], demo: Any, where: str) -> dict[str, JsonValue]:
    record: dict[str, JsonValue] = {}
    for name in signature.fields:
        if name not in demo:
            continue
        value = demo[name]
        try:
            # round_trip leaves out what a model computes from its other fields.
            record[name] = TypeAdapter(type(value)).dump_python(value, mode="json", round_trip=True)
            json.dumps(record[name], ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise ArtifactError(f"{where}: {name} cannot be saved as JSON: {str(error)[:200]}") from error
    return record


def _retrieval_record(program: ProgramParts) -> RetrievalRecord:
    handle, settings = program.retriever.handle, program.retriever.settings
    indexes: list[IndexRecord] = []
    embedder: dict[str, Any] = {}
    for reading in _readings(handle):
        embedder = reading.identity.as_dict()
        indexes.append(
            IndexRecord(
                name=reading.folder.name, generation=reading.generation, snapshot=reading.snapshot.sha256
            )
        )
    return RetrievalRecord(
        indexes=tuple(indexes),
        profile=handle.profile,
        embedder=embedder,
        reranker=handle.reranker,
        search=SearchRecord(**settings.as_dict()),
    )


def _readings(handle: SearchHandle) -> Iterator[IndexReader]:
    """Give the current generation of each index; no model is loaded for it."""
    for folder in handle.folders:
        store = Store(folder)
        try:
            with store.read() as reading:
                yield reading
        finally:
            store.close()


def _restored(
    signature: type[dspy.Signature], record: PredictorRecord, where: str
) -> tuple[type[dspy.Signature], list[dspy.Example]]:
    """Return the signature and the demos that a record makes of a live signature with the same fields."""
    wording = {field.name: (field.prefix, field.desc) for field in record.fields}
    demos = []
    for number, demo in enumerate(record.demos):
        values = {}
        for name, value in demo.items():
            try:
                values[name] = (
                    None
                    if value is None
                    else TypeAdapter(signature.fields[name].annotation).validate_json(
                        json.dumps(value), strict=True
                    )
                )
            except ValidationError as error:
                fault = error.errors(include_url=False, include_input=False)[0]
                place = ".".join(map(str, (name, *fault["loc"])))[:200]
                raise ArtifactError(
                    f"{where}: demo {number}: {ascii(place)[1:-1]}: {fault['msg'][:200]}"
                ) from None
        demos.append(dspy.Example(**values).with_inputs(*signature.input_fields))
    return with_wording(signature, record.instructions, wording), demos


def _require_same_prompts(program: ProgramParts, artifact: Artifact) -> None:
    for name, predictor in predictors_of(program):
        signature, demos = _restored(predictor.signature, artifact.predictors[name], name)
        for adapter in (dspy.ChatAdapter(), dspy.JSONAdapter()):
            before = adapter.format(predictor.signature, predictor.demos, {})
            after = adapter.format(signature, demos, {})
            if before != after:
                changed = next(
                    (i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), len(after)
                )
                raise ArtifactError(
                    f"{name}: message {changed} of its prompt would not come back the same; demos must hold values "
                    "of their fields' types, as the program itself makes them"
                )


def _require_dspy(wanted: str) -> None:
    if not SpecifierSet(wanted).contains(dspy.__version__, prereleases=True):
        raise ArtifactMismatchError(
            f"the artifact was made with dspy{wanted}, installed is {dspy.__version__}: its prompts may differ. "
            "Optimise the program again, or install the other"
        )


def _differences(predictors: Mapping[str, dspy.Predict], artifact: Artifact) -> list[str]:
    found = [f"predictor {name} is gone" for name in artifact.predictors if name not in predictors]
    found += [f"predictor {name} is new" for name in predictors if name not in artifact.predictors]
    for name, predictor in predictors.items():
        if name in artifact.predictors:
            live = [
                (role, field, form(info.annotation)) for role, field, info in _fields(predictor.signature)
            ]
            saved = [(field.role, field.name, field.type) for field in artifact.predictors[name].fields]
            found += [f"{name}: {change}" for change in changes(saved, live)]
    return found


def _require_embedder(program: ProgramParts, artifact: Artifact) -> None:
    saved = artifact.retrieval.embedder
    for reading in _readings(program.retriever.handle):
        live: dict[str, Any] = reading.identity.as_dict()
        differences = [
            f"{key}: {saved.get(key)!r} != {live.get(key)!r}"
            for key in [*live, *(key for key in saved if key not in live)]
            if saved.get(key) != live.get(key)
        ]
        if differences:
            raise ArtifactMismatchError(
                f"the artifact was made with another embedder than index {reading.folder.name!r}: {'; '.join(differences)}. "
                "Build the index with that embedder, optimise the program again, or allow another index"
            )


def _publish(folder: Path, contents: bytes) -> None:
    """Write the contents under a name of their own, then the manifest that names them, then clear away the rest."""
    digest = hashlib.sha256(contents).hexdigest()
    manifest = Manifest(
        schema_version=SCHEMA, file=f"program-{digest[:16]}.json", sha256=digest, size=len(contents)
    )
    with storing(folder):
        make_folder(folder)
        lock = lock_folder(folder, wait=True)
        try:
            publish_file(folder / manifest.file, [memoryview(contents)])
            publish_file(folder / MANIFEST, [memoryview(written(manifest))])
            for path in folder.glob("program-*.json"):
                if path.name != manifest.file:
                    path.unlink()
        finally:
            unlock(lock)
