"""Containers, volumes, paths and ports of pods; names of the objects of the operator."""

from __future__ import annotations

# Containers, volumes, paths, ports.
CONTAINER_MAIN = "ome-container"
CONTAINER_TRAINER = "trainer"
CONTAINER_STORAGE_INITIALIZER = "storage-initializer"  # legacy
CONTAINER_MODEL_INIT = "model-init"
CONTAINER_ADAPTER = "fine-tuned-adapter"
CONTAINER_SIDECAR = "serving-sidecar"
CONTAINER_PROBER = "multinode-prober"
CONTAINER_QUEUE_PROXY = "queue-proxy"
VOLUME_MODEL_EMPTY_DIR = "model-empty-dir"
VOLUME_WEIGHT = "fine-tuned-weight"  # on the node; those of more weights have a number
SEPARATOR_WEIGHTS = ","  # between the names of several, which hold none
SUB_PATH_BASE = "base"
SUB_PATH_FINE_TUNED = "finetuned"
SUB_PATH_DOWNLOAD = "download"
SUB_PATH_TENSORRT = "tensorrt_llm"
PATH_ROOT = "/opt/ml"
PATH_MODEL = "/opt/ml/model"
PATH_MODEL_SOURCE = "/mnt/model"  # in the model-init container
PATH_MODEL_LEGACY = "/mnt/models"
PATH_FINE_TUNED_DOWNLOAD = "/mnt/finetuned/download"
PATH_ADAPTERS = "/opt/ml/adapters"  # where several lie side by side, each under its name
PATH_TFEW = "/opt/ml/tfew"
PATH_TFEW_WEIGHT = "/opt/ml/tfew/fastertransformer/1"
SUFFIX_MERGED_WEIGHT = "-merged-weight"  # of merged weights in object storage
PORT_SERVICE = 8080
PORT_PUBLIC = 80
PORT_PROBER = 8080
PORT_METRICS_QUEUE_PROXY = 9091
PORT_METRICS_AGGREGATE = 9088
PORT_NAME_METRICS_AGGREGATE = "aggr-metric"
PORT_AGENT = 9081  # reserved
DEFAULT_METRICS_PORT = "8080"
DEFAULT_METRICS_PATH = "/metrics"
GPU_RESOURCE = "nvidia.com/gpu"
MODEL_CONFIG_KEY = "models.json"

# Prefixes of object names, and HTTP headers (the first one is spelled so).
PREFIX_MODEL_CONFIG = "modelconfig-"
PREFIX_LWS = "lws-"
PREFIX_SCALED_OBJECT = "scaledobject-"
HEADER_SERVICE_NAME = "OMe-Isvc-Name"
HEADER_SERVICE_NAMESPACE = "OME-Isvc-Namespace"

# The operator's ConfigMaps.
CONFIGMAP_KNATIVE_DOMAINS = "config-domain"  # of Knative, its domains are the keys
CONFIGMAP_INFERENCE_SERVICE = "inferenceservice-config"
CONFIGMAP_BENCHMARK_JOB = "benchmarkjob-config"
