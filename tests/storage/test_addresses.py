"""Addresses that may and may not be fetched from, in all their spellings."""

from __future__ import annotations

import pytest

from ome.storage.addresses import problem_of_address


@pytest.mark.parametrize(
    "url",
    [
        "https://hub.example.com",
        "http://10.1.2.3:9000/x",
        "http://192.168.0.1",
        "http://[fd00::1]:9000",
        "http://minio.storage.svc:9000",
        "http://3.example.com",
        "http://localhost.example.com",
    ],
)
def test_other_hosts(url: str) -> None:
    assert problem_of_address(url) == ""


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://169.254.169.254/latest", "metadata services"),
        ("http://[fe80::1%25eth0]/", "metadata services"),
        ("http://[fd00:ec2::254]/", "metadata services"),
        ("http://[::ffff:169.254.169.254]", "metadata services"),
        ("http://127.0.0.1:8080", "the machine itself"),
        ("http://127.1", "the machine itself"),
        ("http://2130706433", "the machine itself"),
        ("http://0x7f000001", "the machine itself"),
        ("http://0177.0.0.1", "the machine itself"),
        ("http://[::1]", "the machine itself"),
        ("http://0.0.0.0", "the machine itself"),
        ("http://LOCALHOST.", "the machine itself"),
        ("http://a.localhost", "the machine itself"),
        ("http://metadata.google.internal", "metadata service"),
        ("http://", "names no host"),
        ("http://[::1", "is no URL"),
    ],
)
def test_the_machine_itself(url: str, text: str) -> None:
    assert text in problem_of_address(url)
