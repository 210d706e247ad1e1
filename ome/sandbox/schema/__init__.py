"""What an API server does with schemas: decoding, types, pruning, defaults, validation, rules.

``shapes`` reads from a schema what the walks ask of it, once; each other module is one walk over a
document. Documents are changed in place where it says so, schemas never.
"""

from __future__ import annotations

from ome.sandbox.schema.decoding import decode
from ome.sandbox.schema.defaulting import apply_defaults
from ome.sandbox.schema.pruning import field_problems, prune
from ome.sandbox.schema.typechecking import typecheck
from ome.sandbox.schema.validating import validate

__all__ = ["apply_defaults", "decode", "field_problems", "prune", "typecheck", "validate"]
