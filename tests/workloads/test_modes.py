"""How components are deployed: the rules in their order, and what overrides them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ome.api import names
from ome.workloads import RenderError, plan, service_mode
from tests.workloads.support import documents, inputs

if TYPE_CHECKING:
    from ome.workloads import PlanInputs

Json = dict[str, Any]
MODE = "ome.io/deploymentMode"
RUNNER: Json = {"image": "a"}
ENGINE: Json = {"runner": RUNNER}
WORKER: Json = {"runner": RUNNER, "worker": {"size": 1, "runner": RUNNER}}
LEADER: Json = {"leader": {"runner": RUNNER}}
RAW, MANY, ZERO, RAY = "RawDeployment", "MultiNode", "Serverless", "MultiNodeRayVLLM"


def given(spec: Json, wish: str | None = None, runtime: Json | None = None) -> PlanInputs:
    metadata = {} if wish is None else {"annotations": {MODE: wish}}
    return inputs(documents(spec, metadata, runtime=runtime))


def modes(spec: Json, wish: str | None = None, runtime: Json | None = None) -> dict[str, str]:
    made = plan(given(spec, wish, runtime))
    return {item.name: item.mode for item in made.components}


def own(mode: str, **block: Any) -> Json:
    return {**block, "annotations": {MODE: mode}}


ENGINES: list[tuple[Json, str | None, str]] = [
    (ENGINE, None, RAW),
    (WORKER, None, MANY),
    (LEADER, None, MANY),
    ({**WORKER, "minReplicas": 0}, None, MANY),
    ({**ENGINE, "minReplicas": 0}, None, ZERO),
    # Its own annotation goes before all else, and only with a known value.
    (own(RAW, **WORKER), None, RAW),
    (own(MANY, **ENGINE), None, MANY),
    (own(ZERO, **WORKER), None, ZERO),
    (own(RAY, **ENGINE), None, RAY),
    (own(RAW, **ENGINE), RAY, RAW),
    (own("serverless", **ENGINE), None, RAW),
    (own("PDDisaggregated", **ENGINE), None, RAW),
    # The service's annotation counts where no default would have written it.
    (ENGINE, RAY, RAY),
    (WORKER, RAY, RAY),
    (ENGINE, ZERO, ZERO),
    (ENGINE, MANY, RAW),
    (WORKER, RAW, MANY),
    ({**ENGINE, "minReplicas": 0}, RAW, ZERO),
    (ENGINE, "PDDisaggregated", RAW),
    (ENGINE, "nonsense", RAW),
]


@pytest.mark.parametrize(("engine", "wish", "expected"), ENGINES)
def test_the_mode_of_an_engine(engine: Json, wish: str | None, expected: str) -> None:
    assert modes({"engine": engine}, wish) == {"engine": expected}


@pytest.mark.parametrize(
    ("engine", "wish"),
    [({**ENGINE, "minReplicas": 0}, None), (own(ZERO, **ENGINE), None), (ENGINE, ZERO)],
)
def test_an_engine_beside_a_decoder_never_goes_to_zero(engine: Json, wish: str | None) -> None:
    assert modes({"engine": engine, "decoder": ENGINE}, wish) == {"engine": RAW, "decoder": RAW}


@pytest.mark.parametrize(
    ("decoder", "expected"),
    [
        (ENGINE, RAW),
        (WORKER, MANY),
        (LEADER, MANY),
        ({**ENGINE, "minReplicas": 0}, RAW),
        (own(ZERO, **ENGINE), RAW),
        (own(RAW, **WORKER), MANY),
    ],
)
def test_the_mode_of_a_decoder(decoder: Json, expected: str) -> None:
    assert modes({"engine": ENGINE, "decoder": decoder})["decoder"] == expected


@pytest.mark.parametrize(
    ("router", "expected"),
    [(ENGINE, RAW), ({**ENGINE, "minReplicas": 0}, ZERO), (own(ZERO, **ENGINE), RAW)],
)
def test_the_mode_of_a_router(router: Json, expected: str) -> None:
    assert modes({"engine": ENGINE, "router": router}, RAY) == {"engine": RAY, "router": expected}


def test_the_mode_follows_from_the_merged_spec() -> None:
    runtime = {"engineConfig": own(RAY, **WORKER), "routerConfig": {**ENGINE, "minReplicas": 0}}
    assert modes({"router": {}}, runtime=runtime) == {"engine": RAY, "router": ZERO}
    held = {"engine": {"minReplicas": 1, "annotations": {MODE: RAW}}, "router": {"minReplicas": 1}}
    assert modes(held, runtime=runtime) == {"engine": RAW, "router": RAW}


def test_serverless_with_workers_is_a_contradiction() -> None:
    with pytest.raises(RenderError, match="remove one of them") as raised:
        modes({"engine": WORKER}, ZERO)
    assert raised.value.reason == "DeploymentModeError"


# A service that is not deployed at all.


@pytest.mark.parametrize(
    ("spec", "wish", "runtime"),
    [
        ({}, "VirtualDeployment", None),
        ({"engine": ENGINE, "router": ENGINE}, "VirtualDeployment", None),
        ({"engine": own("VirtualDeployment", **ENGINE)}, None, None),
        ({"engine": own("VirtualDeployment")}, RAY, None),
        ({"engine": {}}, None, {"engineConfig": own("VirtualDeployment", **ENGINE)}),
    ],
)
def test_a_virtual_service_has_nothing_but_its_url(
    spec: Json, wish: str | None, runtime: Json | None
) -> None:
    made = plan(given(spec, wish, runtime))
    assert (made.service_mode, made.components, made.model_config) == (
        "VirtualDeployment",
        (),
        None,
    )
    assert made.exposed is None
    assert made.url == "http://chat.demo.svc.cluster.local"


@pytest.mark.parametrize(
    ("wish", "default", "expected"),
    [
        (None, RAW, RAW),
        (None, ZERO, ZERO),
        (ZERO, RAW, ZERO),
        (MANY, RAW, MANY),
        ("PDDisaggregated", RAW, RAW),
        ("serverless", RAW, RAW),
    ],
)
def test_the_mode_of_the_service(wish: str | None, default: str, expected: str) -> None:
    held = given({"engine": ENGINE}, wish)
    assert service_mode(held.service, default) == expected
    assert plan(held).service_mode == (expected if default == RAW else RAW)


def test_known_modes() -> None:
    assert {RAW, MANY, ZERO, RAY, "VirtualDeployment"} == names.MODES
