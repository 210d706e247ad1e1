"""A real nginx, configured from Ingress and HTTPRoute objects, in front of real local servers.

It does what an ingress controller or a gateway does with the objects, as far as ours go: hosts,
path prefixes and expressions, rewrites, headers, timeouts.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

__all__ = ["NGINX", "Backend", "Proxy", "backends", "proxy"]

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")

_MAIN = """
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 64; }}
http {{
  access_log off;
  server_names_hash_bucket_size 256;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{ listen {port} default_server; return 404; }}
{servers}
}}
"""


class Backend:
    """A model server: ``/stream`` sends its second part when ``go`` is set, ``/idle/2`` waits 2 s.

    Everything else answers with the name of the server, the path and the headers as JSON.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.go = threading.Event()
        backend = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path.endswith("/stream"):
                    self.send_response(200)
                    self.send_header("Transfer-Encoding", "chunked")
                    self.end_headers()
                    self.wfile.write(b"6\r\nfirst\n\r\n")
                    backend.go.wait(10)
                    self.wfile.write(b"7\r\nsecond\n\r\n0\r\n\r\n")
                    return
                if "/idle/" in self.path:
                    time.sleep(float(self.path.rpartition("/")[2]))
                body = {"server": name, "path": self.path, "headers": dict(self.headers)}
                data = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """A client may leave before its answer."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def stop(self) -> None:
        """End; a request that waits goes on by itself."""
        self.go.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def backends(*services: str) -> Iterator[dict[str, Backend]]:
    """A model server for each Service."""
    running = {name: Backend(name) for name in services}
    try:
        yield running
    finally:
        for backend in running.values():
            backend.stop()


class Proxy:
    """A running nginx."""

    def __init__(self, port: int) -> None:
        self.port = port

    def get(self, host: str, path: str) -> tuple[int, dict[str, Any]]:
        """Status and JSON answer of a request."""
        connection = self.open(host, path)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, json.loads(data) if data[:1] == b"{" else {}

    def open(self, host: str, path: str) -> HTTPConnection:
        """A request that is under way."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request("GET", path, headers={"Host": host})
        return connection


@contextmanager
def proxy(
    folder: Path, objects: Iterable[Mapping[str, Any]], running: Mapping[str, Backend]
) -> Iterator[Proxy]:
    """nginx with the servers that Ingresses and HTTPRoutes describe."""
    assert NGINX is not None
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
    servers = "\n".join(
        text
        for item in objects
        for text in (_route if "hostnames" in item["spec"] else _ingress)(item, port, running)
    )
    text = _MAIN.format(folder=folder, port=f"127.0.0.1:{port}", servers=servers)
    if os.geteuid() == 0:
        text = "user root;\n" + text
    (folder / "nginx.conf").write_text(text)
    words = [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    try:
        _wait(port, process, folder)
        yield Proxy(port)
    finally:
        process.terminate()
        process.wait(10)


def _wait(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + 10
    while True:
        assert process.poll() is None, (folder / "error.log").read_text()
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < deadline, (folder / "error.log").read_text()
            time.sleep(0.02)
        else:
            return


def _server(host: str, port: int, locations: Iterable[str]) -> str:
    inner = "\n".join(locations)
    return f"server {{ listen 127.0.0.1:{port}; server_name {host};\n{inner}\n}}"


def _location(where: str, target: str, lines: Iterable[str]) -> str:
    always = ("proxy_http_version 1.1;", "proxy_buffering off;", "proxy_set_header Host $host;")
    inner = " ".join([f"proxy_pass http://127.0.0.1:{target};", *always, *lines])
    return f"location {where} {{ {inner} }}"


def _ingress(item: Mapping[str, Any], port: int, running: Mapping[str, Backend]) -> list[str]:
    notes = item["metadata"].get("annotations") or {}
    wait = notes.get("nginx.ingress.kubernetes.io/proxy-read-timeout", "60")
    found = []
    for rule in item["spec"]["rules"]:
        locations = []
        for path in rule["http"]["paths"]:
            assert path["pathType"] == "Prefix"
            target = running[path["backend"]["service"]["name"]].port
            locations.append(_location(path["path"], str(target), [f"proxy_read_timeout {wait}s;"]))
        found.append(_server(rule["host"], port, locations))
    return found


def _route(item: Mapping[str, Any], port: int, running: Mapping[str, Backend]) -> list[str]:
    locations = [
        text
        for rule in item["spec"]["rules"]
        for match in rule["matches"]
        for text in _rule(rule, match["path"], running)
    ]
    return [_server(host, port, locations) for host in item["spec"]["hostnames"]]


def _rule(
    rule: Mapping[str, Any], path: Mapping[str, str], running: Mapping[str, Backend]
) -> list[str]:
    lines = [f"proxy_read_timeout {rule['timeouts']['request']};"]
    rewrite = None
    for step in rule["filters"]:
        if step["type"] == "RequestHeaderModifier":
            headers = step["requestHeaderModifier"]["set"]
            lines += [f"proxy_set_header {item['name']} {item['value']};" for item in headers]
        else:
            rewrite = step["urlRewrite"]["path"]["replacePrefixMatch"].rstrip("/")
    target = str(running[rule["backendRefs"][0]["name"]].port)
    if path["type"] == "RegularExpression":
        return [_location(f"~ {path['value']}", target, lines)]
    prefix = path["value"].rstrip("/")
    inside = _location(f"^~ {prefix}/", f"{target}{rewrite}/", lines)
    return [
        inside,
        *([_location(f"= {prefix}", f"{target}{rewrite or '/'}", lines)] if prefix else []),
    ]
