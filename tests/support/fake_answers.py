"""The forms in which the fake cluster answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ome.kube.transport import Response
from tests.support.fake_api import status_body

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from ome.errors import ApiError
    from tests.support.fake_store import Document


@dataclass
class FakeAnswer:
    """A ``ByteStream``."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.chunks


def refusal(error: ApiError) -> Response:
    reason = error.reason or type(error).__name__
    body = status_body(error.status, reason, error.message, **error.details)
    headers = {} if error.retry_after is None else {"retry-after": f"{error.retry_after:g}"}
    return Response(error.status, headers, json.dumps(body).encode())


def success(last: Document) -> Document:
    metadata = last["metadata"]
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {"name": metadata["name"]},
        "status": "Success",
        "details": {"name": metadata["name"], "uid": metadata["uid"]},
    }


def scale(obj: Document) -> Document:
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {k: v for k, v in obj["metadata"].items() if k != "managedFields"},
        "spec": {"replicas": obj["spec"].get("replicas", 0)},
        "status": {"replicas": obj.get("status", {}).get("replicas", 0)},
    }


async def once(body: bytes) -> AsyncIterator[bytes]:
    yield body
