"""The object form and the spellings of OCI addresses."""

from __future__ import annotations

import pytest

from ome.storage.errors import InvalidUri, UnsupportedStorage
from ome.storage.objects import ObjectAddress, object_address, oci_address, source_uri
from ome.storage.uris import OciUri, parse_uri


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("oci://n/ns/b/bk/o/d1/d2/f", ObjectAddress("ns", "bk", "d1/d2/f")),
        ("oci://n/ns/b/bk/o/", ObjectAddress("ns", "bk")),
        ("oci://n/ns/b/bk/o", ObjectAddress("ns", "bk")),
        ("oci://ns@us-phoenix-1/bk/p", ObjectAddress("ns", "bk", "p", "us-phoenix-1")),
        ("oci://ns@us-phoenix-1/bk", ObjectAddress("ns", "bk", "", "us-phoenix-1")),
        ("oci://bk/p", ObjectAddress("", "bk", "p")),
        ("oci://bk/m@v1/x", ObjectAddress("", "bk", "m@v1/x")),
        ("oci://bk", ObjectAddress("", "bk")),
        ("hf://org/m@v1", ObjectAddress("huggingface", "org/m", "v1")),
        ("hf://org/m@", ObjectAddress("huggingface", "org/m", "main")),
        ("pvc://ns:claim/a/b", ObjectAddress("ns", "claim", "a/b")),
        ("pvc://claim/a", ObjectAddress("", "claim", "a")),
        ("local:///opt/m", ObjectAddress("local", prefix="/opt/m")),
    ],
)
def test_object_form(uri: str, expected: ObjectAddress) -> None:
    assert object_address(uri) == expected


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        ("oci://", "invalid URI format, missing bucket name: ;"),
        ("oci://ns@evil.example#/bk/p", 'invalid OCI URI format, region "evil.example#" may hold'),
        ("oci://ns@us-phoenix-1", "invalid URI format, missing bucket name: ns@us-phoenix-1;"),
        (
            "oci://n/ns/b/bk",
            "invalid OCI URI format, expected 'oci://n/namespace/b/bucket/o/prefix': n/ns/b/bk",
        ),
        ("oci://n/ns/b/bk/x/y", "invalid OCI URI format, expected"),
        ("oci://n//b/bk/o/y", "invalid OCI URI format, expected"),
        ("hf://", "invalid Hugging Face storage URI format: missing model ID"),
    ],
)
def test_wrong_object_forms(uri: str, text: str) -> None:
    with pytest.raises(InvalidUri) as raised:
        object_address(uri)
    assert str(raised.value).startswith(text)


@pytest.mark.parametrize(
    ("uri", "kind"),
    [
        ("s3://b/p", "S3"),
        ("gs://b", "GCS"),
        ("az://a/c", "AZURE"),
        ("github://o/r", "GITHUB"),
        ("vendor://v/t/p", "VENDOR"),
    ],
)
def test_schemes_without_an_object_form(uri: str, kind: str) -> None:
    with pytest.raises(UnsupportedStorage) as raised:
        object_address(uri)
    assert str(raised.value).startswith(f"unsupported storage type for object URI: {kind}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("oci://ns/bk/a/b", ("ns", "bk", "a/b")),
        ("oci://B/a/b", ("N", "B", "a/b")),
        ("oci://bucket/a/b", ("bucket", "a", "b")),
        ("oci://bk/obj", ("N", "bk", "obj")),
        ("oci://obj", ("N", "B", "obj")),
        ("https://any.host/n/ns/b/bk/o/a/b", ("ns", "bk", "a/b")),
        ("/bk/obj", ("N", "bk", "obj")),
        ("bk/obj", ("N", "bk", "obj")),
        ("/obj", ("N", "B", "obj")),
        ("obj", ("N", "B", "obj")),
        ("oci://n/ns/b/bk/o/x", ("ns", "bk", "x")),
    ],
)
def test_addresses_of_a_store_with_defaults(text: str, expected: tuple[str, str, str]) -> None:
    assert oci_address(text, namespace="N", bucket="B") == ObjectAddress(*expected)


@pytest.mark.parametrize(
    ("text", "namespace", "bucket", "problem"),
    [
        ("oci://bk/obj", "", "B", "namespace required for URI: oci://bk/obj"),
        ("oci://obj", "", "B", "namespace and bucket required for URI: oci://obj"),
        ("oci://obj", "N", "", "namespace and bucket required for URI: oci://obj"),
        ("obj", "N", "", "bucket required for URI: obj"),
        ("https://h/x/y", "N", "B", "invalid OCI HTTPS URL format: https://h/x/y"),
    ],
)
def test_addresses_that_lack_something(
    text: str, namespace: str, bucket: str, problem: str
) -> None:
    with pytest.raises(InvalidUri) as raised:
        oci_address(text, namespace=namespace, bucket=bucket)
    assert str(raised.value).startswith(problem)


def test_a_model_may_be_downloaded_from_the_wider_forms() -> None:
    assert source_uri("oci://ns@us-phoenix-1/bk/p") == OciUri("ns", "bk", "p", "us-phoenix-1")
    assert source_uri("oci://bk/p") == OciUri("", "bk", "p")
    assert source_uri("oci://n/ns/b/bk/o/p") == parse_uri("oci://n/ns/b/bk/o/p")
    assert source_uri("hf://org/m") == parse_uri("hf://org/m")
    with pytest.raises(InvalidUri):
        parse_uri("oci://bk/p")
