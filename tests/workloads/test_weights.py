"""Fine-tuned weights: merged with the base model, or laid over it."""

from __future__ import annotations

from typing import Any

import pytest

from ome.workloads import RenderError, plan
from tests.workloads.support import by_name, documents, inputs

Json = dict[str, Any]
RUNNER: Json = {"name": "ome-container", "image": "a"}
NAME = "law"
MOUNT: Json = {"name": "model-empty-dir", "mountPath": "/opt/ml/model"}
BASE: Json = {"name": "m", "mountPath": "/raid/m", "readOnly": True}
READY = "models.ome.io/clusterbasemodel.m"
ADAPTER = "ome.io/inject-fine-tuned-adapter"


def weight(name: str = NAME, **spec: Any) -> Json:
    fields = {
        "baseModelRef": {"name": "m"},
        "modelType": "LoRA",
        "hyperParameters": {"strategy": "lora"},
        "storage": {"storageUri": "oci://n/a/b/c/o/d"},
    }
    return {"kind": "FineTunedWeight", "metadata": {"name": name}, "spec": {**fields, **spec}}


def rendered(
    weights: list[Json],
    engine: Json | None = None,
    wanted: list[str] | None = None,
    vendor: str | None = None,
    model: Json | None = None,
    **metadata: Any,
) -> dict[str, Json]:
    spec: Json = {
        "model": {"name": "m", "fineTunedWeights": [NAME] if wanted is None else wanted},
        "engine": {"runner": RUNNER, **(engine or {})},
        "router": {"runner": RUNNER},
    }
    base = {**({"vendor": vendor} if vendor else {}), **(model or {})}
    return by_name(plan(inputs([*documents(spec, metadata, base), *weights])))


def template(*weights: Json, **more: Any) -> Json:
    made = rendered(list(weights), **more)["Deployment/chat-engine"]
    found: Json = made["spec"]["template"]
    return found


def container(*weights: Json, **more: Any) -> Json:
    found: Json = template(*weights, **more)["spec"]["containers"][0]
    return found


@pytest.mark.parametrize(
    ("configuration", "merged"),
    [
        (None, False),
        ({}, False),
        ({"merged_weights": True}, True),
        ({"merged_weights": False}, False),
        ({"merged_weights": "true"}, False),
        ({"merged_weights": 1}, False),
    ],
)
def test_what_merges_a_weight(configuration: Json | None, merged: bool) -> None:
    spec: Json = {} if configuration is None else {"configuration": configuration}
    labels = template(weight(**spec))["metadata"]["labels"]
    assert labels["fine-tuned-serving"] == "true"
    assert labels["fine-tuned-serving-with-merged-weights"] == ("true" if merged else "false")


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [({"strategy": "tfew"}, "tfew"), ({}, ""), ({"strategy": 7}, ""), ({"strategy": None}, "")],
)
def test_the_strategy(parameters: Json, expected: str) -> None:
    held = template(weight(hyperParameters=parameters))["metadata"]
    assert held["labels"]["fine-tuned-weight-ft-strategy"] == expected
    assert held["annotations"]["ome.io/fine-tuned-weight-ft-strategy"] == expected
    assert held["annotations"][ADAPTER] == NAME


def test_an_adapter_lies_over_the_base_model() -> None:
    made = template(weight())
    spec = made["spec"]
    assert spec["containers"][0]["volumeMounts"] == [BASE, MOUNT]
    assert "env" not in spec["containers"][0]
    assert spec["nodeSelector"] == {READY: "Ready"}
    assert [item["name"] for item in spec["volumes"]] == ["model-empty-dir", "m"]
    assert "ome.io/fine-tuned-serving-with-merged-weights" not in made["metadata"]["annotations"]


def test_merged_weights_need_no_base_model() -> None:
    secret = {"ome.io/base-model-decryption-key-name": "k"}
    spec = documents({"engine": {"runner": RUNNER}})
    spec[1]["metadata"]["annotations"] = secret
    spec[0]["spec"]["model"]["fineTunedWeights"] = [NAME]
    held = weight(configuration={"merged_weights": True})
    made = by_name(plan(inputs([*spec, held])))["Deployment/chat-engine"]["spec"]["template"]
    assert made["spec"]["containers"][0]["volumeMounts"] == [MOUNT]
    assert "nodeSelector" not in made["spec"]
    assert [item["name"] for item in made["spec"]["volumes"]] == ["model-empty-dir"]
    annotations = made["metadata"]["annotations"]
    assert annotations["ome.io/inject-model-init"] == "false"
    assert annotations["ome.io/fine-tuned-serving-with-merged-weights"] == "true"
    assert not secret.keys() & annotations.keys()


@pytest.mark.parametrize("merged", [True, False])
def test_a_model_of_meta_is_told_its_paths(merged: bool) -> None:
    own = [{"name": "SERVED_MODEL_NAME", "value": "mine"}, {"name": "MODEL_PATH", "value": "/x"}]
    held = weight(configuration={"merged_weights": merged})
    bare = container(held, vendor="meta")["env"]
    assert bare == [
        {"name": "SERVED_MODEL_NAME", "value": "/data/law"},
        {"name": "MODEL_PATH", "value": "/opt/ml/model"},
    ]
    given = container(held, vendor="meta", engine={"runner": {**RUNNER, "env": own}})["env"]
    assert given == [{"name": "SERVED_MODEL_NAME", "value": "/data/law"}, own[1]]


