"""Admission webhooks: asked about each write as kube-apiserver asks them.

``Webhooks`` holds what is common: which webhooks match (``matching``, ``conditions``), what is
sent and what an answer must be (``reviews``), the connection (``calling``), what the user is told
(``failures``, ``warnings``).
"""

from __future__ import annotations

from ome.sandbox.admission.attributes import Attributes
from ome.sandbox.admission.equivalents import Equivalents
from ome.sandbox.admission.warnings import limited
from ome.sandbox.admission.webhooks import Webhooks

__all__ = ["Attributes", "Equivalents", "Webhooks", "limited"]
