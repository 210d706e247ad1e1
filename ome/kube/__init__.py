"""Talking to an API server; knows nothing of OME's kinds. ::

    from ome.kube.http import connect

    async with await connect(kubeconfig) as transport:
        client = Client(transport, clock=SystemClock(), rng=random.Random())
        pods = await client.list(PODS, "default")

``connect`` is not among the names here, so that programs which never connect need not load aiohttp.
"""

from __future__ import annotations

from ome.kube.apply import Applied, Applier, pointer
from ome.kube.client import Client
from ome.kube.compare import contains, document_hash
from ome.kube.discovery import Discovery
from ome.kube.events import EventRecorder
from ome.kube.guard import WriteGuard
from ome.kube.quantity import parse_quantity, same_quantity
from ome.kube.request import Request, status_error
from ome.kube.resource import ObjectKey, Resource
from ome.kube.transport import ByteStream, NotSent, Response, Transport

__all__ = [
    "Applied",
    "Applier",
    "ByteStream",
    "Client",
    "Discovery",
    "EventRecorder",
    "NotSent",
    "ObjectKey",
    "Request",
    "Resource",
    "Response",
    "Transport",
    "WriteGuard",
    "contains",
    "document_hash",
    "parse_quantity",
    "pointer",
    "same_quantity",
    "status_error",
]
