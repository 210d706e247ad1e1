"""BaseModel, ClusterBaseModel and FineTunedWeight."""

from __future__ import annotations

from typing import ClassVar, Literal

from ome.api.common import (
    DiffusionPipelineSpec,
    FreeForm,
    ModelExtensionSpec,
    ModelFormat,
    ModelFrameworkSpec,
    ModelStatus,
    ObjectReference,
    StorageSpec,
)
from ome.api.limits import Int32
from ome.api.schema import KindObject


class BaseModelSpec(ModelExtensionSpec):
    """What a model is and where its files come from."""

    model_format: ModelFormat | None = None
    model_type: str | None = None
    model_framework: ModelFrameworkSpec | None = None
    model_architecture: str | None = None
    quantization: str | None = None
    model_parameter_size: str | None = None
    model_capabilities: list[str] | None = None
    api_capabilities: list[str] | None = None
    model_configuration: FreeForm | None = None
    storage: StorageSpec
    serving_mode: list[str] | None = None
    max_tokens: Int32 | None = None
    diffusion_pipeline: DiffusionPipelineSpec | None = None
    additional_metadata: dict[str, str] | None = None


class BaseModel(KindObject):
    """A model of one namespace."""

    KIND: ClassVar[str] = "BaseModel"
    PLURAL: ClassVar[str] = "basemodels"
    SINGULAR: ClassVar[str] = "basemodel"
    NAMESPACED: ClassVar[bool] = True

    kind: Literal["BaseModel"] = "BaseModel"
    spec: BaseModelSpec
    status: ModelStatus | None = None


class ClusterBaseModel(KindObject):
    """A model of the whole cluster."""

    KIND: ClassVar[str] = "ClusterBaseModel"
    PLURAL: ClassVar[str] = "clusterbasemodels"
    SINGULAR: ClassVar[str] = "clusterbasemodel"
    NAMESPACED: ClassVar[bool] = False

    kind: Literal["ClusterBaseModel"] = "ClusterBaseModel"
    spec: BaseModelSpec
    status: ModelStatus | None = None


class FineTunedWeightSpec(ModelExtensionSpec):
    """Weights trained on top of a base model."""

    base_model_ref: ObjectReference
    model_type: str
    hyper_parameters: FreeForm
    configuration: FreeForm | None = None
    storage: StorageSpec
    training_job_ref: ObjectReference | None = None


class FineTunedWeight(KindObject):
    """A fine-tuned weight; cluster scope."""

    KIND: ClassVar[str] = "FineTunedWeight"
    PLURAL: ClassVar[str] = "finetunedweights"
    SINGULAR: ClassVar[str] = "finetunedweight"
    NAMESPACED: ClassVar[bool] = False

    kind: Literal["FineTunedWeight"] = "FineTunedWeight"
    spec: FineTunedWeightSpec
    status: ModelStatus | None = None
