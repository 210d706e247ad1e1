"""What a service says of accelerators and what has no effect, as something else wins or is missing.

A class by name beats a policy, the component's or the service's; constraints choose among the
classes of a policy and are not asked of a class that is named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.api import names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ome.api import AcceleratorSelector, InferenceService

__all__ = ["accelerator_warnings"]

_SHARED = "spec.acceleratorSelector"
_POLICIES = "BestFit, Cheapest, MostCapable or FirstAvailable"


def accelerator_warnings(service: InferenceService) -> Iterator[str]:
    """What is taken and does nothing."""
    shared = service.spec.accelerator_selector
    if shared is not None:
        yield from _policy(_SHARED, shared, shared.accelerator_class or "")
    unread = []
    for path, own in _overrides(service):
        name, policy = _asked(service, own)
        if own is not None:
            yield from _policy(path, own, name)
        if own is not None and own.constraints is not None:
            if own.constraints.model_fields_set:
                yield from _constraints(path, name, policy)
        else:
            unread.append([*_constraints(_SHARED, name, policy)])
    asks = shared is not None and shared.constraints and shared.constraints.model_fields_set
    if asks and unread and all(unread):
        yield unread[0][0]


def _overrides(service: InferenceService) -> Iterator[tuple[str, AcceleratorSelector | None]]:
    engine, decoder = service.spec.engine, service.spec.decoder
    yield "spec.engine.acceleratorOverride", engine.accelerator_override if engine else None
    if decoder is not None:
        yield "spec.decoder.acceleratorOverride", decoder.accelerator_override


def _asked(service: InferenceService, own: AcceleratorSelector | None) -> tuple[str, str]:
    """The class that a component is given by name, and the policy that would choose one."""
    sides = [side for side in (own, service.spec.accelerator_selector) if side is not None]
    noted = service.metadata.annotations.get(names.ANNOTATION_ACCELERATOR_CLASS, "")
    named = (side.accelerator_class for side in sides if side.accelerator_class is not None)
    return next(named, noted), next((side.policy for side in sides if side.policy), "")


def _policy(path: str, selector: AcceleratorSelector, name: str) -> Iterator[str]:
    if selector.policy and name:
        yield (
            f"{path}.policy: {selector.policy} chooses nothing, as class {name} is named; remove"
            " the name or the policy"
        )


def _constraints(path: str, name: str, policy: str) -> Iterator[str]:
    if name:
        yield (
            f"{path}.constraints: are not checked, as class {name} is named; remove the name and"
            f" set a policy ({_POLICIES}) to have a class chosen that meets them"
        )
    elif not policy:
        yield (
            f"{path}.constraints: do nothing without a policy, so no class is chosen; set"
            f" {path}.policy to {_POLICIES}"
        )
