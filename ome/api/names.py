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
WEBHOOK_SERVICE = "ome-webhook-server-service"
WEBHOOK_SECRET = "ome-webhook-server-cert"

# Finalizers.
FINALIZER_INFERENCE_SERVICE = "inferenceservice.finalizers"
FINALIZER_BASE_MODEL = "basemodels.ome.io/finalizer"
FINALIZER_CLUSTER_BASE_MODEL = "clusterbasemodels.ome.io/finalizer"
FINALIZER_FINE_TUNED_WEIGHT = "finetunedweights.ome.io/finalizer"
FINALIZER_BENCHMARK_JOB = "benchmarkjob.finalizers"
FINALIZER_ACCELERATOR_CLASS = "acceleratorclasses.ome.io/finalizer"

# Annotations on an InferenceService.
ANNOTATION_DEPLOYMENT_MODE = "ome.io/deploymentMode"
ANNOTATION_DEPRECATION_WARNING = "ome.io/deprecation-warning"
ANNOTATION_TRACEPARENT = "ome.io/traceparent"  # of the request that changed the spec last
ANNOTATION_AUTOSCALER_CLASS = "ome.io/autoscalerClass"
ANNOTATION_METRICS = "ome.io/metrics"
ANNOTATION_TARGET_UTILIZATION = "ome.io/targetUtilizationPercentage"
ANNOTATION_KEDA_THRESHOLD = "autoscaling.keda.sh/threshold"
ANNOTATION_KEDA_OPERATOR = "autoscaling.keda.sh/operator"
ANNOTATION_KEDA_SERVER_ADDRESS = "autoscaling.keda.sh/prometheus.serverAddress"
ANNOTATION_KEDA_QUERY = "autoscaling.keda.sh/prometheus.query"
# Ours, beside those above: what a ScaledObject can have and ``kedaConfig`` has no field for.
ANNOTATION_KEDA_METRIC = "autoscaling.keda.sh/prometheus.metric"
ANNOTATION_KEDA_TRIGGERS = "autoscaling.keda.sh/triggers"
ANNOTATION_KEDA_ACTIVATION = "autoscaling.keda.sh/activation-threshold"
ANNOTATION_KEDA_IDLE_REPLICAS = "autoscaling.keda.sh/idle-replicas"
ANNOTATION_KEDA_POLLING = "autoscaling.keda.sh/polling-interval"
ANNOTATION_KEDA_COOLDOWN = "autoscaling.keda.sh/cooldown-period"
ANNOTATION_KEDA_INITIAL_COOLDOWN = "autoscaling.keda.sh/initial-cooldown-period"
ANNOTATION_KEDA_FALLBACK_REPLICAS = "autoscaling.keda.sh/fallback-replicas"
ANNOTATION_KEDA_FALLBACK_FAILURES = "autoscaling.keda.sh/fallback-failure-threshold"
ANNOTATION_KEDA_FALLBACK_BEHAVIOR = "autoscaling.keda.sh/fallback-behavior"
ANNOTATION_KEDA_ADVANCED = "autoscaling.keda.sh/advanced"
ANNOTATION_SERVICE_TYPE = "ome.io/service-type"
ANNOTATION_LOAD_BALANCER_IP = "ome.io/load-balancer-ip"
ANNOTATION_ACCELERATOR_CLASS = "ome.io/accelerator-class"
ANNOTATION_ENABLE_TAG_ROUTING = "ome.io/enable-tag-routing"
ANNOTATION_ENTRYPOINT_COMPONENT = "ome.io/entrypoint-component"  # documented, read by nothing
ANNOTATION_INGRESS_DOMAIN_TEMPLATE = "ome.io/ingress-domain-template"
ANNOTATION_INGRESS_DOMAIN = "ome.io/ingress-domain"
ANNOTATION_INGRESS_ADDITIONAL_DOMAINS = "ome.io/ingress-additional-domains"
ANNOTATION_INGRESS_URL_SCHEME = "ome.io/ingress-url-scheme"
ANNOTATION_INGRESS_PATH_TEMPLATE = "ome.io/ingress-path-template"
ANNOTATION_INGRESS_DISABLE_ISTIO = "ome.io/ingress-disable-istio-virtualhost"
ANNOTATION_INGRESS_DISABLE_CREATION = "ome.io/ingress-disable-creation"
ANNOTATION_INGRESS_CLASS = "ome.io/ingress-class"
ANNOTATION_INGRESS_TLS_SECRET = "ome.io/ingress-tls-secret"
ANNOTATION_CERT_ISSUER = "cert-manager.io/issuer"
ANNOTATION_CERT_CLUSTER_ISSUER = "cert-manager.io/cluster-issuer"
ANNOTATION_INFERENCE_POOL = "ome.io/inference-pool"  # Service of the endpoint picker, [:port]
ANNOTATION_ROLLOUT_DURATION = "serving.knative.dev/rollout-duration"
ANNOTATION_ENABLE_PASSTHROUGH = "serving.knative.openshift.io/enablePassthrough"
ANNOTATION_UPGRADE_TEMPLATE = "ome.io/upgrade-template"
ANNOTATION_PIN_RUNTIME = "ome.io/pin-runtime"
ANNOTATION_PAUSED = "ome.io/paused"

