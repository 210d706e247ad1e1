"""Defaults that depend on nothing, by type; and which zero values are no values."""

from __future__ import annotations

from typing import Any

__all__ = ["CONSTANT", "KEPT_WHEN_EMPTY", "PLAIN"]

_FILES = {"defaultMode": 0o644}
_STORED_CONDITION: dict[str, Any] = {"lastTransitionTime": None}
_CRD = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1"
_WEBHOOK: dict[str, Any] = {
    "failurePolicy": "Fail",
    "matchPolicy": "Equivalent",
    "namespaceSelector": {},
    "objectSelector": {},
    "timeoutSeconds": 10,
}
_RECORD = "admissionregistration.v1"

CONSTANT: dict[str, dict[str, Any]] = {
    "core.v1.ContainerPort": {"protocol": "TCP"},
    "core.v1.Container": {
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    },
    "core.v1.Probe": {
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    },
    "core.v1.HTTPGetAction": {"path": "/", "scheme": "HTTP"},
    "core.v1.GRPCAction": {"service": ""},
    "core.v1.ObjectFieldSelector": {"apiVersion": "v1"},
    "core.v1.ResourceFieldSelector": {"divisor": "0"},
    "core.v1.ConfigMapVolumeSource": _FILES,
    "core.v1.SecretVolumeSource": _FILES,
    "core.v1.DownwardAPIVolumeSource": _FILES,
    "core.v1.ProjectedVolumeSource": _FILES,
    "core.v1.ServiceAccountTokenProjection": {"expirationSeconds": 3600},
    "core.v1.HostPathVolumeSource": {"type": ""},
    "core.v1.PersistentVolumeClaimTemplate": {"metadata": {}},
    "core.v1.PodSpec": {
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "securityContext": {},
        "schedulerName": "default-scheduler",
    },
    "core.v1.PodTemplateSpec": {"metadata": {}, "spec": {}},
    "core.v1.Pod": {"spec": {}, "status": {}},
    "core.v1.PodStatus": {"phase": "Pending"},
    "core.v1.PodCondition": {"lastProbeTime": None, **_STORED_CONDITION},
    "core.v1.ContainerStatus": {
        "state": {},
        "lastState": {},
        "ready": False,
        "restartCount": 0,
        "image": "",
        "imageID": "",
    },
    "core.v1.ContainerStateRunning": {"startedAt": None},
    "core.v1.ContainerStateTerminated": {"exitCode": 0, "startedAt": None, "finishedAt": None},
    "core.v1.Namespace": {"spec": {}, "status": {}},
    "core.v1.NamespaceStatus": {"phase": "Active"},
    "core.v1.Node": {"spec": {}, "status": {}},
    "core.v1.NodeStatus": {"daemonEndpoints": {}, "nodeInfo": {}},
    "core.v1.NodeDaemonEndpoints": {"kubeletEndpoint": {"Port": 0}},
    "core.v1.NodeCondition": {"lastHeartbeatTime": None, **_STORED_CONDITION},
    "core.v1.NodeSystemInfo": dict.fromkeys(
        (
            "machineID",
            "systemUUID",
            "bootID",
            "kernelVersion",
            "osImage",
            "containerRuntimeVersion",
            "kubeletVersion",
            "kubeProxyVersion",
            "operatingSystem",
            "architecture",
        ),
        "",
    ),
    "core.v1.PersistentVolume": {"spec": {}, "status": {}},
    "core.v1.PersistentVolumeSpec": {
        "persistentVolumeReclaimPolicy": "Retain",
        "volumeMode": "Filesystem",
    },
    "core.v1.PersistentVolumeStatus": {"phase": "Pending"},
    "core.v1.PersistentVolumeClaim": {"spec": {}, "status": {}},
    "core.v1.PersistentVolumeClaimSpec": {"resources": {}, "volumeMode": "Filesystem"},
    "core.v1.PersistentVolumeClaimStatus": {"phase": "Pending"},
    "core.v1.Secret": {"type": "Opaque"},
    "core.v1.EndpointPort": {"protocol": "TCP"},
    "core.v1.Service": {"spec": {}, "status": {}},
    "core.v1.ServiceSpec": {"type": "ClusterIP", "sessionAffinity": "None"},
    "core.v1.ServicePort": {"protocol": "TCP"},
    "core.v1.ServiceStatus": {"loadBalancer": {}},
    "core.v1.Event": {
        "involvedObject": {},
        "source": {},
        "firstTimestamp": None,
        "lastTimestamp": None,
        "eventTime": None,
        "reportingComponent": "",
        "reportingInstance": "",
    },
    "core.v1.EventSeries": {"lastObservedTime": None},
    "apps.v1.Deployment": {"spec": {}, "status": {}},
    "apps.v1.DeploymentSpec": {
        "replicas": 1,
        "template": {},
        "strategy": {},
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
    },
    "apps.v1.DeploymentStrategy": {"type": "RollingUpdate"},
    "apps.v1.RollingUpdateDeployment": {"maxUnavailable": "25%", "maxSurge": "25%"},
    "apps.v1.DeploymentCondition": {"lastUpdateTime": None, **_STORED_CONDITION},
    "apps.v1.ReplicaSet": {"spec": {}, "status": {}},
    "apps.v1.ReplicaSetSpec": {"replicas": 1, "template": {}},
    "apps.v1.ReplicaSetStatus": {"replicas": 0},
    "apps.v1.ReplicaSetCondition": _STORED_CONDITION,
    "apps.v1.StatefulSet": {"spec": {}, "status": {}},
    "apps.v1.StatefulSetSpec": {
        "replicas": 1,
        "template": {},
        "podManagementPolicy": "OrderedReady",
        "updateStrategy": {},
        "revisionHistoryLimit": 10,
        "persistentVolumeClaimRetentionPolicy": {},
    },
    "apps.v1.StatefulSetUpdateStrategy": {"type": "RollingUpdate"},
    "apps.v1.RollingUpdateStatefulSetStrategy": {"partition": 0},
    "apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy": {
        "whenDeleted": "Retain",
        "whenScaled": "Retain",
    },
    "apps.v1.StatefulSetStatus": {"replicas": 0, "availableReplicas": 0},
    "apps.v1.StatefulSetCondition": _STORED_CONDITION,
    "batch.v1.Job": {"spec": {}, "status": {}},
    "batch.v1.JobSpec": {"template": {}, "completionMode": "NonIndexed", "suspend": False},
    "batch.v1.JobCondition": {"lastProbeTime": None, **_STORED_CONDITION},
    "autoscaling.v2.HorizontalPodAutoscaler": {"spec": {}, "status": {}},
    "autoscaling.v2.HorizontalPodAutoscalerSpec": {"minReplicas": 1},
    "autoscaling.v2.HorizontalPodAutoscalerStatus": {"desiredReplicas": 0, "currentMetrics": None},
    "autoscaling.v2.HorizontalPodAutoscalerCondition": _STORED_CONDITION,
    "policy.v1.PodDisruptionBudget": {"spec": {}, "status": {}},
    "policy.v1.PodDisruptionBudgetStatus": {
        "disruptionsAllowed": 0,
        "currentHealthy": 0,
        "desiredHealthy": 0,
        "expectedPods": 0,
    },
    "networking.v1.Ingress": {"spec": {}, "status": {}},
    "networking.v1.IngressStatus": {"loadBalancer": {}},
    "coordination.v1.Lease": {"spec": {}},
    "discovery.v1.EndpointSlice": {"endpoints": None, "ports": None},
    "discovery.v1.Endpoint": {"conditions": {}},
    "discovery.v1.EndpointPort": {"name": "", "protocol": "TCP"},
    "events.v1.Event": {
        "eventTime": None,
        "regarding": {},
        "deprecatedSource": {},
        "deprecatedFirstTimestamp": None,
        "deprecatedLastTimestamp": None,
    },
    "rbac.v1.Role": {"rules": None},
    "rbac.v1.ClusterRole": {"rules": None},
    "rbac.v1.RoleRef": {"apiGroup": "rbac.authorization.k8s.io"},
    f"{_RECORD}.ValidatingWebhook": _WEBHOOK,
    f"{_RECORD}.MutatingWebhook": {**_WEBHOOK, "reinvocationPolicy": "Never"},
    f"{_RECORD}.RuleWithOperations": {"scope": "*"},
    f"{_RECORD}.ServiceReference": {"port": 443},
    f"{_CRD}.CustomResourceDefinition": {"spec": {}, "status": {}},
    f"{_CRD}.CustomResourceDefinitionSpec": {"names": {}, "conversion": {"strategy": "None"}},
    f"{_CRD}.CustomResourceDefinitionStatus": {
        "conditions": None,
        "acceptedNames": {"plural": "", "kind": ""},
        "storedVersions": None,
    },
    f"{_CRD}.CustomResourceDefinitionCondition": _STORED_CONDITION,
    f"{_CRD}.ServiceReference": {"port": 443},
}

PLAIN = frozenset(
    (
        "hostNetwork hostPID hostIPC stdin stdinOnce tty readOnly unschedulable paused"
        " publishNotReadyAddresses minReadySeconds hostPort nodePort initialDelaySeconds"
        " timeoutSeconds periodSeconds successThreshold failureThreshold count observedGeneration"
        " readyReplicas updatedReplicas unavailableReplicas fullyLabeledReplicas currentReplicas"
        " active succeeded failed apps.v1.DeploymentStatus.replicas"
        " apps.v1.DeploymentStatus.availableReplicas apps.v1.ReplicaSetStatus.availableReplicas"
    ).split()
)
"""Numbers and flags without a pointer behind them: zero and false are the same as absent."""

KEPT_WHEN_EMPTY = frozenset(
    ("storageClassName", "holderIdentity", "preferredHolder", "strategy", "policies")
)
"""Fields of which the empty value means something of its own: pointers, and lists with defaults."""
