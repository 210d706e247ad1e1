"""What may be left out of a service because its runtime says it, and what may not."""

from __future__ import annotations

import pytest

from tests.api.schemas import at

SERVICE = "InferenceService"
COMPONENTS = ("engine", "decoder", "router", "predictor")


def required(path: str, kind: str = SERVICE) -> list[str]:
    return list(at(kind, path).get("required", []))


@pytest.mark.parametrize("component", COMPONENTS)
def test_nothing_is_required_two_levels_below_spec(component: str) -> None:
    for name, field in at(SERVICE, f"spec.{component}")["properties"].items():
        assert "required" not in field, name


def test_three_levels_below_spec_required_members_stay() -> None:
    assert required("spec.engine.leader.runner") == ["name"]
    assert required("spec.decoder.worker.runner") == ["name"]
    assert required("spec.predictor.workerSpec.runner") == ["name"]
    assert required("spec.engine.kedaConfig.authenticationRef") == ["name"]
    assert required("spec.kedaConfig.authenticationRef") == []
    assert required("spec.engine.os") == []
    assert required("spec.engine.leader.os") == ["name"]
    assert required("spec.engine.containers[]") == ["name"]


def test_references_keep_their_name() -> None:
    assert required("spec.model") == ["name"]
    assert required("spec.runtime") == ["name"]


@pytest.mark.parametrize("runner", ["engine.runner", "router.runner", "predictor.model"])
def test_probes_of_a_runner_may_leave_the_port_out(runner: str) -> None:
    for probe in ("livenessProbe", "readinessProbe"):
        for handler in ("httpGet", "tcpSocket"):
            assert required(f"spec.{runner}.{probe}.{handler}") == []
    assert required(f"spec.{runner}.startupProbe.httpGet") == ["port"]
    assert required(f"spec.{runner}.lifecycle.preStop.httpGet") == ["port"]
    assert required(f"spec.{runner}.livenessProbe.grpc") == ["port"]


@pytest.mark.parametrize("component", COMPONENTS)
def test_probes_of_containers_may_leave_the_http_port_out(component: str) -> None:
    container = f"spec.{component}.containers[]"
    for probe in ("livenessProbe", "readinessProbe"):
        assert required(f"{container}.{probe}.httpGet") == []
        assert required(f"{container}.{probe}.tcpSocket") == ["port"]
    assert required(f"{container}.startupProbe.httpGet") == ["port"]
    init = f"spec.{component}.initContainers[]"
    assert required(f"{init}.livenessProbe.httpGet") == ["port"]


@pytest.mark.parametrize("component", COMPONENTS)
def test_components_have_no_ephemeral_containers(component: str) -> None:
    assert "ephemeralContainers" not in at(SERVICE, f"spec.{component}")["properties"]


@pytest.mark.parametrize("kind", ["ServingRuntime", "ClusterServingRuntime"])
def test_a_runtime_is_complete(kind: str) -> None:
    runners = ("engineConfig", "engineConfig.leader", "engineConfig.worker", "decoderConfig")
    for place in (*runners, "decoderConfig.leader", "decoderConfig.worker", "routerConfig"):
        runner = f"spec.{place}.runner"
        assert required(runner, kind) == ["name"]
        assert required(f"{runner}.livenessProbe.httpGet", kind) == ["port"]
    assert "ephemeralContainers" in at(kind, "spec.engineConfig")["properties"]
    assert required("spec", kind) == []
