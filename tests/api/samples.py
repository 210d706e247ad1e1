"""One object of each kind that uses much of it, and the smallest that the server takes."""

from __future__ import annotations

from typing import Any

_FORMAT = {"name": "safetensors", "version": "1.0.0", "operator": "Equal", "weight": 1}
_FRAMEWORK = {"name": "transformers", "operator": "GreaterThanOrEqual", "weight": 3}
_STORAGE = {
    "storageUri": "hf://meta-llama/Llama-3.3-70B-Instruct",
    "path": "/raid/models/llama",
    "parameters": {"revision": "main"},
    "key": "hf-token",
    "nodeSelector": {"gpu": "h100"},
    "downloadPolicy": "ReuseIfExists",
}
_CONDITION = {
    "type": "Valid",
    "status": "True",
    "reason": "Checked",
    "message": "",
    "lastTransitionTime": "2026-05-06T10:11:12Z",
}
_MODEL = {
    "modelFormat": _FORMAT,
    "modelFramework": _FRAMEWORK,
    "modelType": "llama",
    "modelArchitecture": "LlamaForCausalLM",
    "modelParameterSize": "70.6B",
    "modelCapabilities": ["TEXT_TO_TEXT"],
    "modelConfiguration": {"anything": {"goes": [1, None, {}]}},
    "storage": _STORAGE,
    "compartmentID": "ocid1.compartment",
    "maxTokens": 8192,
    "additionalMetadata": {"type": "Serving"},
}
_MODEL_STATUS = {
    "state": "Ready",
    "nodesReady": ["a", "b"],
    "nodesReadyCount": 2,
    "conditions": [_CONDITION],
}
_CONTAINER = {
    "name": "ome-container",
    "image": "sglang:latest",
    "ports": [{"containerPort": 8080, "protocol": "TCP"}],
    "env": [{"name": "A", "value": "b"}],
    "resources": {"limits": {"nvidia.com/gpu": 8, "memory": "80Gi"}},
    "livenessProbe": {"httpGet": {"path": "/health", "port": 8080}},
}
_RUNTIME = {
    "supportedModelFormats": [
        {
            "name": "safetensors",
            "modelFormat": _FORMAT,
            "modelFramework": _FRAMEWORK,
            "autoSelect": True,
            "priority": 2,
            "acceleratorConfig": {
                "h100": {
                    "minMemoryPerBillionParams": 2,
                    "tensorParallelismOverride": {"tensorParallelSize": 8},
                    "environmentOverride": {"A": "b"},
                }
            },
        }
    ],
    "modelSizeRange": {"min": "60B", "max": "80B"},
    "disabled": False,
    "engineConfig": {"runner": _CONTAINER, "hostIPC": True, "minReplicas": 0},
    "acceleratorRequirements": {"minMemory": 80, "minComputePerformanceTFLOPS": 900},
}
_SERVICE = {
    "model": {"name": "llama", "kind": "ClusterBaseModel", "apiGroup": "ome.io"},
    "runtime": {"name": "srt", "kind": "ServingRuntime", "apiGroup": "ome.io"},
    "engine": {
        "minReplicas": 0,
        "maxReplicas": 3,
        "scaleMetric": "rps",
        "maxUnavailable": "25%",
        "minAvailable": 1,
        "setHostnameAsFQDN": True,
        "runner": {"env": [{"name": "A", "value": "c"}]},
        "worker": {"size": 1},
        "acceleratorOverride": {"policy": "BestFit", "constraints": {"minMemory": 40}},
        "kedaConfig": {"authenticationRef": {"name": "a", "kind": "TriggerAuthentication"}},
    },
    "router": {"config": {"policy": "cache_aware"}},
}
_SERVICE_STATUS = {
    "observedGeneration": 3,
    "url": "http://llama.default.example.com",
    "address": {"url": "http://llama.default.svc", "CACerts": "pem"},
    "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "t"}],
    "components": {
        "engine": {"restURL": "u", "traffic": [{"tag": "prev", "percent": 10}]},
        "router": {"selectedAccelerator": {"acceleratorClass": "h100"}},
    },
    "modelStatus": {
        "transitionStatus": "InProgress",
        "modelRevisionStates": {"activeModelState": "Loading", "targetModelState": "Loaded"},
        "modelCopies": {"failedCopies": 0, "totalCopies": 1},
        "lastFailureInfo": {"reason": "BaseModelDisabled", "exitCode": 1},
    },
}
_JOB = {
    "endpoint": {"endpoint": {"url": "https://x/v1", "apiFormat": "openai"}},
    "serviceMetadata": {"engine": "SGLang", "version": "0.4", "gpuType": "H100", "gpuCount": 8},
    "task": "text-to-text",
    "trafficScenarios": ["D(100,100)"],
    "numConcurrency": [1, 2],
    "maxTimePerIteration": 10,
    "maxRequestsPerIteration": 100,
    "outputLocation": {"storageUri": "oci://n/a/b/c/o/d"},
    "podOverride": {
        "volumeMounts": [
            {"name": "v", "mountPath": "/a"},
            {"name": "v", "mountPath": "/b"},
        ]
    },
}
_CLASS = {
    "vendor": "nvidia",
    "discovery": {"nodeSelector": {"gpu": "h100"}, "pciVendorID": "10de", "deviceIDs": ["2330"]},
    "capabilities": {"memoryGB": 80, "memoryBandwidthGBps": "3350", "clockSpeedMHz": 1755},
    "resources": [{"name": "nvidia.com/gpu", "quantity": "1", "divisible": False}],
    "integration": {"volcanoGPUType": "h100"},
    "cost": {"perHour": "2.5", "tier": "high"},
}
_WEIGHT = {
    "baseModelRef": {"name": "llama"},
    "modelType": "LoRA",
    "hyperParameters": {"strategy": "lora", "rank": 8},
    "configuration": {"merged_weights": True},
    "storage": _STORAGE,
}

