"""What is filled into a spec, what is left to the user, and what follows the files."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.agent.protocol import Config, Entry
from ome.api.filled import storage_to_fetch
from ome.api.names import ANNOTATION_AUTO_FILLED_FIELDS
from ome.controllers.basemodel.backfill import GO_CONFIGURATION, backfill

LLAMA = Config(
    model_type="llama",
    model_architecture="LlamaForCausalLM",
    model_framework={"name": "transformers", "version": "4.36.0"},
    model_format={"name": "safetensors", "version": "1.0.0"},
    model_parameter_size="70.6B",
    max_tokens=8192,
    model_capabilities=["TEXT_TO_TEXT"],
    api_capabilities=["OPENAI_V1_CHAT_COMPLETIONS"],
    quantization="fp8",
    decoded_model_configuration={"model_type": "llama", "context_length": 8192},
    diffusion_pipeline={"className": "FluxPipeline"},
)
FILLED = {
    "modelType": "llama",
    "modelArchitecture": "LlamaForCausalLM",
    "modelFramework": {"name": "transformers", "version": "4.36.0"},
    "modelFormat": {"name": "safetensors", "version": "1.0.0"},
    "modelParameterSize": "70.6B",
    "maxTokens": 8192,
    "modelCapabilities": ["TEXT_TO_TEXT"],
    "apiCapabilities": ["OPENAI_V1_CHAT_COMPLETIONS"],
    "quantization": "fp8",
    "modelConfiguration": {"model_type": "llama", "context_length": 8192},
    "diffusionPipeline": {"className": "FluxPipeline"},
}


class Model:
    """A model whose back-fill is written, as the server would store it."""

    def __init__(self, **spec: Any) -> None:
        self.spec: dict[str, Any] = {"storage": {"storageUri": "hf://a/b", "path": "/p"}, **spec}
        self.annotations: dict[str, str] = {}

    def fill(self, *entries: Entry) -> set[str]:
        """Fill until nothing changes, and give the top-level fields that did."""
        changed: set[str] = set()
        for _ in range(3):
            fill = backfill(self.spec, self.annotations, entries)
            if fill is None:
                return changed
            new = fill.spec(self.spec)
            changed |= new.keys() | set(fill.removed)
            self.spec |= new
            for field in fill.removed:
                del self.spec[field]
            self.annotations[ANNOTATION_AUTO_FILLED_FIELDS] = fill.annotation
        raise AssertionError("the back-fill does not come to rest")

    @property
    def ours(self) -> list[str]:
        text = self.annotations.get(ANNOTATION_AUTO_FILLED_FIELDS, "")
        return [item.partition("=")[0] for item in text.split(",") if item]


def ready(config: Config | None = LLAMA, **more: Any) -> Entry:
    return Entry("m", "Ready", config=config, **more)


def test_everything_that_is_unset_is_filled_and_remembered() -> None:
    model = Model()
    assert model.fill(ready()) == FILLED.keys()
    assert {field: model.spec[field] for field in FILLED} == FILLED
    assert model.ours == sorted(
        [*(FILLED.keys() - {"modelFormat"}), "modelFormat.name", "modelFormat.version"]
    )
    text = model.annotations[ANNOTATION_AUTO_FILLED_FIELDS]
    # SHA-256 of "llama" with its quotes.
    assert "modelType=1f50ec60" in text.split(",")


@pytest.mark.parametrize("field", sorted(FILLED))
def test_a_field_of_the_user_stays(field: str) -> None:
    theirs: dict[str, Any] = {
        "maxTokens": 7,
        "modelCapabilities": ["X"],
        "apiCapabilities": ["X"],
        "modelFormat": {"name": "gguf"},
        "modelFramework": {"name": "x"},
        "modelConfiguration": {"mine": True},
        "diffusionPipeline": {"className": "Mine"},
    }
    mine = theirs.get(field, "mine")
    model = Model(**{field: mine})
    model.fill(ready())
    assert model.spec[field] == mine
    assert not [path for path in model.ours if path.partition(".")[0] == field]


@pytest.mark.parametrize(
    "config",
    [
        Config(),
        Config(model_type="", model_parameter_size="0", max_tokens=0, model_capabilities=[]),
        Config(max_tokens=-1),
        Config(max_tokens=2**31),
        Config(model_framework={"version": "4.36.0"}),
        Config(model_format={"version": "1.0.0"}),
        Config(decoded_model_configuration={}),
        None,
    ],
)
def test_empty_values_fill_nothing(config: Config | None) -> None:
    model = Model()
    assert model.fill(ready(config)) == set()
    assert model.annotations == {}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"name": "SafeTensors"}, {"name": "SafeTensors", "version": "1.0.0"}),
        ({"name": "tensorrtllm"}, {"name": "tensorrtllm"}),
        ({"name": "safetensors", "version": "2"}, {"name": "safetensors", "version": "2"}),
        ({"name": "", "weight": 3}, {"name": "safetensors", "version": "1.0.0", "weight": 3}),
    ],
)
def test_a_format_version_only_beside_its_own_name(
    written: dict[str, Any], expected: dict[str, Any]
) -> None:
    model = Model(modelFormat=written)
    model.fill(ready())
    assert model.spec["modelFormat"] == expected


def test_name_and_version_of_a_format_come_from_one_node() -> None:
    model = Model()
    model.fill(ready(Config(model_format={"name": "gguf"})), ready())
    assert model.spec["modelFormat"] == {"name": "gguf"}
    assert model.spec["modelType"] == "llama"


def test_filled_fields_follow_the_files_and_others_do_not() -> None:
    model = Model(modelArchitecture="Mine")
    model.fill(ready())
    qwen = msgspec.structs.replace(
        LLAMA, model_type="qwen2", model_architecture="Qwen2", max_tokens=32768
    )
    model.fill(ready(qwen))
    assert model.spec["modelType"] == "qwen2"
    assert model.spec["maxTokens"] == 32768
    assert model.spec["modelArchitecture"] == "Mine"
    model.fill(ready(Config(model_format={"name": "gguf"})))
    assert model.spec["modelFormat"] == {"name": "gguf"}
    assert "modelFormat.version" not in model.ours


BF16 = msgspec.structs.replace(
    LLAMA, quantization="", max_tokens=0, diffusion_pipeline=None, model_parameter_size=""
)


def test_what_the_next_files_do_not_say_goes() -> None:
    model = Model()
    model.fill(ready())
    # Not before somebody has read them, nor while a node still has those of before.
    updating = Entry("m", "Updating", config=BF16)
    for entries in ([updating], [ready(Config())], [ready(BF16), ready()], []):
        assert model.fill(*entries) == set()
    gone = {"quantization", "maxTokens", "diffusionPipeline", "modelParameterSize"}
    assert model.fill(ready(BF16)) == gone
    assert not gone & model.spec.keys()
    assert not gone & set(model.ours)
    assert model.fill(ready(BF16)) == set()


def test_what_the_user_wrote_stays_whatever_the_next_files_say() -> None:
    model = Model(quantization="fp8")
    model.fill(ready())
    model.spec["maxTokens"] = 4096
    model.fill(ready(BF16))
    assert (model.spec["quantization"], model.spec["maxTokens"]) == ("fp8", 4096)


def test_a_pipeline_that_only_agents_of_another_make_still_have_stays() -> None:
    model = Model()
    flux = msgspec.structs.replace(LLAMA, model_type="diffusers")
    model.fill(ready(flux))
    assert model.fill(ready(msgspec.structs.replace(flux, diffusion_pipeline=None))) == set()


def test_the_operations_that_write_it() -> None:
    model = Model()
    model.fill(ready())
    fill = backfill(model.spec, model.annotations, [ready(BF16)])
    assert fill is not None
    document = {"metadata": {"annotations": model.annotations}, "spec": model.spec}
    ops = {op["path"]: op["op"] for op in fill.ops(document)}
    assert ops.pop("/metadata/annotations/ome.io~1auto-filled-fields") == "add"
    assert set(ops.values()) == {"remove"}


def test_a_field_that_the_user_changed_is_theirs_from_then_on() -> None:
    model = Model()
    model.fill(ready())
    model.spec["maxTokens"] = 4096
    model.fill(ready())
    assert model.spec["maxTokens"] == 4096
    assert "maxTokens" not in model.ours
    model.fill(ready(msgspec.structs.replace(LLAMA, max_tokens=1)))
    assert model.spec["maxTokens"] == 4096


def test_a_field_that_the_user_removed_is_filled_again() -> None:
    model = Model()
    model.fill(ready())
    del model.spec["modelType"]
    assert model.fill(ready()) == {"modelType"}


def test_what_the_server_adds_beside_a_filled_value_changes_nothing() -> None:
    model = Model()
    model.fill(ready())
    for field in ("modelFormat", "modelFramework"):
        model.spec[field] |= {"operator": "Equal", "weight": 1}
    assert model.fill(ready()) == set()
    newer = {"name": "transformers", "version": "5"}
    model.fill(ready(msgspec.structs.replace(LLAMA, model_framework=newer)))
    assert model.spec["modelFramework"] == {**newer, "operator": "Equal", "weight": 1}


def test_whole_floats_come_back_as_integers() -> None:
    model = Model()
    model.fill(ready(Config(decoded_model_configuration={"rope": 1.0, "list": [2.0, 0.5]})))
    model.spec["modelConfiguration"] = {"rope": 1, "list": [2, 0.5]}
    assert model.fill(ready(Config(decoded_model_configuration={"rope": 1.0}))) == {
        "modelConfiguration"
    }


def test_a_configuration_that_go_filled_is_not_a_users() -> None:
    filled_by_go = dict.fromkeys(GO_CONFIGURATION, 1)
    model = Model(modelConfiguration=filled_by_go)
    model.fill(ready())
    assert model.spec["modelConfiguration"] == FILLED["modelConfiguration"]
    theirs = {**filled_by_go, "mine": 1}
    model = Model(modelConfiguration=theirs)
    model.fill(ready())
    assert model.spec["modelConfiguration"] == theirs


@pytest.mark.parametrize(
    "key", ["ome.io/skip-config-parsing", "ome.oracle.com/skip-config-parsing"]
)
def test_the_annotation_that_switches_it_off(key: str) -> None:
    model = Model()
    model.annotations[key] = "True"
    model.spec["storage"]["path"] = ""
    assert model.fill(ready(path="/raid/m")) == {"storage"}
    assert model.spec["storage"]["path"] == "/raid/m"


def test_the_first_node_by_name_wins_whatever_its_state() -> None:
    model = Model()
    first = Entry("m", "Failed", config=Config(model_type="first"))
    model.fill(first, ready())
    assert model.spec["modelType"] == "first"
    assert model.spec["maxTokens"] == 8192


def test_the_path_comes_from_a_ready_node_and_stays_while_it_is_true() -> None:
    model = Model()
    model.spec["storage"]["path"] = ""
    model.fill(Entry("m", "Updating", path="/a"), ready(path="/b"))
    assert model.spec["storage"] == {"storageUri": "hf://a/b", "path": "/b"}
    assert model.fill(ready(path="/a"), ready(path="/b")) == set()
    model.fill(ready(path="/c"))
    assert model.spec["storage"]["path"] == "/c"
    assert model.fill(ready()) == set()
    model.spec["storage"]["path"] = "/mine"
    model.fill(ready(path="/c"))
    assert model.spec["storage"]["path"] == "/mine"
    assert "storage.path" not in model.ours


@pytest.mark.parametrize("uri", ["local:///opt/m", "vendor://v/models/m", "pvc://claim/m"])
def test_a_path_that_was_filled_is_not_that_of_files_which_nodes_do_not_fetch(uri: str) -> None:
    model = Model()
    model.spec["storage"]["path"] = ""
    model.fill(ready(path="/models/hf:/a/b"))
    assert model.spec["storage"]["path"] == "/models/hf:/a/b"
    model.spec["storage"]["storageUri"] = uri
    before = ready(path="/models/hf:/a/b")
    assert model.fill(before) == {"storage"}
    assert model.spec["storage"] == {"storageUri": uri}
    assert "storage.path" not in model.ours
    # One that the user wrote says where the files of local:// are.
    model.spec["storage"]["path"] = "/mine"
    assert model.fill(before) == set()


def test_the_path_of_files_that_are_on_nodes_already_is_that_of_the_uri() -> None:
    model = Model()
    model.spec["storage"] = {"storageUri": "local:///opt/m"}
    assert model.fill(ready(None, path="/opt/m")) == {"storage"}
    assert model.spec["storage"]["path"] == "/opt/m"
    assert model.fill(ready(None)) == set()
    model.spec["storage"]["storageUri"] = "local:///opt/n"
    assert model.fill(ready(None)) == {"storage"}
    assert model.fill(ready(None, path="/opt/n")) == {"storage"}
    assert model.spec["storage"]["path"] == "/opt/n"
    # Agents do not read a path that was found, so they may have said the new one before we look.
    model.spec["storage"]["storageUri"] = "local:///opt/o"
    fill = backfill(model.spec, model.annotations, [ready(None, path="/opt/o")])
    assert fill is not None
    assert fill.fields == {"storage.path": "/opt/o"}, "there is no moment without a path"
    assert model.fill(ready(None, path="/opt/o")) == {"storage"}


def test_files_that_are_fetched_do_not_go_where_those_of_a_user_were_found() -> None:
    model = Model()
    model.spec["storage"] = {"storageUri": "local:///models/mine"}
    model.fill(ready(None, path="/models/mine"))
    assert model.spec["storage"]["path"] == "/models/mine"
    model.spec["storage"]["storageUri"] = "hf://a/b"
    asked = {"storageUri": "hf://a/b"}
    assert storage_to_fetch(model.spec, model.annotations) == asked
    # Also while something else is filled, and until a node says where it is now.
    model.fill(ready(None), ready(path=""))
    assert storage_to_fetch(model.spec, model.annotations) == asked
    model.fill(ready(path="/models/hf:/a/b"))
    assert model.spec["storage"]["path"] == "/models/hf:/a/b"
    assert storage_to_fetch(model.spec, model.annotations) == model.spec["storage"]
    # What the user writes counts, be it the same.
    model.spec["storage"]["path"] = "/models/mine"
    assert storage_to_fetch(model.spec, model.annotations) == model.spec["storage"]


def test_an_annotation_that_somebody_broke() -> None:
    model = Model(modelType="mine")
    model.annotations[ANNOTATION_AUTO_FILLED_FIELDS] = "modelType,=,x=y,,modelType=00000000"
    model.fill(ready())
    assert model.spec["modelType"] == "mine"
    assert "modelType" not in model.ours


configs = st.builds(
    Config,
    model_type=st.sampled_from(["", "llama", "qwen2"]),
    model_format=st.sampled_from(
        [{}, {"name": "safetensors", "version": "1.0.0"}, {"name": "gguf"}, {"version": "1"}]
    ),
    model_framework=st.sampled_from([{}, {"name": "transformers"}, {"name": "x", "version": "1"}]),
    max_tokens=st.sampled_from([0, 1, 2]),
)
specs = st.fixed_dictionaries(
    {},
    optional={
        "modelType": st.sampled_from(["", "mine"]),
        "modelFormat": st.sampled_from([{"name": "safetensors"}, {"name": "gguf", "version": "2"}]),
        "maxTokens": st.just(9),
    },
)
histories = st.lists(st.lists(st.builds(ready, configs, path=st.sampled_from(["", "/a", "/b"]))))


@given(specs, histories)
def test_it_comes_to_rest_and_never_takes_from_the_user(
    spec: dict[str, Any], history: list[list[Entry]]
) -> None:
    model = Model(**spec)
    model.spec["storage"]["path"] = ""
    for entries in history:
        model.fill(*entries)
        for field in ("modelType", "maxTokens"):
            if spec.get(field):
                assert model.spec[field] == spec[field]
        if "modelFormat" in spec:
            assert model.spec["modelFormat"]["name"] == spec["modelFormat"]["name"]
        for path in model.ours:
            assert path.partition(".")[0] in model.spec
