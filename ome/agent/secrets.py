"""Secrets of models, read when a download needs them and never kept."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from ome.errors import ApiError, NotFound, TransportError
from ome.kube.resource import ObjectKey
from ome.kube.resources import SECRETS
from ome.storage.errors import CredentialsNotFound, NetworkError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.kube.client import Client

__all__ = ["ClusterSecrets"]


class ClusterSecrets:
    """Reads Secrets of the cluster; see ``ome.storage.credentials.SecretReader``."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def __call__(self, namespace: str, name: str) -> Mapping[str, bytes] | None:
        try:
            found = await self._client.get(SECRETS, ObjectKey(namespace, name))
        except NotFound:
            return None
        except ApiError as error:
            raise CredentialsNotFound(
                f"Secret {namespace}/{name} (spec.storage.key) cannot be read: {error.message}"
            ) from error
        except TransportError as error:
            raise NetworkError(f"Secret {namespace}/{name}: {error}") from error
        data = found.get("data") or {}
        try:
            return {key: base64.b64decode(value, validate=True) for key, value in data.items()}
        except binascii.Error as error:
            raise CredentialsNotFound(f"Secret {namespace}/{name} is not base64") from error