FULL: dict[str, dict[str, Any]] = {
    "InferenceService": {"spec": _SERVICE, "status": _SERVICE_STATUS},
    "ServingRuntime": {"spec": _RUNTIME, "status": {"conditions": [_CONDITION]}},
    "ClusterServingRuntime": {"spec": _RUNTIME},
    "BaseModel": {"spec": _MODEL, "status": _MODEL_STATUS},
    "ClusterBaseModel": {"spec": _MODEL, "status": _MODEL_STATUS},
    "FineTunedWeight": {"spec": _WEIGHT, "status": {"state": "Failed"}},
    "BenchmarkJob": {
        "spec": _JOB,
        "status": {"state": "Running", "startTime": "2026-05-06T10:11:12Z"},
    },
    "AcceleratorClass": {"spec": _CLASS, "status": {"nodes": ["a"], "availableNodes": 1}},
}
SMALLEST: dict[str, dict[str, Any]] = {
    "InferenceService": {"spec": {}},
    "ServingRuntime": {"spec": {}},
    "ClusterServingRuntime": {"spec": {}},
    "BaseModel": {"spec": {"storage": {"storageUri": "hf://a/b"}}},
    "ClusterBaseModel": {"spec": {"storage": {"storageUri": "hf://a/b"}}},
    "FineTunedWeight": {
        "spec": {
            "baseModelRef": {"name": "a"},
            "modelType": "LoRA",
            "hyperParameters": {},
            "storage": {"storageUri": "oci://n/a/b/c/o/d"},
        }
    },
    "BenchmarkJob": {
        "spec": {
            "endpoint": {"inferenceService": {"name": "a", "namespace": "b"}},
            "task": "text-to-text",
            "maxTimePerIteration": 1,
            "maxRequestsPerIteration": 1,
            "outputLocation": {"storageUri": "oci://n/a/b/c/o/d"},
        }
    },
    "AcceleratorClass": {"spec": {"discovery": {}, "capabilities": {}}},
}


def manifest(kind: str, body: dict[str, Any], name: str = "sample") -> dict[str, Any]:
    """A body as a manifest."""
    head = {"apiVersion": "ome.io/v1beta1", "kind": kind, "metadata": {"name": name}}
    return {**head, **body}
