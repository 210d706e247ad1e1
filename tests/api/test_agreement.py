"""The models and the CRDs are two views of one thing: neither has a field that the other lacks."""

from __future__ import annotations

import inspect
import types
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

import pydantic
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ome.api import KINDS, ContainerFields, CoreType, PodFields, Schema, json_name, to_json
from ome.api.crds.checking import faults
from tests.api.mutations import mutated
from tests.api.schemas import INT_OR_STRING, KEEP, defaulted, errors, pruned, root

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hypothesis.strategies import SearchStrategy

    from ome.api import KindObject
    from tests.api.mutations import Place

TYPES = {str: "string", int: "integer", bool: "boolean"}
# The one place where a service's schema leaves a member out that its model has.
PRUNED = {f"spec.{name}.ephemeralContainers" for name in ("engine", "decoder", "router")} | {
    "spec.predictor.ephemeralContainers"
}


def fields(model: type[Schema]) -> dict[str, tuple[Any, Any]]:
    """JSON name to (annotation, default) of every member."""
    found: dict[str, tuple[Any, Any]] = {}
    for attribute, info in model.model_fields.items():
        extra = tuple(info.metadata)
        annotation = Annotated[(info.annotation, *extra)] if extra else info.annotation
        found[json_name(attribute)] = (annotation, None if info.is_required() else info.default)
    return found


def plain(annotation: Any) -> Any:
    """The annotation without None."""
    if get_origin(annotation) in (Union, types.UnionType):
        (only,) = (item for item in get_args(annotation) if item is not type(None))
        return only
    return annotation


def differences(annotation: Any, schema: dict[str, Any], path: str) -> Iterator[str]:
    """Where a type and a schema disagree; Kubernetes' own types are taken as they are."""
    kind = plain(annotation)
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        if not any(isinstance(item, CoreType) for item in args):
            yield from differences(args[0], schema, path)
    elif isinstance(kind, type) and issubclass(kind, Schema):
        yield from model_differences(kind, schema, path)
    elif origin is Literal:
        if schema.get("enum") != list(args):
            yield f"{path}: enum"
    elif origin in (list, tuple):
        yield from differences(args[0], schema["items"], f"{path}[]")
    elif origin is dict and args[1] is Any:
        if not schema.get(KEEP):
            yield f"{path}: free"
    elif origin is dict:
        yield from differences(args[1], schema["additionalProperties"], f"{path}{{}}")
    elif schema.get("type") != TYPES[kind]:
        yield f"{path}: {schema.get('type')} is no {kind}"


def model_differences(model: type[Schema], schema: dict[str, Any], path: str) -> Iterator[str]:
    ours, theirs = fields(model), schema.get("properties", {})
    for name in sorted(ours.keys() ^ theirs.keys()):
        yield f"{path}.{name}"
    for name in ours.keys() & theirs.keys():
        annotation, default = ours[name]
        yield from differences(annotation, theirs[name], f"{path}.{name}")
        if theirs[name].get("default") != default:
            yield f"{path}.{name}: default"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.KIND)
def test_models_and_crds_have_the_same_fields(kind: type[KindObject]) -> None:
    found: set[str] = set()
    for member in ("spec", "status"):
        annotation = fields(kind)[member][0]
        schema = root(kind.KIND)["properties"][member]
        found |= set(differences(annotation, schema, member))
    assert found == (PRUNED if kind.KIND == "InferenceService" else set())


