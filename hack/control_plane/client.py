"""Just enough of an HTTPS client for readiness, nodes and tokens."""

from __future__ import annotations

import json
import ssl
from http.client import HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any

from .errors import ControlPlaneError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from .layout import Start


class Client:
    """One kept connection to 127.0.0.1, with a client certificate. Not for several threads."""

    def __init__(self, port: int, pki: Path, *, authority: str = "ca", client: str = "admin"):
        context = ssl.create_default_context(cafile=str(pki / f"{authority}.crt"))
        context.load_cert_chain(pki / f"{client}.crt", pki / f"{client}.key")
        self._connection = HTTPSConnection("127.0.0.1", port, timeout=15, context=context)

    def request(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        """The status and body of the answer. Raises `OSError` where there is no answer."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        raw = json.dumps(body) if body is not None else None
        try:
            self._connection.request(method, path, raw, headers)
            response = self._connection.getresponse()
            return response.status, response.read()
        except HTTPException as error:
            self._connection.close()
            raise ConnectionError(f"no whole answer: {error}") from error
        except OSError:
            self._connection.close()
            raise

    def ok(self, path: str) -> bool:
        """Whether a health check passes; False also where nothing answers."""
        try:
            return self.request("GET", path)[0] == 200
        except OSError:
            return False

    def json(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """The object in the answer. Raises `Refused`, or `ControlPlaneError` without an answer."""
        try:
            status, raw = self.request(method, path, body)
        except OSError as error:
            raise ControlPlaneError(
                f"{method} {path}: the API server does not answer ({error}); see whether it runs "
                "and what its log says, or start anew with 'hack/control-plane up'"
            ) from error
        answer = json.loads(raw) if raw.startswith(b"{") else {"message": raw.decode()[:500]}
        if status >= 400:
            raise Refused(status, f"{method} {path}: {answer.get('message')} (HTTP {status})")
        return dict(answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


class Refused(ControlPlaneError):
    """The API server answered, with an error. `status` is the HTTP status."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


def of_apiserver(start: Start) -> Client:
    """A client of the API server, as the administrator."""
    return Client(start.ports["kube-apiserver"], start.pki)
