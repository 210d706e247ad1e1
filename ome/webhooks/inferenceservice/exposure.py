"""How a service wants to be exposed: what its annotations can never mean, and what they mean not.

A value that no ingress could be made from is refused. One that is merely taken for another one, as
it always was, is worth a remark.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from ome.api import names
from ome.api.truncate import truncate_dns
from ome.webhooks.inferenceservice.places import places, quoted
from ome.webhooks.registry import Problem
from ome.workloads.config import IngressConfig
from ome.workloads.errors import ExposureError
from ome.workloads.gotemplate import TemplateError, parse, render
from ome.workloads.inferencepool import endpoint_picker
from ome.workloads.urls import host_problem, is_subdomain, path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ome.api import InferenceService
    from ome.webhooks.inferenceservice.places import Place

__all__ = ["EXPOSURE_ANNOTATIONS", "exposure_problems", "exposure_warnings"]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_TYPES = ("ClusterIP", "NodePort", "LoadBalancer")
_SWITCHES = (
    names.ANNOTATION_INGRESS_DISABLE_CREATION,
    names.ANNOTATION_INGRESS_DISABLE_ISTIO,
)
_OBJECTS = {
    names.ANNOTATION_INGRESS_CLASS: "an IngressClass",
    names.ANNOTATION_INGRESS_TLS_SECRET: "a Secret",
}
"""Annotations that name an object of a kind."""
_TEMPLATE = names.ANNOTATION_INGRESS_DOMAIN_TEMPLATE
_READS = re.compile(r"\.(Labels|Annotations)\b")
"""What a template reads that may change without the template."""
_EXAMPLE = IngressConfig().domain_template

EXPOSURE_ANNOTATIONS = (
    _TEMPLATE,
    names.ANNOTATION_INGRESS_DOMAIN,
    names.ANNOTATION_INGRESS_ADDITIONAL_DOMAINS,
    names.ANNOTATION_INGRESS_URL_SCHEME,
    names.ANNOTATION_INGRESS_PATH_TEMPLATE,
    *_SWITCHES,
    *_OBJECTS,
    names.ANNOTATION_INFERENCE_POOL,
    names.ANNOTATION_SERVICE_TYPE,
    names.ANNOTATION_LOAD_BALANCER_IP,
    names.ANNOTATION_ENTRYPOINT_COMPONENT,
)
"""What is looked at here."""


def exposure_problems(service: InferenceService, name: str, namespace: str) -> Iterator[Problem]:
    """What no host, path or object could be made from; ``name`` is the one that it will have."""
    at, *components = places(service)
    notes = at.notes
    present = [item.component for item in components]
    for place in (at, *components):
        wanted = [f"{name}-{item}" for item in (present if place is at else [place.component])]
        if place is at:
            wanted = [name, *wanted]
        # The first of them: one cause is told once.
        yield from itertools.islice(
            itertools.chain(_domain(place), _templates(place, wanted, namespace)), 1
        )
    scheme = notes.get(names.ANNOTATION_INGRESS_URL_SCHEME)
    if scheme and not _SCHEME.fullmatch(scheme):
        yield Problem(
            at.field(names.ANNOTATION_INGRESS_URL_SCHEME),
            f"{quoted(scheme)} is no scheme of a URL; write http or https",
        )
    for annotation, kind in _OBJECTS.items():
        text = notes.get(annotation)
        if text and not is_subdomain(text):
            yield Problem(
                at.field(annotation),
                f"{quoted(text)} cannot be the name of {kind}; write its name in lower-case"
                " letters, digits, '-' and '.'",
            )
    yield from _path(at, name, namespace)
    picker = notes.get(names.ANNOTATION_INFERENCE_POOL)
    if picker:
        try:
            endpoint_picker(picker)
        except ExposureError as error:
            yield Problem(at.field(names.ANNOTATION_INFERENCE_POOL), str(error))


def _domain(place: Place) -> Iterator[Problem]:
    domain = place.notes.get(names.ANNOTATION_INGRESS_DOMAIN)
    if domain and not is_subdomain(domain.removesuffix(".")):
        yield Problem(
            place.field(names.ANNOTATION_INGRESS_DOMAIN),
            f"{quoted(domain)} is no domain; write one in lower-case letters, digits, '-' and '.',"
            " such as example.com",
        )


def _templates(place: Place, wanted: Sequence[str], namespace: str) -> Iterator[Problem]:
    """Why the template of a place gives no host for a name."""
    if not place.notes.get(_TEMPLATE):
        return
    for name in wanted:
        wrong, mends = _fault(place, name, namespace)
        if wrong and not mends:
            yield Problem(place.field(_TEMPLATE), f"{wrong}; write one such as {_EXAMPLE}")


def _fault(place: Place, name: str, namespace: str) -> tuple[str, bool]:
    """What is wrong with the template of a place, and whether a label may mend it."""
    template = place.notes[_TEMPLATE]
    mends = bool(_READS.search(template))
    try:
        parse(template)
    except TemplateError as error:
        return f"error rendering the domain template: {error}", False
    try:
        host = _host(place, name, namespace)
    except TemplateError as error:
        return f"error rendering the domain template: {error}", mends
    wrong = host_problem(host)
    return (f"gives the invalid domain name {quoted(host)}: {wrong}" if wrong else "", mends)


def _host(place: Place, name: str, namespace: str) -> str:
    config = IngressConfig().resolve(place.effective)
    values: dict[str, str | Mapping[str, str]] = {
        "Name": truncate_dns(name),
        "Namespace": namespace,
        "IngressDomain": config.ingress_domain,
        "Annotations": place.effective,
        "Labels": place.labels,
    }
    return render(config.domain_template, values)


def _path(place: Place, name: str, namespace: str) -> Iterator[Problem]:
    template = place.notes.get(names.ANNOTATION_INGRESS_PATH_TEMPLATE)
    if not template:
        return
    try:
        path(name, namespace, IngressConfig(path_template=template))
    except ExposureError as error:
        said = str(error).rpartition("; ")[0]
        yield Problem(
            place.field(names.ANNOTATION_INGRESS_PATH_TEMPLATE),
            f"{said}; write one such as /{{{{ .Namespace }}}}/{{{{ .Name }}}}",
        )


def exposure_warnings(service: InferenceService, name: str, namespace: str) -> Iterator[str]:
    """What is taken for something else than was meant, or for nothing."""
    at = places(service)[0]
    notes = at.notes
    for annotation in _SWITCHES:
        if notes.get(annotation, "true") not in ("true", "false"):
            yield f"{at.field(annotation)}: {quoted(notes[annotation])} counts as false; write true"
    for domain in notes.get(names.ANNOTATION_INGRESS_ADDITIONAL_DOMAINS, "").split(","):
        if domain.strip() and not is_subdomain(domain.strip()):
            yield (
                f"{at.field(names.ANNOTATION_INGRESS_ADDITIONAL_DOMAINS)}: {quoted(domain.strip())}"
                " is no domain and is left out; write domains with commas between them"
            )
    for place in places(service):
        yield from _type_warnings(place)
    if names.ANNOTATION_ENTRYPOINT_COMPONENT in notes:
        yield (
            f"{at.field(names.ANNOTATION_ENTRYPOINT_COMPONENT)}: is read by nothing; requests reach"
            " the router first where there is one, else the engine"
        )
    yield from _waits(at, name, namespace)


def _type_warnings(place: Place) -> Iterator[str]:
    annotation, address = names.ANNOTATION_SERVICE_TYPE, names.ANNOTATION_LOAD_BALANCER_IP
    wanted = place.notes.get(annotation)
    if wanted is not None and wanted not in _TYPES:
        yield (
            f"{place.field(annotation)}: {quoted(wanted)} is no type of a Service and counts as"
            f" ClusterIP; use one of {', '.join(_TYPES)}"
        )
    if place.notes.get(address) and place.effective.get(annotation) != "LoadBalancer":
        yield (
            f"{place.field(address)}: has no effect unless {annotation} is LoadBalancer; set that"
            " too or remove the address"
        )


def _waits(place: Place, name: str, namespace: str) -> Iterator[str]:
    if not place.notes.get(_TEMPLATE):
        return
    wrong, mends = _fault(place, name, namespace)
    if wrong and mends:
        yield (
            f"{place.field(_TEMPLATE)}: {wrong}; the service waits until the labels and annotations"
            " that it reads give a host"
        )
