"""Which runtime a service is shown with: that of the model which its reference means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from ome.controllers.inferenceservice.world import SHARED
from ome.controllers.resources import INFERENCE_SERVICES
from ome.sandbox.picture import take
from tests.controllers.inferenceservice.world import local, model, runtime, service, weight

if TYPE_CHECKING:
    from ome.kube.resource import ObjectKey, Resource


@dataclass(frozen=True)
class Held:
    document: dict[str, Any]
    labels: tuple[str, ...] = ()

    def load(self) -> dict[str, Any]:
        return self.document


class Local:
    """The reads of a sandbox that a picture is made of."""

    def __init__(self, *documents: dict[str, Any]) -> None:
        self.documents = documents

    def served(self, group: str, kind: str) -> Resource | None:
        resources = (INFERENCE_SERVICES, *SHARED)
        return next((resource for resource in resources if resource.kind == kind), None)

    def list(self, resource: Resource) -> list[Held]:
        return [Held(item) for item in self.documents if item["kind"] == resource.kind]

    def get(self, resource: Resource, key: ObjectKey) -> Held | None:
        for held in self.list(resource):
            metadata = held.document["metadata"]
            if (metadata.get("namespace", ""), metadata["name"]) == key:
                return held
        return None


OF_WEIGHT = {"name": "w", "kind": "FineTunedWeight"}
ABSENT = ("", "the model does not exist")
ONLY = ("r", "the only runtime, score 2")


@pytest.mark.parametrize(
    ("reference", "held", "shown"),
    [
        ({"name": "m"}, [model()], ONLY),
        ({"name": "m"}, [local("demo")], ONLY),
        ({"name": "m", "kind": "BaseModel"}, [local("demo")], ONLY),
        ({"name": "m", "kind": "BaseModel"}, [model()], ABSENT),
        (OF_WEIGHT, [model()], ABSENT),
        (OF_WEIGHT, [model(), weight()], ONLY),
        (OF_WEIGHT, [local("demo"), weight()], ABSENT),
        (
            OF_WEIGHT,
            [local("models"), weight(baseModelRef={"name": "m", "namespace": "models"})],
            ONLY,
        ),
        ({}, [model()], ABSENT),
    ],
)
def test_a_service_is_shown_with_the_runtime_of_its_model(
    reference: dict[str, str], held: list[dict[str, Any]], shown: tuple[str, str]
) -> None:
    cluster: Any = Local(runtime(), *held, service(model=reference))
    (line,) = take(cluster).services
    assert (line.runtime, line.why) == shown
