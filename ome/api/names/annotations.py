"""Annotations. A text below one is its line in docs/reference; one without is none for users."""

from __future__ import annotations

# Annotations on an InferenceService.
ANNOTATION_DEPLOYMENT_MODE = "ome.io/deploymentMode"
"""How components run: RawDeployment, MultiNode, MultiNodeRayVLLM, Serverless."""
ANNOTATION_DEPRECATION_WARNING = "ome.io/deprecation-warning"
"""Written: the service was given with the old field predictor."""
ANNOTATION_TRACEPARENT = "ome.io/traceparent"
"""Trace context of the request that changed the spec last; OME writes it."""
ANNOTATION_AUTOSCALER_CLASS = "ome.io/autoscalerClass"
"""Who scales: hpa (default), keda, external."""
ANNOTATION_METRICS = "ome.io/metrics"
"""Metric of the autoscaler where scaleMetric says none: cpu or memory."""
ANNOTATION_TARGET_UTILIZATION = "ome.io/targetUtilizationPercentage"
"""Target of the autoscaler in percent, 1 to 100."""
ANNOTATION_KEDA_THRESHOLD = "autoscaling.keda.sh/threshold"
"""Over kedaConfig.scalingThreshold."""
ANNOTATION_KEDA_OPERATOR = "autoscaling.keda.sh/operator"
"""Over kedaConfig.scalingOperator."""
ANNOTATION_KEDA_SERVER_ADDRESS = "autoscaling.keda.sh/prometheus.serverAddress"
"""Over kedaConfig.promServerAddress."""
ANNOTATION_KEDA_QUERY = "autoscaling.keda.sh/prometheus.query"
"""Over kedaConfig.customPromQuery."""
# Ours, beside those above: what a ScaledObject can have and ``kedaConfig`` has no field for.
ANNOTATION_KEDA_METRIC = "autoscaling.keda.sh/prometheus.metric"
"""A query made from the name of a gauge of vLLM or SGLang."""
ANNOTATION_KEDA_TRIGGERS = "autoscaling.keda.sh/triggers"
"""Further triggers of a ScaledObject, of any type, as a JSON list."""
ANNOTATION_KEDA_ACTIVATION = "autoscaling.keda.sh/activation-threshold"
"""Value above which a component without pods wakes up."""
ANNOTATION_KEDA_IDLE_REPLICAS = "autoscaling.keda.sh/idle-replicas"
"""Replicas while nothing is to do; only 0."""
ANNOTATION_KEDA_POLLING = "autoscaling.keda.sh/polling-interval"
"""Seconds between two queries."""
ANNOTATION_KEDA_COOLDOWN = "autoscaling.keda.sh/cooldown-period"
"""Seconds without work before the idle replicas."""
ANNOTATION_KEDA_INITIAL_COOLDOWN = "autoscaling.keda.sh/initial-cooldown-period"
"""Seconds after the creation of a ScaledObject before it may scale to zero."""
ANNOTATION_KEDA_FALLBACK_REPLICAS = "autoscaling.keda.sh/fallback-replicas"
"""Replicas while Prometheus does not answer."""
ANNOTATION_KEDA_FALLBACK_FAILURES = "autoscaling.keda.sh/fallback-failure-threshold"
"""Failed queries before the fallback; 3 when absent."""
ANNOTATION_KEDA_FALLBACK_BEHAVIOR = "autoscaling.keda.sh/fallback-behavior"
"""How the replicas of the fallback count beside the present ones."""
ANNOTATION_KEDA_ADVANCED = "autoscaling.keda.sh/advanced"
"""The field advanced of a ScaledObject, as JSON."""
ANNOTATION_SERVICE_TYPE = "ome.io/service-type"
"""Type of the service's Service: ClusterIP, NodePort, LoadBalancer."""
ANNOTATION_LOAD_BALANCER_IP = "ome.io/load-balancer-ip"
"""Address that a load balancer is asked for."""
ANNOTATION_ACCELERATOR_CLASS = "ome.io/accelerator-class"
"""AcceleratorClass that the service needs."""
ANNOTATION_ENABLE_TAG_ROUTING = "ome.io/enable-tag-routing"
"""true gives each Knative revision with traffic an address of its own."""
ANNOTATION_ENTRYPOINT_COMPONENT = "ome.io/entrypoint-component"  # documented, read by nothing
ANNOTATION_INGRESS_DOMAIN_TEMPLATE = "ome.io/ingress-domain-template"
"""Over ingress.domainTemplate: how the host is made."""
ANNOTATION_INGRESS_DOMAIN = "ome.io/ingress-domain"
"""Over ingress.ingressDomain."""
ANNOTATION_INGRESS_ADDITIONAL_DOMAINS = "ome.io/ingress-additional-domains"
"""Over ingress.additionalIngressDomains; separated by commas."""
ANNOTATION_INGRESS_URL_SCHEME = "ome.io/ingress-url-scheme"
"""Over ingress.urlScheme: http or https."""
ANNOTATION_INGRESS_PATH_TEMPLATE = "ome.io/ingress-path-template"
"""Over ingress.pathTemplate."""
ANNOTATION_INGRESS_DISABLE_ISTIO = "ome.io/ingress-disable-istio-virtualhost"
"""true makes no VirtualService."""
ANNOTATION_INGRESS_DISABLE_CREATION = "ome.io/ingress-disable-creation"
"""true leaves it at a Service; false makes what leads there from outside."""
ANNOTATION_INGRESS_CLASS = "ome.io/ingress-class"
"""Over ingress.ingressClassName."""
ANNOTATION_INGRESS_TLS_SECRET = "ome.io/ingress-tls-secret"
"""Secret with the certificate of the Ingress."""
ANNOTATION_CERT_ISSUER = "cert-manager.io/issuer"
"""Issuer of cert-manager that makes the Ingress's certificate."""
ANNOTATION_CERT_CLUSTER_ISSUER = "cert-manager.io/cluster-issuer"
"""ClusterIssuer of cert-manager that makes the Ingress's certificate."""
ANNOTATION_INFERENCE_POOL = "ome.io/inference-pool"
"""Service (and :port, else 9002) of the endpoint picker; the engine gets an InferencePool."""
ANNOTATION_ROLLOUT_DURATION = "serving.knative.dev/rollout-duration"
"""Passed to the Knative Service: how long a new revision takes over the traffic."""
ANNOTATION_ENABLE_PASSTHROUGH = "serving.knative.openshift.io/enablePassthrough"
"""Passed to the Knative Service."""
ANNOTATION_UPGRADE_TEMPLATE = "ome.io/upgrade-template"
"""true takes the newest rendering of the workloads, which replaces pods."""
ANNOTATION_PIN_RUNTIME = "ome.io/pin-runtime"
"""true keeps the runtime as it was chosen, whatever is edited in it."""
ANNOTATION_PAUSED = "ome.io/paused"
"""true leaves everything of the service as it is."""

