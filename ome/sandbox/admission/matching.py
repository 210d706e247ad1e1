"""Which webhooks a write concerns: rules and selectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.refusal import not_found

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ome.kube.resource import Resource
    from ome.sandbox.admission.attributes import Attributes
    from ome.sandbox.admission.configuration import Rule, Webhook
    from ome.sandbox.admission.equivalents import Equivalents

__all__ = ["is_exempt", "matched_resource", "selected"]

_CONFIGURATIONS = frozenset(
    {
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
        "mutatingwebhookconfigurations",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "validatingwebhookconfigurations",
    }
)


def is_exempt(attributes: Attributes) -> bool:
    """Whether no webhook is ever asked: else a broken one could not be removed."""
    resource = attributes.resource
    return resource.group == "admissionregistration.k8s.io" and resource.plural in _CONFIGURATIONS


def matched_resource(
    webhook: Webhook, attributes: Attributes, equivalents: Equivalents
) -> Resource | None:
    """As which resource the rules want the object; None when they do not want it."""
    candidates = [attributes.resource]
    if webhook.equivalent:
        candidates += equivalents.others(attributes.resource)
    for resource in candidates:
        if any(_rule_wants(rule, attributes, resource) for rule in webhook.rules):
            return resource
    return None


def selected(
    webhook: Webhook,
    attributes: Attributes,
    namespaces: Callable[[str], Mapping[str, Any] | None],
) -> bool:
    """Whether both selectors match. Raises ``Refused`` 404 when the namespace is gone."""
    return _namespace_selected(webhook, attributes, namespaces) and (
        not webhook.objects
        or any(
            webhook.objects.matches(_labels(document))
            for document in (attributes.object, attributes.old_object)
            if document is not None and "metadata" in document
        )
    )


def _rule_wants(rule: Rule, attributes: Attributes, resource: Resource) -> bool:
    return (
        _has(rule.operations, attributes.operation)
        and _has(rule.groups, resource.group)
        and _has(rule.versions, resource.version)
        and _in_scope(rule.scope, attributes)
        and any(_names(pattern, attributes, resource) for pattern in rule.resources)
    )


def _has(values: frozenset[str], value: str) -> bool:
    return "*" in values or value in values


def _in_scope(scope: str, attributes: Attributes) -> bool:
    """A Namespace counts as cluster-scoped here, though it has a namespace: itself."""
    namespaced = bool(attributes.namespace) and not attributes.is_namespace
    return scope == "*" or (scope == "Namespaced") is namespaced


def _names(pattern: str, attributes: Attributes, resource: Resource) -> bool:
    """``pods``, ``pods/status``, ``pods/*`` (with pods), ``*/scale``, ``*``, ``*/*``."""
    plural, _, subresource = pattern.partition("/")
    return plural in ("*", resource.plural) and subresource in ("*", attributes.subresource)


def _namespace_selected(
    webhook: Webhook,
    attributes: Attributes,
    namespaces: Callable[[str], Mapping[str, Any] | None],
) -> bool:
    if not webhook.namespaces or not (attributes.namespace or attributes.is_namespace):
        return True
    if attributes.is_namespace and not attributes.subresource and attributes.object is not None:
        return webhook.namespaces.matches(_labels(attributes.object))
    namespace = namespaces(attributes.within)
    if namespace is None:
        raise not_found("", "namespaces", attributes.within)
    return webhook.namespaces.matches(_labels(namespace))


def _labels(document: Mapping[str, Any]) -> Mapping[str, str]:
    labels: Mapping[str, str] = (document.get("metadata") or {}).get("labels") or {}
    return labels