COHERE = {"vendor": "cohere", "model": {"modelFormat": {"name": "ft"}}}


def test_a_tfew_adapter_has_both_halves_of_the_volume() -> None:
    made = container(weight(hyperParameters={"strategy": "tfew"}), **COHERE)
    assert made["volumeMounts"] == [
        BASE,
        {"name": "model-empty-dir", "mountPath": "/opt/ml/model/ft", "subPath": "base"},
        {
            "name": "model-empty-dir",
            "mountPath": "/opt/ml/tfew/ft",
            "readOnly": True,
            "subPath": "finetuned",
        },
    ]
    assert made["env"] == [{"name": "TFEW_PATH", "value": "/opt/ml/tfew/fastertransformer/1"}]


@pytest.mark.parametrize(
    "spec",
    [
        {"hyperParameters": {"strategy": "lora"}},
        {"hyperParameters": {"strategy": "tfew"}, "configuration": {"merged_weights": True}},
    ],
)
def test_other_weights_of_cohere_have_the_plain_mount(spec: Json) -> None:
    made = container(weight(**spec), **COHERE)
    assert made["volumeMounts"][-1] == MOUNT
    assert "env" not in made


def test_a_mount_of_the_user_is_kept() -> None:
    own = {"name": "model-empty-dir", "mountPath": "/mine"}
    runner = {**RUNNER, "volumeMounts": [own]}
    assert container(weight(), engine={"runner": runner})["volumeMounts"] == [own, BASE]


def test_a_router_serves_no_weight() -> None:
    made = rendered([weight()])["Deployment/chat-router"]["spec"]["template"]
    assert made["metadata"]["labels"]["fine-tuned-serving"] == "false"
    assert ADAPTER not in made["metadata"]["annotations"]
    assert "volumes" not in made["spec"]


def test_the_models_config_map_tells_of_the_weight() -> None:
    text = rendered([weight()])["ConfigMap/modelconfig-chat"]["data"]["models.json"]
    told = '"fineTunedWeightSpec":{"storageUri":"oci://n/a/b/c/o/d","modelType":"LoRA"}'
    assert told in text


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (["law", "tax"], "No FineTunedWeight with the name: tax; create it, or correct"),
        (["tax"], "No FineTunedWeight with the name: tax; create it, or correct"),
    ],
)
def test_weights_that_cannot_be_served(wanted: list[str], words: str) -> None:
    with pytest.raises(RenderError, match="failed to reconcile fine-tuned weights: ") as raised:
        rendered([weight()], wanted=wanted)
    assert words in str(raised.value)
    assert (raised.value.component, raised.value.reason) == ("engine", "ModelReconcileError")


def test_empty_names_are_no_weights() -> None:
    labels = template(wanted=[""])["metadata"]["labels"]
    assert labels["fine-tuned-serving"] == "false"


def test_an_adapter_and_a_claim_want_the_same_path() -> None:
    claim = {"storage": {"storageUri": "pvc://demo:claim/path"}}
    with pytest.raises(RenderError, match="use merged weights, or a model that is downloaded"):
        rendered([weight()], model=claim)
    made = container(weight(configuration={"merged_weights": True}), model=claim)
    assert made["volumeMounts"] == [MOUNT]


PATHS = ["law=/opt/ml/adapters/law", "tax=/opt/ml/adapters/tax"]
TWO = ["law", "tax"]
VLLM: Json = {**RUNNER, "command": ["vllm", "serve"], "args": ["/m", "--port=8080"]}


def several(runner: Json, *weights: Json, **more: Any) -> Json:
    """The pod of an engine that serves two adapters."""
    held = weights or (weight(), weight("tax"))
    return template(*held, engine={"runner": runner}, wanted=TWO, **more)


def test_several_adapters_lie_beside_the_base_model() -> None:
    made = several(VLLM, vendor="meta")
    labels, annotations = made["metadata"]["labels"], made["metadata"]["annotations"]
    assert annotations[ADAPTER] == "law,tax"
    assert (labels["fine-tuned-serving"], labels["fine-tuned-weight-ft-strategy"]) == (
        "true",
        "lora",
    )
    assert labels["fine-tuned-serving-with-merged-weights"] == "false"
    spec = made["spec"]
    (engine,) = spec["containers"]
    assert engine["volumeMounts"] == [
        BASE,
        {
            "name": "model-empty-dir",
            "mountPath": "/opt/ml/adapters",
            "subPath": "finetuned",
            "readOnly": True,
        },
    ]
    assert engine["env"] == [{"name": "MODEL_PATH", "value": "/raid/m"}]
    assert engine["args"] == ["/m", "--port=8080", "--lora-modules", *PATHS, "--enable-lora"]
    assert spec["nodeSelector"] == {READY: "Ready"}
    assert [item["name"] for item in spec["volumes"]] == ["model-empty-dir", "m"]


