"""Accelerator classes, and services and runtimes that ask for them."""

from __future__ import annotations

from typing import Any

from ome import api
from ome.selection import AcceleratorChoice, choose_accelerator

GPUS: dict[str, dict[str, Any]] = {
    "h100": {
        "vendor": "NVIDIA",
        "family": "Hopper",
        "capabilities": {
            "memoryGB": "80Gi",
            "memoryBandwidthGBps": "3000",
            "performance": {
                "fp32Tflops": 67,
                "fp16Tflops": 1979,
                "int8Tops": 3958,
                "int4Tops": 7916,
            },
            "features": ["cuda", "tensor-cores", "nvlink", "fp8"],
            "computeCapability": "9.0",
        },
        "cost": {"perHour": "4", "spotPerHour": "2", "perMillionTokens": "100", "tier": "high"},
    },
    "a100": {
        "vendor": "NVIDIA",
        "family": "Ampere",
        "capabilities": {
            "memoryGB": "40Gi",
            "memoryBandwidthGBps": "1555",
            "performance": {"fp32Tflops": 19, "fp16Tflops": 312, "int8Tops": 624},
            "features": ["cuda", "tensor-cores", "nvlink"],
            "computeCapability": "8.0",
        },
        "cost": {"perHour": "2", "spotPerHour": "1", "perMillionTokens": "50", "tier": "medium"},
    },
    "t4": {
        "vendor": "NVIDIA",
        "family": "Turing",
        "capabilities": {
            "memoryGB": "16Gi",
            "memoryBandwidthGBps": "320",
            "performance": {"fp32Tflops": 8, "fp16Tflops": 65, "int8Tops": 130},
            "features": ["cuda", "tensor-cores"],
            "computeCapability": "7.5",
        },
        "cost": {"perHour": "1", "spotPerHour": "0", "perMillionTokens": "20", "tier": "low"},
    },
}


def spec(**fields: Any) -> api.AcceleratorClassSpec:
    return api.AcceleratorClassSpec.model_validate({"discovery": {}, "capabilities": {}, **fields})


def service(
    selector: Any = None, engine: Any = None, decoder: Any = None, annotation: str | None = None
) -> api.InferenceService:
    annotations = {} if annotation is None else {"ome.io/accelerator-class": annotation}
    blocks = {"engine": engine, "decoder": decoder}
    return api.InferenceService.model_validate(
        {
            "metadata": {"name": "s", "namespace": "demo", "annotations": annotations},
            "spec": {
                "model": {"name": "m"},
                "acceleratorSelector": selector,
                **{
                    name: {"acceleratorOverride": value}
                    for name, value in blocks.items()
                    if value is not None
                },
            },
        }
    )


def runtime(*classes: str, **required: Any) -> api.ServingRuntimeSpec:
    listed = {"acceleratorClasses": list(classes), **required}
    return api.ServingRuntimeSpec.model_validate({"acceleratorRequirements": listed})


def choose(
    wanted: api.InferenceService,
    listed: api.ServingRuntimeSpec | None = None,
    classes: dict[str, api.AcceleratorClassSpec] | None = None,
    component: str = "engine",
) -> AcceleratorChoice:
    held = {name: spec(**fields) for name, fields in GPUS.items()} if classes is None else classes
    return choose_accelerator(wanted, component, listed or runtime("h100", "a100", "t4"), held.get)
