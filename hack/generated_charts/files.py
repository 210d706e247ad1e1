"""The generated files: their paths in the project and their texts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from hack.generated_charts.serving import registry
from ome.api.crds import all_crds, render
from ome.cli.permissions import AGENT, MANAGER, METRICS_READER
from ome.kube.permissions import rules
from ome.webhooks.table import configurations

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ome.kube.permissions import Permission

__all__ = ["ROOT", "files", "granted"]

ROOT = Path(__file__).resolve().parent.parent.parent
_CHART = "charts/ome-resources/files"
_SERVICE = "ome-webhook-server-service"
_ACCOUNTS = (("manager", MANAGER), ("agent", AGENT))
_CRDS = '# {{{{- define "ome-crd.definitions" }}}}\n{}# {{{{- end }}}}\n'
"""A named template for Helm, and a plain manifest for everybody else."""
_NOTE = "# Written by hack/charts; do not edit.\n"


def files() -> dict[str, str]:
    """Every generated file by its path."""
    found = {f"{_CHART}/webhooks.yaml": _NOTE + _yaml(configurations(_client))}
    for account, permissions in _ACCOUNTS:
        for scope, part in _split(permissions):
            found[f"{_CHART}/rbac/{account}-{scope}.yaml"] = _NOTE + _yaml(rules(part))
    found[f"{_CHART}/rbac/metrics.yaml"] = _NOTE + _yaml(rules(METRICS_READER))
    found["charts/ome-crd/templates/crds.yaml"] = _CRDS.format(render(all_crds()))
    found["charts/ome-serving/files/registry.json"] = registry()
    found["docs/permissions.md"] = _table()
    found["tests/e2e/rbac.yaml"] = _test_role()
    return found


def granted(permissions: Iterable[Permission]) -> set[tuple[str, str, str]]:
    """Every (group, plural with subresource, verb) of these."""
    return {
        (entry.resource.group, entry.plural, verb) for entry in permissions for verb in entry.verbs
    }


def _client(path: str) -> dict[str, Any]:
    return {"service": {"name": _SERVICE, "path": path, "port": 443}}


def _split(permissions: Iterable[Permission]) -> list[tuple[str, list[Permission]]]:
    """What is granted everywhere, and what in the operator's namespace beside that."""
    everywhere = [entry for entry in permissions if not entry.own]
    known = granted(entry for entry in everywhere if not entry.names)
    own = [entry for entry in permissions if entry.own and granted([entry]) - known]
    return [("cluster", everywhere), ("namespace", own)]


def _yaml(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False, default_flow_style=None, width=100)


def _test_role() -> str:
    """What the tests' manager may do: as in the chart, but in any namespace and by any name."""
    metadata = {"name": "ome-manager"}
    group = "rbac.authorization.k8s.io"
    unnamed = [
        {key: value for key, value in rule.items() if key != "resourceNames"}
        for rule in rules(MANAGER)
    ]
    role = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRole",
        "metadata": metadata,
        "rules": unnamed,
    }
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "ome-manager"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "ome-manager"}],
    }
    return f"{_NOTE}{_yaml(role)}---\n{_yaml(binding)}"


_HEAD = """# Permissions

What each account may do, and nothing else. The chart's roles, this table and what the code declares
(`ome/*/permissions.py`, added up in `ome/cli/permissions.py`) are the same, which a test holds;
`hack/charts` writes this page and the roles. The manager reads one Secret, its own, by name; it
lists none.

`everywhere` is a ClusterRole, `own namespace` a Role in the namespace of the release.
"""


def _table() -> str:
    lines = [_HEAD]
    for account, permissions in _ACCOUNTS:
        lines.append(f"\n## `ome {account}`\n")
        lines.append("\n| where | group | resources | names | verbs |\n|---|---|---|---|---|\n")
        for scope, part in _split(permissions):
            where = "everywhere" if scope == "cluster" else "own namespace"
            lines += [_row(where, rule) for rule in rules(part)]
    lines.append(
        "\nWith `ome.controller.metrics.secure` the manager also creates TokenReviews and"
        " SubjectAccessReviews, and there is the account `ome-flight-reader`, for `ome why` and"
        " `ome support-bundle`: it may GET `/debug/flights` and `/metrics` of the manager, and no"
        " object.\n"
    )
    return "".join(lines)


def _row(where: str, rule: dict[str, Any]) -> str:
    cells = (
        where,
        rule["apiGroups"][0] or "core",
        ", ".join(rule["resources"]),
        ", ".join(rule.get("resourceNames", ["all"])),
        ", ".join(rule["verbs"]),
    )
    return f"| {' | '.join(cells)} |\n"
