"""ome-resources as Helm renders it: names and meanings of values, and what runs with them."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ome.api import names
from ome.cli.goflags import parse
from ome.cli.manager import FLAGS
from ome.controllers.inferenceservice.rollout import most_updating
from ome.webhooks.serving import service_hosts
from ome.webhooks.table import client_config, configurations
from ome.workloads.config import SHIPPED_INGRESS, parse_operator_config
from ome.workloads.keda_settings import KedaSettings
from ome.workloads.prober import ProberConfig, parse_prober
from tests.charts.support import CHARTS, Json, helm, keyed, refused, rendered, values

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.control_plane, pytest.mark.timeout(120)]

CHART = "ome-resources"


def objects(given: Json | None = None, namespace: str = "ome") -> dict[tuple[str, str], Json]:
    return keyed(rendered(CHART, given, namespace))


def manager_of(found: dict[tuple[str, str], Json]) -> Json:
    deployment = found["Deployment", "ome-controller-manager"]
    pod: Json = deployment["spec"]["template"]["spec"]
    return pod


def agent_of(found: dict[tuple[str, str], Json]) -> Json:
    daemons = found["DaemonSet", "ome-model-agent-daemonset"]
    pod: Json = daemons["spec"]["template"]["spec"]
    return pod


def settings(given: Json | None = None, name: str = "inferenceservice-config") -> Json:
    data = objects(given)["ConfigMap", name]["data"]
    return {key: json.loads(text) for key, text in data.items()}


def test_everything_is_in_the_namespace_of_the_release() -> None:
    found = objects(namespace="elsewhere")
    for (kind, name), item in found.items():
        placed = item["metadata"].get("namespace")
        assert placed in (None, "elsewhere"), (kind, name)
        for subject in item.get("subjects", ()):
            assert subject["namespace"] == "elsewhere"
    assert '"ome"' not in json.dumps([item["metadata"].get("namespace") for item in found.values()])
    args = manager_of(found)["containers"][0]["args"]
    assert "--namespace=elsewhere" in args
    assert "--leader-election-namespace=elsewhere" in args
    assert agent_of(found)["containers"][0]["args"][4:6] == ["--namespace", "elsewhere"]


def test_the_manager_takes_the_arguments_that_it_is_given() -> None:
    given = {"ome.controller.metrics.secure": True, "ome.controller.extraArgs": ["--zap-devel"]}
    container = manager_of(objects(given))["containers"][0]
    flags = parse("ome manager", FLAGS, container["args"])
    assert flags["leader-elect"]
    assert flags["webhook"]
    assert flags["metrics-secure"]
    assert flags["zap-devel"]
    assert flags["namespace"] == "ome"
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {
        "webhook-server": flags["webhook-port"],
        "metrics": int(flags["metrics-bind-address"].lstrip(":")),
        "probes": int(flags["health-probe-addr"].lstrip(":")),
    }


def test_webhooks_are_those_that_are_served_and_carry_no_bundle() -> None:
    found = objects(namespace="prod")
    for wanted in configurations(client_config("prod")):
        held = found[wanted["kind"], wanted["metadata"]["name"]]
        for webhook in held["webhooks"]:
            assert webhook.pop("timeoutSeconds") == 10
            assert "caBundle" not in webhook["clientConfig"]
        assert held["webhooks"] == wanted["webhooks"]
    service = found["Service", names.WEBHOOK_SERVICE]
    assert service["spec"]["ports"][0]["port"] == 443
    assert not any(kind == "Certificate" for kind, _ in found)


def test_cert_manager_is_a_choice() -> None:
    found = objects({"ome.webhooks.certManager.enabled": True}, namespace="prod")
    certificate = found["Certificate", "serving-cert"]["spec"]
    assert certificate["secretName"] == names.WEBHOOK_SECRET
    assert certificate["dnsNames"] == [service_hosts("prod")[-1]]
    assert certificate["issuerRef"] == {"kind": "Issuer", "name": "selfsigned-issuer"}
    annotations = found["MutatingWebhookConfiguration", "inferenceservice.ome.io"]["metadata"]
    assert annotations["annotations"] == {"cert-manager.io/inject-ca-from": "prod/serving-cert"}
    mounts = manager_of(found)["containers"][0]["volumeMounts"]
    folder = "/tmp/k8s-webhook-server/serving-certs"
    assert any(mount["mountPath"] == folder and mount["readOnly"] for mount in mounts)
    issuer = {"name": "ours", "kind": "ClusterIssuer"}
    found = objects(
        {
            "ome.webhooks.certManager.enabled": True,
            "ome.webhooks.certManager.issuerRef": issuer,
            "ome.webhooks.failurePolicy": "Ignore",
        }
    )
    assert found["Certificate", "serving-cert"]["spec"]["issuerRef"] == issuer
    assert ("Issuer", "selfsigned-issuer") not in found
    held = found["ValidatingWebhookConfiguration", "servingruntime.ome.io"]
    assert held["webhooks"][0]["failurePolicy"] == "Ignore"


def test_pods_are_restricted() -> None:
    found = objects()
    manager, agent = manager_of(found), agent_of(found)
    assert manager["securityContext"]["runAsNonRoot"] is True
    for pod in (manager, agent):
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["priorityClassName"].startswith("system-")
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert {"requests", "limits"} <= container["resources"].keys()
    assert agent["containers"][0]["securityContext"]["runAsNonRoot"] is True
    (prepare,) = agent["initContainers"]
    assert prepare["securityContext"]["capabilities"]["drop"] == ["ALL"]
    assert "initContainers" not in agent_of(objects({"modelAgent.prepareHostPath": False}))


def test_a_replica_leaves_in_peace() -> None:
    found = objects()
    deployment = found["Deployment", "ome-controller-manager"]["spec"]
    pod = manager_of(found)
    assert deployment["replicas"] == 2
    assert deployment["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    pause = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    # The pause, the webhooks' three seconds, and the thirty of a pass that is under way.
    assert pod["terminationGracePeriodSeconds"] >= pause + 3 + 30
    assert "podAntiAffinity" in pod["affinity"]
    budget = found["PodDisruptionBudget", "ome-controller-manager"]["spec"]
    assert budget["selector"]["matchLabels"] == deployment["selector"]["matchLabels"]
    own: Json = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {}}}
    given = {"ome.controller.affinity": own, "ome.controller.podDisruptionBudget.enabled": False}
    found = objects(given)
    assert manager_of(found)["affinity"] == own
    assert not any(kind == "PodDisruptionBudget" for kind, _ in found)


@pytest.mark.parametrize("pause", [30, 45])
def test_a_pause_that_leaves_no_time_to_end_is_refused(pause: int) -> None:
    names_of = ("ome.controller.preStopSeconds", "ome.controller.terminationGracePeriodSeconds")
    said = refused(CHART, {names_of[0]: pause, names_of[1]: 30})
    assert f"{names_of[0]} is {pause}, which must be less than {names_of[1]}, 30" in said
    assert manager_of(objects({names_of[0]: 29, names_of[1]: 30}))


def test_the_settings_are_what_the_manager_ships_with() -> None:
    data = objects()["ConfigMap", "inferenceservice-config"]["data"]
    config = parse_operator_config(data)
    assert config.missing == ()
    assert config.default_deployment_mode == "RawDeployment"
    assert config.ingress == SHIPPED_INGRESS
    assert (config.ignored, config.keda.authentication_name, config.keda.auth_modes) == ((), "", "")
    assert most_updating(data) == most_updating(None)
    assert set(data) == {
        "deploy",
        "ingress",
        "multinodeProber",
        "metricsAggregator",
        "modelInit",
        "fineTunedAdapter",
        "servingSidecar",
        "kedaConfig",
    }


@pytest.mark.parametrize(
    ("given", "key", "expected"),
    [
        (
            {"ome.kedaConfig.enableKeda": False, "ome.kedaConfig.customPromQuery": 'a{b="c"}\n<d'},
            "kedaConfig",
            {"enableKeda": False, "customPromQuery": 'a{b="c"}\n<d'},
        ),
        (
            {"ome.controller.ingressGateway.additionalIngressDomains": ["a.example", "b.example"]},
            "ingress",
            {"additionalIngressDomains": ["a.example", "b.example"]},
        ),
        (
            {"ome.omeAgent.modelInit.cpuRequest": 3, "ome.omeAgent.vaultId": "v"},
            "modelInit",
            {"cpuRequest": "3", "cpuLimit": "15", "memoryRequest": "150Gi", "vaultId": "v"},
        ),
        (
            {"ome.omeAgent.image": "my.io/x/agent", "ome.omeAgent.tag": "v9"},
            "fineTunedAdapter",
            {"image": "my.io/x/agent:v9", "memoryLimit": "320Gi", "cpuLimit": "15"},
        ),
        (
            {"ome.metricsaggregator.enableMetricAggregation": True},
            "metricsAggregator",
            {"enableMetricAggregation": "true", "enablePrometheusScraping": "false"},
        ),
        (
            {"ome.multinodeProber.unavailableThresholdSeconds": 1800, "global.hub": ""},
            "multinodeProber",
            {"unavailableThresholdSeconds": 1800, "image": "multinode-prober:v0.1.5"},
        ),
        (
            {
                "ome.controller.deploymentMode": "Serverless",
                "ome.controller.maxServicesUpdating": 4,
            },
            "deploy",
            {"defaultDeploymentMode": "Serverless", "maxServicesUpdating": 4},
        ),
    ],
)
def test_a_value_reaches_its_key(given: Json, key: str, expected: Json) -> None:
    found = settings(given)[key]
    assert {name: found[name] for name in expected} == expected


def test_the_manager_reads_what_values_say() -> None:
    """Each member under the name that the code has for it."""
    gateway, keda = "ome.controller.ingressGateway", "ome.kedaConfig"
    given: Json = {
        "ome.controller.maxServicesUpdating": 3,
        f"{gateway}.tlsSecretName": "wildcard",
        f"{gateway}.tlsClusterIssuer": "letsencrypt",
        f"{keda}.authModes": "tls,bearer",
        f"{keda}.scalingThreshold": 2000000,
        f"{keda}.authenticationRef.name": "prometheus",
        f"{keda}.authenticationRef.kind": "ClusterTriggerAuthentication",
    }
    data = objects(given)["ConfigMap", "inferenceservice-config"]["data"]
    assert most_updating(data) == 3
    config = parse_operator_config(data)
    assert config.ignored == ()
    expected = replace(
        SHIPPED_INGRESS, tls_secret_name="wildcard", tls_cluster_issuer="letsencrypt"
    )
    assert config.ingress == expected
    assert config.keda == KedaSettings(
        prom_server_address="http://prometheus-operated.monitoring.svc.cluster.local:9090",
        scaling_threshold="2000000",
        scaling_operator="GreaterThanOrEqual",
        auth_modes="tls,bearer",
        authentication_name="prometheus",
        authentication_kind="ClusterTriggerAuthentication",
    )


def test_benchmarks_have_their_settings() -> None:
    given = {"ome.benchmarkJob.cpuLimit": 4}
    assert settings(given, "benchmarkjob-config")["benchmarkjob"]["podConfig"] == {
        "image": "ghcr.io/moirai-internal/genai-bench:0.1.113",
        "cpuRequest": "2",
        "cpuLimit": "4",
        "memoryRequest": "2Gi",
        "memoryLimit": "2Gi",
    }


@pytest.mark.parametrize(
    ("given", "manager", "agent"),
    [
        ({}, "ghcr.io/moirai-internal/ome-manager:v0.1.5", "ghcr.io/moirai-internal/model-agent"),
        ({"global.hub": ""}, "ome-manager:v0.1.5", "model-agent"),
        (
            {"ome.controller.image": "my.io/x/ome-manager", "modelAgent.image.hub": "own.io"},
            "my.io/x/ome-manager:v0.1.5",
            "own.io/model-agent",
        ),
        (
            {"ome.controller.tag": "sha256:abc"},
            "ghcr.io/moirai-internal/ome-manager@sha256:abc",
            "ghcr.io/moirai-internal/model-agent",
        ),
        (
            # A date as a tag, which a values file has as a number, and a hub that ends in a slash.
            {"ome.controller.tag": 20260101, "modelAgent.image.hub": "own.io/"},
            "ghcr.io/moirai-internal/ome-manager:20260101",
            "own.io/model-agent",
        ),
    ],
)
def test_images(given: Json, manager: str, agent: str) -> None:
    found = objects(given)
    assert manager_of(found)["containers"][0]["image"] == manager
    assert agent_of(found)["containers"][0]["image"] == f"{agent}:v0.1.5"


def test_pull_secrets_fall_back() -> None:
    found = objects({"global.imagePullSecrets": [{"name": "all"}]})
    assert manager_of(found)["imagePullSecrets"] == [{"name": "all"}]
    given: Json = {
        "global.imagePullSecrets": [{"name": "all"}],
        "modelAgent.imagePullSecrets": [{"name": "own"}],
    }
    found = objects(given)
    assert agent_of(found)["imagePullSecrets"] == [{"name": "own"}]
    assert "imagePullSecrets" not in agent_of(objects())


def test_the_agent_runs_where_and_how_it_is_told() -> None:
    given: Json = {
        "modelAgent.gpuNodesOnly": True,
        "modelAgent.nodeSelector": {"pool": "gpu"},
        "modelAgent.health.port": 9999,
        "modelAgent.env": {"PORT": 1, "HF_HUB_OFFLINE": True, "MULTIPART": 10485760, "y": 0.5},
        "modelAgent.hostPath": "/raid/models",
        "modelAgent.extraVolumes": [{"name": "extra", "emptyDir": {}}],
        "modelAgent.extraVolumeMounts": [{"name": "extra", "mountPath": "/extra"}],
    }
    pod = agent_of(objects(given))
    assert pod["nodeSelector"] == {"nvidia.com/gpu.present": "true", "pool": "gpu"}
    assert "affinity" not in pod
    (container,) = pod["containers"]
    assert container["args"] == [
        "--models-root-dir",
        "/raid/models",
        "--num-download-worker",
        "2",
        "--namespace",
        "ome",
        "--port",
        "9999",
    ]
    env: dict[str, Any] = {entry["name"]: entry.get("value") for entry in container["env"]}
    assert (env["PORT"], env["HF_HUB_OFFLINE"]) == ("1", "true")
    # Neither 1.048576e+07, nor a name that YAML takes for a truth.
    assert (env["MULTIPART"], env["y"]) == ("10485760", "0.5")
    assert container["ports"][0]["containerPort"] == 9999
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {
        "/raid/models",
        "/tmp",
        "/extra",
    }
    assert "nodeSelector" not in agent_of(objects())


def test_a_label_that_helm_takes_for_a_truth_is_a_text() -> None:
    given: Json = {"modelAgent.gpuNodesOnly": True, "modelAgent.gpuNodeLabel.value": True}
    assert agent_of(objects(given))["nodeSelector"] == {"nvidia.com/gpu.present": "true"}


def test_the_label_of_gpu_nodes_may_be_among_those_of_the_agent() -> None:
    given: Json = {
        "modelAgent.gpuNodesOnly": True,
        "modelAgent.nodeSelector": {"nvidia.com/gpu.present": "yes", "pool": "gpu"},
    }
    done = helm("template", "ome", str(CHARTS / CHART), *values(given))
    assert done.stdout.count("nvidia.com/gpu.present:") == 1
    assert agent_of(objects(given))["nodeSelector"] == given["modelAgent.nodeSelector"]


def test_the_test_of_a_release_comes_to_the_manager_wherever_that_runs() -> None:
    prometheus = {"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}
    tolerations = [{"key": "dedicated", "operator": "Exists"}]
    given: Json = {
        "ome.controller.networkPolicy.metricsFrom": [prometheus],
        "ome.controller.nodeSelector": {"pool": "system"},
        "ome.controller.tolerations": tolerations,
    }
    found = objects(given)
    test = found["Pod", "ome-test-reach"]
    assert test["spec"]["nodeSelector"] == {"pool": "system"}
    assert test["spec"]["tolerations"] == tolerations
    _, metrics = found["NetworkPolicy", "ome-controller-manager"]["spec"]["ingress"]
    known, own = metrics["from"]
    assert known == prometheus
    assert own["podSelector"]["matchLabels"].items() <= test["metadata"]["labels"].items()
    _, open_to_all = objects()["NetworkPolicy", "ome-controller-manager"]["spec"]["ingress"]
    assert "from" not in open_to_all


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
    assert not any(kind.endswith("Monitor") for kind, _ in objects())
    switches = ("serviceMonitor", "podMonitor", "prometheusRule", "grafanaDashboard")
    given: Json = {f"ome.monitoring.{name}.enabled": True for name in switches}
    given |= {"ome.flowSchema.enabled": True, "ome.controller.metrics.secure": True}
    found = objects(given)
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


def test_the_prober_without_settings_is_that_of_the_values() -> None:
    """The operator's own defaults, for a ConfigMap without the key, say what the chart says."""
    config = objects()["ConfigMap", "inferenceservice-config"]["data"]
    assert parse_prober(json.loads(config["multinodeProber"])) == ProberConfig()
