"""Installed with Helm on a real API server: the manager, run as a process of this machine with the
arguments, the environment, the account and the role that the chart renders, does its work."""

from __future__ import annotations

import base64
import json
import shutil
import ssl
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ome.cli.permissions import AGENT, MANAGER, METRICS_READER
from tests import cluster
from tests.charts.release import AGENT_ACCOUNT, MANAGER_ACCOUNT, Release, bundles, running
from tests.charts.support import CHARTS, Json, helm
from tests.cluster import apply, delete, eventually, get, items
from tests.e2e.harness import Process

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from ome.kube.permissions import Permission

pytestmark = [pytest.mark.control_plane, pytest.mark.timeout(600)]

MODEL = "qwen3-8b"
EVERYBODY = {"authentication.k8s.io", "authorization.k8s.io"}
"""Groups in which every account may ask about itself."""


@pytest.fixture
def release(tmp_path: Path) -> Iterator[Release]:
    made = Release(tmp_path)
    made.install("ome-crd", "ome-crd")
    # Pods here have no containers, so those of the Deployment would answer no review.
    values = {"ome.controller.replicaCount": 0, "ome.controller.metrics.secure": True}
    made.install("ome", "ome-resources", **{**values, "modelAgent.nodeSelector": {"no": "node"}})
    try:
        yield made
    finally:
        for name in ("ome-catalogue", "ome", "ome-crd"):
            helm("uninstall", name, "--namespace", made.namespace, "--ignore-not-found")
        delete("namespaces", made.namespace, wait=0)


@contextmanager
def simulated_agent(release: Release) -> Iterator[None]:
    """The agent of one node, with the token of a pod there: the chart's policy asks for it."""
    node = items("nodes")[0]["metadata"]["name"]
    spec = {
        "nodeName": node,
        "serviceAccountName": AGENT_ACCOUNT,
        "containers": [{"name": "a", "image": "a"}],
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "agent"}, "spec": spec}
    made = cluster.create(pod, release.namespace)
    process = Process(
        release.folder / "agent.log",
        "agent",
        f"--simulate={node}",
        f"--namespace={release.namespace}",
        f"--kubeconfig={release.kubeconfig(AGENT_ACCOUNT, made)}",
        "--download-seconds=0.2",
    )
    try:
        yield
        assert process.running, process.tail()
    finally:
        process.stop()
        delete("pods", "agent", release.namespace)


def service_of(namespace: str, model: str = MODEL) -> Json:
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "chat", "namespace": namespace},
        "spec": {"model": {"name": model}, "engine": {"minReplicas": 1, "maxReplicas": 1}},
    }


def test_installed_upgraded_and_removed(release: Release) -> None:
    began = time.time() - 0.5
    place = release.namespace
    with running(release) as (_, metrics), simulated_agent(release):
        eventually(lambda: all(bundles()) and len(set(bundles())) == 1, 90)
        models = {MODEL: {"enabled": True}}
        release.install("ome-catalogue", "ome-catalogue", models=models, runtimesFor="models")
        _reviews_are_asked(place)
        apply(service_of(place))
        service = cluster.wait_ready("inferenceservices", "chat", place, seconds=90)
        # The webhook's defaults: the service went through it.
        assert service["metadata"]["annotations"]["ome.io/deploymentMode"] == "RawDeployment"
        pods = {pod["metadata"]["uid"] for pod in items("pods", place)}
        _metrics_want_a_token(release, metrics)
        _accounts_may_what_the_table_says(release)

        before = bundles()
        release.install("ome", "ome-resources", **{"ome.webhooks.timeoutSeconds": 5})
        release.helm("rollback", "ome", "1")
        assert bundles() == before, "an upgrade or rollback took the bundle away"
        release.install("ome-crd", "ome-crd")
        ready = cluster.wait_ready("inferenceservices", "chat", place)
        assert ready["metadata"]["uid"] == service["metadata"]["uid"]
        assert {pod["metadata"]["uid"] for pod in items("pods", place)} == pods
        release.helm("uninstall", "ome-crd")
        assert get("clusterbasemodels", MODEL), "the CRDs went, and every object with them"

        delete("inferenceservices", "chat", place)
        release.helm("uninstall", "ome-catalogue")
        eventually(lambda: get("clusterbasemodels", MODEL) is None, 60)
    assert release.refused(MANAGER_ACCOUNT, began) == set()
    assert release.refused(AGENT_ACCOUNT, began) == set()
    release.helm("uninstall", "ome")
    assert bundles() == []