# Annotations on objects that we make.
ANNOTATION_RENDERING = "ome.io/rendering"
"""Written on workloads: the version of the rendering that they were made with."""
ANNOTATION_APPLIED_HASH = "ome.io/applied-hash"
"""Written on what OME makes: hash of what it applied."""
ANNOTATION_SERVICE_GENERATION = "ome.io/service-generation"
"""Written on workloads: the generation of the service that they were made from."""
ANNOTATION_UNAVAILABLE_SINCE = "raycluster/unavailable-since"
"""Written on Ray clusters: since when the prober is unavailable."""
ANNOTATION_PLANNED_HASH = "ome.io/planned-hash"
"""Written on workloads taken over from another operator: hash of what OME would have made."""
ANNOTATION_ASKED_REPLICAS = "ome.io/asked-replicas"
"""Written on workloads: the number of replicas that was asked for last."""
ANNOTATION_PASSED_ON = "ome.io/passed-on"
"""Written on workloads: which labels and annotations of their pods are those of the service."""
ANNOTATION_DEPLOYMENT_REVISION = "deployment.kubernetes.io/revision"

# Written on Knative revisions, never copied from the service.
ANNOTATION_MIN_SCALE = "autoscaling.knative.dev/min-scale"
"""Written on Knative revisions: fewest pods. Never copied from a service."""
ANNOTATION_MAX_SCALE = "autoscaling.knative.dev/max-scale"
"""Written on Knative revisions: most pods. Never copied from a service."""
ANNOTATION_STORAGE_SOURCE_URI = "internal.ome.io/storage-initializer-sourceuri"
ANNOTATION_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

