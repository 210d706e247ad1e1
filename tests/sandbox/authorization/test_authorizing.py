"""The authorizer of the API server: it follows the roles and bindings of the store."""

from __future__ import annotations

from typing import Any

import pytest

from ome.kube.resource import ObjectKey
from ome.sandbox.apiserver.authorizing import Authorizing
from ome.sandbox.apiserver.calls import ANONYMOUS, Target, User
from ome.sandbox.apiserver.storage import Change, Store
from ome.sandbox.authorization import Rbac
from ome.sandbox.refusal import Refused
from ome.sandbox.stored import Stored
from tests.sandbox.authorization.documents import GROUP, binding, role, rule, user

ANN = User("ann", ("system:authenticated",))
ROOT = User("root", ("system:masters", "system:authenticated"))
POD = Target("", "v1", "pods", "prod", "p")
_PLURALS = {
    "Role": "roles",
    "ClusterRole": "clusterroles",
    "RoleBinding": "rolebindings",
    "ClusterRoleBinding": "clusterrolebindings",
}


def put(store: Store, *documents: dict[str, Any]) -> None:
    """Create or replace."""
    for document in documents:
        collection = store.collection(GROUP, _PLURALS[document["kind"]])
        metadata = {**document["metadata"], "uid": document["metadata"]["name"]}
        version = store.next_version()
        new = Stored.of({**document, "metadata": metadata}, version)
        collection.apply(Change(version, collection.get(new.key), new))


def remove(store: Store, kind: str, name: str) -> None:
    collection = store.collection(GROUP, _PLURALS[kind])
    old = collection.get(ObjectKey("", name))
    collection.apply(Change(store.next_version(), old, None, gone=old))


def seeded() -> Store:
    store = Store()
    put(store, *Rbac.bootstrap())
    return store


READER = role("reader", rule("get list", "core", "pods"))
READS = binding("reads", "reader", user("ann"))


def test_roles_and_bindings_count_from_when_they_are_stored() -> None:
    store = seeded()
    authorizing = Authorizing(store)
    assert not authorizing.allows(ANN, "get", POD)
    put(store, READER, READS)
    assert authorizing.allows(ANN, "get", POD)
    put(store, role("reader", rule("list", "core", "pods")))
    assert not authorizing.allows(ANN, "get", POD)
    assert authorizing.allows(ANN, "list", Target("", "v1", "pods", "prod"))
    remove(store, "ClusterRoleBinding", "reads")
    assert not authorizing.allows(ANN, "list", Target("", "v1", "pods", "prod"))


def test_what_was_stored_before_counts_too() -> None:
    store = seeded()
    put(store, READER, READS)
    assert Authorizing(store).allows(ANN, "get", POD)


def test_masters_may_do_everything_without_any_role() -> None:
    authorizing = Authorizing(Store())
    authorizing.check(ROOT, "delete", POD)
    authorizing.check_path(ROOT, "post", "/anything")


@pytest.mark.parametrize(
    ("verb", "target", "message", "details"),
    [
        (
            "get",
            POD,
            'pods "p" is forbidden: User "ann" cannot get resource "pods" in API group "" in the'
            ' namespace "prod"',
            {"name": "p", "kind": "pods"},
        ),
        (
            "list",
            Target("apps", "v1", "deployments"),
            'deployments.apps is forbidden: User "ann" cannot list resource "deployments" in API'
            ' group "apps" at the cluster scope',
            {"group": "apps", "kind": "deployments"},
        ),
        (
            "patch",
            Target("apps", "v1", "deployments", "prod", "d", "scale"),
            'deployments.apps "d" is forbidden: User "ann" cannot patch resource'
            ' "deployments/scale" in API group "apps" in the namespace "prod"',
            {"name": "d", "group": "apps", "kind": "deployments"},
        ),
    ],
)
def test_a_refusal_says_who_may_not_do_what_where(
    verb: str, target: Target, message: str, details: dict[str, str]
) -> None:
    with pytest.raises(Refused) as refusal:
        Authorizing(seeded()).check(ANN, verb, target)
    assert (refusal.value.code, refusal.value.reason) == (403, "Forbidden")
    assert refusal.value.message == message
    assert refusal.value.details == details


