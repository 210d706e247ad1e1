"""What the simulated cluster is like."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Options"]


@dataclass(frozen=True, slots=True)
class Options:
    """Nodes and how long things take. Seconds are those of the clock that the cluster is given."""

    nodes: int = 8
    """How many nodes are made at the start, ``gpu-0`` and on."""
    gpus: int = 8
    """GPUs of each node; 0 makes nodes without any."""
    product: str = "NVIDIA-H100-80GB-HBM3"
    """The label ``nvidia.com/gpu.product`` as feature discovery writes it."""
    family: str = "hopper"
    """The label ``nvidia.com/gpu.family``."""
    gpu_memory_mib: int = 81559
    """The label ``nvidia.com/gpu.memory``."""
    instance_type: str = "BM.GPU.H100.8"
    """The label ``node.kubernetes.io/instance-type``."""
    cpu: str = "192"
    memory: str = "2Ti"
    pods_per_node: int = 250
    labels: Mapping[str, str] = field(default_factory=dict)
    """More labels of each node; they come last and may replace the others."""
    pod_start_seconds: float = 0.5
    """From a pod's binding to its containers running and ready."""
    pod_stop_seconds: float = 0.1
    """From a pod's deletion to its end; never longer than its grace period."""
    job_seconds: float = 1.0
    """How long the containers of a Job's pod run before they exit with 0."""
    crash_seconds: float = 10.0
    """Between two crashes of a pod that is told to crash."""
    node_lost_seconds: float = 40.0
    """How long pods of a node that does not exist any more are kept."""
    authority: str = ""
    """PEM of the API server's CA, for the ConfigMap ``kube-root-ca.crt`` of each namespace."""
