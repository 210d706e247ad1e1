"""``AdmissionReview``: what is sent to a webhook, and what its answer must look like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ome.sandbox.admission.failures import CallFailed

if TYPE_CHECKING:
    from ome.kube.resource import Resource
    from ome.sandbox.admission.attributes import Attributes

__all__ = ["Response", "Result", "read_answer", "read_patch", "request_of", "review_of"]

_GROUP = "admission.k8s.io"


class Result(msgspec.Struct, frozen=True):
    """A ``metav1.Status`` as far as a denial uses it."""

    code: int = 0
    reason: str = ""
    message: str = ""
    details: dict[str, Any] | None = None


class Response(msgspec.Struct, frozen=True, rename="camel"):
    """``AdmissionReview.response``; audit annotations are of no use here."""

    uid: str = ""
    allowed: bool = False
    status: Result | None = None
    patch: bytes | None = None
    patch_type: str | None = None
    warnings: list[str] | None = None


class _Review(msgspec.Struct, frozen=True, rename="camel"):
    api_version: str = ""
    kind: str = ""
    response: Response | None = None


_decode = msgspec.json.Decoder(_Review).decode


def request_of(
    attributes: Attributes,
    resource: Resource,
    uid: str,
    object_: dict[str, Any] | None,
    old_object: dict[str, Any] | None,
) -> dict[str, Any]:
    """The ``AdmissionRequest`` for a webhook that wants the object as ``resource``."""
    subresource = attributes.subresource
    return {
        "uid": uid,
        "kind": _kind(object_ or old_object, resource),
        "resource": _resource(resource),
        **({"subResource": subresource} if subresource else {}),
        "requestKind": _kind(attributes.object or attributes.old_object, attributes.resource),
        "requestResource": _resource(attributes.resource),
        **({"requestSubResource": subresource} if subresource else {}),
        **({"name": attributes.name} if attributes.name else {}),
        **({"namespace": attributes.within} if attributes.within else {}),
        "operation": attributes.operation,
        "userInfo": {"username": attributes.user, "groups": list(attributes.groups)},
        "object": object_,
        "oldObject": old_object,
        "dryRun": attributes.dry_run,
        "options": _options(attributes),
    }


def review_of(version: str, request: dict[str, Any]) -> dict[str, Any]:
    """The review that carries a request."""
    return {"kind": "AdmissionReview", "apiVersion": f"{_GROUP}/{version}", "request": request}


def read_answer(body: bytes, version: str, uid: str, *, mutating: bool) -> Response:
    """The response in an answer. Raises ``CallFailed``; ``v1beta1`` is checked less, as ever."""
    try:
        review = _decode(body)
    except msgspec.DecodeError as error:
        raise CallFailed(f"failed to call webhook: {error}") from error
    problem = _problem(review, version, uid, mutating)
    if problem:
        raise CallFailed(f"received invalid webhook response: {problem}")
    response = review.response
    assert response is not None
    if version == "v1beta1" and response.patch:
        return msgspec.structs.replace(response, patch_type="JSONPatch")
    return response


def read_patch(response: Response) -> list[dict[str, Any]]:
    """The operations of a JSON patch, none without one. Raises ``CallFailed``."""
    if not response.patch:
        return []
    try:
        operations = msgspec.json.decode(response.patch, type=list[dict[str, Any]] | None)
    except msgspec.DecodeError as error:
        said = f"received undecodable patch in webhook response: {error}"
        raise CallFailed(said) from error
    if operations and response.patch_type != "JSONPatch":
        raise CallFailed(f'unsupported patch type "{response.patch_type}"')
    return operations or []


def _problem(review: _Review, version: str, uid: str, mutating: bool) -> str:
    response = review.response
    if response is None:
        return "webhook response was absent"
    if version == "v1beta1":
        return ""
    if response.uid != uid:
        return f'expected response.uid="{uid}", got "{response.uid}"'
    if (review.api_version, review.kind) != (f"{_GROUP}/{version}", "AdmissionReview"):
        group, _, version_ = review.api_version.rpartition("/")
        return (
            f"expected webhook response of {_GROUP}/{version}, Kind=AdmissionReview,"
            f" got {group}/{version_}, Kind={review.kind}"
        )
    return _patch_problem(response, mutating)


def _patch_problem(response: Response, mutating: bool) -> str:
    if not mutating:
        if response.patch:
            return "validating webhook may not return response.patch"
        if response.patch_type is not None:
            return "validating webhook may not return response.patchType"
        return ""
    if response.patch and response.patch_type is None:
        return "webhook returned response.patch but not response.patchType"
    if not response.patch and response.patch_type is not None:
        return "webhook returned response.patchType but not response.patch"
    if response.patch_type == "":
        return 'webhook returned invalid response.patchType of ""'
    return ""


def _kind(document: dict[str, Any] | None, resource: Resource) -> dict[str, str]:
    """The kind of what is sent: a Scale for ``deployments/scale``."""
    if document is None or "kind" not in document:
        return {"group": resource.group, "version": resource.version, "kind": resource.kind}
    group, _, version = document["apiVersion"].rpartition("/")
    return {"group": group, "version": version, "kind": document["kind"]}


def _resource(resource: Resource) -> dict[str, str]:
    return {"group": resource.group, "version": resource.version, "resource": resource.plural}


def _options(attributes: Attributes) -> dict[str, Any] | None:
    if attributes.operation == "CONNECT":
        return None
    return {
        "kind": f"{attributes.operation.capitalize()}Options",
        "apiVersion": "meta.k8s.io/v1",
        **({"dryRun": ["All"]} if attributes.dry_run else {}),
        **attributes.options,
    }
