"""The library's loader of kubeconfigs, with the parts replaced that would not do.

- A plugin is run with a deadline by the caller, is killed when cancelled, and its credentials are
  kept until they are about to expire (the library forgets the expiry of certificates).
- The library refreshes OIDC tokens without verifying the identity provider's certificate, reads
  URL-safe base64 as plain, and fails when the provider keeps the refresh token.
- A context without a user is one without credentials, not a ``TypeError``.
- Keys of the kubeconfig's own text are files only while they are read (see ``credentials``): a
  second reading must make them again, where the library goes on with the names of the first, and
  each of them is closed, which the library leaves undone.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import ssl
import tempfile
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import anyio

from ome.errors import UserError
from ome.kube._shim import library

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["loader_class"]

_MARGIN = 300.0
"""Seconds before expiry at which credentials are renewed, if they live that long."""


@cache
def loader_class() -> Any:
    """The class: ``KubeConfigLoader`` of the library with our replacements."""
    kube_config = library().kube_config
    kube_config.FileOrData = _files_class(kube_config)  # in our private copy of the library

    class Loader(_Plugin, _IdentityProvider, kube_config.KubeConfigLoader):  # type: ignore[misc, name-defined]
        def set_active_context(self, context_name: str | None = None) -> None:
            super().set_active_context(context_name)
            if self._user is None:
                self._user = kube_config.ConfigNode("user", {}, None)

        async def load_and_set(self, client_configuration: Any) -> None:
            for name in ("cert_file", "key_file"):
                self.__dict__.pop(name, None)
            await super().load_and_set(client_configuration)

    return Loader


class _Plugin:
    """The part of a loader that asks a credential plugin."""

    _user: Any
    _status: dict[str, Any]
    token: str
    cert_file: str
    key_file: str
    renew_at = 0.0
    """Wall time at which the plugin is run again; infinite when it names no expiry."""

    async def load_from_exec_plugin(self) -> bool:
        if time.time() >= self.renew_at:
            plugin = library().exec_provider.ExecProvider(self._user["exec"])
            self._status = await _run_plugin(plugin)
            self.renew_at = _renewal(self._status.get("expirationTimestamp"))
        if "token" in self._status:
            self.token = f"Bearer {self._status['token']}"
        if "clientCertificateData" in self._status:
            self.cert_file = self._key_file("clientCertificateData")
            self.key_file = self._key_file("clientKeyData")
        return True

    def _key_file(self, name: str) -> str:
        if name not in self._status:
            raise UserError(f"the credential plugin gave no {name}; update the plugin")
        in_a_file = library().kube_config.FileOrData
        file = in_a_file(self._status, "", data_key_name=name, base64_file_content=False)
        return str(file.as_file())


class _IdentityProvider:
    """The part of a loader that refreshes OIDC tokens."""

    _user: Any
    _config_persister: Callable[[], None] | None
    token: str

    async def _load_oid_token(self) -> str:
        config = self._user["auth-provider"]["config"]
        token = config.safe_get("id-token")
        if token is None or _expired(token):
            token = await self._refreshed(config)
        self.token = f"Bearer {token}"
        return self.token

    async def _refreshed(self, config: Any) -> str:
        refresh = config.safe_get("refresh-token")
        if refresh is None:
            raise UserError("the OIDC id-token has expired; log in again")
        requestor = _requestor_class()(
            config["client-id"],
            config.safe_get("client-secret") or "",
            config["idp-issuer-url"],
            _identity_ca(config),
        )
        try:
            answer = await requestor.refresh_token(refresh)
        except (aiohttp.ClientError, OSError) as error:
            raise UserError(
                f"the identity provider {config['idp-issuer-url']} gave no token: "
                f"{type(error).__name__}"
            ) from error
        config.value["id-token"] = answer["id_token"]
        config.value["refresh-token"] = answer.get("refresh_token", refresh)
        if self._config_persister:
            self._config_persister()  # as kubectl does: the old refresh token may be void now
        return str(answer["id_token"])


@cache
def _requestor_class() -> Any:
    """What asks an identity provider: with its certificate verified."""

    class Requestor(library().kube_config.OpenIDRequestor):  # type: ignore[misc]
        def _client_session(self) -> aiohttp.ClientSession:
            client = base64.b64encode(f"{self._client_id}:{self._client_secret}".encode())
            verified = ssl.create_default_context(cadata=self._ssl_ca_cert)
            return aiohttp.ClientSession(
                headers={**self._default_headers, "Authorization": f"Basic {client.decode()}"},
                connector=aiohttp.TCPConnector(ssl=verified),
                raise_for_status=True,
                trust_env=True,
            )

    return Requestor


def _files_class(kube_config: Any) -> Any:
    """What puts the kubeconfig's own texts into files: made again for each reading, and closed."""

    class Files(kube_config.FileOrData):  # type: ignore[misc]
        def _create_temp_file_with_content(self, content: str | bytes) -> str:
            handle, name = tempfile.mkstemp()
            kube_config._temp_files[name] = name  # which the caller of the loader removes
            with os.fdopen(handle, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
            return name

    return Files


async def _run_plugin(plugin: Any) -> dict[str, Any]:
    """The ``status`` of the plugin's answer. Raises ``UserError`` with what it said last."""
    command = plugin.args[0]
    info = {"apiVersion": plugin.api_version, "kind": "ExecCredential"}
    env = {
        **plugin.env,
        "KUBERNETES_EXEC_INFO": json.dumps({**info, "spec": {"interactive": False}}),
    }
    try:
        done = await anyio.run_process(plugin.args, env=env, check=False)
    except OSError as error:
        raise UserError(
            f"the credential plugin {command} cannot be run: {error.strerror}; install it"
        ) from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2][:200]
        raise UserError(f"the credential plugin {command} failed ({done.returncode}): {said}")
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        raise UserError(f"the credential plugin {command} gave no JSON") from None
    status = answer.get("status") if isinstance(answer, dict) else None
    if not isinstance(status, dict) or not {"token", "clientCertificateData"} & set(status):
        raise UserError(f"the credential plugin {command} gave neither a token nor a certificate")
    return status


def _renewal(expiry: str | None) -> float:
    if not expiry:
        return float("inf")
    expires = datetime.fromisoformat(expiry).astimezone(UTC).timestamp()
    left = expires - time.time()
    return expires - min(_MARGIN, left / 5)


def _expired(token: str) -> bool:
    """Whether a JWT expires soon; one that cannot be read or names no end does not."""
    try:
        claims = token.split(".")[1]
        expires = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"]
        return float(expires) - _MARGIN <= time.time()
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return False


def _identity_ca(config: Any) -> str | None:
    data = config.safe_get("idp-certificate-authority-data")
    if data:
        return base64.b64decode(data).decode()
    path = config.safe_get("idp-certificate-authority")
    return Path(path).read_text() if path else None
