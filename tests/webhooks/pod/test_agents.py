"""The three injected agent containers, as tables."""

from __future__ import annotations

from typing import Any

import pytest

from ome.webhooks.pod import InjectionFailed, default
from ome.webhooks.registry import BadSetting
from tests.webhooks.pod.test_pod import LOOKUP, env, mutated
from tests.webhooks.support import SETTINGS, PlainLookup, pod, review, weight

INIT = {"ome.io/inject-model-init": "true", "ome.io/base-model-name": "llama.3"}
ADAPTER = {"ome.io/inject-fine-tuned-adapter": "tuned"}
SIDECAR = {
    "ome.io/inject-serving-sidecar": "true",
    "ome.io/fine-tuned-weight-ft-strategy": "lora",
}
TFEW = {"ome.io/base-model-vendor": "cohere", "ome.io/fine-tuned-weight-ft-strategy": "tfew"}


def refused(annotations: dict[str, str], lookup: PlainLookup = LOOKUP, **spec: Any) -> str:
    with pytest.raises((InjectionFailed, BadSetting)) as caught:
        default(review(pod(annotations, **spec)), lookup)
    return str(caught.value)


def settings(key: str, **changes: Any) -> PlainLookup:
    return PlainLookup({**SETTINGS, key: {**SETTINGS[key], **changes}}, {"tuned": weight()})


def test_model_init_in_full() -> None:
    result = mutated(pod(INIT, initContainers=[{"name": "first"}]))
    first, made = result["spec"]["initContainers"]
    assert first == {"name": "first"}
    variables = env(made)
    assert variables == {
        "OME_AGENT_AUTH_TYPE": "InstancePrincipal",
        "OME_AGENT_COMPARTMENT_ID": "compartment",
        "OME_AGENT_VAULT_ID": "vault",
        "OME_AGENT_MODEL_NAME": "llama.3",
        "OME_AGENT_KEY_NAME": "",
        "OME_AGENT_SECRET_NAME": "",
        "OME_AGENT_DISABLE_MODEL_DECRYPTION": "false",
        "OME_AGENT_MODEL_TYPE": "Serving",
        "OME_AGENT_LOCAL_PATH": "/mnt/model",
        "OME_AGENT_MODEL_STORE_DIRECTORY": "/opt/ml/model",
        "OME_AGENT_REGION": "ap-osaka-1",
        "OME_AGENT_MODEL_FRAMEWORK": "",
        "EXTRA": "1",
    }
    del made["env"]
    assert made == {
        "name": "model-init",
        "image": "registry/ome-agent:v1",
        "args": ["enigma", "--config", "/ome-agent.yaml", "--debug"],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": {
            "requests": {"cpu": "15", "memory": "150Gi"},
            "limits": {"cpu": "15", "memory": "180Gi"},
        },
        "securityContext": {"runAsUser": 1000},
        "volumeMounts": [
            {"name": "model-empty-dir", "mountPath": "/opt/ml/model"},
            {"name": "llama-3", "mountPath": "/mnt/model"},
            {"name": "extra", "mountPath": "/extra"},
        ],
    }


def test_model_init_of_a_tfew_model_writes_below_base() -> None:
    made = mutated(pod({**INIT, **TFEW}))["spec"]["initContainers"][0]
    assert made["volumeMounts"][0]["subPath"] == "base"


@pytest.mark.parametrize("text", ["TensorRT-LLM", "tensorrt_llm", "TENSORRTLLM"])
def test_model_init_of_tensorrt_knows_version_and_gpus(text: str) -> None:
    asked = {
        **INIT,
        "ome.io/base-model-format": text,
        "ome.io/base-model-format-version": "0.9",
    }
    variables = env(mutated(pod(asked))["spec"]["initContainers"][0])
    assert variables["OME_AGENT_MODEL_FRAMEWORK"] == "tensorrtllm"
    assert variables["OME_AGENT_TENSORRTLLM_VERSION"] == "0.9"
    assert variables["OME_AGENT_NUM_OF_GPU"] == "8"


