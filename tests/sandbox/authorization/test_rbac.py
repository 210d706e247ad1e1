"""Rules, bindings, aggregation, and what is said; texts measured on kube-apiserver v1.36.3."""

from __future__ import annotations

import pytest

from ome.sandbox.authorization import Rbac
from tests.sandbox.authorization.documents import (
    account,
    aggregated,
    binding,
    group,
    rbac_of,
    role,
    rule,
    user,
)

ROBOT = "system:serviceaccount:prod:robot"


def allows(
    rbac: Rbac, verb: str, resource: str, namespace: str = "", name: str = "", who: str = "ann"
) -> bool:
    """``resource`` as ``deployments.apps/scale``."""
    plural, slash, subresource = resource.partition("/")
    plain, _, api_group = plural.partition(".")
    return rbac.allows(who, (), verb, api_group, plain + slash + subresource, namespace, name)


@pytest.mark.parametrize(
    ("given", "verb", "resource", "name", "allowed"),
    [
        (rule("get", "core", "pods"), "get", "pods", "p", True),
        (rule("get", "core", "pods"), "list", "pods", "", False),
        (rule("get", "core", "pods"), "get", "pods.metrics.k8s.io", "p", False),
        (rule("get", "core", "pods"), "get", "pods/log", "p", False),
        (rule("get", "core", "pods/log"), "get", "pods/log", "p", True),
        (rule("get", "core", "pods/log"), "get", "pods", "p", False),
        (rule("*", "*", "*"), "frobnicate", "pods.any/thing", "p", True),
        (rule("get", "core", "*"), "get", "pods/log", "p", True),
        (rule("get", "apps", "*/scale"), "get", "deployments.apps/scale", "d", True),
        (rule("get", "apps", "*/scale"), "get", "deployments.apps/status", "d", False),
        (rule("get", "apps", "*/scale"), "get", "deployments.apps", "d", False),
        (rule("get", "core", "pods/*"), "get", "pods/log", "p", False),
        (rule("get", "core", "pods", "a b"), "get", "pods", "a", True),
        (rule("get", "core", "pods", "a b"), "get", "pods", "c", False),
        (rule("list", "core", "pods", "a"), "list", "pods", "", False),
        (rule("create", "core", "pods", "a"), "create", "pods", "", False),
        (rule("get", "core", "pods", "*"), "get", "pods", "a", False),
    ],
)
def test_a_rule(
    given: dict[str, object], verb: str, resource: str, name: str, allowed: bool
) -> None:
    rbac = rbac_of([role("r", given), binding("b", "r", user("ann"))])
    assert allows(rbac, verb, resource, "prod", name) is allowed


def test_names_of_several_rules_add_up() -> None:
    named, other, any_ = (rule("get", "core", "pods", names) for names in ("a", "b", ""))
    rbac = rbac_of([role("r", named, other), binding("b", "r", user("ann"))])
    assert [allows(rbac, "get", "pods", "x", name) for name in "abc"] == [True, True, False]
    rbac = rbac_of([role("r", named, any_, other), binding("b", "r", user("ann"))])
    assert allows(rbac, "get", "pods", "x", "c")


@pytest.mark.parametrize(
    ("pattern", "path", "allowed"),
    [
        ("*", "/metrics", True),
        ("/api/*", "/api/v1", True),
        ("/api/*", "/api", False),
        ("/healthz", "/healthz", True),
        ("/healthz", "/healthz/etcd", False),
        ("/logs*", "/logs/x", True),
    ],
)
def test_a_path(pattern: str, path: str, allowed: bool) -> None:
    given = role("r", {"nonResourceURLs": [pattern], "verbs": ["get"]})
    everywhere = rbac_of([given, binding("b", "r", user("ann"))])
    assert everywhere.allows_path("ann", (), "get", path) is allowed
    assert not everywhere.allows_path("ann", (), "post", path)
    assert not everywhere.allows_path("bob", (), "get", path)
    in_namespace = rbac_of([given, binding("b", "r", user("ann"), namespace="prod")])
    assert not in_namespace.allows_path("ann", (), "get", path)


def test_a_role_binding_gives_a_cluster_role_in_its_namespace_only() -> None:
    rbac = rbac_of(
        [role("r", rule("get", "core", "pods")), binding("b", "r", user("ann"), namespace="prod")]
    )
    given = [allows(rbac, "get", "pods", namespace, "p") for namespace in ("prod", "test", "")]
    assert given == [True, False, False]


