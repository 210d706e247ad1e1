"""Who a bearer token belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.sandbox.apiserver.calls import ANONYMOUS, User
from ome.sandbox.refusal import Refused

if TYPE_CHECKING:
    import random

__all__ = ["ADMIN", "Authentication"]

ADMIN = User("sandbox-admin", ("system:masters", "system:authenticated"))


class Authentication:
    """Tokens of this server, kept in memory for its lifetime."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._users: dict[str, User] = {}

    def token(self, user: User) -> str:
        """A token of a user, made on the first call and the same after."""
        for token, known in self._users.items():
            if known == user:
                return token
        token = f"{self._rng.getrandbits(160):040x}"
        self._users[token] = user
        return token

    def service_account_token(self, namespace: str, name: str) -> str:
        """A token of a ServiceAccount."""
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
        name = f"system:serviceaccount:{namespace}:{name}"
        return self.token(User(name, (*groups, "system:authenticated")))

    def authenticate(self, authorization: str) -> User:
        """The user of an ``Authorization`` header. Raises ``Refused`` 401 for an unknown token."""
        scheme, _, token = authorization.partition(" ")
        if not authorization:
            return ANONYMOUS
        user = self._users.get(token.strip()) if scheme.lower() == "bearer" else None
        if user is None:
            raise Refused(401, "Unauthorized", "Unauthorized")
        return user
