"""Types of Kubernetes itself, from a checked-in extract of its OpenAPI v3.

``hack/openapi-extract`` writes ``core.json``. One extract says what a field holds (CRDs), how lists
merge (strategic merge) and who owns their items (server-side apply). ``definition`` gives a schema
as it stands in the file, ``schema_for`` one whose references are resolved.
"""

from __future__ import annotations

from ome.api.openapi.extract import REF, definition, definitions, version
from ome.api.openapi.view import SchemaNode, schema_for

__all__ = ["REF", "SchemaNode", "definition", "definitions", "schema_for", "version"]
