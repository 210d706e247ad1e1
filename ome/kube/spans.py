"""Requests as spans, by the semantic conventions for HTTP clients."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry.trace import INVALID_SPAN, StatusCode

from ome.telemetry.tracing import call_span, enabled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.trace import Span

    from ome.kube.request import Request
    from ome.kube.transport import Response

__all__ = ["answered", "request_span", "template"]


def template(path: str) -> str:
    """A path of the API without the names in it: ``/api/v1/namespaces/{namespace}/pods/{name}``."""
    parts = path.strip("/").split("/")
    begin = {"api": 2, "apis": 3}.get(parts[0], len(parts))
    head, rest = parts[:begin], parts[begin:]
    if len(rest) > 2 and rest[0] == "namespaces":
        head, rest = [*head, "namespaces", "{namespace}"], rest[2:]
    if len(rest) > 1:
        rest[1] = "{name}"
    return "/" + "/".join([*head, *rest])


@contextmanager
def request_span(request: Request, host: str, attempt: int) -> Iterator[Span]:
    """A span around one attempt of a request; what it raises marks it as failed."""
    if not enabled():
        yield INVALID_SPAN
        return
    route = template(request.path)
    with call_span(f"{request.method} {route}") as span:
        if span.is_recording():
            name, _, port = host.rpartition(":")
            span.set_attributes(
                {
                    "http.request.method": request.method,
                    "url.full": f"https://{host}{request.path}",
                    "url.template": route,
                    "server.address": name or host,
                }
            )
            if port.isdigit():
                span.set_attribute("server.port", int(port))
            if attempt > 1:
                span.set_attribute("http.request.resend_count", attempt - 1)
        yield span


def answered(span: Span, response: Response) -> None:
    """Say on the span what the answer was."""
    if not span.is_recording():
        return
    span.set_attribute("http.response.status_code", response.status)
    if response.status >= 400:
        span.set_attribute("error.type", str(response.status))
        span.set_status(StatusCode.ERROR)
