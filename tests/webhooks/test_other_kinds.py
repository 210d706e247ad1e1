"""Models, weights and classes: nothing refused, a remark on what will not work."""

from __future__ import annotations

from typing import Any

import pytest

from ome.webhooks import acceleratorclass, basemodel, finetunedweight
from ome.webhooks.registry import Undecodable
from ome.webhooks.storageuris import parse_storage
from tests.webhooks.objects import cluster, document, model, review, told

MODELS: list[tuple[dict[str, Any], str]] = [
    (model(storage={"storageUri": "ftp://a"}), "unknown storage type for URI: ftp://a"),
    (model(storage={"storageUri": "hf://"}), "missing model ID; got"),
    (
        model(storage={"storageUri": "pvc://claim/a"}),
        "PVC namespace is required for ClusterBaseModel: use pvc://{namespace}",
    ),
    (
        model(kind="BaseModel", storage={"storageUri": "pvc://team-b:claim/a"}),
        "cross-namespace PVC access is not allowed for BaseModel",
    ),
    (model(storage={"storageUri": "hf://a/b", "path": "a"}), "'a' is no absolute directory"),
    (model(storage={"storageUri": "hf://a/b", "path": "/a/../b"}), "leaves its directory"),
    (
        model(storage={"storageUri": "s3://b", "parameters": {"endpoint": "http://127.0.0.1"}}),
        "spec.storage.parameters.endpoint: 127.0.0.1 is the machine itself",
    ),
    (
        model(storage={"storageUri": "http://169.254.169.254/a"}),
        "spec.storage.storageUri: 169.254.169.254 is link-local",
    ),
    (model(modelParameterSize="7Billion"), "spec.modelParameterSize: '7Billion' is not a size"),
    (model(modelFormat={"name": "a", "version": "1.x"}), "spec.modelFormat.version: version"),
    (model(modelFramework={"name": "a", "version": "01"}), "spec.modelFramework.version: version"),
]


@pytest.mark.parametrize(("given", "text"), MODELS)
def test_models(given: dict[str, Any], text: str) -> None:
    verdict = basemodel.validate(review(given), cluster())
    assert verdict.problems == ()
    (warning,) = verdict.warnings
    assert text in warning


@pytest.mark.parametrize(("text", "wrong"), [("3", 0), (" 12 ", 0), ("", 0), ("two", 1), ("0", 1)])
def test_how_many_nodes_may_download_at_once(text: str, wrong: int) -> None:
    given = model()
    given["metadata"]["annotations"] = {"ome.io/max-concurrent-nodes": text}
    verdict = basemodel.validate(review(given), cluster())
    assert len(verdict.warnings) == wrong
    for warning in verdict.warnings:
        assert warning.startswith('metadata.annotations["ome.io/max-concurrent-nodes"]: ')
        assert "write a number from 1 to 9999" in warning


def weight(uri: str = "oci://n/a/b/c/o/d", **reference: str) -> dict[str, Any]:
    return document(
        "FineTunedWeight",
        "w",
        {
            "baseModelRef": {"name": "llama", **reference},
            "modelType": "LoRA",
            "hyperParameters": {},
            "storage": {"storageUri": uri},
        },
    )


WEIGHTS: list[tuple[dict[str, Any], tuple[dict[str, Any], ...], str]] = [
    (weight(), (), "ClusterBaseModel llama not found; the weight will be Failed"),
    (weight(), (model(kind="BaseModel"),), "ClusterBaseModel llama not found"),
    (weight(namespace="team-a"), (model(),), "BaseModel llama in namespace team-a not found"),
    (weight("hf://a/b"), (model(),), "HUGGINGFACE is no storage that pods fetch weights from"),
    (weight("hf://a/b"), (model(),), "or set spec.storage.path"),
    (weight("oci://a"), (model(),), "invalid OCI storage URI format"),
]


@pytest.mark.parametrize(("given", "known", "text"), WEIGHTS)
def test_weights(given: dict[str, Any], known: tuple[dict[str, Any], ...], text: str) -> None:
    verdict = finetunedweight.validate(review(given), cluster(*known))
    assert verdict.problems == ()
    (warning,) = verdict.warnings
    assert text in warning


PATHS: list[tuple[str, str, str]] = [
    ("hf://a/b", "/raid/w", ""),
    ("oci://n/a/b/c/o/d", "/raid/w", "spec.storage.path: has no effect"),
    ("pvc://c/x", "/raid/w", "a claim is not fetched to nodes"),
    ("hf://", "/raid/w", "the weight will be Failed. Correct the URI"),
    ("hf://a/b", "raid/w", "no absolute directory"),
    ("hf://a/b", "/raid/../w", "leaves its directory"),
    ("http://127.0.0.1/x#sha256=" + "0" * 64, "/raid/w", "weights are fetched from other hosts"),
]