def documents(schema: dict[str, Any], depth: int = 0) -> SearchStrategy[Any]:
    """Values that the schema takes, mostly small."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema.get(INT_OR_STRING):
        return st.sampled_from([0, 7, "1500m", "80Gi", "25"])
    match schema["type"]:
        case "string" if schema.get("format") == "date-time":
            return st.just("2026-05-06T10:11:12Z")
        case "string":
            return st.sampled_from(TEXTS.get(schema.get("pattern", ""), ["a", "Bc"]))
        case "integer":
            return st.integers(schema.get("minimum", 0), 2**31 - 1)
        case "boolean":
            return st.booleans()
        case "array":
            return lists(schema, depth)
        case _:
            return objects(schema, depth)


TEXTS = {
    "": ["a", "b c", "Ä", "%s"],
    "^(http|https)://": ["https://x/v1", "http://y"],
}


def lists(schema: dict[str, Any], depth: int) -> SearchStrategy[Any]:
    items = documents(schema["items"], depth + 1)
    keys = schema.get("x-kubernetes-list-map-keys", ())
    if keys:
        return st.lists(items, max_size=2, unique_by=lambda item: repr([item.get(k) for k in keys]))
    unique = schema["x-kubernetes-list-type"] == "set"
    return st.lists(items, max_size=2, unique_by=repr if unique else None)


def objects(schema: dict[str, Any], depth: int) -> SearchStrategy[Any]:
    if schema.get(KEEP) and "properties" not in schema:
        return st.sampled_from([{}, {"free": [1, {"form": None}]}])
    if isinstance(schema.get("additionalProperties"), dict):
        values = documents(schema["additionalProperties"], depth + 1)
        return st.dictionaries(st.sampled_from(["x", "y"]), values, max_size=1)
    members, needed = schema.get("properties", {}), schema.get("required", ())
    may = sorted(members.keys() - set(needed)) if depth < 7 else []

    @st.composite
    def drawn(draw: st.DrawFn) -> dict[str, Any]:
        chosen = draw(st.lists(st.sampled_from(may), max_size=4, unique=True)) if may else []
        return {name: draw(documents(members[name], depth + 1)) for name in (*needed, *chosen)}

    return drawn()


@pytest.mark.slow
@pytest.mark.timeout(200)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.KIND)
def test_what_the_server_stores_is_readable(kind: type[KindObject]) -> None:
    """Whatever its CRD takes, a model takes, and it says it again as the server would."""
    schema = {
        "type": "object",
        "properties": {name: root(kind.KIND)["properties"][name] for name in ("spec", "status")},
        "required": ["spec"],
    }

    @settings(
        max_examples=60,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(documents(schema))
    def check(given: dict[str, Any]) -> None:
        assert errors(schema, given) == []
        once = to_json(kind.model_validate(given))
        assert to_json(kind.model_validate(once)) == once
        stored = defaulted(schema, pruned(schema, given))
        written = defaulted(schema, {key: once[key] for key in stored})
        assert without_empty(written) == without_empty(stored)

    check()


def without_empty(value: Any) -> Any:
    """Empty objects below are absent ones; the rest as it is."""
    if isinstance(value, dict):
        cut = {key: without_empty(item) for key, item in value.items()}
        return {key: item for key, item in cut.items() if item not in ({}, None)}
    return [without_empty(item) for item in value] if isinstance(value, list) else value


# Readers also take what an older or a minimal CRD let through; see ``ome.api.crds.schema``.
LENIENT = {
    ("ModelStatus", "state"),
    ("BenchmarkJobStatus", "state"),
    ("KedaAuthenticationRef", "name"),
    ("ServiceModelStatus", "transitionStatus"),
    ("ModelRevisionStates", "activeModelState"),
    ("ModelCopies", "failedCopies"),
    ("SupportedModelFormat", "modelFormat"),
    ("SupportedModelFormat", "modelFramework"),
}
REQUIRED_BUT_READ = {name for _, name in LENIENT}


def own(kind: type[KindObject]) -> frozenset[tuple[str, ...]]:
    """The paths, without indices and keys, of the fields whose type is ours."""
    found: set[tuple[str, ...]] = set()

    def visit(annotation: Any, path: tuple[str, ...]) -> None:
        inner = plain(annotation)
        origin, args = get_origin(inner), get_args(inner)
        if origin is Annotated:
            if any(isinstance(item, CoreType) for item in args) and args[0] is not (int | str):
                return
            if any(isinstance(item, CoreType) for item in args):
                found.add(path)
                return
            visit(args[0], path)
        elif isinstance(inner, type) and issubclass(inner, Schema):
            found.add(path)
            for attribute in inner.model_fields:
                owner = next(
                    base for base in inner.__mro__ if attribute in inspect.get_annotations(base)
                )
                if owner not in (PodFields, ContainerFields):
                    visit(fields(inner)[json_name(attribute)][0], (*path, json_name(attribute)))
        elif origin in (list, tuple):
            found.add(path)
            visit(args[0], path)
        elif origin is dict and args[1] is not Any:
            found.add(path)
            visit(args[1], (*path, "{}"))
        else:
            found.add(path)

    for member in ("spec", "status"):
        visit(fields(kind)[member][0], (member,))
    return frozenset(found)


def is_lenient(fault: str) -> bool:
    """Whether a refusal of the schema is one that readers do not share."""
    path, _, rule = fault.rpartition(": ")
    return rule == "required" and path.rpartition(".")[2] in REQUIRED_BUT_READ


@pytest.mark.slow
@pytest.mark.timeout(200)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.KIND)
def test_models_refuse_what_the_schema_refuses(kind: type[KindObject]) -> None:
    """One change of a valid document: refused by both or by neither, but for what is empty."""
    schema = {
        "type": "object",
        "properties": {name: root(kind.KIND)["properties"][name] for name in ("spec", "status")},
        "required": root(kind.KIND).get("required", []),
    }
    ours = own(kind)

    def is_own(path: Place, inner: dict[str, Any]) -> bool:
        return plain_path(path, schema) in ours

    @settings(
        max_examples=150,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(mutated(documents(schema), schema, is_own))
    def check(changed: tuple[dict[str, Any], Place]) -> None:
        document, path = changed
        assume(at_place(document, path) not in ("", {}))
        found = [fault for fault in errors(schema, document) if not is_lenient(fault)]
        assert bool(list(faults(schema, pruned(schema, document)))) == bool(
            errors(schema, document)
        )
        refused = None
        try:
            kind.model_validate(document)
        except pydantic.ValidationError as error:
            refused = error
        assert (refused is not None) == bool(found), refused or found

    check()


def plain_path(path: Place, schema: dict[str, Any]) -> tuple[str, ...]:
    """The path with a mark for each key of a map and without indices."""
    found: list[str] = []
    for part in path:
        if isinstance(part, int):
            schema = schema["items"]
        elif part in schema.get("properties", {}):
            schema = schema["properties"][part]
            found.append(part)
        else:
            schema = schema["additionalProperties"]
            found.append("{}")
    return tuple(found)


def at_place(document: Any, path: Place) -> Any:
    for part in path:
        if isinstance(document, dict) and part not in document:
            return None
        document = document[part]
    return document
