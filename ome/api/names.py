"""Every name that OME shares with users, agents and other programs, in one place.

Labels, annotations, finalizers, condition types, reasons, container and volume names, paths and
ports: a compatibility contract, so nothing here may change its value.
"""

from __future__ import annotations

GROUP = "ome.io"
VERSION = "v1beta1"
API_VERSION = f"{GROUP}/{VERSION}"

# Who writes.
FIELD_MANAGER = "ome-controller"
EVENT_COMPONENT = "v1beta1Controllers"
DEFAULT_NAMESPACE = "ome"
LEADER_LEASE = "ome-controller-manager-leader-lock"

# Finalizers.
FINALIZER_INFERENCE_SERVICE = "inferenceservice.finalizers"
FINALIZER_BASE_MODEL = "basemodels.ome.io/finalizer"
FINALIZER_CLUSTER_BASE_MODEL = "clusterbasemodels.ome.io/finalizer"
FINALIZER_BENCHMARK_JOB = "benchmarkjob.finalizers"
FINALIZER_ACCELERATOR_CLASS = "acceleratorclasses.ome.io/finalizer"

# Annotations on an InferenceService.
ANNOTATION_DEPLOYMENT_MODE = "ome.io/deploymentMode"
ANNOTATION_DEPRECATION_WARNING = "ome.io/deprecation-warning"
ANNOTATION_AUTOSCALER_CLASS = "ome.io/autoscalerClass"
ANNOTATION_METRICS = "ome.io/metrics"
ANNOTATION_TARGET_UTILIZATION = "ome.io/targetUtilizationPercentage"
ANNOTATION_SERVICE_TYPE = "ome.io/service-type"
ANNOTATION_LOAD_BALANCER_IP = "ome.io/load-balancer-ip"
ANNOTATION_ACCELERATOR_CLASS = "ome.io/accelerator-class"
ANNOTATION_INGRESS_DOMAIN_TEMPLATE = "ome.io/ingress-domain-template"
ANNOTATION_INGRESS_DOMAIN = "ome.io/ingress-domain"
ANNOTATION_INGRESS_ADDITIONAL_DOMAINS = "ome.io/ingress-additional-domains"
ANNOTATION_INGRESS_URL_SCHEME = "ome.io/ingress-url-scheme"
ANNOTATION_INGRESS_PATH_TEMPLATE = "ome.io/ingress-path-template"
ANNOTATION_INGRESS_DISABLE_ISTIO = "ome.io/ingress-disable-istio-virtualhost"
ANNOTATION_INGRESS_DISABLE_CREATION = "ome.io/ingress-disable-creation"
ANNOTATION_INGRESS_CLASS = "ome.io/ingress-class"
ANNOTATION_UPGRADE_TEMPLATE = "ome.io/upgrade-template"
ANNOTATION_PIN_RUNTIME = "ome.io/pin-runtime"
ANNOTATION_PAUSED = "ome.io/paused"

# Annotations on objects that we make.
ANNOTATION_RENDERING = "ome.io/rendering"
ANNOTATION_APPLIED_HASH = "ome.io/applied-hash"
ANNOTATION_SERVICE_GENERATION = "ome.io/service-generation"
ANNOTATION_DEPLOYMENT_REVISION = "deployment.kubernetes.io/revision"

# Annotations on pods.
ANNOTATION_INJECT_MODEL_INIT = "ome.io/inject-model-init"
ANNOTATION_INJECT_ADAPTER = "ome.io/inject-fine-tuned-adapter"
ANNOTATION_INJECT_SIDECAR = "ome.io/inject-serving-sidecar"
ANNOTATION_FT_STRATEGY = "ome.io/fine-tuned-weight-ft-strategy"
ANNOTATION_MERGED_WEIGHTS = "ome.io/fine-tuned-serving-with-merged-weights"
ANNOTATION_BASE_MODEL_NAME = "ome.io/base-model-name"
ANNOTATION_BASE_MODEL_VENDOR = "ome.io/base-model-vendor"
ANNOTATION_BASE_MODEL_FORMAT = "ome.io/base-model-format"
ANNOTATION_BASE_MODEL_FORMAT_VERSION = "ome.io/base-model-format-version"
ANNOTATION_SERVING_RUNTIME = "ome.io/serving-runtime"
ANNOTATION_DECRYPTION_KEY = "ome.io/base-model-decryption-key-name"
ANNOTATION_DECRYPTION_SECRET = "ome.io/base-model-decryption-secret-name"
ANNOTATION_VOLCANO_QUEUE = "ome.io/volcano-queue"
ANNOTATION_DEDICATED_CLUSTER = "ome.io/dedicated-ai-cluster"
ANNOTATION_KUEUE_ENABLED = "kueue-enabled"
ANNOTATION_VOLCANO = "volcano"