LINE = "exec python3 -m sglang.launch_server \\\n --model-path=/m && true"


@pytest.mark.parametrize(
    ("runner", "field", "words"),
    [
        (
            {"command": ["python3", "-m", "sglang.launch_server"], "args": ["--tp=1"]},
            "args",
            ["--tp=1", "--lora-paths", *PATHS, "--enable-lora"],
        ),
        (
            {"image": "docker.io/vllm/vllm-openai:v0.11.0", "args": ["/m"]},
            "args",
            ["/m", "--lora-modules", *PATHS, "--enable-lora"],
        ),
        (
            {"command": ["python3", "-m", "vllm.entrypoints.openai.api_server"]},
            "args",
            ["--lora-modules", *PATHS, "--enable-lora"],
        ),
        (
            {"command": ["bash", "-c"], "args": [LINE]},
            "args",
            [
                "exec python3 -m sglang.launch_server --lora-paths law=/opt/ml/adapters/law"
                " tax=/opt/ml/adapters/tax --enable-lora \\\n --model-path=/m && true"
            ],
        ),
        (
            {"command": ["sh", "-c", "vllm serve /m"]},
            "command",
            ["sh", "-c", f"vllm serve --lora-modules {' '.join(PATHS)} --enable-lora /m"],
        ),
        (
            {"command": ["vllm", "serve"], "args": ["/m", "--enable-lora", "--max-loras=2"]},
            "args",
            ["/m", "--enable-lora", "--max-loras=2", "--lora-modules", *PATHS],
        ),
        (
            {"command": ["vllm", "serve"], "args": ["--enable-lora", "--lora-modules", "a=/b"]},
            "args",
            ["--enable-lora", "--lora-modules", "a=/b"],
        ),
    ],
)
def test_an_engine_is_told_in_its_own_words(runner: Json, field: str, words: list[str]) -> None:
    (engine,) = several({**RUNNER, **runner})["spec"]["containers"]
    assert engine[field] == words


@pytest.mark.parametrize(
    ("runner", "held", "more", "words"),
    [
        (
            {**RUNNER, "command": ["tritonserver"]},
            (),
            {},
            "the runner starts neither vLLM nor SGLang, which are known to serve several adapters",
        ),
        (
            {**RUNNER, "image": "sglang:1", "command": ["other"]},
            (),
            {},
            "the runner starts neither vLLM nor SGLang",
        ),
        (
            VLLM,
            (weight(), weight("tax", configuration={"merged_weights": True})),
            {},
            "FineTunedWeight tax holds merged weights, which take the place of the base model; name"
            " it alone",
        ),
        (
            VLLM,
            (weight(hyperParameters={"strategy": "tfew"}), weight("tax")),
            COHERE,
            "FineTunedWeight law was trained with tfew, whose engine takes one weight",
        ),
    ],
)
def test_several_that_cannot_be_served(
    runner: Json, held: tuple[Json, ...], more: Json, words: str
) -> None:
    with pytest.raises(RenderError, match="failed to reconcile fine-tuned weights: ") as raised:
        several(runner, *held, **more)
    assert words in str(raised.value)
    assert (raised.value.component, raised.value.reason) == ("engine", "ModelReconcileError")


def test_several_adapters_of_different_kinds_have_no_strategy_in_common() -> None:
    held = (weight(hyperParameters={"strategy": "dora"}), weight("tax"))
    assert several(VLLM, *held)["metadata"]["labels"]["fine-tuned-weight-ft-strategy"] == ""


def test_one_name_twice_is_one_weight() -> None:
    assert template(weight(), wanted=[NAME, NAME]) == template(weight())


def test_several_adapters_leave_a_claim_its_path() -> None:
    claim = {"storage": {"storageUri": "pvc://demo:claim/path"}}
    (engine,) = several(VLLM, model=claim)["spec"]["containers"]
    paths = [item["mountPath"] for item in engine["volumeMounts"]]
    assert paths == ["/opt/ml/model", "/opt/ml/adapters"]


def test_pods_that_follow_need_not_start_the_engine() -> None:
    follower = {**RUNNER, "command": ["ray", "start"]}
    engine = {"leader": {"runner": VLLM}, "worker": {"size": 1, "runner": follower}}
    held = [weight(), weight("tax")]
    spec: Json = {"model": {"name": "m", "fineTunedWeights": TWO}, "engine": engine}
    made = by_name(plan(inputs([*documents(spec), *held])))
    group = next(item for name, item in made.items() if name.startswith("LeaderWorkerSet/"))
    held_in = group["spec"]["leaderWorkerTemplate"]
    (leader,) = held_in["leaderTemplate"]["spec"]["containers"]
    (worker,) = held_in["workerTemplate"]["spec"]["containers"]
    assert leader["args"][-1] == "--enable-lora"
    assert not worker.get("args")
    assert [item["mountPath"] for item in worker["volumeMounts"]] == ["/raid/m", "/opt/ml/adapters"]
