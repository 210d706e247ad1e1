"""How components are started."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hack.control_plane import build, certificates, flags, kubeconfig, lifecycle, lws
from hack.control_plane.layout import PORTS, Start


@pytest.fixture
def start() -> Start:
    ports = {name: 20000 + number for number, name in enumerate(PORTS)}
    return Start(Path("/start"), ports, "198.51.100.7")


def values(given: list[str]) -> dict[str, str]:
    assert all(flag.startswith("--") for flag in given)
    pairs = [flag[2:].partition("=") for flag in given]
    made = {name: value for name, _, value in pairs}
    assert len(made) == len(given), "a flag is given twice"
    return made


def test_etcd_listens_on_loopback_to_its_own_authority_only(start: Start) -> None:
    made = values(flags.etcd(start))
    assert made["listen-client-urls"] == f"https://127.0.0.1:{start.ports['etcd']}"
    assert made["client-cert-auth"] == made["peer-client-cert-auth"] == "true"
    assert made["trusted-ca-file"] == "/start/pki/etcd-ca.crt"
    assert "unsafe-no-fsync" in made


def test_the_api_server_reaches_webhooks_and_writes_its_audit_log_at_once(start: Start) -> None:
    made = values(flags.kube_apiserver(start))
    assert made["bind-address"] == "127.0.0.1"
    assert made["enable-aggregator-routing"] == "true"
    assert made["authorization-mode"] == "Node,RBAC"
    assert made["audit-log-mode"] == "blocking"
    assert made["audit-log-path"] == "/start/audit.log"
    assert made["requestheader-client-ca-file"] != made["client-ca-file"]
    assert "feature-gates" not in made


def test_the_audit_policy_has_everything_once() -> None:
    assert flags.AUDIT_POLICY["omitStages"] == ["RequestReceived"]
    assert flags.AUDIT_POLICY["rules"] == [{"level": "Metadata"}]


def test_feature_gates_reach_all_three(start: Start) -> None:
    for make in (flags.kube_apiserver, flags.kube_controller_manager, flags.kube_scheduler):
        assert values(make(start, ["A=true", "B=false"]))["feature-gates"] == "A=true,B=false"


def test_controllers_and_scheduler_have_their_own_port_and_identity(start: Start) -> None:
    controllers = values(flags.kube_controller_manager(start))
    scheduler = values(flags.kube_scheduler(start))
    assert controllers["secure-port"] != scheduler["secure-port"]
    assert controllers["kubeconfig"] == "/start/pki/kube-controller-manager.kubeconfig"
    assert scheduler["kubeconfig"] == "/start/pki/kube-scheduler.kubeconfig"
    assert controllers["use-service-account-credentials"] == "true"


def test_kwok_takes_only_annotated_nodes(start: Start) -> None:
    made = values(flags.kwok(start))
    assert made["manage-nodes-with-annotation-selector"] == "kwok.x-k8s.io/node=fake"
    assert made["manage-all-nodes"] == "false"
    assert made["node-ip"] == "198.51.100.7"


def test_kwok_renews_leases_long_before_a_node_counts_as_lost() -> None:
    assert flags.NODE_GRACE.endswith("m")
    assert flags.LEASE_SECONDS < int(flags.NODE_GRACE[:-1]) * 60


def test_kwoks_configuration_holds_the_stages(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("kind: Stage\n")
    parts = flags.kwok_config([tmp_path / "one.yaml"]).split("\n---\n")
    assert json.loads(parts[0])["kind"] == "KwokConfiguration"
    assert parts[1] == "kind: Stage"


def test_our_stages_outweigh_kwoks_own() -> None:
    for file in lifecycle.OWN_STAGES.glob("*.yaml"):
        for document in file.read_text().split("\n---\n"):
            assert "\n  weight: 1000\n" in document


def test_stage_files_are_named_once() -> None:
    names = [Path(file).name for file in build.STAGE_FILES]
    assert len(set(names)) == len(names)


def test_authorities_come_before_what_they_sign() -> None:
    known: set[str] = set()
    for request in certificates.requests("198.51.100.7"):
        issuer = request.get("issuer")
        assert not issuer or issuer in known
        known.add(request["name"])


def test_only_one_certificate_speaks_for_others() -> None:
    made = certificates.requests(None)
    assert [r["name"] for r in made if r.get("issuer") == "front-proxy-ca"] == ["front-proxy"]


def test_the_api_server_is_known_by_every_name_it_is_called() -> None:
    made = {r["name"]: r for r in certificates.requests("198.51.100.7")}
    hosts = made["kube-apiserver"]["hosts"]
    assert {"127.0.0.1", "198.51.100.7", "10.96.0.1", "kubernetes.default.svc"} <= set(hosts)


def test_a_kubeconfig_names_one_user_in_one_context() -> None:
    config = kubeconfig.document("https://127.0.0.1:1", "Q0E=", "jane", {"token": "t"})
    assert config["current-context"] == "ome-control-plane"
    assert config["users"] == [{"name": "jane", "user": {"token": "t"}}]


def test_the_controller_of_leader_worker_sets_is_reached_on_loopback(start: Start) -> None:
    settings = lws.configuration(start)
    port = start.ports["lws-webhook"]
    assert (settings["webhook"]["host"], settings["webhook"]["port"]) == ("127.0.0.1", port)
    assert settings["leaderElection"] == {"leaderElect": False}
    for verb, kind in (("mutate", "Mutating"), ("validate", "Validating")):
        made = lws.webhooks(verb, port, b"authority")
        assert made["kind"] == f"{kind}WebhookConfiguration"
        sets, pods = made["webhooks"]
        assert sets["clientConfig"]["url"].startswith(f"https://127.0.0.1:{port}/{verb}-leader")
        assert "objectSelector" in pods, "pods of others do not come by"
