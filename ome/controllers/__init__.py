"""One package for each kind, each with ``setup(context)`` that gives its controllers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.controllers.context import ControllerContext

if TYPE_CHECKING:
    from ome.kube import ObjectKey
    from ome.reconciler.controller import Controller

__all__ = ["ControllerContext", "setup_all"]


def setup_all(context: ControllerContext) -> list[Controller[ObjectKey]]:
    """The controllers of every kind; their informers are registered, nothing runs yet."""
    from ome.controllers import (
        acceleratorclass,
        basemodel,
        benchmarkjob,
        finetunedweight,
        inferenceservice,
        servingruntime,
    )
    from ome.controllers.basemodel.reports import NodeReports

    reports = NodeReports()
    kinds = (acceleratorclass, servingruntime, inferenceservice, benchmarkjob)
    return [
        *basemodel.setup(context, reports),
        *finetunedweight.setup(context, reports),
        *(controller for kind in kinds for controller in kind.setup(context)),
    ]