# Annotations on pods.
ANNOTATION_INJECT_MODEL_INIT = "ome.io/inject-model-init"
"""true has a container prepare the model before the main one starts."""
ANNOTATION_INJECT_ADAPTER = "ome.io/inject-fine-tuned-adapter"
"""Written: the fine-tuned weight that a container fetches before the main one starts."""
ANNOTATION_WEIGHTS_ON_NODE = "ome.io/fine-tuned-weights-on-node"
"""Written: the fine-tuned weights that the pod finds on its node."""
ANNOTATION_INJECT_SIDECAR = "ome.io/inject-serving-sidecar"
"""true puts the serving agent beside the main container."""
ANNOTATION_FT_STRATEGY = "ome.io/fine-tuned-weight-ft-strategy"
"""Written: how the weight was tuned, such as lora or tfew."""
ANNOTATION_MERGED_WEIGHTS = "ome.io/fine-tuned-serving-with-merged-weights"
"""Written: the weight holds the base model too."""
ANNOTATION_BASE_MODEL_NAME = "ome.io/base-model-name"
"""Written: the model that is served."""
ANNOTATION_BASE_MODEL_VENDOR = "ome.io/base-model-vendor"
"""Written: its vendor."""
ANNOTATION_BASE_MODEL_FORMAT = "ome.io/base-model-format"
"""Written: its format."""
ANNOTATION_BASE_MODEL_FORMAT_VERSION = "ome.io/base-model-format-version"
"""Written: the version of its format."""
ANNOTATION_SERVING_RUNTIME = "ome.io/serving-runtime"
"""Written: the runtime that serves it."""
ANNOTATION_DECRYPTION_KEY = "ome.io/base-model-decryption-key-name"
"""On a model: name of the key that decrypts it; copied to pods."""
ANNOTATION_DECRYPTION_SECRET = "ome.io/base-model-decryption-secret-name"
"""On a model: name of the secret that decrypts it; copied to pods."""
ANNOTATION_DISABLE_DECRYPTION = "ome.io/disable-model-decryption"
"""true leaves the model's files as they are."""
ANNOTATION_METRIC_AGGREGATION = "ome.io/enable-metric-aggregation"
"""true joins the metrics of a Knative pod's containers at one port."""
ANNOTATION_PROMETHEUS_SCRAPING = "ome.io/enable-prometheus-scraping"
"""true writes the annotations that let Prometheus find a Knative pod."""
ANNOTATION_METRICS_PORT = "prometheus.ome.io/port"
"""Port at which the main container has its metrics; 8080 when absent."""
ANNOTATION_METRICS_PATH = "prometheus.ome.io/path"
"""Path at which the main container has its metrics; /metrics when absent."""
ANNOTATION_PROMETHEUS_PORT = "prometheus.io/port"
"""Port that Prometheus scrapes."""
ANNOTATION_PROMETHEUS_PATH = "prometheus.io/path"
"""Path that Prometheus scrapes."""
ANNOTATION_PROMETHEUS_SCRAPE = "prometheus.io/scrape"
"""true lets Prometheus scrape the pod."""
ANNOTATION_RDMA_AUTO_INJECT = "rdma.ome.io/auto-inject"
"""true gives the container what RDMA needs."""
ANNOTATION_RDMA_PROFILE = "rdma.ome.io/profile"
"""What that is; oci-roce when absent."""
ANNOTATION_RDMA_CONTAINER = "rdma.ome.io/container-name"
"""Which container; ome-container when absent."""
RDMA_DEFAULT_PROFILE = "oci-roce"
ANNOTATION_VOLCANO_QUEUE = "ome.io/volcano-queue"
"""Queue of Volcano."""
ANNOTATION_DEDICATED_CLUSTER = "ome.io/dedicated-ai-cluster"
"""Queue of Volcano or, with kueue-enabled, of Kueue."""
ANNOTATION_KUEUE_ENABLED = "kueue-enabled"
"""Whatever its value: queues are those of Kueue."""
ANNOTATION_VOLCANO = "volcano"
"""Whatever its value: Ray pods are scheduled by Volcano."""

