"""Tables as ``kubectl get`` prints them: the columns of each kind and the cells of an object.

Names, types and cells are those of the real server; descriptions of built-in columns are left
out, since no client shows them.
"""

from __future__ import annotations

from ome.sandbox.tables.kinds import cells, columns
from ome.sandbox.tables.table import table

__all__ = ["cells", "columns", "table"]
