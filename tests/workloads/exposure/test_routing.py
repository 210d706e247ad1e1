"""A real nginx, configured from what we make, leads requests where the status says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.support.nginx import NGINX, backends, proxy
from tests.workloads.exposure.cases import CASES, GATEWAY, NOTES, exposed, made

if TYPE_CHECKING:
    from pathlib import Path

    from ome.workloads.exposed import Exposed

pytestmark = pytest.mark.skipif(NGINX is None, reason="needs nginx (Debian package nginx-light)")

SERVICES = ("chat-engine", "chat-decoder", "chat-router")


def timed(given: Exposed, seconds: int) -> Exposed:
    """The same service with a timeout of its components."""
    components = tuple(replace(item, timeout=seconds) for item in given.components)
    return replace(given, components=components)


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("ingress-engine", "chat-engine"),
        ("ingress-all", "chat-router"),
        ("ingress-one-host", "chat-engine"),
        ("gateway-engine", "chat-engine"),
        ("gateway-all", "chat-router"),
        ("gateway-decoder-paths", "chat-engine"),
    ],
)
def test_a_request_reaches_the_entrypoint(case: str, expected: str, tmp_path: Path) -> None:
    exposure = made(CASES[case])
    host = urlsplit(exposure.url).hostname or ""
    with backends(*SERVICES) as running, proxy(tmp_path, exposure.objects, running) as nginx:
        status, answer = nginx.get(host, "/v1/chat/completions?a=b")
        assert (status, answer["server"]) == (200, expected)
        assert answer["path"] == "/v1/chat/completions?a=b"
        assert nginx.get("elsewhere.example.org", "/v1/models")[0] == 404


@pytest.mark.parametrize("case", ["ingress-all", "gateway-all"])
def test_every_component_has_a_host(case: str, tmp_path: Path) -> None:
    exposure = made(CASES[case])
    with backends(*SERVICES) as running, proxy(tmp_path, exposure.objects, running) as nginx:
        for service in SERVICES:
            status, answer = nginx.get(f"{service}.demo.example.com", "/health")
            assert (status, answer["server"]) == (200, service)


def test_additional_hosts_lead_there_too(tmp_path: Path) -> None:
    for number, case in enumerate(("ingress-additional-domains", "gateway-additional-domains")):
        folder = tmp_path / str(number)
        folder.mkdir()
        with (
            backends(*SERVICES) as running,
            proxy(folder, made(CASES[case]).objects, running) as nginx,
        ):
            assert nginx.get("chat.demo.dev.example.com", "/v1/models")[0] == 200


def test_paths_are_taken_off_and_headers_put_on(tmp_path: Path) -> None:
    exposure = made(CASES["gateway-decoder-paths"])
    with backends(*SERVICES) as running, proxy(tmp_path, exposure.objects, running) as nginx:
        for host, path, expected in (
            ("example.com", "/serving/demo/chat/v1/models", ("chat-engine", "/v1/models")),
            ("example.com", "/serving/demo/chat", ("chat-engine", "/")),
            (
                "example.com",
                "/serving/demo/chat/v1/decoder/x?y=z",
                ("chat-decoder", "/v1/decoder/x?y=z"),
            ),
            ("chat.demo.example.com", "/v1/decoder/x", ("chat-decoder", "/v1/decoder/x")),
            ("chat.demo.example.com", "/v1/models", ("chat-engine", "/v1/models")),
        ):
            status, answer = nginx.get(host, path)
            assert (status, answer["server"], answer["path"]) == (200, *expected)
            assert answer["headers"]["OMe-Isvc-Name"] == "chat"
            assert answer["headers"]["OME-Isvc-Namespace"] == "demo"
            assert answer["headers"]["Host"] == host


@pytest.mark.parametrize("gateway", [False, True])
def test_an_answer_is_streamed(gateway: bool, tmp_path: Path) -> None:
    exposure = made(exposed(config=GATEWAY) if gateway else exposed())
    with backends("chat-engine") as running, proxy(tmp_path, exposure.objects, running) as nginx:
        connection = nginx.open("chat.demo.example.com", "/v1/stream")
        response = connection.getresponse()
        # The second part is not sent before the first was read at this end.
        assert response.readline() == b"first\n"
        running["chat-engine"].go.set()
        assert response.read() == b"second\n"
        connection.close()


def test_a_request_may_be_silent_as_long_as_its_component_says(tmp_path: Path) -> None:
    exposure = made(timed(exposed(config=GATEWAY), 1))
    with backends("chat-engine") as running, proxy(tmp_path, exposure.objects, running) as nginx:
        assert nginx.get("chat.demo.example.com", "/idle/0.3")[0] == 200
        assert nginx.get("chat.demo.example.com", "/idle/2.5")[0] == 504


@pytest.mark.nightly
@pytest.mark.timeout(120)
@pytest.mark.parametrize("gateway", [False, True])
def test_a_request_may_be_silent_longer_than_nginx_allows_by_itself(
    gateway: bool, tmp_path: Path
) -> None:
    given = timed(exposed(config=GATEWAY), 90) if gateway else exposed(annotations=NOTES)
    exposure = made(given)
    with backends("chat-engine") as running, proxy(tmp_path, exposure.objects, running) as nginx:
        assert nginx.get("chat.demo.example.com", "/idle/65")[0] == 200