def test_definitions_change_and_go_back_under_objects(release: Release) -> None:
    """``helm upgrade`` to definitions with one field more, and ``helm rollback`` from them."""
    definition = "clusterbasemodels.ome.io"
    source = {"storage": {"storageUri": "hf://a/versions"}}

    def model(**spec: Any) -> Json:
        named = {"apiVersion": "ome.io/v1beta1", "kind": "ClusterBaseModel"}
        return {**named, "metadata": {"name": "versions"}, "spec": {**source, **spec}}

    def serves(field: str) -> bool:
        (version,) = (get("customresourcedefinitions", definition) or {})["spec"]["versions"]
        spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
        return field in spec["properties"]

    def stored() -> Any:
        return (get("clusterbasemodels", "versions") or {})["spec"].get("addedLater")

    def taken() -> bool:
        """Whether the field can be written: the server takes a moment to publish definitions."""
        try:
            apply(model(addedLater="yes"))
        except cluster.Problem:
            return False
        return bool(stored() == "yes")

    with running(release), simulated_agent(release):
        apply(model())
        try:
            made = cluster.wait_ready("clusterbasemodels", "versions", seconds=90)
            release.helm("upgrade", "ome-crd", str(_newer(release.folder, definition)))
            assert serves("addedLater")
            eventually(taken, 30)
            release.helm("rollback", "ome-crd", "1")
            assert not serves("addedLater")
            eventually(lambda: stored() is None, 30)
            kept = cluster.wait_ready("clusterbasemodels", "versions", seconds=90)
            assert kept["metadata"]["uid"] == made["metadata"]["uid"]
            assert kept["status"] == made["status"]
        finally:
            delete("clusterbasemodels", "versions", wait=90)


def _newer(folder: Path, name: str) -> Path:
    """The chart of the definitions, one of which has a further field in its spec."""
    chart = shutil.copytree(CHARTS / "ome-crd", folder / "ome-crd")
    file = chart / "templates" / "crds.yaml"
    kind = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
    head = f"{kind}metadata: {{name: {name}}}\n"
    texts = file.read_text().split("---\n")
    (number,) = (number for number, text in enumerate(texts) if head in text)
    spec = yaml.safe_load(texts[number])["spec"]
    (version,) = spec["versions"]
    fields = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    fields["addedLater"] = {"type": "string"}
    texts[number] = head + yaml.safe_dump({"spec": spec})
    file.write_text("---\n".join(texts))
    return chart


def test_what_an_uninstall_leaves_is_taken_over(release: Release) -> None:
    model = {
        "apiVersion": "ome.io/v1beta1",
        "kind": "ClusterBaseModel",
        "metadata": {"name": "kept"},
        "spec": {"storage": {"storageUri": "hf://a/kept"}},
    }
    with running(release), simulated_agent(release):
        eventually(lambda: all(bundles()) and bundles(), 90)
        apply(model)
        made = cluster.wait_ready("clusterbasemodels", "kept", seconds=90)
    release.helm("uninstall", "ome")
    release.helm("uninstall", "ome-crd")
    kept = get("clusterbasemodels", "kept")
    assert kept is not None
    assert kept["metadata"]["uid"] == made["metadata"]["uid"]

    # Without --take-ownership: the charts know what is theirs.
    values = {"ome.controller.replicaCount": 0, "modelAgent.nodeSelector": {"no": "node"}}
    given = [f"--set-json={key}={json.dumps(value)}" for key, value in values.items()]
    release.helm("install", "ome-crd", str(CHARTS / "ome-crd"))
    release.helm("install", "ome", str(CHARTS / "ome-resources"), *given)
    with running(release), simulated_agent(release):
        eventually(lambda: all(bundles()) and bundles(), 90)
        # The new manager looks after it: it lets it go.
        delete("clusterbasemodels", "kept", wait=90)


