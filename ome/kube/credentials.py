"""Who we are to the API server and how to know it: from a kubeconfig or from the pod we run in.

Credentials age. Files may be written anew at any time (projected tokens each hour, certificates of
a kubelet), plugins say when theirs expire. So ``Access`` carries the second at which it should be
loaded again, and loading it again is the same as loading it first.

No secret is part of a message: texts of the library may quote a user's whole entry, so they are cut
and not chained. Keys that OpenSSL wants as files lie on disk only while they are read.
"""

from __future__ import annotations

import hashlib
import os
import re
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import anyio
import yaml

from ome.errors import UserError
from ome.kube._loader import loader_class
from ome.kube._shim import library

if TYPE_CHECKING:
    from ome.clock import Clock

__all__ = ["Access", "CredentialSource", "InCluster", "KubeConfig", "source_of"]

_REREAD = 60.0
"""Seconds after which files are read again, as client-go does with tokens."""

_LOAD_SECONDS = 60.0
_POD_FILES = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True)
class Access:
    """All that a connection needs; ``tls`` is another object when connections must be made anew."""

    server: str
    authorization: str = field(repr=False)
    """The header's value; empty for client certificates."""
    tls: TLS
    reload_at: float
    """Monotonic time at which to load again."""


@dataclass(frozen=True, slots=True)
class TLS:
    """How to connect: who the server must be, who we are, and through what."""

    context: ssl.SSLContext | None = field(repr=False)
    verified: bool
    server_name: str | None
    proxy: str | None = field(repr=False)
    fingerprint: str


class CredentialSource(Protocol):
    """Where access comes from."""

    async def load(self, *, renew: bool = False) -> Access:
        """Read it now; ``renew`` asks a plugin anew even when what it gave seems valid.

        Ends within a minute. Raises ``UserError``, in one line and without secrets.
        """
        ...


def source_of(kubeconfig: str | None, context: str | None, clock: Clock) -> CredentialSource:
    """The source that flags and environment name.

    ``kubeconfig``, else ``$KUBECONFIG``, else the pod's service account, else ``~/.kube/config``.
    """
    if kubeconfig is None:
        kubeconfig = os.environ.get("KUBECONFIG") or None
    if kubeconfig is None and os.environ.get("KUBERNETES_SERVICE_HOST"):
        return InCluster(clock)
    return KubeConfig(kubeconfig or str(Path.home() / ".kube" / "config"), context, clock)


class InCluster:
    """The service account of the pod; its token is a file that the kubelet renews."""

    def __init__(self, clock: Clock, files: Path = _POD_FILES) -> None:
        self._clock = clock
        self._files = files
        self._tls: TLS | None = None

    async def load(self, *, renew: bool = False) -> Access:
        parts = library()
        configuration = parts.Configuration()
        try:
            parts.incluster.InClusterConfigLoader(
                token_filename=str(self._files / "token"),
                cert_filename=str(self._files / "ca.crt"),
                try_refresh_token=False,
            ).load_and_set(configuration)
            # A proxy of the environment is for the world outside; Python reads no CIDR in NO_PROXY.
            self._tls = _tls(configuration, self._tls)
        except (parts.ConfigException, OSError) as error:
            raise UserError(
                f"no service account in {self._files}: {error}; "
                f"set automountServiceAccountToken on the pod, or give --kubeconfig"
            ) from error
        return _access(configuration, self._tls, self._clock.monotonic() + _REREAD)


