"""What simulated nodes look like."""

from __future__ import annotations

import ipaddress

from hack.control_plane.nodes import Shape, labels, next_number, node, pod_addresses, takes_pods


def test_a_gpu_node_offers_its_gpus() -> None:
    made = node("gpu-0", 0, Shape(gpus=4))
    assert made["metadata"]["annotations"] == {"kwok.x-k8s.io/node": "fake"}
    assert made["status"]["allocatable"]["nvidia.com/gpu"] == "4"
    assert made["status"]["capacity"] == made["status"]["allocatable"]
    assert made["metadata"]["labels"]["nvidia.com/gpu.count"] == "4"
    assert "taints" not in made["spec"]


def test_a_node_without_gpus_has_no_trace_of_them() -> None:
    made = node("cpu-0", 0, Shape(gpus=0))
    assert "nvidia.com" not in str(made)


def test_given_labels_replace_the_usual_ones() -> None:
    made = labels("gpu-0", Shape(labels={"nvidia.com/gpu.product": "NVIDIA-A10", "team": "a"}))
    assert made["nvidia.com/gpu.product"] == "NVIDIA-A10"
    assert made["team"] == "a"
    assert labels("gpu-0", Shape())["nvidia.com/gpu.product"] == "NVIDIA-H100-80GB-HBM3"


def test_numbers_go_on_after_the_highest_of_the_prefix() -> None:
    assert next_number("gpu", []) == 0
    assert next_number("gpu", ["gpu-0", "gpu-10", "gpu-x", "big-gpu-99", "gpu-7-1"]) == 11


def test_pod_addresses_of_nodes_do_not_overlap_and_stay_in_the_range() -> None:
    whole = ipaddress.ip_network("10.128.0.0/9")
    ranges = [pod_addresses(index) for index in (0, 1, 255, 256, 32767)]
    assert len(set(ranges)) == 5
    for text in ranges:
        assert text is not None
        assert ipaddress.ip_network(text).subnet_of(whole)  # type: ignore[arg-type]
    assert pod_addresses(32768) is None


def test_when_a_node_takes_pods() -> None:
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    tainted = {"taints": [{"key": "node.kubernetes.io/not-ready"}]}
    assert takes_pods({"spec": {}, "status": ready})
    assert takes_pods({"spec": {"taints": [{"key": "mine"}]}, "status": ready})
    assert not takes_pods({"spec": tainted, "status": ready})
    assert not takes_pods({"spec": {}, "status": {}})
