"""Values of ome-resources that cannot be or look like others; monitoring and the notes."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.charts.support import CHARTS, Json, helm, keyed, refused, rendered, values

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.control_plane, pytest.mark.timeout(120)]

CHART = "ome-resources"


def test_names_that_look_like_numbers_stay_names() -> None:
    words = ("--namespace", "2024", "--set", "ome.monitoring.serviceMonitor.enabled=true")
    done = helm("template", "1e3", str(CHARTS / CHART), *words)
    assert done.returncode == 0, done.stderr
    for item in yaml.safe_load_all(done.stdout):
        for text in texts_of(item):
            assert isinstance(text, str), (item["kind"], item["metadata"]["name"], text)


def texts_of(item: Json) -> Iterator[object]:
    """What must be text in an object: its names, its labels, who is meant, arguments, variables."""
    metadata = item["metadata"]
    yield from (metadata["name"], metadata.get("namespace", ""))
    yield from metadata["labels"].values()
    for subject in item.get("subjects", ()):
        yield subject["namespace"]
    spec = item.get("spec") or {}
    pod = (spec.get("template") or {}).get("spec") or spec
    for container in pod.get("containers") or ():
        yield from container.get("args") or ()
        yield from (entry.get("value", "") for entry in container.get("env") or ())


def test_monitoring_is_a_choice() -> None:
    assert not any(kind.endswith("Monitor") for kind, _ in keyed(rendered(CHART)))
    switches = ("serviceMonitor", "podMonitor", "prometheusRule", "grafanaDashboard")
    given: Json = {f"ome.monitoring.{name}.enabled": True for name in switches}
    given |= {"ome.flowSchema.enabled": True, "ome.controller.metrics.secure": True}
    found = keyed(rendered(CHART, given))
    (endpoint,) = found["ServiceMonitor", "ome-controller-manager"]["spec"]["endpoints"]
    assert endpoint["scheme"] == "https"
    assert ("PodMonitor", "ome-model-agent") in found
    assert ("FlowSchema", "ome-controller-manager") in found
    assert ("ClusterRole", "ome-metrics-auth-role") in found
    dashboard = json.loads(found["ConfigMap", "ome-grafana-dashboard"]["data"]["ome.json"])
    assert len(dashboard["panels"]) == 15
    of_services = json.loads(
        found["ConfigMap", "ome-grafana-dashboard"]["data"]["ome-services.json"]
    )
    assert of_services["uid"] != dashboard["uid"]
    for group in found["PrometheusRule", "ome"]["spec"]["groups"]:
        for rule in group["rules"]:
            assert rule["annotations"]["runbook_url"].endswith(f"#{rule['alert'].lower()}")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"ome.controler.replicaCount": 2}, "controler"),
        ({"ome.controller.deploymentMode": "Raw"}, "deploymentMode"),
        ({"ome.controller.ingressGateway.enableGatewayAPI": True}, "omeIngressGateway"),
        ({"ome.controller.extraArgs": ["webhook"]}, "extraArgs"),
        ({"modelAgent.hostPath": "models"}, "hostPath"),
        ({"ome.webhooks.failurePolicy": "fail"}, "failurePolicy"),
        ({"ome.controller.maxServicesUpdating": 0}, "maxServicesUpdating"),
        ({"ome.controller.ingressGateway.tlsSecretName": "A b"}, "tlsSecretName"),
        ({"ome.kedaConfig.authModes": "basic,none"}, "authModes"),
        ({"ome.kedaConfig.authenticationRef.kind": "Secret"}, "kind"),
        ({"ome.benchmarkJob.cpuLimit": "2 cores"}, "cpuLimit"),
        ({"ome.controller.tag": ""}, "tag"),
        ({"ome.controller.extraEnv": [{"name": "A", "value": 5}]}, "extraEnv/0/value"),
        ({"ome.controller.tag": 1.5}, "tag"),
        ({"ome.controller.podDisruptionBudget.maxUnavailable": "half"}, "maxUnavailable"),
        ({"ome.webhooks.certManager.issuerRef": {"kind": "ClusterIssuer"}}, "name"),
    ],
)
def test_a_value_that_cannot_be_is_refused(given: Json, text: str) -> None:
    assert text in refused(CHART, given)


@pytest.mark.parametrize(
    "name",
    ["ome.webhooks", "ome.monitoring", "ome.controller.log", "ome.flowSchema", "modelStorage"],
)
def test_values_of_an_older_release_alone_are_refused_by_name(name: str) -> None:
    # As --reuse-values gives them: without what has come since.
    place, _, last = name.rpartition(".")
    text = refused(CHART, {name: None})
    assert f"missing property '{last}'" in text
    assert f"at '/{place.replace('.', '/')}'" in text or not place


def test_the_notes_say_what_to_do_next() -> None:
    # What other tests install on the same cluster meanwhile is none of its concern.
    words = ("install", "--dry-run=client", "--take-ownership", "ome", str(CHARTS / CHART))
    done = helm(*words, "--namespace", "prod", "--set", "ome.controller.replicaCount=1")
    assert done.returncode == 0, done.stderr
    notes = done.stdout.partition("NOTES:\n")[2]
    assert "kubectl rollout status deployment/ome-controller-manager --namespace prod" in notes
    assert "One replica only" in notes


def test_the_notes_tell_of_alerts_that_know_nobody(tmp_path: Path) -> None:
    # Helm shows notes only of what it can install, and no cluster here has a PrometheusRule.
    chart = shutil.copytree(CHARTS / CHART, tmp_path / CHART)
    (chart / "templates/NOTES.txt").rename(chart / "notes")
    (chart / "templates/notes.yaml").write_text('text: {{ tpl (.Files.Get "notes") . | toJson }}')

    def notes(given: Json) -> str:
        words = ("template", "ome", str(chart), "--show-only", "templates/notes.yaml")
        done = helm(*words, *values(given))
        assert done.returncode == 0, done.stderr
        return done.stdout

    rules, manager, agents = (
        f"ome.monitoring.{name}.enabled"
        for name in ("prometheusRule", "serviceMonitor", "podMonitor")
    )
    assert "OmeManagerDown is always on" in notes({rules: True, agents: True})
    for given in ({}, {rules: True, manager: True, agents: True}):
        assert "OmeManagerDown" not in notes(given)
