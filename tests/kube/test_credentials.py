from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from ome.clock import SystemClock
from ome.errors import UserError
from ome.kube.credentials import InCluster, KubeConfig, source_of
from tests.kube.server import certificate, kubeconfig, server_context, serving
from tests.kube.test_http import SECRET, Hands, plugin


def source(path: str | Path, context: str | None = None) -> KubeConfig:
    return KubeConfig(str(path), context, Hands())


@pytest.mark.parametrize(
    ("user", "authorization"),
    [
        ({"token": SECRET}, f"Bearer {SECRET}"),
        ({"username": "u", "password": "p"}, "Basic dTpw"),
        ({}, ""),
        (None, ""),
    ],
)
async def test_static_users(
    tmp_path: Path, user: dict[str, Any] | None, authorization: str
) -> None:
    for server in ("https://x:6443", "http://x"):
        access = await source(kubeconfig(tmp_path / "k", server, user)).load()
        assert access.authorization == authorization
        assert access.server == server


async def test_client_certificates_leave_no_key_on_disk(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    user = {
        "client-certificate-data": base64.b64encode(cert.read_bytes()).decode(),
        "client-key-data": base64.b64encode(key.read_bytes()).decode(),
    }
    before = set(os.listdir(tempfile.gettempdir()))
    access = await source(kubeconfig(tmp_path / "k", "https://x", user, cert)).load()
    assert access.tls.context is not None
    new = set(os.listdir(tempfile.gettempdir())) - before
    assert not [name for name in new if _has(Path(tempfile.gettempdir()) / name, key)]


async def test_client_certificates_are_read_again_and_leave_no_file_open(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    user = {
        "client-certificate-data": base64.b64encode(cert.read_bytes()).decode(),
        "client-key-data": base64.b64encode(key.read_bytes()).decode(),
    }
    loader = source(kubeconfig(tmp_path / "k", "https://x", user, cert))
    first = await loader.load()
    opened = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        assert (await loader.load()).tls is first.tls
    assert len(os.listdir("/proc/self/fd")) == opened
    other, other_key = certificate(tmp_path, "other")
    user["client-certificate-data"] = base64.b64encode(other.read_bytes()).decode()
    user["client-key-data"] = base64.b64encode(other_key.read_bytes()).decode()
    kubeconfig(tmp_path / "k", "https://x", user, cert)
    assert (await loader.load()).tls is not first.tls


def _has(path: Path, key: Path) -> bool:
    return path.is_file() and path.read_bytes() == key.read_bytes()


async def test_a_rewritten_certificate_file_is_noticed(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    user = {"client-certificate": "a.crt", "client-key": "a.key"}
    loader = source(kubeconfig(tmp_path / "k", "https://x", user, cert))
    first = await loader.load()
    assert (await loader.load()).tls is first.tls
    certificate(tmp_path)
    assert (await loader.load()).tls is not first.tls
    assert key.exists()


async def test_several_files_are_one_configuration(tmp_path: Path) -> None:
    one = kubeconfig(tmp_path / "one", "http://one", {"token": "1"})
    two = tmp_path / "two"
    kubeconfig(two, "http://two", {"token": "2"})
    two.write_text(two.read_text().replace('"c"', '"d"').replace('"u"', '"v"'))
    access = await source(f"{one}{os.pathsep}{two}", "d").load()
    assert (access.server, access.authorization) == ("http://two", "Bearer 2")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"a: [{SECRET}\nb: {{", "line 2 is not YAML"),
        ("", "not a valid kubeconfig"),
        (f"[{SECRET}]", "not a valid kubeconfig"),
        ('{"clusters": [], "contexts": [], "users": []}', "Expected key current-context"),
    ],
)
async def test_a_broken_file_is_told_without_its_contents(
    tmp_path: Path, text: str, says: str
) -> None:
    path = tmp_path / "k"
    path.write_text(text)
    with pytest.raises(UserError, match=says) as caught:
        await source(path).load()
    assert str(path) in str(caught.value)
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("user", "says"),
    [
        ({"auth-provider": {"name": "oidc"}, "token": SECRET}, "Expected key config"),
        ({"auth-provider": {"name": "oidc", "config": {"x": SECRET}}}, "log in again"),
        ({"exec": {"command": "x", "env": [{"name": "a", "value": SECRET}]}}, "apiVersion"),
        ({"exec": {"command": "/absent/plugin", "apiVersion": "v1"}}, "/absent/plugin cannot be"),
        ({"tokenFile": "/absent/token"}, "/absent/token"),
        ({"client-certificate": "/absent/c", "client-key": "/absent/k"}, "/absent/c"),
        ({"client-key-data": "!!", "client-certificate-data": "@@"}, "certificate or key"),
    ],
)
async def test_a_broken_user_is_told_without_its_secrets(
    tmp_path: Path, user: dict[str, Any], says: str
) -> None:
    with pytest.raises(UserError, match=says) as caught:
        await source(kubeconfig(tmp_path / "k", "https://x", user)).load()
    error: BaseException | None = caught.value
    while error is not None:
        assert SECRET not in str(error)
        error = error.__cause__


