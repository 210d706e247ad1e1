"""The ConfigMap that tells sidecars which model a service serves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.api.truncate import truncate_dns
from ome.workloads.metadata import owner_reference

if TYPE_CHECKING:
    from ome.api import InferenceService
    from ome.workloads.inputs import ModelInput

__all__ = ["model_config_map", "model_config_name"]


_TAIL = 20


def model_config_name(service: str, *, taken: bool = False) -> str:
    """The name of the ConfigMap: a prefix and the last 20 characters of the service's name.

    Services with equal tails would share it: ``taken`` says that another service owns an object of
    that name, and gives one of the same length with a hash of the whole name instead.
    """
    return f"modelconfig-{truncate_dns(service, _TAIL) if taken else service[-_TAIL:]}"


def model_config_map(
    service: InferenceService, model: ModelInput, *, taken: bool = False
) -> dict[str, Any]:
    """The ConfigMap with one compact JSON entry, members in a fixed order."""
    spec, storage = model.spec, model.spec.storage
    members: dict[str, Any] = {
        "storageUri": storage.storage_uri,
        "path": storage.path,
        "schemaPath": storage.schema_path,
        "parameters": storage.parameters,
        "storageKey": storage.key,
        "modelFormatName": spec.model_format.name if spec.model_format else None,
        "modelFormatVersion": spec.model_format.version if spec.model_format else None,
        "modelType": spec.model_type,
        "modelFrameworkName": spec.model_framework.name if spec.model_framework else None,
        "modelFrameworkVersion": spec.model_framework.version if spec.model_framework else None,
    }
    entry = {
        "modelName": model.name,
        "modelSpec": {key: value for key, value in members.items() if value},
        "fineTunedWeightSpec": {},
    }
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": model_config_name(service.metadata.name, taken=taken),
            "namespace": service.metadata.namespace,
            "labels": {names.LABEL_INFERENCE_SERVICE: service.metadata.name},
            "ownerReferences": [owner_reference(service)],
        },
        "data": {names.MODEL_CONFIG_KEY: json.dumps([entry], separators=(",", ":"))},
    }
