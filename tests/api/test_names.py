"""Every name that programs and people share with OME is known, with its exact value."""

from __future__ import annotations

from collections import Counter
from typing import Any, get_args

import pytest

from ome.api import FailureReason, names

CONSTANTS: dict[str, Any] = {key: value for key, value in vars(names).items() if key.isupper()}
VALUES = {value for value in CONSTANTS.values() if isinstance(value, str)} | {
    item for value in CONSTANTS.values() if isinstance(value, tuple | frozenset) for item in value
}

ANNOTATIONS = """
    ome.io/deploymentMode ome.io/deprecation-warning ome.io/autoscalerClass ome.io/metrics
    ome.io/targetUtilizationPercentage autoscaling.keda.sh/threshold autoscaling.keda.sh/operator
    autoscaling.keda.sh/prometheus.serverAddress autoscaling.keda.sh/prometheus.query
    ome.io/service-type ome.io/load-balancer-ip ome.io/accelerator-class ome.io/enable-tag-routing
    ome.io/entrypoint-component ome.io/ingress-domain-template ome.io/ingress-domain
    ome.io/ingress-additional-domains ome.io/ingress-url-scheme ome.io/ingress-path-template
    ome.io/ingress-class ome.io/ingress-disable-istio-virtualhost ome.io/ingress-disable-creation
    serving.knative.dev/rollout-duration autoscaling.knative.dev/min-scale
    autoscaling.knative.dev/max-scale serving.knative.openshift.io/enablePassthrough
    ome.io/inject-model-init ome.io/inject-fine-tuned-adapter ome.io/inject-serving-sidecar
    ome.io/fine-tuned-weight-ft-strategy ome.io/fine-tuned-serving-with-merged-weights
    ome.io/base-model-name ome.io/base-model-vendor ome.io/base-model-format
    ome.io/base-model-format-version ome.io/serving-runtime ome.io/base-model-decryption-key-name
    ome.io/base-model-decryption-secret-name ome.io/disable-model-decryption
    ome.io/enable-metric-aggregation ome.io/enable-prometheus-scraping prometheus.ome.io/port
    prometheus.ome.io/path prometheus.io/port prometheus.io/path prometheus.io/scrape
    rdma.ome.io/auto-inject rdma.ome.io/profile rdma.ome.io/container-name ome.io/volcano-queue
    ome.io/dedicated-ai-cluster kueue-enabled volcano models.ome.io/category
    ome.oracle.com/skip-config-parsing ome.io/skip-config-parsing ome.io/redownload
    ome.io/force-delete ome.io/auto-filled-fields models.ome.io/target-instance-shapes
    ome.io/max-concurrent-nodes internal.ome.io/storage-initializer-sourceuri
    kubectl.kubernetes.io/last-applied-configuration ome.io/upgrade-template ome.io/pin-runtime
    ome.io/paused ome.io/applied-hash ome.io/rendering models.ome.io/node-name
    models.ome.io/managed-by
"""
LABELS = """
    ome.io/inferenceservice ome.io/trainingjob component endpoint app serving-runtime
    fine-tuned-serving fine-tuned-serving-with-merged-weights fine-tuned-weight-ft-strategy
    base-model-name base-model-size base-model-type base-model-vendor
    networking.knative.dev/visibility networking.ome.io/visibility sidecar.istio.io/inject
    serving.knative.dev/revision control-plane models.ome.io/ models.ome/basemodel-status
    models.ome/reserve-model-artifact node.kubernetes.io/instance-type
    beta.kubernetes.io/instance-type kueue.x-k8s.io/queue-name kueue.x-k8s.io/priority-class
    volcano.sh/queue-name ray.io/priority-class-name ray.io/scheduler-name
    kueue-scheduling-high-priority volcano-scheduling-high-priority external-service
"""
CONDITIONS = """
    Ready IngressReady EngineReady EngineRouteReady EngineConfigurationReady DecoderReady
    DecoderRouteReady DecoderConfigurationReady RouterReady RouterRouteReady
    RouterConfigurationReady PredictorReady PredictorRouteReady PredictorConfigurationReady
    RoutesReady LatestDeploymentReady
"""
REASONS = """
    InferenceServiceReady InferenceServiceNotReady ServerlessModeRejected PredictorMigrationError
    ModelReconcileError RuntimeFetchError MergeSpecsError DeploymentModeError
    RuntimeValidationError RuntimeSelectionError AcceleratorClassError InternalError UpdateFailed
    ServiceConflict IngressDisabled ComponentNotReady ParentStatusNotAvailable ClusterLocal
    GatewayAPINotAvailable VirtualServiceNotAvailable IngressReconcileFailed VirtualDeployment
    NoDeployments Initializing StatusUpdateFailed InvalidStorageURI PVCNotFound PVCNotBound
    MetadataExtractionFailed StorageCredentialsNotFound ConfigParseFailed
"""
PARTS = """
    ome-container trainer storage-initializer model-init fine-tuned-adapter serving-sidecar
    multinode-prober queue-proxy model-empty-dir /mnt/model /opt/ml/model /opt/ml
    /mnt/finetuned/download /opt/ml/tfew /opt/ml/tfew/fastertransformer/1 base finetuned download
    tensorrt_llm /mnt/models aggr-metric nvidia.com/gpu -merged-weight models.json modelconfig-
    lws- scaledobject- inferenceservice-config benchmarkjob-config OMe-Isvc-Name
    OME-Isvc-Namespace inferenceservice.finalizers basemodels.ome.io/finalizer
    clusterbasemodels.ome.io/finalizer benchmarkjob.finalizers
    acceleratorclasses.ome.io/finalizer ome-controller
"""
ENVIRONMENT = """
    MODEL_PATH SERVED_MODEL_NAME TFEW_PATH PARALLELISM_SIZE STORAGE_URI PROTOCOL_VERSION
    CONTAINER_PROMETHEUS_METRICS_PORT CONTAINER_PROMETHEUS_METRICS_PATH
    AGGREGATE_PROMETHEUS_METRICS_PORT POD_NAMESPACE ENABLE_PREDICTOR_MIGRATION
"""
AGENT = """
    AUTH_TYPE COMPARTMENT_ID REGION VAULT_ID KEY_NAME SECRET_NAME DISABLE_MODEL_DECRYPTION
    MODEL_TYPE MODEL_NAME LOCAL_PATH MODEL_STORE_DIRECTORY MODEL_FRAMEWORK TENSORRTLLM_VERSION
    NUM_OF_GPU UNZIPPED_FINE_TUNED_WEIGHT_DIRECTORY ZIPPED_FINE_TUNED_WEIGHT_DIRECTORY
    MODEL_BUCKET_NAME MODEL_NAMESPACE MODEL_OBJECT_NAME FINE_TUNED_WEIGHT_INFO_FILE_PATH
"""


