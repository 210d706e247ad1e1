"""Server-side apply and the ownership of fields, as kube-apiserver keeps them. Pure functions.

``fields`` is the algebra of sets of fields, ``shape`` reads from a schema what can have owners of
its own, ``compare``, ``claims`` and ``merge`` are the three walks over objects, ``managers`` keeps
the entries, and ``writes`` puts them together.
"""

from __future__ import annotations

from ome.sandbox.ownership.writes import apply, update

__all__ = ["apply", "update"]
