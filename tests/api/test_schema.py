"""The base of the kinds: names, freezing, what is written and what is not."""

from __future__ import annotations

import inspect
from typing import Any

import pydantic
import pytest

import ome.api
from ome.api import (
    KINDS,
    KedaConfig,
    ModelRef,
    ObjectMeta,
    OwnerReference,
    Schema,
    json_name,
    to_json,
)

SPELLED = """
    ca_certs=CACerts clock_speed_mhz=clockSpeedMHz compartment_id=compartmentID device_ids=deviceIDs
    host_ipc=hostIPC host_pid=hostPID memory_bandwidth_gbps=memoryBandwidthGBps memory_gb=memoryGB
    min_compute_performance_tflops=minComputePerformanceTFLOPS pci_vendor_id=pciVendorID
    rest_url=restURL set_hostname_as_fqdn=setHostnameAsFQDN volcano_gpu_type=volcanoGPUType
    storage_uri=storageUri fp16_tflops=fp16Tflops int8_tops=int8Tops url=url gpu_type=gpuType
    dns_policy=dnsPolicy api_group=apiGroup min_replicas=minReplicas enable_keda=enableKeda
"""


@pytest.mark.parametrize("pair", SPELLED.split())
def test_json_names(pair: str) -> None:
    attribute, _, name = pair.partition("=")
    assert json_name(attribute) == name


def test_both_spellings_are_read_and_the_json_one_is_written() -> None:
    assert ModelRef(name="a", api_group="g") == ModelRef.model_validate(
        {"name": "a", "apiGroup": "g"}
    )
    assert to_json(KedaConfig(enable_keda=False)) == {"enableKeda": False}


def test_unknown_members_are_ignored() -> None:
    assert to_json(KedaConfig.model_validate({"enableKeda": True, "new": 1})) == {
        "enableKeda": True
    }


def test_objects_are_frozen() -> None:
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        ModelRef(name="a").name = "b"  # type: ignore[misc]


def test_metadata_is_written_without_what_it_lacks() -> None:
    owner = OwnerReference(api_version="v1", kind="Job", name="a", uid="u")
    meta = ObjectMeta(name="a", labels={"x": ""}, owner_references=(owner,))
    assert to_json(meta) == {
        "name": "a",
        "labels": {"x": ""},
        "ownerReferences": [{"apiVersion": "v1", "kind": "Job", "name": "a", "uid": "u"}],
    }
    assert to_json(ObjectMeta()) == {}
    assert ObjectMeta.model_validate({"labels": None, "generation": None}) == ObjectMeta()


def test_members_of_core_types_come_out_as_they_were() -> None:
    kind = next(kind for kind in KINDS if kind.KIND == "InferenceService")
    runner: dict[str, Any] = {"name": "", "env": [], "x": None, "nested": {"y": None}}
    written = to_json(kind.model_validate({"spec": {"engine": {"runner": runner}}}))
    assert written["spec"]["engine"]["runner"] == runner


def test_the_public_names() -> None:
    assert sorted(ome.api.__all__, key=str) == sorted(set(ome.api.__all__))
    assert all(hasattr(ome.api, name) for name in ome.api.__all__)
    promised = """InferenceService ServingRuntime ClusterServingRuntime BaseModel ClusterBaseModel
        FineTunedWeight BenchmarkJob AcceleratorClass InferenceServiceSpec InferenceServiceStatus
        EngineSpec DecoderSpec RouterSpec LeaderSpec WorkerSpec PredictorSpec ModelSpec ModelRef
        ServingRuntimeRef KedaConfig AcceleratorSelector ServingRuntimeSpec SupportedModelFormat
        ModelFormat ModelFrameworkSpec ModelSizeRange BaseModelSpec ModelStatus StorageSpec
        DiffusionPipelineSpec FineTunedWeightSpec BenchmarkJobSpec BenchmarkJobStatus
        AcceleratorClassSpec AcceleratorClassStatus Condition ComponentStatus ObjectMeta PodFields
        KINDS to_json json_name""".split()
    assert [name for name in promised if name not in ome.api.__all__] == []


def test_every_schema_of_the_package_is_exported() -> None:
    reachable: set[str] = set()
    for name, module in inspect.getmembers(ome.api, inspect.ismodule):
        if module.__name__.startswith("ome.api.") and name not in ("crds", "openapi"):
            reachable |= {
                found.__name__
                for _, found in inspect.getmembers(module, inspect.isclass)
                if issubclass(found, Schema) and not found.__name__.startswith("_")
            }
    assert reachable - set(ome.api.__all__) == set()
