"""A ClusterBaseModel for each line of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .values import value

if TYPE_CHECKING:
    from .facts import Model

__all__ = ["cluster_base_model"]


def cluster_base_model(model: Model) -> dict[str, Any]:
    """The object; what it says of the files is the user's word, so agents leave it as it is."""
    spec: dict[str, Any] = {
        "vendor": model.vendor,
        "displayName": _display_name(model),
        "version": "1.0.0",
        "disabled": False,
        "modelFormat": {"name": "safetensors", "version": "1.0.0"},
        "modelFramework": _framework(model),
        "modelArchitecture": model.architecture,
        "modelParameterSize": model.size,
        "modelCapabilities": list(model.capabilities),
        "storage": {"storageUri": f"hf://{model.huggingface}"},
    }
    if model.quantization:
        spec["quantization"] = model.quantization
    if model.gated:
        spec["storage"]["key"] = value("huggingFace.secretName")
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "ClusterBaseModel",
        "metadata": {"name": model.name},
        "spec": spec,
    }


def _display_name(model: Model) -> str:
    return model.huggingface.partition("/")[2].replace("-", " ").replace("_", ".")


def _framework(model: Model) -> dict[str, str]:
    # The release of sentence-transformers says nothing about what can load the weights.
    if model.framework != "transformers":
        return {"name": model.framework}
    return {"name": "transformers", "version": model.saved}
