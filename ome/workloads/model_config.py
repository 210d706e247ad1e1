"""The ConfigMap that tells sidecars which model a service serves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.workloads.contested import model_config_name
from ome.workloads.metadata import owner_reference

if TYPE_CHECKING:
    from ome.api import StorageSpec
    from ome.workloads.inputs import PlanInputs

__all__ = ["model_config_map"]


def model_config_map(inputs: PlanInputs) -> dict[str, Any]:
    """The ConfigMap with one compact JSON entry, members in a fixed order."""
    service, spec = inputs.service.metadata, inputs.model.spec
    members = {
        **_storage(spec.storage),
        "modelFormatName": spec.model_format.name if spec.model_format else None,
        "modelFormatVersion": spec.model_format.version if spec.model_format else None,
        "modelType": spec.model_type,
        "modelFrameworkName": spec.model_framework.name if spec.model_framework else None,
        "modelFrameworkVersion": spec.model_framework.version if spec.model_framework else None,
    }
    entry = {
        "modelName": inputs.model.name,
        "modelSpec": _held(members),
        "fineTunedWeightSpec": _weight(inputs),
    }
    name = model_config_name(service.name)
    if ("ConfigMap", name) in inputs.taken:
        name = model_config_name(service.name, taken=True)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": service.namespace,
            "labels": {names.LABEL_INFERENCE_SERVICE: service.name},
            "ownerReferences": [owner_reference(inputs.service)],
        },
        "data": {names.MODEL_CONFIG_KEY: json.dumps([entry], separators=(",", ":"))},
    }


def _weight(inputs: PlanInputs) -> dict[str, Any]:
    """The first weight of the service, the only one that the entry has room for."""
    if not inputs.weights:
        return {}
    spec = inputs.weights[0].spec
    return _held({**_storage(spec.storage), "modelType": spec.model_type})


def _storage(storage: StorageSpec) -> dict[str, Any]:
    return {
        "storageUri": storage.storage_uri,
        "path": storage.path,
        "schemaPath": storage.schema_path,
        "parameters": storage.parameters,
        "storageKey": storage.key,
    }


def _held(members: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in members.items() if value}