# Annotations on objects that we make.
ANNOTATION_RENDERING = "ome.io/rendering"
ANNOTATION_APPLIED_HASH = "ome.io/applied-hash"
ANNOTATION_SERVICE_GENERATION = "ome.io/service-generation"
ANNOTATION_UNAVAILABLE_SINCE = "raycluster/unavailable-since"
ANNOTATION_PLANNED_HASH = "ome.io/planned-hash"
ANNOTATION_ASKED_REPLICAS = "ome.io/asked-replicas"
ANNOTATION_DEPLOYMENT_REVISION = "deployment.kubernetes.io/revision"

# Written on Knative revisions, never copied from the service.
ANNOTATION_MIN_SCALE = "autoscaling.knative.dev/min-scale"
ANNOTATION_MAX_SCALE = "autoscaling.knative.dev/max-scale"
ANNOTATION_STORAGE_SOURCE_URI = "internal.ome.io/storage-initializer-sourceuri"
ANNOTATION_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

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
ANNOTATION_DISABLE_DECRYPTION = "ome.io/disable-model-decryption"
ANNOTATION_METRIC_AGGREGATION = "ome.io/enable-metric-aggregation"
ANNOTATION_PROMETHEUS_SCRAPING = "ome.io/enable-prometheus-scraping"
ANNOTATION_METRICS_PORT = "prometheus.ome.io/port"  # of the main container
ANNOTATION_METRICS_PATH = "prometheus.ome.io/path"
ANNOTATION_PROMETHEUS_PORT = "prometheus.io/port"
ANNOTATION_PROMETHEUS_PATH = "prometheus.io/path"
ANNOTATION_PROMETHEUS_SCRAPE = "prometheus.io/scrape"
ANNOTATION_RDMA_AUTO_INJECT = "rdma.ome.io/auto-inject"
ANNOTATION_RDMA_PROFILE = "rdma.ome.io/profile"
ANNOTATION_RDMA_CONTAINER = "rdma.ome.io/container-name"
RDMA_DEFAULT_PROFILE = "oci-roce"
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
ANNOTATION_TARGET_SHAPES = "models.ome.io/target-instance-shapes"  # known, read by nothing
ANNOTATION_MAX_CONCURRENT_NODES = "ome.io/max-concurrent-nodes"

# Annotations on status ConfigMaps.
ANNOTATION_NODE_NAME = "models.ome.io/node-name"
ANNOTATION_MANAGED_BY = "models.ome.io/managed-by"
MANAGED_BY_MODEL_AGENT = "model-agent"
# On Nodes: the URL at which the node's agent gives files to others.
ANNOTATION_AGENT_ADDRESS = "models.ome.io/agent-address"

