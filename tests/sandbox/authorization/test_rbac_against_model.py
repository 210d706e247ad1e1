"""The authorizer and a brute-force reading of all rules decide alike, through any changes."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ome.sandbox.authorization import Rbac
from tests.sandbox.authorization.documents import account, aggregated, binding, group, role, user
from tests.support.tiers import examples

NAMES = st.sampled_from(["a", "b"])
NAMESPACES = st.sampled_from(["", "x", "y"])
VERBS = st.sampled_from(["get", "list", "*"])
GROUPS = st.sampled_from(["", "apps", "*"])
RESOURCES = st.sampled_from(["pods", "pods/log", "nodes", "*", "*/log"])
SUBJECTS = st.sampled_from([user("ann"), user("bob"), group("team"), account("x", "robot")])
PEOPLE = {
    "ann": ("ann", ()),
    "bob of team": ("bob", ("team", "other")),
    "robot": ("system:serviceaccount:x:robot", ("system:serviceaccounts",)),
}


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    made: dict[str, Any] = {
        "verbs": draw(st.lists(VERBS, min_size=1, max_size=2)),
        "apiGroups": draw(st.lists(GROUPS, min_size=1, max_size=2)),
        "resources": draw(st.lists(RESOURCES, min_size=1, max_size=2)),
    }
    names = draw(st.lists(NAMES, max_size=1))
    return {**made, "resourceNames": names} if names else made


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    name, namespace = draw(NAMES), draw(NAMESPACES)
    match draw(st.sampled_from(["role", "binding", "aggregated"])):
        case "aggregated":
            return aggregated(name, draw(st.sampled_from(["to-a", "to-b"])), **draw(labels()))
        case "role":
            given = draw(st.lists(rules(), max_size=2))
            return role(name, *given, namespace=namespace, **draw(labels()))
        case _:
            kind = draw(st.sampled_from(["Role", "ClusterRole"])) if namespace else "ClusterRole"
            subjects = draw(st.lists(SUBJECTS, max_size=2))
            return binding(name, draw(NAMES), *subjects, namespace=namespace, kind=kind)


def labels() -> st.SearchStrategy[dict[str, str]]:
    return st.dictionaries(st.sampled_from(["to-a", "to-b"]), st.just("true"), max_size=1)


class Model:
    """All documents by kind, namespace and name; every question reads all of them."""

    def __init__(self) -> None:
        self.documents: dict[tuple[str, str, str], dict[str, Any]] = {}

    def rules_of(self, kind: str, namespace: str, name: str) -> list[dict[str, Any]]:
        found = self.documents.get((kind, namespace, name))
        if found is None or "aggregationRule" not in found:
            return found["rules"] if found else []
        reached, waiting = [name], [found]
        collected: list[dict[str, Any]] = []
        while waiting:
            one = waiting.pop()
            if "aggregationRule" not in one:
                collected += one["rules"]
                continue
            wanted = one["aggregationRule"]["clusterRoleSelectors"][0]["matchLabels"].items()
            for (kind_, _, name_), other in self.documents.items():
                has = other["metadata"].get("labels", {}).items()
                if kind_ == "ClusterRole" and name_ not in reached and wanted <= has:
                    reached.append(name_)
                    waiting.append(other)
        return collected

    def allows(
        self,
        who: tuple[str, tuple[str, ...]],
        verb: str,
        group: str,
        resource: str,
        ns: str,
        name: str,
    ) -> bool:
        for (kind, namespace, _), document in self.documents.items():
            if not kind.endswith("Binding") or namespace not in ("", ns):
                continue
            if not any(self._is(who, subject) for subject in document["subjects"]):
                continue
            ref = document["roleRef"]
            home = namespace if ref["kind"] == "Role" else ""
            for rule in self.rules_of(ref["kind"], home, ref["name"]):
                if (
                    {verb, "*"} & set(rule["verbs"])
                    and {group, "*"} & set(rule["apiGroups"])
                    and {resource, "*", "*/" + resource.partition("/")[2]} & set(rule["resources"])
                    and name in rule.get("resourceNames", [name])
                ):
                    return True
        return False

    def _is(self, who: tuple[str, tuple[str, ...]], subject: dict[str, str]) -> bool:
        match subject["kind"]:
            case "User":
                return subject["name"] == who[0]
            case "Group":
                return subject["name"] in who[1]
            case _:
                return who[0] == f"system:serviceaccount:{subject['namespace']}:{subject['name']}"


@settings(max_examples=examples(150), deadline=None)
@given(
    st.lists(st.tuples(documents(), st.booleans()), max_size=12),
    st.lists(
        st.tuples(
            st.sampled_from(sorted(PEOPLE)),
            st.sampled_from(["get", "list"]),
            st.sampled_from(["", "apps"]),
            st.sampled_from(["pods", "pods/log", "nodes", "nodes/log"]),
            NAMESPACES,
            st.sampled_from(["", "a", "b"]),
        ),
        min_size=1,
        max_size=8,
    ),
)
def test_decides_as_the_model(
    changes: list[tuple[dict[str, Any], bool]],
    questions: list[tuple[str, str, str, str, str, str]],
) -> None:
    rbac, model = Rbac(), Model()
    for document, stays in changes:
        kind, metadata = document["kind"], document["metadata"]
        key = (kind, metadata.get("namespace", ""), metadata["name"])
        rbac.changed(kind, model.documents.get(key), document)
        model.documents[key] = document
        for who, *question in questions:
            asked = (question[0], question[1], question[2], question[3], question[4])
            assert rbac.allows(*PEOPLE[who], *asked) == model.allows(PEOPLE[who], *asked)
        if not stays:
            rbac.changed(kind, model.documents.pop(key), None)
