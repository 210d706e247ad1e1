"""What the server does to built-in kinds beyond their schema: defaults, checks, who writes what."""

from ome.sandbox.builtin.defaults import set_defaults
from ome.sandbox.builtin.events import event_from_events_v1, event_to_events_v1
from ome.sandbox.builtin.facts import has_generation, has_scale, has_status, name_rule
from ome.sandbox.builtin.prepare import bumps_generation, prepare_create, prepare_update
from ome.sandbox.builtin.validation import validate, validate_metadata
from ome.sandbox.builtin.warnings import warnings_on_create

__all__ = [
    "bumps_generation",
    "event_from_events_v1",
    "event_to_events_v1",
    "has_generation",
    "has_scale",
    "has_status",
    "name_rule",
    "prepare_create",
    "prepare_update",
    "set_defaults",
    "validate",
    "validate_metadata",
    "warnings_on_create",
]
