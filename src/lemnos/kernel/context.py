"""Who is asking, for which tenant, in which request: passed explicitly to every use case."""

from __future__ import annotations

from dataclasses import dataclass

from lemnos.kernel.errors import Forbidden


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller.

    ``subject`` names the user or key; ``permissions`` are resolved from the roles when the
    credential is checked, ``"*"`` grants all. ``tier`` selects the rate limit. ``key_id`` is the
    id of the API key, None for a JWT.
    """

    tenant: str
    subject: str
    roles: tuple[str, ...] = ()
    permissions: frozenset[str] = frozenset()
    tier: str = "standard"
    key_id: str | None = None

    def may(self, permission: str) -> bool:
        """Whether the caller holds the permission, e.g. ``tasks:write``."""
        return permission in self.permissions or "*" in self.permissions

    def demand(self, *permissions: str) -> None:
        """Raise :class:`Forbidden` unless the caller holds the permission, or one of several."""
        if not any(map(self.may, permissions)):
            needed = " or ".join(permissions)
            raise Forbidden(f"This needs the permission {needed}.", code="forbidden")


@dataclass(frozen=True, slots=True)
class Context:
    """One request, job or command: its caller and the ids by which it is found in the logs."""

    principal: Principal
    request_id: str
    trace_id: str = ""
    remote: str = ""

    @property
    def tenant(self) -> str:
        """The tenant that everything in this context is scoped to."""
        return self.principal.tenant


def system_context(tenant: str, request_id: str) -> Context:
    """The context of work that Lemnos does by itself for a tenant, such as a job."""
    principal = Principal(tenant, "system", ("system",), frozenset({"*"}), "internal")
    return Context(principal, request_id)
