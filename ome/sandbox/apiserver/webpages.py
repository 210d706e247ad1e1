"""Paths that are no resource: version, health, discovery, OpenAPI, and questions of access."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ome.api.openapi import version as kubernetes_version
from ome.sandbox import schema
from ome.sandbox.apiserver import discovery
from ome.sandbox.apiserver.calls import Answer, json_answer, target_of
from ome.sandbox.apiserver.openapi import OpenApi
from ome.sandbox.refusal import Refused

if TYPE_CHECKING:
    from ome.sandbox.apiserver.authorizing import Authorizing
    from ome.sandbox.apiserver.calls import Call
    from ome.sandbox.apiserver.kinds import Kinds

__all__ = ["Webpages"]

_PUBLIC = frozenset({"/version", "/healthz", "/livez", "/readyz"})
_AGGREGATED = re.compile(r"application/json;[^,]*as=APIGroupDiscoveryList")
_AGGREGATED_VERSION = re.compile(r"v=(v2(?:beta1)?)\b")
_REVIEW = re.compile(
    r"/apis/(?:authorization|authentication)\.k8s\.io/v1"
    r"/(?P<plural>selfsubjectaccessreviews|selfsubjectrulesreviews|subjectaccessreviews"
    r"|selfsubjectreviews)"
)


class Webpages:
    """Answers what is asked of the server itself."""

    def __init__(self, kinds: Kinds, authorizing: Authorizing) -> None:
        self._kinds = kinds
        self._authorizing = authorizing
        self._openapi = OpenApi(kinds)

    def is_public(self, path: str) -> bool:
        """Whether a path answers without a token."""
        return path in _PUBLIC

    def serve(self, call: Call) -> Answer | None:
        """The answer; None for a path of a resource."""
        if review := _REVIEW.fullmatch(call.path):
            return self._review(call, review["plural"])
        if call.method != "GET":
            return None
        path = call.path.rstrip("/")
        if target_of(path) is None and path not in _PUBLIC:
            self._authorizing.check_path(call.user, "get", call.path)
        if path in _PUBLIC:
            return _version() if path == "/version" else Answer(200, b"ok", "text/plain")
        parts = path.strip("/").split("/")
        match parts:
            case ["openapi", "v3"]:
                return json_answer(self._openapi.index())
            case ["openapi", "v3", "api", version]:
                return self._document("", version)
            case ["openapi", "v3", "apis", group, version]:
                return self._document(group, version)
            case ["openapi", *_]:
                raise Refused(404, "NotFound", "the sandbox serves OpenAPI v3 only (/openapi/v3)")
            case _:
                return self._discovery(call, parts)

    def _discovery(self, call: Call, parts: list[str]) -> Answer | None:
        match parts:
            case ["api"] | ["apis"]:
                if _AGGREGATED.search(call.headers.get("accept", "")):
                    return self._aggregated(call, core=parts == ["api"])
                whole = parts == ["api"]
                return json_answer(discovery.versions() if whole else discovery.groups(self._kinds))
            case ["api", version]:
                found = discovery.resources(self._kinds, "", version)
            case ["apis", group]:
                found = discovery.group(self._kinds, group)
            case ["apis", group, version]:
                found = discovery.resources(self._kinds, group, version)
            case _:
                return None
        if found is None:
            raise Refused(404, "NotFound", "the server could not find the requested resource")
        return json_answer(found)

    def _aggregated(self, call: Call, *, core: bool) -> Answer:
        match = _AGGREGATED_VERSION.search(call.headers["accept"])
        version = match[1] if match else "v2"
        body = discovery.aggregated(self._kinds, core=core, version=version)
        media = f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
        answer = json_answer(body)
        return Answer(answer.status, answer.body, media)

    def _document(self, group: str, version: str) -> Answer:
        body = self._openapi.document(group, version)
        if body is None:
            raise Refused(404, "NotFound", "the server could not find the requested resource")
        return Answer(200, body)

    def _review(self, call: Call, plural: str) -> Answer:
        if call.method != "POST":
            raise Refused(405, "MethodNotAllowed", "reviews are created, nothing else")
        body, _ = schema.decode(call.body, strict=False)
        spec: dict[str, Any] = (body or {}).get("spec") or {}
        user = call.user
        if plural == "selfsubjectreviews":
            status: dict[str, Any] = {
                "userInfo": {"username": user.name, "groups": list(user.groups)}
            }
        elif plural == "selfsubjectrulesreviews":
            status = self._authorizing.rules(user, spec.get("namespace", ""))
        else:
            asked = None if plural == "subjectaccessreviews" else user
            status = self._authorizing.access(asked, spec)
        return json_answer({**body, "status": status}, 201)


def _version() -> Answer:
    text = kubernetes_version()
    major, minor = text.lstrip("v").split(".")[:2]
    return json_answer(
        {
            "major": major,
            "minor": minor,
            "gitVersion": text,
            "gitTreeState": "clean",
            "platform": "sandbox",
        }
    )
