"""Certificates from files."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio
from cryptography.hazmat.primitives import serialization

from ome.webhooks.certificates.authority import Material, advance
from ome.webhooks.certificates.source import FileSource, provided_by_files
from tests.webhooks.certificates.world import HOSTS, bundle, configuration, on_cluster, replica

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.fake_cluster import FakeCluster


def write_files(folder: Path, material: Material) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in (
        ("tls.crt", material.chain),
        ("tls.key", material.leaf_key),
        ("ca.crt", material.bundle),
    ):
        (folder / name).write_bytes(text)


def test_files_are_read_again_when_they_change(tmp_path: Path) -> None:
    async def scenario(cluster: FakeCluster) -> None:
        first, second = (advance(None, HOSTS, datetime.now(UTC)) for _ in range(2))
        write_files(tmp_path, first)
        async with replica(cluster, source=FileSource(tmp_path)) as certificates:
            await anyio.sleep(5)
            assert certificates.chain == first.chain
            assert bundle(cluster) == first.bundle
            assert certificates.problem() is None
            (tmp_path / "tls.crt").unlink()
            await anyio.sleep(30)
            assert certificates.chain == first.chain
            write_files(tmp_path, second)
            await anyio.sleep(60)
            assert certificates.chain == second.chain
            assert bundle(cluster) == second.bundle
            # A key that does not belong to the certificate: half of a renewal.
            (tmp_path / "tls.key").write_bytes(first.leaf_key)
            await anyio.sleep(30)
            assert certificates.chain == second.chain

    on_cluster(configuration())(scenario)


def test_a_key_with_a_password_is_said_and_ends_nothing(tmp_path: Path) -> None:
    async def scenario(cluster: FakeCluster) -> None:
        material = advance(None, HOSTS, datetime.now(UTC))
        write_files(tmp_path, material)
        key = serialization.load_pem_private_key(material.leaf_key, None)
        locked = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
        (tmp_path / "tls.key").write_bytes(locked)
        async with replica(cluster, source=FileSource(tmp_path)) as certificates:
            await anyio.sleep(30)
            assert "key is no plain PEM" in (certificates.problem() or "")
            (tmp_path / "tls.key").write_bytes(material.leaf_key)
            await anyio.sleep(30)
            assert certificates.problem() is None

    on_cluster(configuration())(scenario)


def test_files_without_an_authority_need_cert_managers_bundle(tmp_path: Path) -> None:
    async def scenario(cluster: FakeCluster) -> None:
        material = advance(None, HOSTS, datetime.now(UTC))
        write_files(tmp_path, material)
        (tmp_path / "ca.crt").unlink()
        async with replica(cluster, source=FileSource(tmp_path)) as certificates:
            await anyio.sleep(30)
            assert "does not have the CA bundle yet" in (certificates.problem() or "")
            filled = configuration()
            for webhook in filled["webhooks"]:
                text = base64.b64encode(material.bundle).decode()
                webhook["clientConfig"]["caBundle"] = text
            cluster.put(filled)
            await anyio.sleep(30)
            assert certificates.problem() is None

    on_cluster(configuration())(scenario)


def test_our_own_secret_mounted_as_files_is_still_ours(tmp_path: Path) -> None:
    assert not provided_by_files(tmp_path)
    write_files(tmp_path, advance(None, HOSTS, datetime.now(UTC)))
    assert provided_by_files(tmp_path)
    (tmp_path / "ca.key").write_text("x")
    assert not provided_by_files(tmp_path)
