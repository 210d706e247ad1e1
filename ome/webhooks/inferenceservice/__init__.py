"""InferenceService at admission: what is filled in, what is refused, what is remarked on."""

from __future__ import annotations

from ome.webhooks.inferenceservice.defaulting import default
from ome.webhooks.inferenceservice.validation import validate

__all__ = ["default", "validate"]
