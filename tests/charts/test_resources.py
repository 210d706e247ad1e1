"""ome-resources as Helm renders it: names and meanings of values, and what runs with them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

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


def test_the_prober_without_settings_is_that_of_the_values() -> None:
    """The operator's own defaults, for a ConfigMap without the key, say what the chart says."""
    config = objects()["ConfigMap", "inferenceservice-config"]["data"]
    assert parse_prober(json.loads(config["multinodeProber"])) == ProberConfig()
