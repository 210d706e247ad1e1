"""The command line: its order, and what each field makes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ome.workloads.benchmark import BenchmarkError, dataset, output, service_target
from ome.workloads.benchmark.target import model_name_of, served_name
from tests.workloads.benchmark.support import (
    at_service,
    container,
    job,
    made,
    model,
    option,
    service,
)

FACTS = {"engine": "vLLM", "version": "0.9", "gpuType": "H100", "gpuCount": 8}


def args(*, target: Any = None, **spec: Any) -> list[str]:
    found: list[str] = container(made(job(**spec), target))["args"]
    return found


def test_every_argument_in_its_place() -> None:
    words = args(
        target=at_service(),
        endpoint={"inferenceService": {"name": "svc", "namespace": "serving"}},
        trafficScenarios=["D(100,100)", "N(480,240)/(300,150)"],
        numConcurrency=[5, 0],
        resultFolderName="out",
        serviceMetadata=FACTS,
        additionalRequestParams={"temperature": "0.5", "ignore_eos": "true", "stop": "end"},
    )
    assert words == [
        "benchmark",
        *("--api-backend", "openai"),
        *("--api-base", "http://svc.serving.example.com"),
        *("--api-model-name", "vllm-model"),
        *("--task", "text-to-text"),
        *("--max-time-per-run", "10"),
        *("--max-requests-per-run", "100"),
        *("--api-key", "sample-key"),
        *("--model-tokenizer", "/raid/llama"),
        "--additional-request-params",
        '{"ignore_eos": true, "stop": "end", "temperature": 0.5}',
        *("--traffic-scenario", "D(100,100)"),
        *("--traffic-scenario", "N(480,240)/(300,150)"),
        *("--num-concurrency", "5"),
        *("--num-concurrency", "0"),
        *("--experiment-folder-name", "out"),
        *("--server-engine", "vLLM"),
        *("--server-gpu-type", "H100"),
        *("--server-version", "0.9"),
        *("--server-gpu-count", "8"),
        "--upload-results",
        *("--storage-provider", "aws"),
        *("--storage-bucket", "b"),
    ]


def test_a_url_has_no_key_and_no_tokenizer() -> None:
    words = args()
    assert words[:7] == [
        "benchmark",
        *("--api-backend", "openai"),
        *("--api-base", "http://host:8000/v1"),
        *("--api-model-name", ""),
    ]
    assert not {"--api-key", "--model-tokenizer", "--traffic-scenario"} & set(words)
    named = {"url": "https://h", "apiFormat": "cohere", "modelName": "m"}
    words = args(endpoint={"endpoint": named})
    assert (words[2], words[4], words[6]) == ("cohere", "https://h", "m")


def test_an_empty_folder_name_is_a_name() -> None:
    assert option(args(resultFolderName=""), "--experiment-folder-name") == [""]
    assert "--experiment-folder-name" not in args()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("true", True),
        ("false", False),
        ("null", "null"),
        ("NaN", "NaN"),
        (" 1", " 1"),
        ("[1]", "[1]"),
        ("", ""),
        ("é", "é"),
        ("9" * 400, "9" * 400),
        ("[" * 100_000, "[" * 100_000),
    ],
    ids=lambda value: str(value)[:20],
)
def test_request_parameters_have_the_type_of_their_text(text: str, value: object) -> None:
    (found,) = option(args(additionalRequestParams={"x": text}), "--additional-request-params")
    held = json.loads(found)["x"]
    assert (held, type(held)) == (value, type(value))


OUTPUTS: list[tuple[str, dict[str, str], str]] = [
    ("oci://n/ns/b/bk/o/p/q", {}, "--namespace ns --storage-bucket bk --storage-prefix p/q"),
    ("oci://n/ns/b/bk/o/", {}, "--namespace ns --storage-bucket bk --storage-prefix ''"),
    (
        "oci://n/ns/b/bk/o/p",
        {"region": "r", "auth": "a", "config_file": "c", "profile": "p", "security_token": "t"},
        "--namespace ns --storage-bucket bk --storage-prefix p --auth a --config-file c"
        " --profile p --security-token t --region r",
    ),
    ("s3://b", {}, "--storage-provider aws --storage-bucket b"),
    (
        "s3://b@eu-1/p",
        {},
        "--storage-provider aws --storage-bucket b --storage-prefix p --storage-aws-region eu-1",
    ),
    (
        "s3://b@eu-1/p",
        {
            "aws_region": "us-1",
            "aws_profile": "p",
            "aws_access_key_id": "i",
            "aws_secret_access_key": "",
            "other": "x",
        },
        "--storage-provider aws --storage-bucket b --storage-prefix p --storage-aws-access-key-id i"
        " --storage-aws-secret-access-key '' --storage-aws-profile p --storage-aws-region us-1",
    ),
    (
        "az://acc.blob.core.windows.net/c/p",
        {},
        "--storage-provider azure --storage-bucket c --storage-prefix p"
        " --storage-azure-account-name acc",
    ),
    (
        "az://acc/c",
        {
            "azure_account_name": "n",
            "azure_account_key": "k",
            "azure_sas_token": "s",
            "azure_connection_string": "c",
        },
        "--storage-provider azure --storage-bucket c --storage-azure-account-name n"
        " --storage-azure-account-key k --storage-azure-connection-string c"
        " --storage-azure-sas-token s",
    ),
    (
        "gs://b/o",
        {"gcp_project_id": "p", "gcp_credentials_path": "/c"},
        "--storage-provider gcp --storage-bucket b --storage-prefix o --storage-gcp-project-id p"
        " --storage-gcp-credentials-path /c",
    ),
    ("gs://b", {}, "--storage-provider gcp --storage-bucket b"),
    ("github://o/r", {}, "--storage-provider github --github-owner o --github-repo r"),
    ("github://o/r@latest", {}, "--storage-provider github --github-owner o --github-repo r"),
    ("github://o/r@", {}, "--storage-provider github --github-owner o --github-repo r"),
    (
        "github://o/r@v1",
        {"github_token": "t"},
        "--storage-provider github --github-owner o --github-repo r --github-tag v1"
        " --github-token t",
    ),
]


@pytest.mark.parametrize(("uri", "parameters", "expected"), OUTPUTS)
def test_results_go_to_buckets(uri: str, parameters: dict[str, str], expected: str) -> None:
    spec = job(outputLocation={"storageUri": uri, "parameters": parameters}).spec
    words = ["" if word == "''" else word for word in expected.split()]
    place = output(spec.output_location, "team")
    assert list(place.arguments) == ["--upload-results", *words]
    assert place.volume is None


def test_results_go_to_a_claim() -> None:
    place = output(job(outputLocation={"storageUri": "pvc://c/a/b"}).spec.output_location, "team")
    assert place.arguments == ("--experiment-base-dir", "/a/b")
    assert place.claim == "c"
    assert place.volume == {
        "name": "benchmark-output-storage",
        "persistentVolumeClaim": {"claimName": "c"},
    }
    assert place.mount == {
        "name": "benchmark-output-storage",
        "mountPath": "/a/b",
        "subPath": "a/b",
    }


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        ("vendor://a/b/c", "failed to build storage args: unsupported storage type: VENDOR"),
        ("hf://a/b", "failed to build storage args: unsupported storage type: HUGGINGFACE"),
        ("local:///a", "failed to build storage args: unsupported storage type: LOCAL"),
        ("https://h/f", "failed to build storage args: unsupported storage type: HTTP"),
        (
            "ftp://x",
            "failed to build storage args: invalid storage URI: unknown storage type for URI: ftp",
        ),
        ("oci://b/p", "failed to build storage args: invalid OCI storage URI: invalid OCI"),
        ("pvc://c", "failed to build storage args: invalid PVC storage URI: invalid PVC"),
        ("s3://", "failed to build storage args: invalid S3 storage URI: "),
        ("az://a", "failed to build storage args: invalid Azure storage URI: "),
        ("gs://", "failed to build storage args: invalid GCS storage URI: "),
        ("github://o", "failed to build storage args: invalid GitHub storage URI: "),
        ("pvc://other:c/x", "PVC namespace other is not the namespace of the BenchmarkJob"),
    ],
)
def test_places_that_take_no_results(uri: str, text: str) -> None:
    with pytest.raises(BenchmarkError, match=text.replace("(", r"\(")):
        output(job(outputLocation={"storageUri": uri}).spec.output_location, "team")


def test_own_data_comes_from_the_hub_or_a_claim() -> None:
    assert option(args(dataset={"storageUri": "hf://a/b"}), "--dataset-path") == ["a/b"]
    document = made(job(dataset={"storageUri": "pvc://c/d/x.csv"}))
    assert option(container(document)["args"], "--dataset-path") == [
        "/mnt/benchmark-dataset/d/x.csv"
    ]
    mounted = {"name": "benchmark-dataset", "mountPath": "/mnt/benchmark-dataset", "readOnly": True}
    assert container(document)["volumeMounts"] == [mounted]
    for uri in ("s3://b/x", "hf://a/b@v1", "x", "pvc://other:c/x"):
        with pytest.raises(BenchmarkError, match=r"spec\.dataset\.storageUri"):
            dataset(job(dataset={"storageUri": uri}).spec.dataset, "team")


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://h.example.com", "http://h.example.com"),
        ("https://h:8443/", "https://h:8443"),
        ("https://h/team/svc/", "https://h/team/svc"),
        ("//h:80", "http://h:80"),
        ("h.example.com", "http://h.example.com"),
    ],
)
def test_the_whole_url_of_a_service_is_used(url: str, base: str) -> None:
    assert service_target(service(url), model(), "team").url == base


@pytest.mark.parametrize("url", [None, "", "http://", "/path"])
def test_a_service_without_a_host(url: str | None) -> None:
    with pytest.raises(BenchmarkError, match=r"serving/svc has no URL\.Host in status"):
        service_target(service(url), model(), "team")


def test_a_service_whose_url_is_nonsense() -> None:
    with pytest.raises(BenchmarkError, match=r"serving/svc has an unreadable status\.url"):
        service_target(service("http://[::1"), model(), "team")


def test_the_protocol_of_a_service() -> None:
    runner = {"name": "r", "image": "i"}

    def backend(**spec: Any) -> str:
        found = service_target(service(**spec), model(), "team").backend
        return str(found)

    variables = [{"name": "PROTOCOL_VERSION", "value": "cohere"}]
    assert backend() == "openai"
    assert backend(engine={"runner": {**runner, "env": variables}}) == "cohere"
    legacy = {"model": {"baseModel": "m", "protocolVersion": "oci-cohere"}}
    assert backend(predictor=legacy, engine={"runner": {**runner, "env": variables}}) == (
        "oci-cohere"
    )
    source = [{"name": "PROTOCOL_VERSION", "valueFrom": {}}]
    assert backend(engine={"runner": {**runner, "env": source}}) == "openai"


def test_the_model_of_a_service() -> None:
    assert model_name_of(service()) == "llama"
    assert model_name_of(service(predictor={"model": {"baseModel": "old"}})) == "old"
    with pytest.raises(BenchmarkError, match="InferenceService serving/svc has no Model defined"):
        model_name_of(service(model=None))
    with pytest.raises(BenchmarkError, match="llama has missing Storage or Path information"):
        service_target(service(), model(path=""), "team")


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        ([], ""),
        ([["--served-model-name", "a"]], "a"),
        ([["--served-model-name=a", "b"]], "a"),
        ([["python3 -m x --served-model-name=a \\\n --port 1"]], "a"),
        ([["--served-model-name=$(NAME)"], ["--served-model-name", "b"]], "b"),
        ([["--other"], ["--served-model-name"]], ""),
    ],
)
def test_the_name_that_an_engine_serves(lines: list[list[str]], name: str) -> None:
    assert served_name(lines) == name
    target = service_target(service(), model(), "team", lines)
    assert target.model_name == (name or "vllm-model")
