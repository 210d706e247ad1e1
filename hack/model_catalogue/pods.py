"""The pods of a runtime: engine, decoder and router."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .values import image, value

if TYPE_CHECKING:
    from .facts import Engine, Host, Shape

__all__ = ["Server", "component", "router"]

Json = dict[str, Any]
PORT = "8080"
RENDEZVOUS_PORT = "5000"
_RAY = "/vllm-workspace/examples/online_serving/multi-node-serving.sh"
_SERVICE = "ome.io/inferenceservice=$(INFERENCESERVICE_NAME)"


@dataclass(frozen=True, slots=True)
class Server:
    """An engine on a shape."""

    engine: Engine
    shape: Shape
    host: Host
    memory_fraction: float


def component(server: Server, role: str = "") -> Json:
    """An engine, or one half of a pair: ``role`` is ``prefill`` or ``decode``."""
    common: Json = {
        "labels": {"logging-forward": "enabled"},
        "annotations": {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": PORT,
            "prometheus.io/path": "/metrics",
        },
    }
    if role:
        common["annotations"] |= {
            "rdma.ome.io/auto-inject": "true",
            "rdma.ome.io/profile": value("defaults.rdmaProfile"),
            "rdma.ome.io/container-name": "ome-container",
        }
    pod = _pod(role)
    if server.shape.nodes == 1:
        return {**common, **pod, "runner": _runner(server, role)}
    followers = {"size": server.shape.nodes - 1, **pod, "runner": _follower(server, role)}
    return {**common, "leader": {**pod, "runner": _runner(server, role)}, "worker": followers}


def _pod(role: str) -> Json:
    pod: Json = {
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "volumes": [{"name": "dshm", "emptyDir": {"medium": "Memory"}}],
    }
    if role:
        pod |= {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}
    return pod


def _follower(server: Server, role: str) -> Json:
    """A worker: it answers no requests, so nothing asks for its health over HTTP."""
    runner = _runner(server, role)
    for name in ("ports", "readinessProbe", "livenessProbe", "startupProbe"):
        del runner[name]
    if server.engine.name == "vllm":
        runner["command"] = [
            "bash",
            "-c",
            f'bash {_RAY} worker --ray_address="$LWS_LEADER_ADDRESS"',
        ]
    return runner


def _runner(server: Server, role: str) -> Json:
    resources = {
        "cpu": server.host.cpu,
        "memory": server.host.memory,
        "nvidia.com/gpu": server.shape.gpus,
    }
    sglang = server.engine.name == "sglang"
    # A request through the whole model is the better sign, but half a pair cannot answer one.
    path = "/health_generate" if sglang and not role else "/health"
    return {
        "name": "ome-container",
        "image": image(server.engine.image),
        "command": _sglang(server, role) if sglang else _vllm(server),
        "env": [_from_pod("SERVED_MODEL_NAME", "metadata.labels['base-model-name']")],
        "ports": [{"containerPort": 8080, "name": "http1", "protocol": "TCP"}],
        "resources": {"requests": resources, "limits": dict(resources)},
        "volumeMounts": [{"name": "dshm", "mountPath": "/dev/shm"}],
        "readinessProbe": _probe(path, failureThreshold=3, periodSeconds=60, timeoutSeconds=200),
        "livenessProbe": _probe("/health", failureThreshold=5, periodSeconds=60, timeoutSeconds=60),
        "startupProbe": _probe(
            path, failureThreshold=150, periodSeconds=6, initialDelaySeconds=60, timeoutSeconds=30
        ),
    }


def _sglang(server: Server, role: str) -> list[str]:
    shape = server.shape
    words = [
        *("python3", "-m", "sglang.launch_server", "--host", "0.0.0.0", "--port", PORT),
        *("--enable-metrics", "--model-path", "$(MODEL_PATH)"),
        *("--served-model-name", "$(SERVED_MODEL_NAME)"),
        *("--mem-fraction-static", str(server.memory_fraction)),
    ]
    if shape.nodes == 1:
        words += ["--tp-size", str(shape.gpus)]
    else:
        words += [
            *("--tp-size", "$(PARALLELISM_SIZE)"),
            *("--dist-init-addr", f"$(LWS_LEADER_ADDRESS):{RENDEZVOUS_PORT}"),
            *("--nnodes", "$(LWS_GROUP_SIZE)", "--node-rank", "$(LWS_WORKER_INDEX)"),
        ]
    if role:
        device = value("defaults.ibDevice")
        words += ["--disaggregation-mode", role, "--disaggregation-ib-device", device]
    return [*words, *server.engine.arguments]


def _vllm(server: Server) -> list[str]:
    shape = server.shape
    words = ["python3", "-m", "vllm.entrypoints.openai.api_server", "--port", PORT]
    options = [
        *("--tensor-parallel-size", str(shape.gpus)),
        *("--gpu-memory-utilization", "0.9", *server.engine.arguments),
    ]
    if shape.nodes == 1:
        named = ["--model", "$(MODEL_PATH)", "--served-model-name", "$(SERVED_MODEL_NAME)"]
        return [*words, *named, *options]
    # One shell: the cluster of Ray must stand before the server starts on its first node.
    start = f'bash {_RAY} leader --ray_cluster_size="$LWS_GROUP_SIZE"'
    named = '--model "$MODEL_PATH" --served-model-name "$SERVED_MODEL_NAME"'
    line = f'{shlex.join(words)} {named} --pipeline-parallel-size "$LWS_GROUP_SIZE"'
    return ["bash", "-c", f"{start} && exec {line} {shlex.join(options)}"]


def router(server: Server, *, split: bool) -> Json:
    """What stands in front of the engines of a service, for services that want one."""
    words = ["python3", "-m", "sglang_router.launch_router", "--host", "0.0.0.0", "--port", PORT]
    if split:
        words.append("--pd-disaggregation")
    words += [
        *("--service-discovery", "--service-discovery-namespace", "$(NAMESPACE)"),
        *("--service-discovery-port", PORT, *_selectors(server, split=split)),
    ]
    limits = {"cpu": 1, "memory": "2Gi"}
    slow = {"failureThreshold": 5, "periodSeconds": 30, "timeoutSeconds": 10}
    return {
        "runner": {
            "name": "router",
            "image": image("router"),
            "command": words,
            "env": [
                _from_pod("NAMESPACE", "metadata.namespace"),
                _from_pod("INFERENCESERVICE_NAME", "metadata.labels['ome.io/inferenceservice']"),
            ],
            "ports": [{"containerPort": 8080, "name": "http", "protocol": "TCP"}],
            "resources": {"requests": limits, "limits": dict(limits)},
            "readinessProbe": _probe("/readiness", **slow),
            "livenessProbe": _probe("/liveness", **slow),
            "startupProbe": _probe(
                "/readiness", failureThreshold=10, periodSeconds=20, timeoutSeconds=10
            ),
        }
    }


def _selectors(server: Server, *, split: bool) -> list[str]:
    """Labels of the pods that take requests, one word each; of a group that is the leader."""
    leader = ["leaderworkerset.sigs.k8s.io/worker-index=0"] if server.shape.nodes > 1 else []

    def pods(name: str) -> list[str]:
        return [f"component={name}", *leader, _SERVICE]

    if not split:
        return ["--selector", *pods("engine")]
    return ["--prefill-selector", *pods("engine"), "--decode-selector", *pods("decoder")]


def _probe(path: str, **numbers: int) -> Json:
    return {"httpGet": {"path": path, "port": 8080}, "successThreshold": 1, **numbers}


def _from_pod(name: str, path: str) -> Json:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}
