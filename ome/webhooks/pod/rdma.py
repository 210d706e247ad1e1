"""Access to the RDMA network: variables, volumes and privileges of a named profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.webhooks.pod.edit import InjectionFailed, add_env, annotations_of, container
from ome.webhooks.reading import copied

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PROFILES", "inject_rdma"]


@dataclass(frozen=True, slots=True)
class Profile:
    """What a kind of network needs; the environment is in byte order of the names."""

    environment: Mapping[str, str]
    volumes: tuple[Mapping[str, Any], ...]
    mounts: tuple[Mapping[str, str], ...]
    capabilities: tuple[str, ...]


# The devices that carry RDMA on the shapes of this profile; 2 and 11 are for other traffic.
_DEVICES = (0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 17)

PROFILES = {
    names.RDMA_DEFAULT_PROFILE: Profile(
        environment={
            "GLOO_SOCKET_IFNAME": "eth0",
            "HCOLL_ENABLE_MCAST_ALL": "0",
            "IB_RX_QUEUE_LEN": "8192",
            "NCCL_CROSS_NIC": "2",
            "NCCL_CUMEM_ENABLE": "0",
            "NCCL_DEBUG": "INFO",
            "NCCL_IB_GID_INDEX": "3",
            "NCCL_IB_HCA": "=" + ",".join(f"mlx5_{number}" for number in _DEVICES),
            "NCCL_IB_QPS_PER_CONNECTION": "16",
            "NCCL_IB_SL": "0",
            "NCCL_IB_SPLIT_DATA_ON_QPS": "0",
            "NCCL_IB_TC": "41",
            "NCCL_IB_TIMEOUT": "22",
            "NCCL_IGNORE_CPU_AFFINITY": "1",
            "NCCL_NET_PLUGIN": "none",
            "NCCL_SOCKET_IFNAME": "eth0",
            "NCCL_SOCKET_NTHREADS": "16",
            "RX_QUEUE_LEN": "8192",
            "UCX_NET_DEVICES": "eth0",
            "UCX_TLS": "tcp",
            "coll_hcoll_enable": "0",
        },
        volumes=(
            {"name": "dshm", "emptyDir": {"medium": "Memory"}},
            {"name": "devinf", "hostPath": {"path": "/dev/infiniband"}},
        ),
        mounts=(
            {"name": "dshm", "mountPath": "/dev/shm"},
            {"name": "devinf", "mountPath": "/dev/infiniband"},
        ),
        capabilities=("IPC_LOCK", "CAP_SYS_ADMIN"),
    )
}


def inject_rdma(pod: dict[str, Any]) -> None:
    """Give the serving container what its profile says; what the user set is kept."""
    annotations = annotations_of(pod)
    if annotations.get(names.ANNOTATION_RDMA_AUTO_INJECT) != "true":
        return
    wanted = annotations.get(names.ANNOTATION_RDMA_PROFILE) or names.RDMA_DEFAULT_PROFILE
    profile = PROFILES.get(wanted)
    if profile is None:
        raise InjectionFailed(
            f"unknown RDMA profile: {wanted}; known in annotation {names.ANNOTATION_RDMA_PROFILE}:"
            f" {', '.join(sorted(PROFILES))}"
        )
    target = container(
        pod, annotations.get(names.ANNOTATION_RDMA_CONTAINER) or names.CONTAINER_MAIN
    )
    if target is None:
        return
    _add_named(pod["spec"], "volumes", profile.volumes)
    add_env(target, profile.environment.items())
    _add_named(target, "volumeMounts", profile.mounts)
    _privileges(target, profile.capabilities)


def _add_named(owner: dict[str, Any], field: str, items: tuple[Mapping[str, Any], ...]) -> None:
    present = owner.get(field) or []
    taken = {item.get("name") for item in present}
    owner[field] = [
        *present,
        *(copied(item) for item in items if item["name"] not in taken),
    ]


def _privileges(target: dict[str, Any], wanted: tuple[str, ...]) -> None:
    context = dict(target.get("securityContext") or {})
    capabilities = dict(context.get("capabilities") or {})
    held = list(capabilities.get("add") or ())
    capabilities["add"] = [*held, *(item for item in wanted if item not in held)]
    context["capabilities"] = capabilities
    if context.get("privileged") is None:
        context["privileged"] = True
    target["securityContext"] = context