@pytest.mark.parametrize(("uri", "path", "text"), PATHS)
def test_a_weight_for_nodes_may_lie_wherever_a_model_may(uri: str, path: str, text: str) -> None:
    given = weight(uri)
    given["spec"]["storage"]["path"] = path
    verdict = finetunedweight.validate(review(given), cluster(model()))
    assert verdict.problems == ()
    assert len(verdict.warnings) == bool(text)
    assert all(text in warning for warning in verdict.warnings)


def accelerator(**spec: Any) -> dict[str, Any]:
    found = {"discovery": {"nodeSelector": {"gpu": "h100"}}, "capabilities": {}, **spec}
    return document("AcceleratorClass", "h100", found)


CLASSES: list[tuple[dict[str, Any], str]] = [
    (accelerator(capabilities={"memoryGB": "80M"}), "80M is less than 1 GiB"),
    (accelerator(discovery={}), "spec.discovery.nodeSelector: is empty, so every node counts"),
    (accelerator(resources=[{"name": "a", "quantity": 0}]), "spec.resources[0].quantity: 0 asks"),
    (accelerator(capabilities={"memoryGB": "1e1000"}), "memoryGB: 1e1000 is no amount that can"),
    (accelerator(resources=[{"name": "a", "quantity": "1e1.5"}]), "quantity: 1e1.5 is no amount"),
]


@pytest.mark.parametrize(("given", "text"), CLASSES)
def test_classes(given: dict[str, Any], text: str) -> None:
    verdict = acceleratorclass.validate(review(given), cluster())
    assert verdict.problems == ()
    (warning,) = verdict.warnings
    assert text in warning


def test_nothing_to_remark() -> None:
    quiet = (
        (basemodel, model()),
        (basemodel, model(kind="BaseModel", storage={"storageUri": "pvc://claim/a"})),
        (basemodel, model(storage={"storageUri": "pvc://team-b:claim/a"})),
        (finetunedweight, weight()),
        (
            acceleratorclass,
            accelerator(capabilities={"memoryGB": "80Gi"}, resources=[{"name": "a"}]),
        ),
        # Selection takes a small number for what it was meant to be.
        (acceleratorclass, accelerator(capabilities={"memoryGB": 80})),
    )
    for module, given in quiet:
        verdict = module.validate(review(given), cluster(model()))
        assert told(verdict) == ""


BROKEN: list[tuple[Any, dict[str, Any], str]] = [
    (basemodel, model(storage={}), "spec.storage.storageUri"),
    (basemodel, model(kind="BaseModel", maxTokens="1"), "spec.maxTokens"),
    (finetunedweight, document("FineTunedWeight", "w", {}), "spec.baseModelRef"),
    (
        acceleratorclass,
        accelerator(capabilities={"memoryGB": "80GB"}),
        "spec.capabilities.memoryGB",
    ),
]


@pytest.mark.parametrize(("module", "given", "field"), BROKEN)
def test_only_what_has_not_its_kinds_shape_is_refused(
    module: Any, given: dict[str, Any], field: str
) -> None:
    with pytest.raises(Undecodable) as caught:
        module.validate(review(given), cluster())
    assert field in str(caught.value)
    assert "kubectl explain" in str(caught.value)
    given["metadata"]["deletionTimestamp"] = "2026-05-06T10:11:12Z"
    assert module.validate(review(given), cluster()).problems == ()


@pytest.mark.parametrize(
    ("uri", "type_", "namespace", "fault"),
    [
        ("oci://n/a/b/c/o/d", "OCI", "", ""),
        ("pvc://claim/a", "PVC", "", ""),
        ("pvc://team-a:claim/a", "PVC", "team-a", ""),
        ("https://host/file", "HTTP", "", ""),
        ("http://host/file", "HTTP", "", ""),
        ("hf://a/b/c", "HUGGINGFACE", "", "invalid Hugging Face storage URI format"),
        ("pvc://a:b:c/x", "PVC", "", "multiple colons not allowed"),
        ("S3://b", "", "", "unknown storage type for URI: S3://b"),
        ("nothing", "", "", "unknown storage type for URI: nothing"),
    ],
)
def test_storage(uri: str, type_: str, namespace: str, fault: str) -> None:
    found = parse_storage(uri)
    assert (found.type, found.namespace) == (type_, namespace)
    assert fault in found.fault
    assert bool(found.fault) == bool(fault)