def test_roles_of_the_same_name_in_two_namespaces() -> None:
    rbac = rbac_of(
        [
            role("r", rule("get", "core", "pods"), namespace="prod"),
            role("r", rule("get", "core", "secrets"), namespace="test"),
            binding("b", "r", user("ann"), namespace="prod", kind="Role"),
        ]
    )
    assert allows(rbac, "get", "pods", "prod", "p")
    assert not allows(rbac, "get", "secrets", "prod", "p")
    assert not allows(rbac, "get", "secrets", "test", "p")


def test_service_accounts_and_groups() -> None:
    rbac = rbac_of(
        [
            role("r", rule("get", "core", "pods")),
            binding("named", "r", account("prod", "robot"), namespace="test"),
            binding("all", "r", group("system:serviceaccounts:prod"), namespace="shop"),
        ]
    )
    groups = ("system:serviceaccounts", "system:serviceaccounts:prod")
    assert rbac.allows(ROBOT, groups, "get", "", "pods", "test", "p")
    assert rbac.allows(ROBOT, groups, "get", "", "pods", "shop", "p")
    assert not rbac.allows(ROBOT, (), "get", "", "pods", "shop", "p")
    assert not rbac.allows("system:serviceaccount:test:robot", (), "get", "", "pods", "test", "p")


def test_masters_may_do_everything_without_any_role() -> None:
    rbac = Rbac()
    assert rbac.allows("root", ("system:masters",), "delete", "x", "y/z", "", "")
    assert rbac.allows_path("root", ("system:masters",), "get", "/metrics")


def test_changes_take_effect_at_once() -> None:
    rbac = Rbac()
    reader = role("r", rule("get", "core", "pods"), namespace="prod")
    writer = role("r", rule("create", "core", "pods"), namespace="prod")
    bound = binding("b", "r", user("ann"), namespace="prod", kind="Role")
    moved = {**bound, "subjects": [user("bob")]}

    def now() -> tuple[bool, bool, bool]:
        return (
            allows(rbac, "get", "pods", "prod", "p"),
            allows(rbac, "create", "pods", "prod"),
            allows(rbac, "create", "pods", "prod", who="bob"),
        )

    states = []
    for kind, old, new in [
        ("RoleBinding", None, bound),
        ("Role", None, reader),
        ("Role", reader, writer),
        ("RoleBinding", bound, moved),
        ("Role", writer, None),
        ("Role", None, writer),
        ("RoleBinding", moved, None),
    ]:
        rbac.changed(kind, old, new)
        states.append(now())
    nothing = (False, False, False)
    assert states == [
        nothing,
        (True, False, False),
        (False, True, False),
        (False, False, True),
        nothing,
        (False, False, True),
        nothing,
    ]


def test_aggregation_follows_labels_over_several_steps() -> None:
    part = role("part", rule("get", "core", "pods"), low="true")
    rbac = rbac_of(
        [
            aggregated("high", "mid"),
            aggregated("middle", "low", mid="true"),
            binding("b", "high", user("ann")),
        ]
    )
    assert not allows(rbac, "get", "pods", "x", "p")
    rbac.changed("ClusterRole", None, part)
    assert allows(rbac, "get", "pods", "x", "p")
    rbac.changed("ClusterRole", part, role("part", rule("get", "core", "pods"), low="false"))
    assert not allows(rbac, "get", "pods", "x", "p")


def test_roles_that_aggregate_each_other_end() -> None:
    rbac = rbac_of(
        [
            aggregated("a", "to-a", **{"to-b": "true"}),
            aggregated("b", "to-b", **{"to-a": "true"}),
            role("leaf", rule("get", "core", "pods"), **{"to-b": "true"}),
            binding("x", "a", user("ann")),
        ]
    )
    assert allows(rbac, "get", "pods", "x", "p")