def test_a_namespace_is_in_itself() -> None:
    store = seeded()
    put(store, role("keeper", rule("get", "core", "namespaces"), namespace="prod"))
    put(store, binding("keeps", "keeper", user("ann"), namespace="prod", kind="Role"))
    authorizing = Authorizing(store)
    assert authorizing.allows(ANN, "get", Target("", "v1", "namespaces", "", "prod"))
    assert not authorizing.allows(ANN, "get", Target("", "v1", "namespaces", "", "test"))
    assert not authorizing.allows(ANN, "list", Target("", "v1", "namespaces"))


@pytest.mark.parametrize(
    ("who", "verb", "path", "allowed"),
    [
        (ANN, "get", "/api", True),
        (ANN, "get", "/apis/apps/v1", True),
        (ANN, "get", "/openapi/v3", True),
        (ANN, "get", "/metrics", False),
        (ANN, "post", "/api", False),
        (ANONYMOUS, "get", "/version", True),
        (ANONYMOUS, "get", "/healthz", True),
        (ANONYMOUS, "get", "/api", False),
    ],
)
def test_paths_that_are_no_resources(who: User, verb: str, path: str, allowed: bool) -> None:
    authorizing = Authorizing(seeded())
    spec = {"nonResourceAttributes": {"verb": verb, "path": path}}
    assert authorizing.access(who, spec) == {"allowed": allowed}
    if allowed:
        authorizing.check_path(who, verb, path)
    else:
        said = f'forbidden: User "{who.name}" cannot {verb} path "{path}"'
        with pytest.raises(Refused) as refusal:
            authorizing.check_path(who, verb, path)
        assert (refusal.value.code, refusal.value.message) == (403, said)


def test_a_review_asks_for_a_resource() -> None:
    store = seeded()
    put(store, READER, READS)
    authorizing = Authorizing(store)
    wanted = {"verb": "get", "resource": "pods", "namespace": "prod", "name": "p"}
    assert authorizing.access(ANN, {"resourceAttributes": wanted}) == {"allowed": True}
    for other in ({"subresource": "log"}, {"group": "apps"}, {"verb": "delete"}):
        spec = {"resourceAttributes": {**wanted, **other}}
        assert authorizing.access(ANN, spec) == {"allowed": False}


@pytest.mark.parametrize(
    ("who", "spec", "fields"),
    [
        (ANN, {}, ["spec.resourceAttributes"]),
        (
            ANN,
            {"resourceAttributes": {}, "nonResourceAttributes": {}},
            ["spec.nonResourceAttributes"],
        ),
        (None, {"resourceAttributes": {}}, ["spec.user"]),
        (None, {}, ["spec.resourceAttributes", "spec.user"]),
    ],
)
def test_a_review_of_nothing_of_both_or_of_nobody_is_invalid(
    who: User | None, spec: dict[str, Any], fields: list[str]
) -> None:
    with pytest.raises(Refused, match=r"authorization\.k8s\.io") as refusal:
        Authorizing(seeded()).access(who, spec)
    assert refusal.value.code == 422
    assert [cause["field"] for cause in refusal.value.details["causes"]] == fields


def test_a_review_of_somebody_else_names_him() -> None:
    store = seeded()
    put(store, READER, READS)
    authorizing = Authorizing(store)
    asked = {"resourceAttributes": {"verb": "list", "resource": "pods", "namespace": "prod"}}
    assert authorizing.access(None, {**asked, "user": "ann"}) == {"allowed": True}
    assert authorizing.access(None, {**asked, "user": "bob"}) == {"allowed": False}
    masters = {**asked, "groups": ["system:masters"]}
    assert authorizing.access(None, masters) == {"allowed": True}


def test_the_rules_of_a_user_are_those_of_his_roles() -> None:
    store = seeded()
    put(store, READER, READS)
    status = Authorizing(store).rules(ANN, "prod")
    assert {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]} in status[
        "resourceRules"
    ]
    assert any("/apis/*" in rule["nonResourceURLs"] for rule in status["nonResourceRules"])
    assert status["incomplete"] is False