@pytest.mark.parametrize(
    "text",
    [ANNOTATIONS, LABELS, CONDITIONS, REASONS, PARTS, ENVIRONMENT],
    ids=lambda t: t.split()[0],
)
def test_documented_names(text: str) -> None:
    assert [name for name in text.split() if name not in VALUES] == []


def test_environment_of_the_agents() -> None:
    found = {value for key, value in CONSTANTS.items() if key.startswith("ENV_AGENT_")}
    assert found == {f"OME_AGENT_{name}" for name in AGENT.split()}


def test_ports() -> None:
    ports = {key: value for key, value in CONSTANTS.items() if isinstance(value, int)}
    assert ports == {
        "PORT_SERVICE": 8080,
        "PORT_PUBLIC": 80,
        "PORT_PROBER": 8080,
        "PORT_METRICS_QUEUE_PROXY": 9091,
        "PORT_METRICS_AGGREGATE": 9088,
        "PORT_AGENT": 9081,
    }


@pytest.mark.parametrize("prefix", ["ANNOTATION_", "LABEL_", "CONDITION_", "REASON_", "ENV_"])
def test_one_name_for_one_value(prefix: str) -> None:
    held = Counter(
        value
        for key, value in CONSTANTS.items()
        if key.startswith(prefix) and isinstance(value, str)
    )
    assert [value for value, times in held.items() if times > 1] == []


def test_failure_reasons_are_those_of_the_schema() -> None:
    named = {value for key, value in CONSTANTS.items() if key.startswith("FAILURE_")}
    assert named == set(get_args(FailureReason))


def test_what_is_never_copied() -> None:
    assert {
        "autoscaling.knative.dev/min-scale",
        "autoscaling.knative.dev/max-scale",
        "internal.ome.io/storage-initializer-sourceuri",
        "kubectl.kubernetes.io/last-applied-configuration",
        "ome.io/rendering",
        "ome.io/applied-hash",
        "ome.io/service-generation",
        "ome.io/asked-replicas",
        "ome.io/passed-on",
        "ome.io/planned-hash",
        "ome.io/paused",
        "ome.io/pin-runtime",
        "ome.io/traceparent",
        "ome.io/upgrade-template",
    } == names.NEVER_COPIED_ANNOTATIONS
    assert {"networking.knative.dev/visibility"} == names.NEVER_COPIED_REVISION_LABELS
    assert "rdma.ome.io/profile".startswith(names.POD_ONLY_ANNOTATION_PREFIXES)