# Never copied from a service to what is made for it.
NEVER_COPIED_ANNOTATIONS = frozenset(
    {
        ANNOTATION_MIN_SCALE,
        ANNOTATION_MAX_SCALE,
        ANNOTATION_STORAGE_SOURCE_URI,
        ANNOTATION_LAST_APPLIED,
        # Ours, about one object; copied they would say something of another.
        ANNOTATION_RENDERING,
        ANNOTATION_APPLIED_HASH,
        ANNOTATION_SERVICE_GENERATION,
        ANNOTATION_ASKED_REPLICAS,
        ANNOTATION_PLANNED_HASH,
        ANNOTATION_UPGRADE_TEMPLATE,
        ANNOTATION_PIN_RUNTIME,
        ANNOTATION_PAUSED,
        ANNOTATION_TRACEPARENT,
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
LABEL_TRAINING_JOB = "ome.io/trainingjob"
LABEL_COMPONENT = "component"
LABEL_ENDPOINT = "endpoint"  # reserved
LABEL_APP = "app"
LABEL_SERVING_RUNTIME = "serving-runtime"
LABEL_FINE_TUNED = "fine-tuned-serving"
LABEL_MERGED_WEIGHTS = "fine-tuned-serving-with-merged-weights"
LABEL_FT_STRATEGY = "fine-tuned-weight-ft-strategy"
LABEL_BASE_MODEL_NAME = "base-model-name"
LABEL_BASE_MODEL_SIZE = "base-model-size"
LABEL_BASE_MODEL_TYPE = "base-model-type"
LABEL_BASE_MODEL_VENDOR = "base-model-vendor"
BASE_MODEL_TYPE_SERVING = "Serving"
BASE_MODEL_SIZE_DEFAULT = "SMALL"
LABEL_KNATIVE_VISIBILITY = "networking.knative.dev/visibility"
LABEL_VISIBILITY = "networking.ome.io/visibility"
LABELS_VISIBILITY = (LABEL_KNATIVE_VISIBILITY, LABEL_VISIBILITY)
NEVER_COPIED_REVISION_LABELS = frozenset({LABEL_KNATIVE_VISIBILITY})
VISIBILITY_CLUSTER_LOCAL = "cluster-local"
LABEL_SIDECAR_INJECT = "sidecar.istio.io/inject"
LABEL_RAY_NODE_TYPE = "ray.io/node-type"
RAY_HEAD = "head"
LABEL_KNATIVE_REVISION = "serving.knative.dev/revision"
LABEL_CONTROL_PLANE = "control-plane"  # on a namespace: its pods are not mutated
LABEL_MODEL_STATUS = "models.ome/basemodel-status"
LABEL_NODE = "node"
LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGED_BY_OME = "ome"
LABEL_MODEL_METADATA = "ome.io/model-metadata"
LABEL_MODEL_KIND = "ome.io/model-kind"
LABEL_MODEL = "ome.io/model"
LABEL_BENCHMARK = "benchmark"
LABEL_RESERVE_ARTIFACT = "models.ome/reserve-model-artifact"
LABEL_QUEUE_KUEUE = "kueue.x-k8s.io/queue-name"
LABEL_PRIORITY_KUEUE = "kueue.x-k8s.io/priority-class"
LABEL_QUEUE_VOLCANO = "volcano.sh/queue-name"
LABEL_PRIORITY_RAY = "ray.io/priority-class-name"
LABEL_SCHEDULER_RAY = "ray.io/scheduler-name"
LABEL_RAY_INDEX = "ome.io/ray-cluster-index"  # ours: which Ray cluster a prober looks at
PRIORITY_CLASS_KUEUE = "kueue-scheduling-high-priority"
PRIORITY_CLASS_VOLCANO = "volcano-scheduling-high-priority"
SCHEDULER_VOLCANO = "volcano"
NODE_LABEL_PREFIX = "models.ome.io/"
# Prefixes and infixes of model keys (ConfigMap data) and of the name part of node labels.
CLUSTER_BASE_MODEL_PREFIX = "clusterbasemodel."
BASE_MODEL_INFIX = ".basemodel."
FINE_TUNED_WEIGHT_PREFIX = "finetunedweight."

# The state of a model on a node: value of its label (but Deleted) and ``status`` of its entry.
NODE_STATE_READY = "Ready"
NODE_STATE_UPDATING = "Updating"
NODE_STATE_FAILED = "Failed"
NODE_STATE_DELETED = "Deleted"
NODE_STATES = frozenset({NODE_STATE_READY, NODE_STATE_UPDATING, NODE_STATE_FAILED})
PHASE_SCANNING = "scanning"
PHASE_DOWNLOADING = "downloading"
PHASE_FINALIZING = "finalizing"
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
CONDITION_PREDICTOR_READY = "PredictorReady"
CONDITION_ACCELERATOR_SELECTED = "AcceleratorSelected"
CONDITION_PAUSED = "Paused"
# Of each component as a Knative Service; informational.
CONDITION_ENGINE_ROUTE_READY = "EngineRouteReady"
CONDITION_ENGINE_CONFIGURATION_READY = "EngineConfigurationReady"
CONDITION_DECODER_ROUTE_READY = "DecoderRouteReady"
CONDITION_DECODER_CONFIGURATION_READY = "DecoderConfigurationReady"
CONDITION_ROUTER_ROUTE_READY = "RouterRouteReady"
CONDITION_ROUTER_CONFIGURATION_READY = "RouterConfigurationReady"
CONDITION_PREDICTOR_ROUTE_READY = "PredictorRouteReady"
CONDITION_PREDICTOR_CONFIGURATION_READY = "PredictorConfigurationReady"
CONDITION_ROUTES_READY = "RoutesReady"
CONDITION_LATEST_DEPLOYMENT_READY = "LatestDeploymentReady"
SEVERITY_INFO = "Info"

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
REASON_GATEWAY_NOT_AVAILABLE = "GatewayAPINotAvailable"
REASON_VIRTUAL_SERVICE_NOT_AVAILABLE = "VirtualServiceNotAvailable"
REASON_INFERENCE_POOL_NOT_AVAILABLE = "InferencePoolNotAvailable"
REASON_PARENT_STATUS_NOT_AVAILABLE = "ParentStatusNotAvailable"
REASON_VIRTUAL_DEPLOYMENT = "VirtualDeployment"
REASON_NO_DEPLOYMENTS = "NoDeployments"
REASON_ROLLOUT = "RolloutInProgress"
REASON_PAUSED = "Paused"
REASON_STATUS_UPDATE_FAILED = "StatusUpdateFailed"
REASON_DOWNLOAD_FAILED = "ModelDownloadFailed"
REASON_CREDENTIALS_NOT_FOUND = "StorageCredentialsNotFound"
REASON_CONFIG_PARSE_FAILED = "ConfigParseFailed"
REASON_INVALID_STORAGE_URI = "InvalidStorageURI"
REASON_PVC_NOT_FOUND = "PVCNotFound"
REASON_PVC_NOT_BOUND = "PVCNotBound"
REASON_PVC_PENDING = "PVCPending"
REASON_METADATA_EXTRACTION_FAILED = "MetadataExtractionFailed"
REASON_BASE_MODEL_NOT_FOUND = "BaseModelNotFound"
REASON_FORCE_DELETED = "ForceDeleted"
REASON_WAITING_FOR_MODEL = "WaitingForModel"
REASON_WAITING_FOR_NODES = "WaitingForNodes"
REASON_SERVICE_NOT_FOUND = "InferenceServiceNotFound"
REASON_JOB_CREATED = "JobCreated"
REASON_WAITING_FOR_SERVICE = "WaitingForInferenceService"
REASON_JOB_COMPLETED = "JobCompleted"
REASON_JOB_FAILED = "JobFailed"
REASON_CONFIGURATION = "ConfigurationError"
REASON_SPEC_CHANGE_IGNORED = "SpecChangeIgnored"

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
FAILURE_BASE_MODEL_DEPRECATED = "BaseModelDeprecated"
FAILURE_WEIGHTS_NOT_FOUND = "FineTunedWeightsNotFound"
FAILURE_WEIGHTS_DISABLED = "FineTunedWeightsDisabled"
FAILURE_WEIGHTS_DEPRECATED = "FineTunedWeightsDeprecated"
FAILURE_WEIGHT_LOAD_FAILED = "FineTuneWeightLoadFailed"
FAILURE_INVALID_ROUTER_SPEC = "InvalidRouterSpec"

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
ENV_MODEL_API_KEY = "MODEL_API_KEY"
ENV_MODEL_PATH = "MODEL_PATH"
ENV_SERVED_MODEL_NAME = "SERVED_MODEL_NAME"
ENV_TFEW_PATH = "TFEW_PATH"
ENV_PARALLELISM_SIZE = "PARALLELISM_SIZE"
ENV_STORAGE_URI = "STORAGE_URI"
ENV_PROTOCOL_VERSION = "PROTOCOL_VERSION"
ENV_CONTAINER_METRICS_PORT = "CONTAINER_PROMETHEUS_METRICS_PORT"
ENV_CONTAINER_METRICS_PATH = "CONTAINER_PROMETHEUS_METRICS_PATH"
ENV_AGGREGATE_METRICS_PORT = "AGGREGATE_PROMETHEUS_METRICS_PORT"
ENV_AGENT_AUTH_TYPE = "OME_AGENT_AUTH_TYPE"
ENV_AGENT_COMPARTMENT_ID = "OME_AGENT_COMPARTMENT_ID"
ENV_AGENT_REGION = "OME_AGENT_REGION"
ENV_AGENT_VAULT_ID = "OME_AGENT_VAULT_ID"
ENV_AGENT_KEY_NAME = "OME_AGENT_KEY_NAME"
ENV_AGENT_SECRET_NAME = "OME_AGENT_SECRET_NAME"
ENV_AGENT_DISABLE_DECRYPTION = "OME_AGENT_DISABLE_MODEL_DECRYPTION"
ENV_AGENT_MODEL_TYPE = "OME_AGENT_MODEL_TYPE"
ENV_AGENT_MODEL_NAME = "OME_AGENT_MODEL_NAME"
ENV_AGENT_LOCAL_PATH = "OME_AGENT_LOCAL_PATH"
ENV_AGENT_MODEL_STORE_DIRECTORY = "OME_AGENT_MODEL_STORE_DIRECTORY"
ENV_AGENT_MODEL_FRAMEWORK = "OME_AGENT_MODEL_FRAMEWORK"
ENV_AGENT_TENSORRTLLM_VERSION = "OME_AGENT_TENSORRTLLM_VERSION"
ENV_AGENT_NUM_OF_GPU = "OME_AGENT_NUM_OF_GPU"
ENV_AGENT_UNZIPPED_WEIGHT_DIRECTORY = "OME_AGENT_UNZIPPED_FINE_TUNED_WEIGHT_DIRECTORY"
ENV_AGENT_ZIPPED_WEIGHT_DIRECTORY = "OME_AGENT_ZIPPED_FINE_TUNED_WEIGHT_DIRECTORY"
ENV_AGENT_BUCKET_NAME = "OME_AGENT_MODEL_BUCKET_NAME"
ENV_AGENT_BUCKET_NAMESPACE = "OME_AGENT_MODEL_NAMESPACE"
ENV_AGENT_OBJECT_NAME = "OME_AGENT_MODEL_OBJECT_NAME"
ENV_AGENT_WEIGHT_INFO_FILE = "OME_AGENT_FINE_TUNED_WEIGHT_INFO_FILE_PATH"
# Read by the manager itself.
ENV_POD_NAMESPACE = "POD_NAMESPACE"
ENV_PREDICTOR_MIGRATION = "ENABLE_PREDICTOR_MIGRATION"
ENV_COMMIT = "OME_COMMIT"
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
