"""A few HTTP calls to the API server of KUBECONFIG, for recorders."""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

__all__ = ["RealServer"]

_PATIENCE = 60
_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


class RealServer:
    """Answers as decoded JSON, refusals (``kind: Status``) included."""

    def __init__(self) -> None:
        config = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        context = ssl.create_default_context(
            cadata=base64.b64decode(cluster["certificate-authority-data"]).decode()
        )
        with tempfile.NamedTemporaryFile() as file:
            for part in ("client-certificate-data", "client-key-data"):
                file.write(base64.b64decode(user[part]) + b"\n")
            file.flush()
            context.load_cert_chain(file.name)
        self._connection = http.client.HTTPSConnection(
            urlsplit(cluster["server"]).netloc, context=context
        )
        self._plurals: dict[tuple[str, str], tuple[str, bool]] = {}

    def send(
        self, method: str, path: str, body: Any = None, *, table: bool = False
    ) -> dict[str, Any]:
        kind = "merge-patch+json" if method == "PATCH" else "json"
        headers = {
            "Content-Type": f"application/{kind}",
            "Accept": _TABLE if table else "application/json",
        }
        encoded = None if body is None else json.dumps(body)
        self._connection.request(method, path, encoded, headers)
        response = self._connection.getresponse()
        body = response.read()
        if "json" not in response.headers.get("Content-Type", ""):
            # Paths of resources that are not served are answered with text.
            return {"kind": "Status", "code": response.status, "message": body.decode()}
        answer: dict[str, Any] = json.loads(body)
        return answer

    def collection(self, document: dict[str, Any], namespace: str) -> str:
        """The path of the resource of a document, by discovery."""
        version = document["apiVersion"]
        prefix = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if (version, document["kind"]) not in self._plurals:
            for resource in self.send("GET", prefix)["resources"]:
                if "/" not in resource["name"]:
                    key = version, resource["kind"]
                    self._plurals[key] = resource["name"], resource["namespaced"]
        plural, namespaced = self._plurals[version, document["kind"]]
        return f"{prefix}/namespaces/{namespace}/{plural}" if namespaced else f"{prefix}/{plural}"

    def wait_for(self, path: str) -> None:
        self._wait(path, there=True)

    def wait_until_gone(self, path: str) -> None:
        self._wait(path, there=False)

    def _wait(self, path: str, *, there: bool) -> None:
        deadline = time.monotonic() + _PATIENCE
        while (self.send("GET", path).get("code") == 404) is there:
            if time.monotonic() > deadline:
                wanted = "appeared" if there else "gone"
                raise TimeoutError(f"{path}: not {wanted} after {_PATIENCE} s")
            time.sleep(0.1)