async def test_a_missing_file_and_a_missing_context(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file; give --kubeconfig"):
        await source(tmp_path / "absent").load()
    path = kubeconfig(tmp_path / "k", "http://x", {})
    with pytest.raises(UserError, match="name other in"):
        await source(path, "other").load()


# Plugins.


async def test_a_plugin_runs_again_only_when_asked_or_due(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1000))
    user = plugin(tmp_path, runs, SECRET, expirationTimestamp=soon)
    loader = source(kubeconfig(tmp_path / "k", "http://x", user))
    for _ in range(3):
        assert (await loader.load()).authorization == f"Bearer {SECRET}"
    assert runs.read_text() == "x"
    await loader.load(renew=True)
    assert runs.read_text() == "xx"


async def test_a_plugin_whose_token_is_about_to_expire_runs_again(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    past = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 5))
    user = plugin(tmp_path, runs, SECRET, expirationTimestamp=past)
    loader = source(kubeconfig(tmp_path / "k", "http://x", user))
    await loader.load()
    await loader.load()
    assert runs.read_text() == "xx"


async def test_a_plugin_may_give_a_certificate(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    user = plugin(
        tmp_path,
        tmp_path / "runs",
        SECRET,
        clientCertificateData=cert.read_text(),
        clientKeyData=key.read_text(),
    )
    loader = source(kubeconfig(tmp_path / "k", "https://x", user, cert))
    first = await loader.load()
    assert first.tls.context is not None
    assert (await loader.load()).tls is first.tls


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import sys; print('a\\nlog in first', file=sys.stderr); sys.exit(3)", "log in first"),
        ("print('no json')", "gave no JSON"),
        ("print('{}')", "neither a token nor a certificate"),
    ],
)
async def test_a_plugin_that_fails(tmp_path: Path, code: str, says: str) -> None:
    execution = {"apiVersion": "v1", "command": sys.executable, "args": ["-c", code]}
    with pytest.raises(UserError, match=says):
        await source(kubeconfig(tmp_path / "k", "http://x", {"exec": execution})).load()


# OIDC.


def jwt(expires: float) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": expires, "x": "?>?>~~"}).encode())
    return f"h.{claims.decode().rstrip('=')}.s"


async def test_an_expired_id_token_is_refreshed_over_verified_tls(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    fresh = jwt(time.time() + 3600)

    async def provider(request: web.BaseRequest) -> web.StreamResponse:
        if request.path.endswith("/openid-configuration"):
            return web.json_response({"token_endpoint": f"https://{request.host}/token"})
        assert "refresh_token=r1" in await request.text()
        return web.json_response({"id_token": fresh})

    async with serving(provider, server_context(cert, key)) as issuer:
        config = {
            "id-token": jwt(time.time() - 10),
            "refresh-token": "r1",
            "client-id": "c",
            "idp-issuer-url": issuer,
        }
        user = {"auth-provider": {"name": "oidc", "config": config}}
        path = kubeconfig(tmp_path / "k", "http://x", user)
        with pytest.raises(UserError, match="identity provider"):  # nobody vouches for it
            await source(path).load()

        config["idp-certificate-authority"] = str(cert)
        kubeconfig(tmp_path / "k", "http://x", user)
        assert (await source(path).load()).authorization == f"Bearer {fresh}"
    assert fresh in _text(path)


def _text(path: str) -> str:
    return Path(path).read_text()


async def test_a_valid_id_token_is_used(tmp_path: Path) -> None:
    token = jwt(time.time() + 3600)
    user = {"auth-provider": {"name": "oidc", "config": {"id-token": token}}}
    access = await source(kubeconfig(tmp_path / "k", "http://x", user)).load()
    assert access.authorization == f"Bearer {token}"


@pytest.mark.parametrize(
    ("excepted", "proxy"),
    [("", "http://proxy.example:3128"), ("other,.corp.example", None)],
)
async def test_a_proxy_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, excepted: str, proxy: str | None
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", excepted)
    file = kubeconfig(tmp_path / "k", "https://api.corp.example:6443", {"token": SECRET})
    assert (await source(file).load()).tls.proxy == proxy


# In a pod.


async def test_the_service_account_of_a_pod(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, _ = certificate(tmp_path)
    (tmp_path / "ca.crt").write_bytes(cert.read_bytes())
    (tmp_path / "token").write_text(SECRET + "\n")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    pod = InCluster(Hands(), tmp_path)

    access = await pod.load()

    assert access.server == "https://[fd00::1]:443"
    assert access.authorization == f"Bearer {SECRET}"
    assert access.tls.proxy is None
    (tmp_path / "token").write_text("next")
    again = await pod.load()
    assert (again.authorization, again.tls is access.tls) == ("Bearer next", True)


async def test_a_pod_without_a_service_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    with pytest.raises(UserError, match="automountServiceAccountToken"):
        await InCluster(Hands(), tmp_path).load()


def test_where_credentials_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert isinstance(source_of(None, None, SystemClock()), KubeConfig)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert isinstance(source_of(None, None, SystemClock()), InCluster)
    monkeypatch.setenv("KUBECONFIG", "/k")
    assert isinstance(source_of(None, None, SystemClock()), KubeConfig)


def test_no_secret_is_shown(tmp_path: Path) -> None:
    program = f"""
import asyncio
from ome.clock import SystemClock
from ome.kube.credentials import KubeConfig
print(asyncio.run(KubeConfig({kubeconfig(tmp_path / "k", "http://x", {"token": SECRET})!r},
      None, type("C", (), {{"monotonic": lambda self: 0.0}})()).load()))
"""
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "http://x" in shown.stdout
    assert SECRET not in shown.stdout + shown.stderr