def test_a_rule_of_an_extension_reaches_the_users_of_edit() -> None:
    label = {"rbac.authorization.k8s.io/aggregate-to-edit": "true"}
    rbac = rbac_of([*Rbac.bootstrap(), binding("e", "edit", user("ann"), namespace="prod")])
    assert allows(rbac, "create", "deployments.apps", "prod")
    assert not allows(rbac, "create", "rolebindings.rbac.authorization.k8s.io", "prod")
    assert not allows(rbac, "create", "inferenceservices.ome.io", "prod")
    rbac.changed("ClusterRole", None, role("ome", rule("*", "ome.io", "*"), **label))
    assert allows(rbac, "create", "inferenceservices.ome.io", "prod")


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            ("list", "", "pods", "prod", ""),
            'pods is forbidden: User "bob" cannot list resource "pods" in API group ""'
            ' in the namespace "prod"',
        ),
        (
            ("get", "", "nodes", "", "n1"),
            'nodes "n1" is forbidden: User "bob" cannot get resource "nodes" in API group ""'
            " at the cluster scope",
        ),
        (
            ("get", "apps", "deployments/scale", "x", "d"),
            'deployments.apps "d" is forbidden: User "bob" cannot get resource'
            ' "deployments/scale" in API group "apps" in the namespace "x"',
        ),
        (
            ("get", "", "pods", "x", 'p"q'),
            'pods "p\\"q" is forbidden: User "bob" cannot get resource "pods" in API group ""'
            ' in the namespace "x"',
        ),
    ],
)
def test_what_is_said(request_: tuple[str, str, str, str, str], message: str) -> None:
    assert Rbac().explain("bob", (), *request_) == message


def test_what_is_said_of_a_path() -> None:
    said = Rbac().explain_path("bob", (), "get", "/metrics")
    assert said == 'forbidden: User "bob" cannot get path "/metrics"'


def test_bindings_to_absent_roles_are_named() -> None:
    rbac = rbac_of(
        [
            binding("b2", "missing", user("ann"), namespace="prod", kind="Role"),
            binding("b3", "missing-too", group("team"), namespace="prod"),
        ]
    )
    one = rbac.explain("ann", (), "list", "", "pods", "prod", "")
    assert one.endswith(': RBAC: role.rbac.authorization.k8s.io "missing" not found')
    both = (
        '[role.rbac.authorization.k8s.io "missing" not found,'
        ' clusterrole.rbac.authorization.k8s.io "missing-too" not found]'
    )
    assert rbac.explain("ann", ("team",), "list", "", "pods", "prod", "").endswith(
        f'in the namespace "prod": RBAC: {both}'
    )
    assert rbac.rules_for("ann", ("team",), "prod")["evaluationError"] == both


def test_the_rules_of_somebody() -> None:
    reads = rule("get list", "core", "configmaps", "a b")
    rbac = rbac_of(
        [
            *Rbac.bootstrap(),
            role("r", reads, namespace="prod"),
            binding("b", "r", user("ann"), namespace="prod", kind="Role"),
        ]
    )
    rules = rbac.rules_for("ann", ("system:authenticated",), "prod")
    assert rules["resourceRules"][-1] == reads
    assert [found["apiGroups"] for found in rules["resourceRules"]] == [
        ["authorization.k8s.io"],
        ["authentication.k8s.io"],
        [""],
    ]
    assert [found["nonResourceURLs"][0] for found in rules["nonResourceRules"]] == [
        "/api",
        "/healthz",
    ]
    assert not rules["incomplete"]
    assert "evaluationError" not in rules
    assert reads not in rbac.rules_for("ann", (), "test")["resourceRules"]


def test_anonymous_may_see_the_version_and_nothing_else() -> None:
    rbac = rbac_of(Rbac.bootstrap())
    groups = ("system:unauthenticated",)
    assert rbac.allows_path("system:anonymous", groups, "get", "/version")
    assert not rbac.allows_path("system:anonymous", groups, "get", "/apis")
    assert not rbac.allows("system:anonymous", groups, "get", "", "pods", "prod", "p")


def test_among_many_roles_everyone_has_his_own() -> None:
    documents = [*Rbac.bootstrap(), *(role(f"r{n}", rule("get", f"g{n}", "x")) for n in range(500))]
    documents += [binding(f"b{n}", f"r{n}", user(f"u{n % 50}")) for n in range(500)]
    rbac = rbac_of(documents)
    granted = [n for n in range(500) if rbac.allows("u7", (), "get", f"g{n}", "x", "prod", "m")]
    assert granted == list(range(7, 500, 50))
