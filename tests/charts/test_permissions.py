"""Roles grant what the code declares, and the code declares what it names; no more, no less."""

from __future__ import annotations

import ast
import importlib

import pytest
import yaml

from hack.generated_charts import cli
from hack.generated_charts.files import ROOT, files, granted
from ome.cli.permissions import AGENT, MANAGER
from ome.kube.permissions import Permission, changes, keeps, may, owns, reads, rules, writes_status
from ome.kube.resource import Resource
from ome.kube.resources import CONFIGMAPS, DEPLOYMENTS, PODS, SECRETS, SERVICES

PARTS = (
    *sorted(
        f"ome.controllers.{path.parent.name}"
        for path in (ROOT / "ome/controllers").glob("*/__init__.py")
    ),
    "ome.agent",
    "ome.webhooks",
)
"""What talks to an API server in a running cluster; each has its ``permissions.py``."""


def test_the_committed_files_are_what_the_code_declares() -> None:
    assert cli.stale_files(files()) == [], "run hack/charts"


def named(package: str) -> set[str]:
    """The resources whose constants the modules of a package use."""
    found: set[str] = set()
    folder = ROOT / package.replace(".", "/")
    for path in sorted(folder.rglob("*.py")):
        if path.name == "permissions.py":
            continue
        parts = path.relative_to(ROOT).with_suffix("").parts
        tree = ast.parse(path.read_text())
        constants = {
            node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id.isupper()
        }
        if not constants:
            continue
        module = importlib.import_module(".".join(parts).removesuffix(".__init__"))
        for constant in constants:
            value = getattr(module, constant, None)
            if isinstance(value, Resource):
                found.add(value.group_resource)
    return found


@pytest.mark.parametrize("package", PARTS)
def test_a_part_declares_the_kinds_that_its_code_names(package: str) -> None:
    declared = {
        entry.resource.group_resource
        for entry in importlib.import_module(f"{package}.permissions").PERMISSIONS
    }
    assert declared == named(package), f"see {package.replace('.', '/')}/permissions.py"


def test_every_part_is_added_up() -> None:
    folders = (ROOT / "ome").rglob("permissions.py")
    found = {".".join(path.parent.relative_to(ROOT).parts) for path in folders}
    assert found == {*PARTS, "ome.kube", "ome.cli"}
    for package in PARTS:
        whole = AGENT if package == "ome.agent" else MANAGER
        assert set(importlib.import_module(f"{package}.permissions").PERMISSIONS) <= set(whole)


def test_secrets_are_read_by_name_and_never_listed() -> None:
    for entry in MANAGER:
        if entry.resource == SECRETS:
            assert entry.own
            assert not {"list", "watch"} & set(entry.verbs)
            assert entry.names or entry.verbs == ("create",)


def test_rules_share_resources_of_a_group_with_the_same_verbs() -> None:
    wanted = (*keeps(SERVICES, DEPLOYMENTS), *keeps(CONFIGMAPS), *reads(PODS))
    assert rules(wanted) == [
        {
            "apiGroups": [""],
            "resources": ["configmaps", "services"],
            "verbs": ["get", "list", "watch", "create", "patch", "delete"],
        },
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
        {
            "apiGroups": ["apps"],
            "resources": ["deployments"],
            "verbs": ["get", "list", "watch", "create", "patch", "delete"],
        },
    ]


def test_declarations_of_one_kind_are_united() -> None:
    logs = may(PODS, "get", subresource="log")
    assert rules([*reads(PODS), *changes(PODS), *writes_status(PODS), *owns(PODS), logs]) == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch", "patch"]},
        {"apiGroups": [""], "resources": ["pods/finalizers"], "verbs": ["update"]},
        {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["pods/status"], "verbs": ["patch"]},
    ]


def test_a_name_limits_only_what_is_not_granted_on_all() -> None:
    named_secret = Permission(SECRETS, ("get", "update"), names=("mine",))
    assert rules([named_secret, may(SECRETS, "get")]) == [
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
        {
            "apiGroups": [""],
            "resources": ["secrets"],
            "resourceNames": ["mine"],
            "verbs": ["update"],
        },
    ]


def test_the_role_of_the_tests_is_no_wider_in_verbs() -> None:
    role = next(yaml.safe_load_all((ROOT / "tests/e2e/rbac.yaml").read_text()))
    listed = {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert listed == granted(MANAGER)


def test_check_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--check"]) == 0
    assert cli.main(["--chekc"]) == 2
    assert "usage: hack/charts" in capsys.readouterr().err
