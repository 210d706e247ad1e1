"""Who may do what: role-based access control over the roles and bindings that are stored.

Left out: the check that nobody grants more than he has (verbs ``escalate`` and ``bind``), and
impersonation; every user of the sandbox may write roles if a role lets him.
"""

from __future__ import annotations

from ome.sandbox.authorization.rbac import Rbac

__all__ = ["Rbac"]
