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
    (model(storage={"storageUri": "hf://"}), "missing model ID; the model will be Failed"),
    (
        model(storage={"storageUri": "pvc://claim/a"}),
        "PVC namespace is required for ClusterBaseModel: use pvc://{namespace}",
    ),
    (
        model(kind="BaseModel", storage={"storageUri": "pvc://team-b:claim/a"}),
        "cross-namespace PVC access is not allowed for BaseModel",
    ),
    (model(storage={"storageUri": "hf://a/b", "path": "a"}), "'a' is no absolute directory"),
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
    (weight(namespace="team-a"), (model(),), "BaseModel llama not found in namespace team-a"),
    (weight("hf://a/b"), (model(),), "HUGGINGFACE is no storage that weights are fetched from"),
    (weight("oci://a"), (model(),), "invalid OCI storage URI format"),
]


@pytest.mark.parametrize(("given", "known", "text"), WEIGHTS)
def test_weights(given: dict[str, Any], known: tuple[dict[str, Any], ...], text: str) -> None:
    verdict = finetunedweight.validate(review(given), cluster(*known))
    assert verdict.problems == ()
    (warning,) = verdict.warnings
    assert text in warning


def accelerator(**spec: Any) -> dict[str, Any]:
    found = {"discovery": {"nodeSelector": {"gpu": "h100"}}, "capabilities": {}, **spec}
    return document("AcceleratorClass", "h100", found)


CLASSES: list[tuple[dict[str, Any], str]] = [
    (accelerator(capabilities={"memoryGB": 80}), "80 is a quantity of bytes"),
    (accelerator(discovery={}), "spec.discovery.nodeSelector: is empty"),
    (accelerator(resources=[{"name": "a", "quantity": 0}]), "spec.resources[0].quantity: 0 asks"),
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


VALID: list[tuple[str, str, str]] = [
    ("oci://n/tenancy/b/models/o/llama", "OCI", ""),
    ("oci://n/tenancy/b/models/o/", "OCI", ""),
    ("oci://n/t.1/b/b_2/o/x.y/z-w", "OCI", ""),
    ("pvc://weights/a/b/c", "PVC", ""),
    ("pvc://team-a:weights/llama", "PVC", "team-a"),
    ("pvc://weights/dir:with:colons/x", "PVC", ""),
    ("vendor://acme/models/v2/big", "VENDOR", ""),
    ("hf://gpt2", "HUGGINGFACE", ""),
    ("hf://org/m@refs/pr/7", "HUGGINGFACE", ""),
    ("hf://org/m@", "HUGGINGFACE", ""),
    ("s3://b@us-east-1", "S3", ""),
    ("s3://b/model@v1/x", "S3", ""),
    ("az://acct.blob.core.usgovcloudapi.net/cont/a", "AZURE", ""),
    ("az://acct/cont", "AZURE", ""),
    ("gs://b", "GCS", ""),
    ("github://o/r@v1.0.0", "GITHUB", ""),
    ("local://./m", "LOCAL", ""),
]


@pytest.mark.parametrize(("uri", "type_", "namespace"), VALID)
def test_uris_that_can_be_used(uri: str, type_: str, namespace: str) -> None:
    found = parse_storage(uri)
    assert (found.type, found.fault, found.namespace) == (type_, "", namespace)


OCI = "invalid OCI storage URI format. Expected: oci://n/{namespace}/b/{bucket}/o/{object_path}"
FAULTS: list[tuple[str, str]] = [
    ("oci://n/tenancy/b/models/o", OCI),
    ("oci://tenancy/b/models/o/x", OCI),
    ("oci://b/models/n/tenancy/o/x", OCI),
    ("oci://n//b//o/x", OCI),
    ("oci://", OCI),
    ("pvc://", "missing content after prefix"),
    ("pvc://weights", "missing subpath"),
    ("pvc://weights/", "missing subpath"),
    ("pvc:///x", "missing PVC name"),
    ("pvc://:weights/x", "empty namespace before colon"),
    ("pvc://ns:/x", "empty PVC name after colon"),
    ("pvc://a:b:c/x", "multiple colons not allowed in namespace:pvc-name"),
    ("pvc://My_NS:weights/x", 'invalid namespace "My_NS"'),
    (f"pvc://{'a' * 64}:weights/x", "invalid namespace"),
    ("pvc://Claim/x", 'invalid PVC name "Claim"'),
    ("vendor://", "missing vendor name"),
    ("vendor://openai//x", "Expected: vendor://"),
    ("hf://", "missing model ID"),
    ("hf://@main", "model ID cannot be empty"),
    ("hf://a/b/c", "must be name or organisation/name"),
    ("s3://", "invalid S3 storage URI format: missing bucket name"),
    ("s3://@us-east-1/p", "bucket name cannot be empty"),
    ("s3:///p", "bucket name cannot be empty"),
    ("az://", "missing account name"),
    ("az://acct", "missing container name"),
    ("az:///cont/x", "account name and container name are required"),
    ("az://acct.blob.core.windows.net/", "account name and container name are required"),
    ("gs:///x", "invalid GCS storage URI format: bucket name cannot be empty"),
    ("github://", "missing owner/repository"),
    ("github://o", "expected owner/repository"),
    ("github://o/r/s", "expected owner/repository"),
    ("github:///r", "owner and repository are required"),
    ("local://", "missing path"),
    ("S3://b", "unknown storage type for URI: S3://b"),
    ("nothing", "unknown storage type for URI: nothing"),
]


@pytest.mark.parametrize(("uri", "text"), FAULTS)
def test_uris_that_cannot(uri: str, text: str) -> None:
    assert text in parse_storage(uri).fault
