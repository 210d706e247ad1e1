"""What is asked of the cluster, and that what may not be read is told and costs only itself."""

from __future__ import annotations

from typing import Any

import pytest

from ome.cli.why.facts import gather, gather_model, locate
from ome.errors import ApiError, Forbidden, NotFound, Unauthorized, UserError

SERVICE = {
    "metadata": {"name": "chat", "namespace": "demo"},
    "spec": {"model": {"name": "llama", "kind": "ClusterBaseModel"}},
}
MANAGER = {
    "metadata": {"name": "ome-controller-manager-x", "namespace": "ome"},
    "spec": {
        "containers": [
            {
                "args": ["--metrics-secure"],
                "ports": [{"name": "metrics", "containerPort": 8080}],
            }
        ]
    },
}
OBJECTS: dict[tuple[str, str, str], dict[str, Any]] = {
    ("InferenceService", "demo", "chat"): SERVICE,
    ("ClusterBaseModel", "", "llama"): {"metadata": {"name": "llama"}},
    ("Lease", "ome", "ome-controller-manager-leader-lock"): {
        "spec": {"holderIdentity": "ome-controller-manager-x_1-2"}
    },
    ("Pod", "ome", "ome-controller-manager-x"): MANAGER,
}


class Server:
    """The part of a client that is used; ``refused`` are kinds whose lists fail, and how."""

    def __init__(self, refused: dict[str, ApiError] | None = None, **objects: Any) -> None:
        self.refused = refused or {}
        self.objects = OBJECTS | objects.get("changed", {})
        self.asked: list[tuple[str, dict[str, str]]] = []

    async def get(self, resource: Any, key: Any) -> dict[str, Any]:
        found: dict[str, Any] | None = self.objects.get((resource.kind, *key))
        if not found:
            raise NotFound(f"{resource.kind} {key} not found")
        return found

    async def list(self, resource: Any, namespace: str = "", **selectors: str) -> list[Any]:
        if resource.kind in self.refused:
            raise self.refused[resource.kind]
        self.asked.append((f"{resource.kind} {namespace}", selectors))
        if resource.kind == "Pod":
            return [{"metadata": {"name": "a", "uid": "1"}}]
        pods = "Pod" in selectors.get("field_selector", "")
        return [{"involvedObject": {"uid": "1" if pods else "s"}}, {"involvedObject": {"uid": "2"}}]

    async def create(self, resource: Any, document: Any, subresource: str = "") -> dict[str, Any]:
        assert (resource.kind, subresource) == ("ServiceAccount", "token")
        assert document["metadata"] == {"name": "ome-flight-reader", "namespace": "ome"}
        return {"status": {"token": "short"}}

    async def raw_get(self, path: str, headers: dict[str, str]) -> dict[str, Any]:
        assert headers == {"x-ome-authorization": "Bearer short"}
        self.asked.append((path, {}))
        return {"flights": [{"at": 1.0}]}


async def gathered(server: Server) -> Any:
    client: Any = server
    return await gather(client, await locate(client, "chat", "demo"), 0.0, "ome")


async def test_all_that_tells_of_a_service() -> None:
    server = Server()
    facts = await gathered(server)
    assert facts.notes == []
    assert facts.model == {"metadata": {"name": "llama"}}
    assert facts.flights == [{"at": 1.0}]
    # Both events of the service, and of the warnings the one of its pod.
    assert [event["involvedObject"]["uid"] for event in facts.events] == ["s", "2", "1"]
    proxy = "/api/v1/namespaces/ome/pods/https:ome-controller-manager-x:8080/proxy"
    assert server.asked[-1][0] == f"{proxy}/debug/flights/inferenceservice/demo/chat"


@pytest.mark.parametrize("place", ["", "models"])
async def test_the_model_behind_a_weight_is_its_base_model(place: str) -> None:
    base = {"name": "llama", "namespace": place}
    named = {"name": "w", "kind": "FineTunedWeight"}
    changed = {
        ("InferenceService", "demo", "chat"): {**SERVICE, "spec": {"model": named}},
        ("FineTunedWeight", "", "w"): {"spec": {"baseModelRef": base}},
        **{
            ("BaseModel", held, "llama"): {"metadata": {"name": "llama", "namespace": held}}
            for held in ("demo", "models")
        },
    }
    facts = await gathered(Server(changed=changed))
    assert facts.model["metadata"].get("namespace", "") == place
    del changed["FineTunedWeight", "", "w"]
    assert (await gathered(Server(changed=changed))).model is None


async def test_what_is_forbidden_is_told_and_costs_only_itself() -> None:
    facts = await gathered(Server({"Event": Forbidden("no events")}))
    assert facts.notes == ["events could not be read: no events"]
    assert facts.pods
    assert not facts.complete
    with pytest.raises(Unauthorized):
        await gathered(Server({"Pod": Unauthorized("who are you")}))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({("Lease", "ome", "ome-controller-manager-leader-lock"): {}}, "without --leader-elect"),
        (
            {("Lease", "ome", "ome-controller-manager-leader-lock"): {"spec": {"a": 1}}},
            "no manager leads",
        ),
        ({("Pod", "ome", "ome-controller-manager-x"): {}}, "not found"),
        (
            {("Pod", "ome", "ome-controller-manager-x"): {"spec": {"containers": [{}]}}},
            "ome.controller.metrics.secure",
        ),
    ],
)
async def test_why_the_recorder_is_not_shown(changed: dict[Any, Any], why: str) -> None:
    facts = await gathered(Server(changed=changed))
    (note,) = facts.notes
    assert note.startswith("what the manager has noted is not shown: ")
    assert why in note
    assert facts.complete


async def test_what_tells_of_a_model() -> None:
    server: Any = Server()
    target = await locate(server, "llama", "demo")
    assert str(target) == "ClusterBaseModel llama"
    facts = await gather_model(server, target, 0.0, "ome")
    assert facts.notes == []
    kinds = [asked for asked, _ in server.asked]
    assert kinds[:3] == ["ConfigMap ome", "Node ", "Event default"]
    assert kinds[3].endswith("/debug/flights/clusterbasemodel/llama")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none", "ClusterBaseModel, FineTunedWeight of that name in namespace demo"),
        ("isvc/llama", "no InferenceService of that name"),
        ("model/chat", "kubectl get basemodels,clusterbasemodels -A"),
        ("pod/chat", "expected isvc/NAME, model/NAME or weight/NAME, not pod/"),
    ],
)
async def test_what_is_not_there_is_said(name: str, said: str) -> None:
    server: Any = Server()
    with pytest.raises(UserError) as caught:
        await locate(server, name, "demo")
    assert said in str(caught.value)