# Annotations on models.
ANNOTATION_MODEL_CATEGORY = "models.ome.io/category"
ANNOTATION_SKIP_CONFIG_PARSING = (
    "ome.io/skip-config-parsing",
    "ome.oracle.com/skip-config-parsing",
)
ANNOTATION_AUTO_FILLED_FIELDS = "ome.io/auto-filled-fields"
ANNOTATION_FORCE_DELETE = "ome.io/force-delete"
ANNOTATION_REDOWNLOAD = "ome.io/redownload"
ANNOTATION_MAX_CONCURRENT_NODES = "ome.io/max-concurrent-nodes"

# Annotations on status ConfigMaps.
ANNOTATION_NODE_NAME = "models.ome.io/node-name"
ANNOTATION_MANAGED_BY = "models.ome.io/managed-by"

# Never copied from a service to what is made for it.
NEVER_COPIED_ANNOTATIONS = frozenset(
    {
        "autoscaling.knative.dev/min-scale",
        "autoscaling.knative.dev/max-scale",
        "internal.ome.io/storage-initializer-sourceuri",
        "kubectl.kubernetes.io/last-applied-configuration",
        # Ours, about one object; copied they would say something of another.
        ANNOTATION_RENDERING,
        ANNOTATION_APPLIED_HASH,
        ANNOTATION_SERVICE_GENERATION,
    }
)
# Kept on pods, stripped from Services; matched as prefixes.
POD_ONLY_ANNOTATION_PREFIXES = (
    "k8s.grafana.com/",
    "loki.grafana.com/",
    "prometheus.io/",
    "networking.gke.io/",
    "rdma.ome.io/",
    ANNOTATION_INJECT_MODEL_INIT,
    ANNOTATION_INJECT_ADAPTER,
    ANNOTATION_INJECT_SIDECAR,
)

# Labels.
LABEL_INFERENCE_SERVICE = "ome.io/inferenceservice"
LABEL_COMPONENT = "component"
LABEL_APP = "app"
LABEL_SERVING_RUNTIME = "serving-runtime"
LABEL_FINE_TUNED = "fine-tuned-serving"
LABEL_MERGED_WEIGHTS = "fine-tuned-serving-with-merged-weights"
LABEL_FT_STRATEGY = "fine-tuned-weight-ft-strategy"
LABEL_BASE_MODEL_NAME = "base-model-name"
LABEL_BASE_MODEL_SIZE = "base-model-size"
LABEL_BASE_MODEL_TYPE = "base-model-type"
LABEL_BASE_MODEL_VENDOR = "base-model-vendor"
LABELS_VISIBILITY = ("networking.knative.dev/visibility", "networking.ome.io/visibility")
VISIBILITY_CLUSTER_LOCAL = "cluster-local"
LABEL_MODEL_STATUS = "models.ome/basemodel-status"
LABEL_NODE = "node"
LABEL_RESERVE_ARTIFACT = "models.ome/reserve-model-artifact"
LABEL_QUEUE_KUEUE = "kueue.x-k8s.io/queue-name"
LABEL_PRIORITY_KUEUE = "kueue.x-k8s.io/priority-class"
LABEL_QUEUE_VOLCANO = "volcano.sh/queue-name"
LABEL_PRIORITY_RAY = "ray.io/priority-class-name"
LABEL_SCHEDULER_RAY = "ray.io/scheduler-name"
NODE_LABEL_PREFIX = "models.ome.io/"
INSTANCE_TYPE_LABELS = ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type")

COMPONENT_ENGINE = "engine"
COMPONENT_DECODER = "decoder"
COMPONENT_ROUTER = "router"
COMPONENT_PREDICTOR = "predictor"
COMPONENT_EXTERNAL_SERVICE = "external-service"
COMPONENTS = (COMPONENT_ENGINE, COMPONENT_DECODER, COMPONENT_ROUTER)

