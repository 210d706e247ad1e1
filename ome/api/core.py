"""Types of Kubernetes itself inside our kinds: plain JSON values, marked with their definition."""

from __future__ import annotations

from typing import Annotated, Any

from ome.api.schema import CoreType, Schema

_CORE = "io.k8s.api.core.v1."

Json = dict[str, Any]
Container = Annotated[Json, CoreType(_CORE + "Container")]
ContainerPort = Annotated[Json, CoreType(_CORE + "ContainerPort")]
ContainerResizePolicy = Annotated[Json, CoreType(_CORE + "ContainerResizePolicy")]
Volume = Annotated[Json, CoreType(_CORE + "Volume")]
VolumeMount = Annotated[Json, CoreType(_CORE + "VolumeMount")]
EnvVar = Annotated[Json, CoreType(_CORE + "EnvVar")]
VolumeDevice = Annotated[Json, CoreType(_CORE + "VolumeDevice")]
Probe = Annotated[Json, CoreType(_CORE + "Probe")]
Lifecycle = Annotated[Json, CoreType(_CORE + "Lifecycle")]
SecurityContext = Annotated[Json, CoreType(_CORE + "SecurityContext")]
EnvFrom = Annotated[Json, CoreType(_CORE + "EnvFromSource")]
ResourceRequirements = Annotated[Json, CoreType(_CORE + "ResourceRequirements")]
Affinity = Annotated[Json, CoreType(_CORE + "Affinity")]
NodeAffinity = Annotated[Json, CoreType(_CORE + "NodeAffinity")]
Toleration = Annotated[Json, CoreType(_CORE + "Toleration")]
LocalObjectReference = Annotated[Json, CoreType(_CORE + "LocalObjectReference")]
EphemeralContainer = Annotated[Json, CoreType(_CORE + "EphemeralContainer")]
PodSecurityContext = Annotated[Json, CoreType(_CORE + "PodSecurityContext")]
PodDNSConfig = Annotated[Json, CoreType(_CORE + "PodDNSConfig")]
PodOS = Annotated[Json, CoreType(_CORE + "PodOS")]
PodReadinessGate = Annotated[Json, CoreType(_CORE + "PodReadinessGate")]
PodSchedulingGate = Annotated[Json, CoreType(_CORE + "PodSchedulingGate")]
PodResourceClaim = Annotated[Json, CoreType(_CORE + "PodResourceClaim")]
HostAlias = Annotated[Json, CoreType(_CORE + "HostAlias")]
TopologySpreadConstraint = Annotated[Json, CoreType(_CORE + "TopologySpreadConstraint")]
ResourceList = Annotated[dict[str, int | float | str], CoreType(_CORE + "ResourceList")]
DeploymentStrategy = Annotated[Json, CoreType("io.k8s.api.apps.v1.DeploymentStrategy")]
IntOrString = Annotated[int | str, CoreType("io.k8s.apimachinery.pkg.util.intstr.IntOrString")]
MetaCondition = Annotated[Json, CoreType("io.k8s.apimachinery.pkg.apis.meta.v1.Condition")]


class ContainerFields(Schema):
    """The fields of a Container, inlined in the model of a predictor; all optional."""

    name: str | None = None
    image: str | None = None
    image_pull_policy: str | None = None
    command: list[str] | None = None
    args: list[str] | None = None
    working_dir: str | None = None
    ports: list[ContainerPort] | None = None
    env: list[EnvVar] | None = None
    env_from: list[EnvFrom] | None = None
    resources: ResourceRequirements | None = None
    resize_policy: list[ContainerResizePolicy] | None = None
    restart_policy: str | None = None
    volume_mounts: list[VolumeMount] | None = None
    volume_devices: list[VolumeDevice] | None = None
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    startup_probe: Probe | None = None
    lifecycle: Lifecycle | None = None
    security_context: SecurityContext | None = None
    stdin: bool | None = None
    stdin_once: bool | None = None
    termination_message_path: str | None = None
    termination_message_policy: str | None = None
    tty: bool | None = None


class PodFields(Schema):
    """The fields of a PodSpec, inlined in components, leaders and workers; all optional."""

    volumes: list[Volume] | None = None
    init_containers: list[Container] | None = None
    containers: list[Container] | None = None
    ephemeral_containers: list[EphemeralContainer] | None = None
    restart_policy: str | None = None
    dns_policy: str | None = None
    node_name: str | None = None
    hostname: str | None = None
    subdomain: str | None = None
    scheduler_name: str | None = None
    priority_class_name: str | None = None
    service_account_name: str | None = None
    service_account: str | None = None
    termination_grace_period_seconds: int | None = None
    active_deadline_seconds: int | None = None
    priority: int | None = None
    node_selector: dict[str, str] | None = None
    automount_service_account_token: bool | None = None
    share_process_namespace: bool | None = None
    enable_service_links: bool | None = None
    set_hostname_as_fqdn: bool | None = None
    host_users: bool | None = None
    host_network: bool | None = None
    host_pid: bool | None = None
    host_ipc: bool | None = None
    security_context: PodSecurityContext | None = None
    image_pull_secrets: list[LocalObjectReference] | None = None
    affinity: Affinity | None = None
    dns_config: PodDNSConfig | None = None
    os: PodOS | None = None
    overhead: ResourceList | None = None
    tolerations: list[Toleration] | None = None
    readiness_gates: list[PodReadinessGate] | None = None
    host_aliases: list[HostAlias] | None = None
    topology_spread_constraints: list[TopologySpreadConstraint] | None = None
    runtime_class_name: str | None = None
    preemption_policy: str | None = None
    scheduling_gates: list[PodSchedulingGate] | None = None
    resource_claims: list[PodResourceClaim] | None = None
