"""The recorded list and stream: status ConfigMaps of 5 KB as agents write them.

Each node reports eight models. An event changes one entry: three of four are progress of a
download, which concerns no controller, the fourth a new state.
"""

from __future__ import annotations

import json
import random
from typing import Any

from ome.agent.protocol import Artifact, Config, Entry, Progress, encode_entry, status_config_map

NAMESPACE = "ome"
MODELS = 40
ENTRIES = 8
END = "zz-end"
SIZE = 5000

_STATES = ("Updating", "Ready", "Ready", "Failed")


def node_name(number: int) -> str:
    return f"gpu-node-{number:05d}"


def model_name(number: int) -> str:
    return f"llama-4-maverick-{number:02d}"


def config_map(node: str, data: dict[str, str], version: int) -> dict[str, Any]:
    """As the server sends it, managed fields included."""
    document = status_config_map(node, NAMESPACE, data)
    keys = {f"f:{key}": {} for key in data}
    document["metadata"] |= {
        "uid": f"9f1c7f0e-5d1e-4c39-8a53-{int(node.rpartition('-')[2]):012d}"
        if node != END
        else "end",
        "resourceVersion": str(version),
        "creationTimestamp": "2026-05-04T09:12:33Z",
        "managedFields": [
            {
                "manager": "model-agent",
                "operation": "Update",
                "apiVersion": "v1",
                "time": "2026-05-04T09:12:33Z",
                "fieldsType": "FieldsV1",
                "fieldsV1": {"f:data": {".": {}, **keys}, "f:metadata": {"f:labels": {".": {}}}},
            }
        ],
    }
    return document


class Fleet:
    """What every node says; deterministic by its seed."""

    def __init__(self, nodes: int, seed: int = 1) -> None:
        self._rng = random.Random(seed)
        self._data = [self._first(number) for number in range(nodes)]
        self.version = 1000

    def objects(self) -> list[dict[str, Any]]:
        """One ConfigMap for each node."""
        return [self._object(number) for number in range(len(self._data))]

    def event(self, number: int) -> dict[str, Any]:
        """The next version of some node's ConfigMap."""
        node = self._rng.randrange(len(self._data))
        key = self._rng.choice(list(self._data[node]))
        self._data[node][key] = self._entry(key, progress=number % 4 != 0)
        return {"type": "MODIFIED", "object": self._object(node)}

    def end(self) -> dict[str, Any]:
        """The last event."""
        self.version += 1
        return {"type": "ADDED", "object": config_map(END, {}, self.version)}

    def _first(self, number: int) -> dict[str, str]:
        models = sorted((number + offset * 5) % MODELS for offset in range(ENTRIES))
        keys = [f"clusterbasemodel.{model_name(model)}" for model in models]
        return {key: self._entry(key, progress=False) for key in keys}

    def _object(self, number: int) -> dict[str, Any]:
        self.version += 1
        return config_map(node_name(number), self._data[number], self.version)

    def _entry(self, key: str, *, progress: bool) -> str:
        name = key.partition(".")[2]
        done = self._rng.randrange(10**11)
        config = Config(
            model_type="llama4",
            model_architecture="Llama4ForConditionalGeneration",
            model_framework={"name": "transformers", "version": "4.51.0"},
            model_format={"name": "safetensors", "version": "1.0.0"},
            model_parameter_size="401B",
            max_tokens=1048576,
            model_capabilities=["TEXT_TO_TEXT"],
            artifact=Artifact(sha="b2c3d4e5f6", parent_path={f"/raid/models/{name}": ""}),
        )
        return encode_entry(
            Entry(
                name=name,
                status="Updating" if progress else self._rng.choice(_STATES),
                path=f"/raid/models/{name}",
                config=None if progress else config,
                progress=Progress("Downloading", 10**11, done, 99, 42, 1.5e9) if progress else None,
            )
        )


def models() -> list[dict[str, Any]]:
    """The ClusterBaseModels that the nodes report."""
    return [
        {
            "apiVersion": "ome.io/v1beta1",
            "kind": "ClusterBaseModel",
            "metadata": {
                "name": model_name(number),
                "uid": f"model-{number}",
                "resourceVersion": str(number + 1),
            },
            "spec": {
                "modelFormat": {"name": "safetensors"},
                "storage": {"storageUri": f"hf://example/{model_name(number)}"},
            },
        }
        for number in range(MODELS)
    ]


def nodes(count: int) -> list[dict[str, Any]]:
    """The metadata of the Node objects."""
    return [
        {
            "metadata": {
                "name": node_name(number),
                "uid": f"node-{number}",
                "resourceVersion": str(number + 1),
                "labels": {"kubernetes.io/hostname": node_name(number)},
            }
        }
        for number in range(count)
    ]


def encode(document: Any) -> bytes:
    """As kube-apiserver writes JSON: no spaces."""
    return json.dumps(document, separators=(",", ":")).encode()
