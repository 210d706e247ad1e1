"""From a case file to the plan's inputs, and from a plan to YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ome import api
from ome.workloads import (
    AcceleratorInput,
    ModelInput,
    Plan,
    PlanInputs,
    RuntimeInput,
    WeightInput,
    expose,
    parse_operator_config,
)

HERE = Path(__file__).resolve().parent
UID = "11111111-2222-3333-4444-555555555555"


def load(name: str) -> PlanInputs:
    """The inputs of a case: a service, a model, and perhaps a runtime, a class and settings."""
    return inputs(list(yaml.safe_load_all((HERE / "cases" / f"{name}.yaml").read_text())))


def inputs(documents: list[dict[str, Any]]) -> PlanInputs:
    held = {document["kind"]: document for document in documents}
    service = held["InferenceService"]
    service["metadata"].setdefault("namespace", "demo")
    service["metadata"]["uid"] = UID
    model = held.get("BaseModel") or held["ClusterBaseModel"]
    kind = api.BaseModel if model["kind"] == "BaseModel" else api.ClusterBaseModel
    parsed = kind.model_validate(model)
    runtime = held.get("ServingRuntime") or held.get("ClusterServingRuntime")
    return PlanInputs(
        service=api.InferenceService.model_validate(service),
        model=ModelInput(
            parsed.metadata.name,
            parsed.metadata.namespace,
            parsed.metadata.annotations,
            parsed.spec,
        ),
        runtime=None
        if runtime is None
        else RuntimeInput(
            runtime["metadata"]["name"],
            api.ServingRuntimeSpec.model_validate(runtime["spec"]),
        ),
        config=parse_operator_config(held.get("ConfigMap", {}).get("data")),
        accelerators=_accelerators(held),
        weights=tuple(_weight(item) for item in documents if item["kind"] == "FineTunedWeight"),
    )


def _weight(document: dict[str, Any]) -> WeightInput:
    parsed = api.FineTunedWeight.model_validate(document)
    return WeightInput(parsed.metadata.name, "", parsed.metadata.annotations, parsed.spec)


def _accelerators(held: dict[str, dict[str, Any]]) -> dict[str, AcceleratorInput]:
    """The class of the case for engine and decoder, with what the runtime's first entry says."""
    found = held.get("AcceleratorClass")
    if found is None:
        return {}
    name = found["metadata"]["name"]
    runtime = api.ServingRuntimeSpec.model_validate(held["ClusterServingRuntime"]["spec"])
    assert runtime.supported_model_formats
    config = (runtime.supported_model_formats[0].accelerator_config or {}).get(name)
    spec = api.AcceleratorClassSpec.model_validate(found["spec"])
    chosen = AcceleratorInput(name, spec, config)
    return {"engine": chosen, "decoder": chosen}


def objects(made: Plan) -> list[dict[str, Any]]:
    """Every object of a plan, in order."""
    found = [] if made.model_config is None else [dict(made.model_config)]
    for component in made.components:
        found += [dict(entry) for entry in component.objects]
    if made.exposed is not None:
        found += [dict(entry) for entry in expose(made.exposed, {}).objects]
    return found


def render(made: Plan) -> str:
    header: dict[str, Any] = {"urls": {item.name: item.url for item in made.components}}
    header["url"] = made.url if made.exposed is None else expose(made.exposed, {}).url
    modes = {item.name: item.mode for item in made.components}
    if modes != {"engine": "RawDeployment"}:
        header["modes"] = modes
        header["workloads"] = [
            f"{ref.kind} {ref.name}" for item in made.components for ref in item.workloads
        ]
    return yaml.safe_dump_all([header, *objects(made)], sort_keys=True, width=100)


def documents(
    spec: dict[str, Any],
    metadata: dict[str, Any] | None = None,
    model: dict[str, Any] | None = None,
    runtime: dict[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """A service ``chat`` of model ``m``, and perhaps a runtime ``r``."""
    made: list[dict[str, Any]] = [
        {
            "kind": "InferenceService",
            "metadata": {"name": "chat", **(metadata or {})},
            "spec": {"model": {"name": "m"}, **spec},
        },
        {
            "kind": "ClusterBaseModel",
            "metadata": {"name": "m"},
            "spec": {"storage": {"storageUri": "hf://a/b", "path": "/raid/m"}, **(model or {})},
        },
    ]
    if runtime is not None:
        made.append({"kind": "ClusterServingRuntime", "metadata": {"name": "r"}, "spec": runtime})
    return made


def by_name(made: Plan) -> dict[str, dict[str, Any]]:
    """The objects of a plan by kind and name."""
    return {f"{item['kind']}/{item['metadata']['name']}": item for item in objects(made)}
