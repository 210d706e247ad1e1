from __future__ import annotations

import json
from typing import Any

import pytest

from ome.errors import (
    AlreadyExists,
    ApiError,
    Conflict,
    Expired,
    Forbidden,
    Invalid,
    NotFound,
    TooManyRequests,
)
from ome.kube import request as requests
from ome.kube.request import Request, status_error
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, DEPLOYMENTS, NODES, resource_for
from tests.support.fake_api import status_body

KEY = ObjectKey("ns", "a")
OBJECT = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "ns"}}


def body(request: Request) -> Any:
    return json.loads(request.body or b"")


def test_get() -> None:
    request = requests.get(CONFIGMAPS, KEY)
    assert str(request) == "GET /api/v1/namespaces/ns/configmaps/a"
    assert request.accept == "application/json"


def test_the_end_of_a_pods_log() -> None:
    request = requests.pod_log(KEY, tail_lines=9)
    assert request.target == "/api/v1/namespaces/ns/pods/a/log?tailLines=9"
    assert request.accept == "*/*"
    named = requests.pod_log(KEY, tail_lines=9, container="c")
    assert named.target == "/api/v1/namespaces/ns/pods/a/log?tailLines=9&container=c"


def test_get_of_metadata_only() -> None:
    request = requests.get(NODES, ObjectKey("", "n"), metadata_only=True)
    assert request.path == "/api/v1/nodes/n"
    assert request.accept == "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


def test_list_quotes_its_selectors() -> None:
    request = requests.list_(
        DEPLOYMENTS, namespace="ns", label_selector="a/b in (c, d)", limit=5, continue_="x=="
    )
    assert request.target == (
        "/apis/apps/v1/namespaces/ns/deployments"
        "?labelSelector=a%2Fb%20in%20%28c%2C%20d%29&limit=5&continue=x%3D%3D"
    )


def test_list_of_everything_has_no_query() -> None:
    assert requests.list_(NODES).target == "/api/v1/nodes"


def test_watch_has_bookmarks() -> None:
    request = requests.watch(CONFIGMAPS, resource_version="7", timeout_seconds=300)
    assert dict(request.query) == {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "7",
        "timeoutSeconds": "300",
    }


def test_a_streaming_list_says_how_new_it_must_be() -> None:
    query = dict(requests.watch(CONFIGMAPS, send_initial_events=True).query)
    assert query["sendInitialEvents"] == "true"
    assert query["resourceVersionMatch"] == "NotOlderThan"


def test_create_goes_to_the_collection_and_a_subresource_to_the_object() -> None:
    assert requests.create(CONFIGMAPS, OBJECT).path == "/api/v1/namespaces/ns/configmaps"
    token = requests.create(CONFIGMAPS, OBJECT, subresource="token")
    assert token.path == "/api/v1/namespaces/ns/configmaps/a/token"


def test_replace_of_a_subresource() -> None:
    request = requests.replace(CONFIGMAPS, OBJECT, subresource="status", dry_run=True)
    assert (request.method, request.path) == ("PUT", "/api/v1/namespaces/ns/configmaps/a/status")
    assert request.query == (("dryRun", "All"),)
    assert body(request) == OBJECT


def test_delete_carries_preconditions() -> None:
    request = requests.delete(CONFIGMAPS, KEY, uid="u", resource_version="3")
    assert body(request)["preconditions"] == {"uid": "u", "resourceVersion": "3"}
    assert body(request)["propagationPolicy"] == "Background"
    assert "preconditions" not in body(requests.delete(CONFIGMAPS, KEY))


def test_a_dry_deletion_says_so_in_its_body_and_is_no_write() -> None:
    request = requests.delete(CONFIGMAPS, KEY, dry_run=True)
    assert body(request)["dryRun"] == ["All"]
    assert not request.writes
    assert requests.delete(CONFIGMAPS, KEY).writes


def test_apply_names_its_manager() -> None:
    request = requests.apply(CONFIGMAPS, OBJECT, manager="me", dry_run=True)
    assert request.content_type == "application/apply-patch+yaml"
    assert dict(request.query) == {"fieldManager": "me", "force": "true", "dryRun": "All"}


@pytest.mark.parametrize(
    ("build", "content_type"),
    [
        (requests.json_patch, "application/json-patch+json"),
        (requests.merge_patch, "application/merge-patch+json"),
        (requests.strategic_patch, "application/strategic-merge-patch+json"),
    ],
)
def test_patches(build: Any, content_type: str) -> None:
    patch: Any = [] if build is requests.json_patch else {}
    request = build(CONFIGMAPS, KEY, patch, subresource="status")
    assert (request.method, request.content_type) == ("PATCH", content_type)
    assert request.path.endswith("/configmaps/a/status")


def test_a_body_is_not_shown() -> None:
    secret = {**OBJECT, "data": {"password": "c2VjcmV0"}}
    assert "c2VjcmV0" not in repr(requests.create(CONFIGMAPS, secret))


def test_a_cluster_scoped_object_has_no_namespace_in_its_path() -> None:
    node = {"metadata": {"name": "n", "namespace": "ignored"}}
    assert requests.replace(NODES, node).path == "/api/v1/nodes/n"


def test_resource_for_knows_built_in_kinds() -> None:
    assert resource_for("apps/v1", "Deployment") is DEPLOYMENTS
    with pytest.raises(LookupError, match=r"ome\.io/v1 Absent"):
        resource_for("ome.io/v1", "Absent")


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (403, "Forbidden", Forbidden),
        (404, "NotFound", NotFound),
        (409, "Conflict", Conflict),
        (409, "AlreadyExists", AlreadyExists),
        (410, "Expired", Expired),
        (410, "Gone", Expired),
        (422, "Invalid", Invalid),
        (429, "TooManyRequests", TooManyRequests),
        (418, "Teapot", ApiError),
    ],
)
def test_errors_by_code_and_reason(code: int, reason: str, kind: type[ApiError]) -> None:
    raw = json.dumps(status_body(code, reason, "because", name="a")).encode()
    error = status_error(code, {}, raw)
    assert type(error) is kind
    assert (error.status, error.reason, error.message) == (code, reason, "because")
    assert error.details["name"] == "a"


def test_retry_after_comes_from_the_header_or_the_details() -> None:
    raw = json.dumps(status_body(429, "TooManyRequests", "later", retryAfterSeconds=7)).encode()
    assert status_error(429, {}, raw).retry_after == 7
    assert status_error(429, {"retry-after": "3"}, raw).retry_after == 3
    assert status_error(429, {"retry-after": "Wed, 21 Oct"}, b"").retry_after is None


@pytest.mark.parametrize("raw", [b"", b"<html>\nBad Gateway", b"\xff\xfe", b"[1]", b'{"kind":"x"}'])
def test_a_body_that_is_no_status(raw: bytes) -> None:
    error = status_error(502, {}, raw, requests.get(CONFIGMAPS, KEY))
    assert error.message.startswith("HTTP 502 to GET /api/v1/namespaces/ns/configmaps/a")
    assert "\n" not in error.message