@pytest.mark.parametrize(
    ("vendor", "strategy", "merged", "format_", "directory", "sub_path"),
    [
        ("cohere", "tfew", "", "tensorrt_llm", "/opt/ml/tfew", "tensorrt_llm"),
        ("cohere", "lora", "", "TensorRT-LLM", "/opt/ml/model", "tensorrt_llm"),
        ("cohere", "tfew", "", "safetensors", "/opt/ml/tfew", "finetuned"),
        ("cohere", "tfew", "true", "safetensors", "/opt/ml/model", None),
        ("meta", "tfew", "", "safetensors", "/opt/ml/model", None),
    ],
)
def test_where_an_adapter_goes(
    vendor: str, strategy: str, merged: str, format_: str, directory: str, sub_path: str | None
) -> None:
    asked = {
        **ADAPTER,
        "ome.io/base-model-vendor": vendor,
        "ome.io/fine-tuned-weight-ft-strategy": strategy,
        "ome.io/fine-tuned-serving-with-merged-weights": merged,
        "ome.io/base-model-format": format_,
    }
    made = mutated(pod(asked))["spec"]["initContainers"][0]
    download, target = made["volumeMounts"]
    assert download == {"name": "model-empty-dir", "mountPath": "/mnt/finetuned/download"}
    assert target["mountPath"] == directory
    assert target.get("subPath") == sub_path
    assert env(made) == {
        "OME_AGENT_AUTH_TYPE": "InstancePrincipal",
        "OME_AGENT_COMPARTMENT_ID": "compartment",
        "OME_AGENT_REGION": "ap-osaka-1",
        "OME_AGENT_UNZIPPED_FINE_TUNED_WEIGHT_DIRECTORY": directory,
        "OME_AGENT_ZIPPED_FINE_TUNED_WEIGHT_DIRECTORY": "/mnt/finetuned/download",
        "OME_AGENT_MODEL_BUCKET_NAME": "weights",
        "OME_AGENT_MODEL_NAMESPACE": "tenancy",
        "OME_AGENT_MODEL_OBJECT_NAME": "a/b-merged-weight" if merged else "a/b",
    }
    assert made["resources"] == {}


def test_several_adapters_lie_side_by_side() -> None:
    asked = {**INIT, "ome.io/inject-fine-tuned-adapter": "law,tax"}
    known = {"law": weight(), "tax": weight("oci://n/tenancy/b/weights/o/tax")}
    lookup = PlainLookup(SETTINGS, known)
    once = mutated(pod(asked), lookup)
    init, law, tax = once["spec"]["initContainers"]
    assert [item["name"] for item in (init, law, tax)] == [
        "model-init",
        "fine-tuned-adapter",
        "fine-tuned-adapter-2",
    ]
    for made, name, path in ((law, "law", "a/b"), (tax, "tax", "tax")):
        assert made["volumeMounts"] == [
            {
                "name": "model-empty-dir",
                "mountPath": "/mnt/finetuned/download",
                "subPath": "download",
            },
            {
                "name": "model-empty-dir",
                "mountPath": f"/opt/ml/adapters/{name}",
                "subPath": f"finetuned/{name}",
            },
        ]
        directory = env(made)["OME_AGENT_UNZIPPED_FINE_TUNED_WEIGHT_DIRECTORY"]
        assert directory == f"/opt/ml/adapters/{name}"
        assert env(made)["OME_AGENT_MODEL_OBJECT_NAME"] == path
    assert mutated(once, lookup) == once
    one = {"ome.io/inject-fine-tuned-adapter": "law,gone"}
    assert "No FineTunedWeight with the name: gone" in refused(one, lookup)


def test_one_that_is_fetched_beside_copies_of_the_node_lies_as_one_of_several() -> None:
    asked = {**ADAPTER, "ome.io/fine-tuned-weights-on-node": "tax"}
    (made,) = mutated(pod(asked))["spec"]["initContainers"]
    assert made["volumeMounts"][1] == {
        "name": "model-empty-dir",
        "mountPath": "/opt/ml/adapters/tuned",
        "subPath": "finetuned/tuned",
    }


def test_a_sidecar_in_full() -> None:
    made = mutated(pod(SIDECAR))["spec"]["containers"][1]
    assert made["name"] == "serving-sidecar"
    assert made["args"] == ["serving-agent", "--config", "/ome-agent.yaml", "--debug"]
    assert made["volumeMounts"] == [
        {
            "name": "model-empty-dir",
            "mountPath": "/mnt/finetuned/download",
            "subPath": "download",
        },
        {"name": "model-empty-dir", "mountPath": "/opt/ml/lora", "subPath": "finetuned"},
    ]
    assert env(made) == {
        "OME_AGENT_AUTH_TYPE": "InstancePrincipal",
        "OME_AGENT_COMPARTMENT_ID": "compartment",
        "OME_AGENT_REGION": "ap-osaka-1",
        "OME_AGENT_FINE_TUNED_WEIGHT_INFO_FILE_PATH": "/mnt/ft-model-info.json",
        "OME_AGENT_UNZIPPED_FINE_TUNED_WEIGHT_DIRECTORY": "/opt/ml/lora",
        "OME_AGENT_ZIPPED_FINE_TUNED_WEIGHT_DIRECTORY": "/mnt/finetuned/download",
    }


