"""Who asks, and what that one may do."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from api.problems import KeyForbidden, ScopeMissing


class Scope(enum.StrEnum):
    """What a token may be good for; reading needs any token."""

    UPLOAD = "upload"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A token's name, or an IAM identity.

    Attributes:
        name: for logs and for the metadata of what it stores; never the token.
        scopes: what it may do.
        prefix: what its keys begin with; empty for all.
    """

    name: str
    scopes: frozenset[Scope] = frozenset(Scope)
    prefix: str = ""

    def require(self, scope: Scope) -> None:
        """Raises ScopeMissing if it may not do this to any key."""
        if scope not in self.scopes:
            raise ScopeMissing(f"This token has no scope {scope.value!r}.")

    def require_key(self, key: str | None) -> None:
        """Raises KeyForbidden if the key is not one of its own; None is one that will follow from the content."""
        if key is None and self.prefix:
            raise KeyForbidden("This token reaches keys with its prefix only: give a key that begins with it.")
        if key is not None and not key.startswith(self.prefix):
            raise KeyForbidden("This token reaches keys with another prefix only.")