# Deployment modes and autoscaler classes.
MODE_SERVERLESS = "Serverless"
MODE_RAW = "RawDeployment"
MODE_RAY = "MultiNodeRayVLLM"
MODE_MULTI_NODE = "MultiNode"
MODE_VIRTUAL = "VirtualDeployment"
MODE_PD = "PDDisaggregated"
MODES = frozenset({MODE_SERVERLESS, MODE_RAW, MODE_RAY, MODE_MULTI_NODE, MODE_VIRTUAL})
AUTOSCALER_HPA = "hpa"
AUTOSCALER_KEDA = "keda"
AUTOSCALER_EXTERNAL = "external"

# Conditions of an InferenceService.
CONDITION_READY = "Ready"
CONDITION_INGRESS_READY = "IngressReady"
CONDITION_ENGINE_READY = "EngineReady"
CONDITION_DECODER_READY = "DecoderReady"
CONDITION_ROUTER_READY = "RouterReady"

# Reasons of conditions and events.
REASON_INITIALIZING = "Initializing"
REASON_SERVICE_READY = "InferenceServiceReady"
REASON_SERVICE_NOT_READY = "InferenceServiceNotReady"
REASON_SERVERLESS_REJECTED = "ServerlessModeRejected"
REASON_PREDICTOR_MIGRATION = "PredictorMigrationError"
REASON_MODEL = "ModelReconcileError"
REASON_RUNTIME_FETCH = "RuntimeFetchError"
REASON_RUNTIME_VALIDATION = "RuntimeValidationError"
REASON_RUNTIME_SELECTION = "RuntimeSelectionError"
REASON_MERGE = "MergeSpecsError"
REASON_DEPLOYMENT_MODE = "DeploymentModeError"
REASON_ACCELERATOR_CLASS = "AcceleratorClassError"
REASON_INTERNAL = "InternalError"
REASON_UPDATE_FAILED = "UpdateFailed"
REASON_SERVICE_CONFLICT = "ServiceConflict"
REASON_INGRESS_DISABLED = "IngressDisabled"
REASON_INGRESS_FAILED = "IngressReconcileFailed"
REASON_CLUSTER_LOCAL = "ClusterLocal"
REASON_COMPONENT_NOT_READY = "ComponentNotReady"
REASON_DOWNLOAD_FAILED = "ModelDownloadFailed"
REASON_CREDENTIALS_NOT_FOUND = "StorageCredentialsNotFound"
REASON_CONFIG_PARSE_FAILED = "ConfigParseFailed"
REASON_INVALID_STORAGE_URI = "InvalidStorageURI"

# ``lastFailureInfo.reason``.
FAILURE_MODEL_LOAD_FAILED = "ModelLoadFailed"
FAILURE_RUNTIME_UNHEALTHY = "RuntimeUnhealthy"
FAILURE_RUNTIME_DISABLED = "RuntimeDisabled"
FAILURE_NO_SUPPORTING_RUNTIME = "NoSupportingRuntime"
FAILURE_RUNTIME_NOT_RECOGNIZED = "RuntimeNotRecognized"
FAILURE_INVALID_PREDICTOR_SPEC = "InvalidPredictorSpec"
FAILURE_BASE_MODEL_NOT_READY = "BaseModelNotReady"
FAILURE_BASE_MODEL_NOT_FOUND = "BaseModelNotFound"
FAILURE_BASE_MODEL_DISABLED = "BaseModelDisabled"
FAILURE_WEIGHTS_NOT_FOUND = "FineTunedWeightsNotFound"

# Containers, volumes, paths, ports.
CONTAINER_MAIN = "ome-container"
VOLUME_MODEL_EMPTY_DIR = "model-empty-dir"
PATH_MODEL = "/opt/ml/model"
PORT_SERVICE = 8080
GPU_RESOURCE = "nvidia.com/gpu"
ENV_MODEL_PATH = "MODEL_PATH"
ENV_PARALLELISM_SIZE = "PARALLELISM_SIZE"
MODEL_CONFIG_KEY = "models.json"

# The operator's ConfigMaps.
CONFIGMAP_INFERENCE_SERVICE = "inferenceservice-config"
CONFIGMAP_BENCHMARK_JOB = "benchmarkjob-config"
