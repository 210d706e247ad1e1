"""Webhook configurations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ome.sandbox.builtin import names
from ome.sandbox.builtin.causes import duplicate, invalid, not_supported, required
from ome.sandbox.builtin.validation.selectors import validate_selector

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.sandbox.refusal import Cause

__all__ = ["validate_webhooks"]

_OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_VERSIONS = ("v1", "v1beta1")
_SIDE_EFFECTS = ("None", "NoneOnDryRun")
_CHOICES = {
    "failurePolicy": ("Fail", "Ignore"),
    "matchPolicy": ("Equivalent", "Exact"),
    "reinvocationPolicy": ("IfNeeded", "Never"),
}
_URL = "desired format: https://host[/path]"


def validate_webhooks(
    document: Mapping[str, Any], old: Mapping[str, Any] | None
) -> Iterator[Cause]:
    """A configuration of validating or of mutating webhooks."""
    seen: set[str] = set()
    for index, hook in enumerate(document.get("webhooks") or ()):
        field, name = f"webhooks[{index}]", hook.get("name", "")
        yield from _name(name, f"{field}.name")
        if name in seen:
            yield duplicate(f"{field}.name", name)
        seen.add(name)
        yield from _hook(hook, field)


def _name(name: str, field: str) -> Iterator[Cause]:
    if not name:
        yield required(field)
        return
    for text in names.dns_subdomain(name):
        yield invalid(field, name, text)
    if len(name.split(".")) < 3:
        yield invalid(
            field, name, "should be a domain with at least three segments separated by dots"
        )


def _hook(hook: Mapping[str, Any], field: str) -> Iterator[Cause]:
    for index, rule in enumerate(hook.get("rules") or ()):
        yield from _rule(rule, f"{field}.rules[{index}]")
    for name, choices in _CHOICES.items():
        if name in hook and hook[name] not in choices:
            yield not_supported(f"{field}.{name}", hook[name], choices)
    effects = hook.get("sideEffects")
    if not effects:
        yield required(f"{field}.sideEffects", f"must specify one of {', '.join(_SIDE_EFFECTS)}")
    elif effects not in _SIDE_EFFECTS:
        yield not_supported(f"{field}.sideEffects", effects, _SIDE_EFFECTS)
    timeout = hook.get("timeoutSeconds", 10)
    if not 1 <= timeout <= 30:
        yield invalid(
            f"{field}.timeoutSeconds",
            timeout,
            "the timeout value must be between 1 and 30 seconds",
        )
    for name in ("namespaceSelector", "objectSelector"):
        yield from validate_selector(hook.get(name, {}), f"{field}.{name}")
    yield from _client(hook.get("clientConfig", {}), f"{field}.clientConfig")
    yield from _versions(hook.get("admissionReviewVersions"), f"{field}.admissionReviewVersions")


def _rule(rule: Mapping[str, Any], field: str) -> Iterator[Cause]:
    if not rule.get("operations"):
        yield required(f"{field}.operations")
    for index, operation in enumerate(rule.get("operations") or ()):
        if operation not in _OPERATIONS:
            yield not_supported(f"{field}.operations[{index}]", operation, _OPERATIONS)
    for name in ("apiGroups", "apiVersions", "resources"):
        if not rule.get(name):
            yield required(f"{field}.{name}")
    scope = rule.get("scope", "*")
    if scope not in ("*", "Cluster", "Namespaced"):
        yield not_supported(f"{field}.scope", scope, ("*", "Cluster", "Namespaced"))


def _client(client: Mapping[str, Any], field: str) -> Iterator[Cause]:
    if ("url" in client) == ("service" in client):
        yield required(field, "exactly one of url or service is required")
    elif "url" in client:
        yield from _url(client["url"], f"{field}.url")
    else:
        yield from _service(client["service"], f"{field}.service")


def _url(url: str, field: str) -> Iterator[Cause]:
    parts = urlsplit(url)
    if parts.scheme != "https":
        yield invalid(field, parts.scheme, f"'https' is the only allowed URL scheme; {_URL}")
    if not parts.netloc:
        yield invalid(field, parts.netloc, f"host must be specified; {_URL}")
    forbidden = {
        "user information is": parts.username,
        "fragments are": parts.fragment,
        "query parameters are": parts.query,
    }
    for what, value in forbidden.items():
        if value:
            yield invalid(field, value, f"{what} not permitted in the URL")


def _service(service: Mapping[str, Any], field: str) -> Iterator[Cause]:
    for name in ("name", "namespace"):
        if not service.get(name):
            yield required(f"{field}.{name}")
    yield from _path(service.get("path", "/"), f"{field}.path")
    port = service.get("port", 443)
    if not 1 <= port <= 65535:
        yield invalid(
            f"{field}.port", port, "port is not valid: must be between 1 and 65535, inclusive"
        )


def _path(path: str, field: str) -> Iterator[Cause]:
    if path in ("", "/"):
        return
    if not path.startswith("/"):
        yield invalid(field, path, "must start with a '/'")
    for index, segment in enumerate(path[1:].removesuffix("/").split("/")):
        if not segment:
            yield invalid(field, path, f"segment[{index}] may not be empty")
            continue
        for text in names.dns_subdomain(segment):
            yield invalid(field, path, f"segment[{index}]: {text}")


def _versions(versions: list[str] | None, field: str) -> Iterator[Cause]:
    known = ", ".join(_VERSIONS)
    if not versions:
        yield required(field, f"must specify one of {known}")
    elif not set(versions) & set(_VERSIONS):
        yield invalid(field, versions, f"must include at least one of {known}")
