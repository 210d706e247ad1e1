"""The refusal of an apply that would change what others own. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.sandbox.ownership.fields import spelled
from ome.sandbox.refusal import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.sandbox.ownership.fields import Fields
    from ome.sandbox.ownership.managers import Manager

__all__ = ["refusal"]


def refusal(owned: Mapping[Manager, Fields]) -> Refused:
    """409 with a cause for each field of each other manager."""
    paths = {manager: list(spelled(fields)) for manager, fields in owned.items()}
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {manager}", "field": path}
        for manager, fields in paths.items()
        for path in fields
    ]
    if len(causes) == 1:
        text = f"1 conflict: {causes[0]['message']}: {causes[0]['field']}"
    else:
        lines = [
            "\n".join([f"conflicts with {manager}:", *(f"- {path}" for path in fields)])
            for manager, fields in paths.items()
        ]
        text = f"{len(causes)} conflicts: " + "\n".join(lines)
    return Refused(409, "Conflict", f"Apply failed with {text}", details={"causes": causes})