@pytest.mark.parametrize(
    ("annotations", "field", "name"),
    [
        (INIT, "initContainers", "model-init"),
        (ADAPTER, "initContainers", "fine-tuned-adapter"),
        (SIDECAR, "containers", "serving-sidecar"),
    ],
)
def test_a_container_that_is_there_is_left_alone_and_nothing_is_checked(
    annotations: dict[str, str], field: str, name: str
) -> None:
    sent = pod(annotations)
    sent["spec"].setdefault(field, []).append({"name": name})
    assert mutated(sent, PlainLookup())["spec"][field][-1] == {"name": name}


def test_workload_identity_needs_a_service_account_and_its_token() -> None:
    lookup = settings("servingSidecar", authType="OkeWorkloadIdentity")
    assert "a service account should be specified when using OKEWorkloadIdentity" in refused(
        SIDECAR, lookup
    )
    sent = pod(SIDECAR, serviceAccountName="who", automountServiceAccountToken=False)
    assert mutated(sent, lookup)["spec"]["automountServiceAccountToken"] is True


def test_model_init_also_goes_by_a_trainer() -> None:
    trainer = {"name": "trainer", "securityContext": {"runAsUser": 7}}
    sent = pod(INIT, containers=[trainer, {"name": "ome-container"}])
    assert mutated(sent)["spec"]["initContainers"][0]["securityContext"] == {"runAsUser": 7}


@pytest.mark.parametrize(
    ("annotations", "lookup", "spec", "message"),
    [
        (INIT, PlainLookup(), {}, "failed to validate ModelInitInjector: Key: 'ModelInitInjector"),
        (INIT, settings("modelInit", vaultId=""), {}, "'VaultId' failed on the 'required' tag"),
        (ADAPTER, PlainLookup(), {}, "failed to validate FineTunedAdapterInjector: "),
        (SIDECAR, PlainLookup(), {}, "failed to validate ServingSidecarInjector: "),
        (SIDECAR, PlainLookup(), {}, "'AuthType' failed on the 'required' tag"),
        (INIT, LOOKUP, {"containers": []}, "no main container ome-container or trainer specified"),
        (ADAPTER, LOOKUP, {"containers": []}, "no main container ome-container specified"),
        (
            INIT,
            settings("modelInit", cpuLimit="many"),
            {},
            "invalid quantity for modelInit.cpuLimit: many",
        ),
        (INIT, settings("modelInit", image=1), {}, "image must be a string"),
        (INIT, settings("modelInit", extraEnvVars={}), {}, "extraEnvVars must be a list"),
        ({"ome.io/inject-model-init": "true"}, LOOKUP, {}, "ome.io/base-model-name is missing"),
        (
            {**INIT, "ome.io/base-model-format": "tensorrt_llm"},
            LOOKUP,
            {"containers": [{"name": "ome-container"}]},
            "NVIDIA GPU resource not set for main container",
        ),
        (
            {"ome.io/inject-fine-tuned-adapter": "gone"},
            LOOKUP,
            {},
            "No FineTunedWeight with the name: gone",
        ),
        (
            ADAPTER,
            PlainLookup(SETTINGS, {"tuned": weight("oci://n//b//o/x")}),
            {},
            "Expected: oci://n/{namespace}/b/{bucket}/o/{object_path}; .* weight tuned",
        ),
        (
            {"ome.io/inject-serving-sidecar": "true"},
            LOOKUP,
            {},
            "failed to get the fine-tuned weight FT strategy for the serving sidecar",
        ),
    ],
)
def test_what_cannot_be_done_is_said(
    annotations: dict[str, str], lookup: PlainLookup, spec: dict[str, Any], message: str
) -> None:
    text = refused(annotations, lookup, **spec)
    head, _, tail = message.partition(" .* weight")
    assert head in text
    assert tail in text