class KubeConfig:
    """A kubeconfig: one file, or several as in ``$KUBECONFIG``; read anew each time."""

    def __init__(self, paths: str, context: str | None, clock: Clock) -> None:
        self._paths = paths
        self._context = context
        self._clock = clock
        self._loader: Any = None
        self._read = b""
        self._tls: TLS | None = None

    async def load(self, *, renew: bool = False) -> Access:
        parts = library()
        try:
            configuration = parts.Configuration()
            loader = self._current_loader(renew)
            with anyio.fail_after(_LOAD_SECONDS):
                await loader.load_and_set(configuration)
            configuration.proxy = configuration.proxy or _environment_proxy(configuration.host)
            self._tls = _tls(configuration, self._tls)
        except UserError as error:
            self._loader = None
            raise UserError(f"kubeconfig {self._paths}: {error}") from error
        except TimeoutError:
            raise UserError(
                f"kubeconfig {self._paths}: no credentials in {_LOAD_SECONDS:g} s; "
                f"run the credential plugin by hand to see why"
            ) from None
        except Exception as error:  # the library lets KeyError, TypeError and more out
            self._loader = None
            raise UserError(f"kubeconfig {self._paths}: {_told(error)}") from None
        finally:
            parts.kube_config._cleanup_temp_files()
        return _access(configuration, self._tls, self._clock.monotonic() + _REREAD)

    def _current_loader(self, renew: bool) -> Any:
        """The loader of before, which has a plugin's credentials, unless the files changed."""
        read = self._digest()
        if self._loader is None or renew or read != self._read:
            merged = library().kube_config.KubeConfigMerger(self._paths)
            self._loader = loader_class()(
                merged.config,
                active_context=self._context,
                config_base_path=None,
                config_persister=lambda *_: merged.save_changes(),
            )
            self._read = read
        return self._loader

    def _digest(self) -> bytes:
        found = []
        for path in filter(None, self._paths.split(os.pathsep)):
            with suppress(FileNotFoundError):
                found.append(Path(path).read_bytes())
        if not found:
            raise UserError("no such file; give --kubeconfig or set KUBECONFIG")
        return hashlib.sha256(b"\0".join(found)).digest()


def _access(configuration: Any, tls: TLS, reload_at: float) -> Access:
    token = str(configuration.api_key.get("BearerToken", "")).strip()
    return Access(str(configuration.host).rstrip("/"), token, tls, reload_at)


def _environment_proxy(server: str) -> str | None:
    """What ``HTTPS_PROXY`` and ``NO_PROXY`` say of a server; asked here and not with each request,
    where the HTTP client would read ``~/.netrc`` along with it."""
    parts = urlsplit(server)
    proxy = getproxies().get(parts.scheme)
    return None if proxy is None or proxy_bypass(parts.netloc) else proxy


def _tls(configuration: Any, before: TLS | None) -> TLS:
    """What the configuration says now; the very object of before when nothing changed."""
    files = (configuration.ssl_ca_cert, configuration.cert_file, configuration.key_file)
    verified = bool(configuration.verify_ssl)
    server_name, proxy = configuration.tls_server_name, configuration.proxy
    digest = hashlib.sha256(repr((configuration.host, verified, server_name, proxy)).encode())
    for path in files:
        digest.update(b"\0" + (Path(path).read_bytes() if path else b""))
    if before is not None and before.fingerprint == digest.hexdigest():
        return before
    context = _context(*files, verified) if configuration.host.startswith("https") else None
    return TLS(context, verified, server_name, proxy, digest.hexdigest())


def _context(ca: str | None, cert: str | None, key: str | None, verified: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca)
    # Python 3.13 asks of a CA what many clusters' own ones lack (a key identifier); Go does not.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if cert:
        context.load_cert_chain(cert, key)
    if not verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _told(error: Exception) -> str:
    """What is wrong, without a word of the file's contents."""
    if isinstance(error, library().ConfigException):
        return re.sub(r"/?\{.*", "", str(error), flags=re.DOTALL)
    match error:
        case yaml.MarkedYAMLError(problem_mark=mark, problem=problem) if mark is not None:
            return f"line {mark.line + 1} is not YAML: {problem}"
        case ssl.SSLError():
            return f"a certificate or key cannot be read ({error.reason or 'not PEM'})"
        case OSError():
            return f"{error.filename}: {error.strerror}"
        case _:
            return f"not a valid kubeconfig ({type(error).__name__})"
