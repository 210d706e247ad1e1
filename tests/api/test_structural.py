"""Rules that the API server holds a structural schema to; a broken one is refused or pruned."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from ome.api import InferenceService
from ome.api.crds import all_crds, crd_for, render
from tests.api.schemas import CRDS, INT_OR_STRING, KEEP, at, errors, root, walk

ALLOWED = {
    "additionalProperties",
    "anyOf",
    "default",
    "description",
    "enum",
    "format",
    "items",
    "maxLength",
    "minLength",
    "minimum",
    "pattern",
    "properties",
    "required",
    "type",
    INT_OR_STRING,
    KEEP,
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-validations",
    "maxItems",
}
SCALARS = {"string", "integer", "number", "boolean"}


def broken(schema: dict[str, Any]) -> list[str]:
    """The rules that one schema breaks, its parts not counted."""
    type_, found = schema.get("type"), []
    found += sorted(schema.keys() - ALLOWED)
    if schema.get(INT_OR_STRING):
        if type_ or schema.get("anyOf") != [{"type": "integer"}, {"type": "string"}]:
            found.append("int-or-string carries a type")
    elif type_ not in SCALARS | {"object", "array"}:
        found.append("no type")
    elif "anyOf" in schema:
        found.append("anyOf")
    if (type_ == "array") != ("items" in schema):
        found.append("items")
    if "properties" in schema and "additionalProperties" in schema:
        found.append("properties beside additionalProperties")
    if set(schema.get("required", ())) - schema.get("properties", {}).keys():
        found.append("a required member does not exist")
    if len(set(schema.get("required", ()))) < len(schema.get("required", ())):
        found.append("required twice")
    if "default" in schema and errors(schema, schema["default"]):
        found.append("the default is refused")
    return found + list_rules(schema)


def list_rules(schema: dict[str, Any]) -> list[str]:
    kind, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys", [])
    found = []
    if schema.get("type") == "array" and kind not in {"atomic", "set", "map"}:
        found.append("list type")
    if (kind == "map") != bool(keys):
        found.append("keys")
    if kind == "set" and schema["items"].get("type") not in SCALARS:
        found.append("a set of objects")
    for key in keys:
        item = schema["items"]
        held = item["properties"].get(key, {})
        if held.get("type") not in SCALARS:
            found.append(f"key {key} is no scalar")
        if key not in item.get("required", ()) and "default" not in held:
            found.append(f"key {key} may be absent")
    return found


@pytest.mark.parametrize("kind", sorted(CRDS))
def test_every_schema_is_structural(kind: str) -> None:
    assert root(kind)["type"] == "object"
    assert root(kind)["properties"]["metadata"] == {"type": "object"}
    found = {path: rules for path, schema in walk(root(kind), kind) if (rules := broken(schema))}
    assert found == {}


def test_the_checker_sees_what_is_wrong() -> None:
    text = {"type": "string"}
    assert broken({}) == ["no type"]
    assert broken({"$ref": "#/x", "type": "object"}) == ["$ref"]
    assert broken({"type": "array", "items": text}) == ["list type"]
    assert broken({"type": "string", "default": 1}) == ["the default is refused"]
    keyed = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a"]}
    item = {"type": "object", "properties": {"a": text}}
    assert broken({"type": "array", "items": item, **keyed}) == ["key a may be absent"]
    assert broken({"type": "object", "required": ["a"]}) == ["a required member does not exist"]


@pytest.mark.parametrize("kind", sorted(CRDS))
def test_a_crd_stays_below_a_mebibyte(kind: str) -> None:
    assert len(json.dumps(CRDS[kind]).encode()) < 2**20


def test_equal_models_give_equal_documents() -> None:
    assert all_crds() == all_crds()
    assert render(all_crds()[:3]) == render(all_crds()[:3])
    first, second = all_crds()[0], all_crds()[0]
    first["spec"]["group"] = "changed"
    assert second["spec"]["group"] == "ome.io"


def test_no_two_places_share_a_schema() -> None:
    """A shared one would take part in a change made for the other place."""
    tree = crd_for(InferenceService)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    seen = Counter(id(schema) for path, schema in walk(tree, "") if path.startswith(".spec"))
    assert [count for count in seen.values() if count > 1] == []


DEFAULTS = {
    "modelFormat.operator": "Equal",
    "modelFormat.weight": 1,
    "modelFramework.operator": "Equal",
    "modelFramework.weight": 1,
    "model.kind": "ClusterBaseModel",
    "model.apiGroup": "ome.io",
    "runtime.kind": "ClusterServingRuntime",
    "runtime.apiGroup": "ome.io",
    "authenticationRef.kind": "TriggerAuthentication",
    "resources[].quantity": "1",
    "modelStatus.transitionStatus": "UpToDate",
    "modelRevisionStates.activeModelState": "Pending",
    "modelRevisionStates.targetModelState": "",
    "modelCopies.failedCopies": 0,
    "ports[].protocol": "TCP",
    "configMapKeyRef.name": "",
    "secretKeyRef.name": "",
    "configMapRef.name": "",
    "secretRef.name": "",
    "imagePullSecrets[].name": "",
    "configMap.name": "",
    "secret.name": "",
    "nodePublishSecretRef.name": "",
    "grpc.service": "",
    "azureDisk.fsType": "ext4",
    "azureDisk.readOnly": False,
    "iscsi.iscsiInterface": "default",
    "rbd.pool": "rbd",
    "rbd.user": "admin",
    "rbd.keyring": "/etc/ceph/keyring",
    "scaleIO.fsType": "xfs",
    "scaleIO.storageMode": "ThinProvisioned",
}


def test_the_server_fills_in_these_and_no_others() -> None:
    found = {
        (".".join(path.split(".")[-2:]), repr(schema["default"]))
        for kind in CRDS
        for path, schema in walk(root(kind), kind)
        if "default" in schema
    }
    assert found == {(place, repr(value)) for place, value in DEFAULTS.items()}


LISTS = {
    "engine.volumes": ["name"],
    "engine.initContainers": ["name"],
    "engine.containers": ["name"],
    "engine.leader.ephemeralContainers": ["name"],
    "engine.imagePullSecrets": ["name"],
    "engine.hostAliases": ["ip"],
    "engine.topologySpreadConstraints": ["topologyKey", "whenUnsatisfiable"],
    "engine.schedulingGates": ["name"],
    "engine.resourceClaims": ["name"],
    "engine.tolerations": None,
    "engine.readinessGates": None,
    "engine.runner.args": None,
    "engine.runner.command": None,
    "engine.runner.env": ["name"],
    "engine.runner.envFrom": None,
    "engine.runner.ports": ["containerPort", "protocol"],
    "engine.runner.volumeDevices": ["devicePath"],
    "engine.runner.volumeMounts": ["mountPath"],
    "predictor.model.env": ["name"],
    "predictor.model.ports": ["containerPort", "protocol"],
    "predictor.model.fineTunedWeights": None,
    "model.fineTunedWeights": None,
}


@pytest.mark.parametrize("path", LISTS)
def test_lists_of_core_types(path: str) -> None:
    schema = at("InferenceService", f"spec.{path}")
    keys = LISTS[path]
    assert schema["x-kubernetes-list-type"] == ("map" if keys else "atomic")
    assert schema.get("x-kubernetes-list-map-keys") == keys


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("InferenceService", "spec.engine.nodeSelector"),
        ("BaseModel", "spec.storage.nodeSelector"),
        ("BaseModel", "spec.diffusionPipeline.additionalComponents"),
        ("BenchmarkJob", "spec.podOverride.nodeSelector"),
    ],
)
def test_atomic_maps(kind: str, path: str) -> None:
    assert at(kind, path)["x-kubernetes-map-type"] == "atomic"


CONTAINER = """args command env envFrom image imagePullPolicy lifecycle livenessProbe name ports
    readinessProbe resizePolicy resources restartPolicy securityContext startupProbe stdin stdinOnce
    terminationMessagePath terminationMessagePolicy tty volumeDevices volumeMounts workingDir"""
POD = """volumes initContainers containers ephemeralContainers restartPolicy dnsPolicy nodeName
    hostname subdomain schedulerName priorityClassName serviceAccountName serviceAccount
    terminationGracePeriodSeconds activeDeadlineSeconds priority nodeSelector
    automountServiceAccountToken shareProcessNamespace enableServiceLinks setHostnameAsFQDN
    hostUsers hostNetwork hostPID hostIPC securityContext imagePullSecrets affinity dnsConfig os
    overhead tolerations readinessGates hostAliases topologySpreadConstraints runtimeClassName
    preemptionPolicy schedulingGates resourceClaims"""


def test_containers_and_pods_hold_what_is_promised() -> None:
    runner = at("InferenceService", "spec.engine.runner")["properties"]
    assert sorted(runner) == sorted(CONTAINER.split())
    leader = at("InferenceService", "spec.engine.leader")["properties"]
    assert sorted(leader) == sorted([*POD.split(), "runner"])
    model = at("InferenceService", "spec.predictor.model")["properties"]
    own = "runtime baseModel fineTunedWeights storageUri runtimeVersion protocolVersion".split()
    assert sorted(model) == sorted([*CONTAINER.split(), *own])