# Annotations on models.
ANNOTATION_MODEL_CATEGORY = "models.ome.io/category"
"""On a model: label base-model-size of its pods; SMALL when absent."""
ANNOTATION_SKIP_CONFIG_PARSING = (
    "ome.io/skip-config-parsing",
    "ome.oracle.com/skip-config-parsing",
)
"""On a model, true: nothing is read from its files."""
ANNOTATION_AUTO_FILLED_FIELDS = "ome.io/auto-filled-fields"
"""Written on a model: the fields of its spec that were read from its files."""
ANNOTATION_FORCE_DELETE = "ome.io/force-delete"
"""On a model that is being deleted, true: waits for no node."""
ANNOTATION_REDOWNLOAD = "ome.io/redownload"
"""On a model: another value fetches its files anew."""
ANNOTATION_TARGET_SHAPES = "models.ome.io/target-instance-shapes"  # known, read by nothing
ANNOTATION_MAX_CONCURRENT_NODES = "ome.io/max-concurrent-nodes"
"""On a model: how many nodes fetch it at a time."""

# Annotations on status ConfigMaps.
ANNOTATION_NODE_NAME = "models.ome.io/node-name"
"""Written on a node's report: the node."""
ANNOTATION_MANAGED_BY = "models.ome.io/managed-by"
"""Written on a node's report: who keeps it."""
MANAGED_BY_MODEL_AGENT = "model-agent"
# On Nodes: the URL at which the node's agent gives files to others.
ANNOTATION_AGENT_ADDRESS = "models.ome.io/agent-address"
"""Written on Nodes: the URL at which the node's agent gives files to others."""

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
        ANNOTATION_PASSED_ON,
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
    ANNOTATION_WEIGHTS_ON_NODE,
    ANNOTATION_INJECT_SIDECAR,
)
# Labels and annotations that say what a pod is; matched as prefixes. A service that changes one of
# them in its metadata asks for other pods; all others only describe it, see ``passed_on``.
POD_SHAPING_PREFIXES = (
    *POD_ONLY_ANNOTATION_PREFIXES,
    "prometheus.ome.io/",
    ANNOTATION_DISABLE_DECRYPTION,
    ANNOTATION_METRIC_AGGREGATION,
    ANNOTATION_PROMETHEUS_SCRAPING,
    # Queues and gangs.
    ANNOTATION_VOLCANO_QUEUE,
    ANNOTATION_DEDICATED_CLUSTER,
    ANNOTATION_KUEUE_ENABLED,
    ANNOTATION_VOLCANO,
    "kueue.x-k8s.io/",
    "ray.io/",
    "scheduling.k8s.io/",
    "scheduling.volcano.sh/",
    "scheduling.x-k8s.io/",
    # Networks, meshes and what else puts something into pods.
    "k8s.v1.cni.cncf.io/",
    "sidecar.istio.io/",
    "traffic.sidecar.istio.io/",
    "proxy.istio.io/",
    "istio.io/rev",
    "linkerd.io/",
    "config.linkerd.io/",
    "vault.hashicorp.com/",
    "container.apparmor.security.beta.kubernetes.io/",
    # What Knative's autoscaler and its proxy read from a revision.
    "autoscaling.knative.dev/",
    "queue.sidecar.serving.knative.dev/",
)
# Read by OME and by whoever scales a component or leads to it, by nothing in its pods; prefixes. A
# component that changes one of them asks for other objects beside its pods.
BESIDE_POD_PREFIXES = (
    "autoscaling.keda.sh/",
    ANNOTATION_AUTOSCALER_CLASS,
    ANNOTATION_METRICS,
    ANNOTATION_TARGET_UTILIZATION,
    ANNOTATION_SERVICE_TYPE,
    ANNOTATION_LOAD_BALANCER_IP,
    "ome.io/ingress-",
    "service.beta.kubernetes.io/",
    "service.kubernetes.io/",
)
