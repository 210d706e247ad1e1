"""``matchConditions``: CEL expressions that must all be true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.refusal import Refused
from ome.sandbox.schema.cel import CelError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ome.sandbox.admission.attributes import Attributes
    from ome.sandbox.admission.configuration import Webhook

__all__ = ["conditions_hold"]

_NOT_IN_CEL = ("uid", "object", "oldObject")


def conditions_hold(
    webhook: Webhook,
    attributes: Attributes,
    request: Mapping[str, Any],
    evaluate: Callable[[str, Mapping[str, Any]], Any],
) -> bool:
    """Whether the webhook is to be called with this request.

    One false condition is enough not to call it, whatever becomes of the others. Otherwise one
    that cannot be evaluated follows the failure policy. Raises ``Refused`` 403.
    """
    variables = {
        "object": request["object"],
        "oldObject": request["oldObject"],
        "request": {name: value for name, value in request.items() if name not in _NOT_IN_CEL},
    }
    errors = []
    for expression in webhook.conditions:
        try:
            if evaluate(expression, variables) is False:
                return False
        except CelError as error:
            errors.append(f"expression '{expression}' resulted in error: {error}")
    if errors and not webhook.ignores_failures:
        raise _forbidden(attributes, errors)
    return not errors


def _forbidden(attributes: Attributes, errors: list[str]) -> Refused:
    resource = attributes.resource
    said = errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]"
    named = f' "{attributes.name}"' if attributes.name else ""
    return Refused(
        403,
        "Forbidden",
        f"{resource.group_resource}{named} is forbidden: {said}",
        details={
            **({"name": attributes.name} if attributes.name else {}),
            **({"group": resource.group} if resource.group else {}),
            "kind": resource.plural,
        },
    )
