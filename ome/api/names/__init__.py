"""Every name that OME shares with users, agents and other programs, in one place.

Labels, annotations, finalizers, condition types, reasons, container and volume names, paths and
ports: a compatibility contract, so nothing here may change its value.
"""

from __future__ import annotations

from ome.api.names.annotations import *  # noqa: F403 - one place for all of them
from ome.api.names.conditions import *  # noqa: F403
from ome.api.names.environment import *  # noqa: F403
from ome.api.names.labels import *  # noqa: F403
from ome.api.names.parts import *  # noqa: F403

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
