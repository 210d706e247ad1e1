"""The webhooks of the manager, from its flags and the parts that it has made."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ome.api import names
from ome.controllers.resources import (
    ACCELERATOR_CLASSES,
    BASE_MODELS,
    CLUSTER_BASE_MODELS,
    CLUSTER_SERVING_RUNTIMES,
    FINE_TUNED_WEIGHTS,
    INFERENCE_SERVICES,
    SERVING_RUNTIMES,
)
from ome.informers.projection import PartialMetadata, WholeObject
from ome.kube.resources import CONFIGMAPS, PODS
from ome.webhooks.lookup import Caches, ConfigMapData, Lookups
from ome.webhooks.metrics import WebhookMetrics
from ome.webhooks.serving import Webhooks

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from ome.controllers import ControllerContext
    from ome.informers.registry import Informers
    from ome.webhooks.serving import WebhookSettings

__all__ = ["declare_caches", "make_webhooks"]


def make_webhooks(
    context: ControllerContext, settings: WebhookSettings, registry: CollectorRegistry
) -> Webhooks:
    """The webhooks of this process; call it before the informers run."""
    migrates = os.environ.get(names.ENV_PREDICTOR_MIGRATION) != "false"
    caches = declare_caches(context.informers, settings.namespace)
    lookups = Lookups(caches, context.client, settings.namespace, migrates=migrates)
    return Webhooks(
        settings,
        lookups,
        informers=context.informers,
        client=context.client,
        applier=context.applier,
        metrics=WebhookMetrics(registry),
        clock=context.clock,
        rng=context.rng,
    )


def declare_caches(informers: Informers, namespace: str) -> Caches:
    """What reviews read, on the watches that the controllers have anyway."""
    return Caches(
        services=informers.informer(INFERENCE_SERVICES, WholeObject),
        base_models=informers.informer(BASE_MODELS, WholeObject),
        cluster_base_models=informers.informer(CLUSTER_BASE_MODELS, WholeObject),
        serving_runtimes=informers.informer(SERVING_RUNTIMES, WholeObject),
        cluster_serving_runtimes=informers.informer(CLUSTER_SERVING_RUNTIMES, WholeObject),
        accelerators=informers.informer(ACCELERATOR_CLASSES, WholeObject),
        weights=informers.informer(FINE_TUNED_WEIGHTS, WholeObject),
        pods=informers.informer(
            PODS, PartialMetadata, label_selector=names.LABEL_INFERENCE_SERVICE
        ),
        config=informers.informer(
            CONFIGMAPS,
            ConfigMapData,
            namespace=namespace,
            field_selector=f"metadata.name={names.CONFIGMAP_INFERENCE_SERVICE}",
        ),
    )
