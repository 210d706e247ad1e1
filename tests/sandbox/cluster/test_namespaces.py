"""Namespaces: what is in each from the start, and their end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.sandbox.cluster import Options
from tests.sandbox.cluster.test_deployments import deployment, rolled_out
from tests.sandbox.cluster.world import NAMESPACE, play

if TYPE_CHECKING:
    from tests.sandbox.cluster.world import World


def test_each_namespace_has_an_account_and_the_certificate() -> None:
    async def body(world: World) -> None:
        for namespace in (NAMESPACE, "default", "kube-system"):
            assert world.there("ServiceAccount", "default", namespace)
            bundle = world.there("ConfigMap", "kube-root-ca.crt", namespace)
            assert bundle["data"] == {"ca.crt": "PEM"}
        await world.delete("ServiceAccount", "default")
        await world.until(lambda: world.get("ServiceAccount", "default"))

    play(body, Options(nodes=1, authority="PEM"))


def test_a_deleted_namespace_is_emptied_and_goes() -> None:
    async def body(world: World) -> None:
        await world.create(deployment())
        await world.create({"kind": "Secret", "metadata": {"name": "s"}})
        await world.until(lambda: rolled_out(world))
        await world.delete("Namespace", NAMESPACE)
        assert world.there("Namespace", NAMESPACE)["status"]["phase"] == "Terminating"
        await world.until(lambda: world.get("Namespace", NAMESPACE) is None)
        for kind in ("Pod", "Deployment", "ReplicaSet", "Secret", "ConfigMap", "Event"):
            assert world.all(kind) == []

    play(body)


def test_what_holds_a_namespace_is_said() -> None:
    async def body(world: World) -> None:
        held = {"name": "held", "finalizers": ["example.com/hold"]}
        await world.create({"kind": "ConfigMap", "metadata": held})
        await world.delete("Namespace", NAMESPACE)
        await world.settle(2)
        conditions = {
            entry["type"]: entry
            for entry in world.there("Namespace", NAMESPACE)["status"]["conditions"]
        }
        remaining = conditions["NamespaceContentRemaining"]
        assert remaining["status"] == "True"
        assert remaining["message"] == (
            "Some resources are remaining: configmaps has 1 resource instances"
        )
        assert conditions["NamespaceFinalizersRemaining"]["message"] == (
            "Some content in the namespace has finalizers remaining:"
            " example.com/hold in 1 resource instances"
        )
        await world.patch("ConfigMap", "held", {"metadata": {"finalizers": None}}, strategic=False)
        await world.until(lambda: world.get("Namespace", NAMESPACE) is None)

    play(body)