def _reviews_are_asked(namespace: str) -> None:
    """A model that is not there is refused by the webhook, once the API server knows of it."""

    def refused() -> bool:
        try:
            apply(service_of(namespace, "no-such-model"), dryRun="All")
        except cluster.Problem as problem:
            return 'referenced model "no-such-model" not found' in str(problem)
        return False

    eventually(refused, 60)


def _metrics_want_a_token(release: Release, port: int) -> None:
    account = {"name": "scraper", "namespace": release.namespace}
    apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
    token = release.token("scraper")
    assert _scrape(port, "") == (401, "")
    assert _scrape(port, token)[0] == 403
    name = f"ome-scraper-{release.namespace}"
    group = "rbac.authorization.k8s.io"
    apply(
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "ome-metrics-reader"},
            "subjects": [{"kind": "ServiceAccount", **account}],
        }
    )
    try:
        # The refusal is remembered for ten seconds.
        eventually(lambda: _scrape(port, token)[0] == 200, every=1)
    finally:
        delete("clusterrolebindings", name)
    text = _scrape(port, token)[1]
    assert "\nome_build_info{" in text
    assert "\nome_webhook_certificate_expiry_timestamp_seconds 1" in text


def _scrape(port: int, token: str) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    asked = urllib.request.Request(f"https://127.0.0.1:{port}/metrics", headers=headers)
    context = ssl._create_unverified_context()
    try:
        with urllib.request.urlopen(asked, timeout=20, context=context) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def _accounts_may_what_the_table_says(release: Release) -> None:
    for account, declared in (
        (MANAGER_ACCOUNT, (*MANAGER, *METRICS_READER)),
        (AGENT_ACCOUNT, AGENT),
    ):
        assert _allowed(release, account) == _declared(declared), account
    # It reads pages of the manager, and no object.
    assert _allowed(release, "ome-flight-reader") == set()


def _allowed(release: Release, account: str) -> set[tuple[str, str, str, str]]:
    """What ``kubectl auth can-i --list`` says, in the namespace of the release."""
    config = yaml.safe_load(release.kubeconfig(account).read_text())
    token = config["users"][0]["user"]["token"]
    (where,) = config["clusters"]
    authority = base64.b64decode(where["cluster"]["certificate-authority-data"]).decode()
    url = f"{where['cluster']['server']}/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    body = json.dumps(
        {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectRulesReview",
            "spec": {"namespace": release.namespace},
        }
    )
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    asked = urllib.request.Request(url, body.encode(), headers, method="POST")
    context = ssl.create_default_context(cadata=authority)
    with urllib.request.urlopen(asked, timeout=20, context=context) as answer:
        rules = json.loads(answer.read())["status"]["resourceRules"]
    found = {
        (group, resource, verb, name)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames") or [""]
    }
    return {entry for entry in found if not (entry[0] in EVERYBODY and "self" in entry[1])}


def _declared(permissions: Iterable[Permission]) -> set[tuple[str, str, str, str]]:
    found = {
        (entry.resource.group, entry.plural, verb, name)
        for entry in permissions
        for verb in entry.verbs
        for name in entry.names or ("",)
    }
    # A name says nothing more where the verb is granted on all.
    return {entry for entry in found if not entry[3] or (*entry[:3], "") not in found}
