"""Every URI of the grammar, right and wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.storage.errors import InvalidUri, UnknownScheme
from ome.storage.uris import (
    SCHEMES,
    AzureUri,
    GcsUri,
    GitHubUri,
    HttpUri,
    HuggingFaceUri,
    LocalUri,
    OciUri,
    PvcUri,
    S3Uri,
    StorageUri,
    VendorUri,
    parse_uri,
)

SHA = "a" * 64
LLAMA = "meta-llama/Llama-3.1-8B"


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("oci://n/tenancy/b/models/o/llama", OciUri("tenancy", "models", "llama")),
        ("oci://n/tenancy/b/models/o/a/b/c.bin", OciUri("tenancy", "models", "a/b/c.bin")),
        ("oci://n/t.1/b/b_2/o/x.y/z-w", OciUri("t.1", "b_2", "x.y/z-w")),
        ("oci://n/tenancy/b/models/o/", OciUri("tenancy", "models", "")),
        ("oci://n/t/b/m/o/a%20b?c#d", OciUri("t", "m", "a%20b?c#d")),
        ("pvc://weights/llama", PvcUri("", "weights", "llama")),
        ("pvc://weights/a/b/c", PvcUri("", "weights", "a/b/c")),
        ("pvc://team-a:weights/llama", PvcUri("team-a", "weights", "llama")),
        ("pvc://weights/dir:with:colons/x", PvcUri("", "weights", "dir:with:colons/x")),
        ("pvc://weights/a/", PvcUri("", "weights", "a/")),
        (f"pvc://{'n' * 63}:my.claim/x", PvcUri("n" * 63, "my.claim", "x")),
        ("vendor://openai/models/gpt-4", VendorUri("openai", "models", "gpt-4")),
        ("vendor://acme/models/v2/big", VendorUri("acme", "models", "v2/big")),
        (f"hf://{LLAMA}", HuggingFaceUri(LLAMA, "main")),
        (f"hf://{LLAMA}@exp", HuggingFaceUri(LLAMA, "exp")),
        ("hf://org/m@refs/pr/7", HuggingFaceUri("org/m", "refs/pr/7")),
        ("hf://org/m@a@b", HuggingFaceUri("org/m", "a@b")),
        ("hf://gpt2", HuggingFaceUri("gpt2", "main")),
        ("hf://org/m@", HuggingFaceUri("org/m", "main")),
        ("s3://b", S3Uri("b", "", "")),
        ("s3://b/p/q", S3Uri("b", "", "p/q")),
        ("s3://b@us-east-1/p/q", S3Uri("b", "us-east-1", "p/q")),
        ("s3://b@us-east-1", S3Uri("b", "us-east-1", "")),
        ("s3://b@my_region/p", S3Uri("b", "my_region", "p")),
        ("s3://b/model@v1/x", S3Uri("b", "", "model@v1/x")),
        ("az://acct/cont/a/b", AzureUri("acct", "cont", "a/b")),
        ("az://acct/cont", AzureUri("acct", "cont", "")),
        (
            "az://acct.blob.core.windows.net/cont/a/b",
            AzureUri("acct", "cont", "a/b", "blob.core.windows.net"),
        ),
        (
            "az://acct.blob.core.usgovcloudapi.net/cont",
            AzureUri("acct", "cont", "", "blob.core.usgovcloudapi.net"),
        ),
        (
            "az://acct.blob.core.chinacloudapi.cn/cont/x",
            AzureUri("acct", "cont", "x", "blob.core.chinacloudapi.cn"),
        ),
        ("gs://b", GcsUri("b", "")),
        ("gs://b/o/p", GcsUri("b", "o/p")),
        ("github://o/r", GitHubUri("o", "r", "latest")),
        ("github://o/r@v1.0.0", GitHubUri("o", "r", "v1.0.0")),
        ("github://o/r@", GitHubUri("o", "r", "latest")),
        ("local:///opt/m", LocalUri("/opt/m")),
        ("local://./m", LocalUri("./m")),
        ("local://~/m", LocalUri("~/m")),
        ("https://h:8443/a/m.gguf?v=1", HttpUri("https://h:8443/a/m.gguf?v=1")),
        (f"http://h/m.gguf#sha256={SHA}", HttpUri("http://h/m.gguf", SHA)),
    ],
)
def test_right(uri: str, expected: StorageUri) -> None:
    assert parse_uri(uri) == expected


OCI = "invalid OCI storage URI format. Expected: oci://n/{namespace}/b/{bucket}/o/{object_path}"
PVC = "invalid PVC storage URI format: "
NS = "(must be lowercase alphanumeric with hyphens, max 63 chars)"
VENDOR = (
    "invalid vendor storage URI format. Expected: vendor://{vendor-name}/{resource-type}"
    "/{resource-path}"
)
HF = "invalid Hugging Face storage URI format: "
S3 = "invalid S3 storage URI format: "
AZ = "invalid Azure storage URI format: "
GCS = "invalid GCS storage URI format: "
GITHUB = "invalid GitHub storage URI format: "
HTTP = "invalid HTTP storage URI format: "


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        ("oci://n/tenancy/b/models/o", OCI),
        ("oci://n/tenancy/b/models", OCI),
        ("oci://tenancy/b/models/o/x", OCI),
        ("oci://b/models/n/tenancy/o/x", OCI),
        ("oci://", OCI),
        ("oci://n//b//o/x", OCI),
        ("oci://n/ns/b//o/x", OCI),
        ("pvc://", PVC + "missing content after prefix"),
        ("pvc://weights", PVC + "missing subpath"),
        ("pvc://weights/", PVC + "missing subpath"),
        ("pvc:///x", PVC + "missing PVC name"),
        ("pvc://ns:weights", PVC + "missing subpath"),
        ("pvc://:weights/x", PVC + "empty namespace before colon"),
        ("pvc://ns:/x", PVC + "empty PVC name after colon"),
        ("pvc://a:b:c/x", PVC + "multiple colons not allowed in namespace:pvc-name"),
        ("pvc://My_NS:weights/x", PVC + f'invalid namespace "My_NS" {NS}'),
        ("pvc://-ns:weights/x", PVC + f'invalid namespace "-ns" {NS}'),
        ("pvc://ns-:weights/x", PVC + f'invalid namespace "ns-" {NS}'),
        (f"pvc://{'n' * 64}:weights/x", PVC + f'invalid namespace "{"n" * 64}" {NS}'),
        ("pvc://ns:weights/", PVC + "missing subpath"),
        ("pvc://My_Claim/x", PVC + 'invalid PVC name "My_Claim"'),
        ("vendor://", "invalid vendor storage URI format: missing vendor name"),
        ("vendor://openai/models", VENDOR),
        ("vendor://openai", VENDOR),
        ("vendor:///models/x", VENDOR),
        ("vendor://openai//x", VENDOR),
        ("vendor://openai/models/", VENDOR),
        ("hf://", HF + "missing model ID"),
        ("hf://@main", HF + "model ID cannot be empty"),
        ("hf://a/b/c", HF + 'model ID "a/b/c" must be {name} or {org}/{name}'),
        ("hf://a/", HF + 'model ID "a/" must be'),
        ("hf://a/b c", HF + 'model ID "a/b c" may hold only'),
        ("hf://../x", HF + 'model ID "../x" may hold only'),
        ("hf://org/a--b", HF + 'model ID "org/a--b" is none that the Hub takes'),
        ("hf://org/a..b", HF + 'model ID "org/a..b" is none that the Hub takes'),
        ("hf://-org/a", HF + 'model ID "-org/a" is none that the Hub takes'),
        ("hf://org/a.", HF + 'model ID "org/a." is none that the Hub takes'),
        ("hf://org/a.git", HF + 'model ID "org/a.git" may not end with ".git"'),
        (f"hf://{'m' * 97}", HF + "model ID has 97 characters, at most 96"),
        ("s3://", S3 + "missing bucket name"),
        ("s3://@us-east-1/p", S3 + "bucket name cannot be empty"),
        ("s3:///p", S3 + "bucket name cannot be empty"),
        ("az://", AZ + "missing account name"),
        ("az://acct", AZ + "missing container name"),
        ("az://acct.blob.core.windows.net", AZ + "missing container name"),
        ("az://evil.example#/cont/x", AZ + 'account name "evil.example#" may hold only letters'),
        ("az://evil.example:1?/cont", AZ + 'account name "evil.example:1?" may hold only'),
        ("az://user@evil/cont", AZ + 'account name "user@evil" may hold only'),
        ("az://acct.blob.core.x#y/cont", AZ + 'account name "acct.blob.core.x#y" may hold only'),
        ("s3://b@evil.example#/p", S3 + 'region "evil.example#" may hold only letters'),
        ("az://acct/", AZ + "account name and container name are required"),
        ("az:///cont/x", AZ + "account name and container name are required"),
        (
            "az://acct.blob.core.windows.net/",
            AZ + "account name and container name are required",
        ),
        ("gs://", GCS + "missing bucket name"),
        ("gs:///x", GCS + "bucket name cannot be empty"),
        ("github://", GITHUB + "missing owner/repository"),
        ("github://o", GITHUB + "expected owner/repository"),
        ("github://o/r/x", GITHUB + "expected owner/repository"),
        ("github://o/@v1", GITHUB + "owner and repository are required"),
        ("github:///r", GITHUB + "owner and repository are required"),
        ("local://", "invalid local storage URI format: missing path"),
        ("https://", HTTP + "missing host"),
        ("https:///m", HTTP + "missing host"),
        ("https://h", HTTP + "the path must name a file"),
        ("https://h/dir/", HTTP + "the path must name a file"),
        ("https://h/m#md5=1", HTTP + "after # only sha256="),
        ("https://h/m#sha256=AB", HTTP + "after # only sha256="),
        ("https://[x/m", HTTP),
    ],
)
def test_wrong(uri: str, text: str) -> None:
    with pytest.raises(InvalidUri) as raised:
        parse_uri(uri)
    assert str(raised.value).startswith(text)
    assert repr(uri) in str(raised.value)
    assert raised.value.reason == "invalid_uri"


@pytest.mark.parametrize(
    "uri", ["", "x", "HF://org/m", "S3://b", "ftp://h/x", "hf:/org/m", " hf://org/m", "nohf://a"]
)
def test_unknown_schemes(uri: str) -> None:
    with pytest.raises(UnknownScheme) as raised:
        parse_uri(uri)
    assert str(raised.value).startswith(f"unknown storage type for URI: {uri}")
    assert all(f"{scheme}://" in str(raised.value) for scheme in SCHEMES)


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidUri) as raised:
        parse_uri("https://user:secret@h/m")
    assert "secret@h" not in str(raised.value)
    assert "storage.key" in str(raised.value)


def test_the_same_source_in_two_spellings_is_equal() -> None:
    assert parse_uri("hf://org/m") == parse_uri("hf://org/m@main") == parse_uri("hf://org/m@")


@given(st.sampled_from(SCHEMES), st.text(max_size=40))
def test_any_text_is_a_value_or_an_invalid_uri(scheme: str, rest: str) -> None:
    uri = f"{scheme}://{rest}"
    try:
        value = parse_uri(uri)
    except InvalidUri:
        return
    assert value == parse_uri(uri)
    assert hash(value) == hash(parse_uri(uri))
