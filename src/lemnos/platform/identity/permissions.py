"""Which role may do what. Extend the two tables; nothing else knows a role by name."""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase

ALL = "*"

PERMISSIONS: frozenset[str] = frozenset(
    {
        "tasks:read",
        "tasks:write",
        "agents:read",
        "agents:write",
        "analyses:read",
        "analyses:write",
        "refactorings:read",
        "refactorings:write",
        "webhooks:read",
        "webhooks:write",
        "metrics:read",
        "quality:read",
        "quality:write",
        "cleanup:read",
        "cleanup:write",
        "analytics:read",
        "analytics:write",
        "workspaces:read",
        "workspaces:write",
        "keys:read",
        "keys:write",
        "mcp:read",
        "mcp:write",
        "audit:read",
        "identity:admin",
    }
)

# Patterns over PERMISSIONS, so that a new permission reaches the roles that are meant to have it.
# Owners hold everything, known here or not.
ROLES: dict[str, tuple[str, ...]] = {
    "owner": (ALL,),
    "admin": ("*:read", "*:write", "identity:admin"),
    "developer": (
        *("tasks:*", "workspaces:*", "mcp:*", "keys:read"),
        *("agents:read", "analyses:*", "refactorings:*", "webhooks:*", "metrics:read"),
        *("quality:*", "cleanup:*", "analytics:*"),
    ),
    "viewer": ("*:read",),
    # Of services, in the words of the Hephaestus facts.
    "guard-rails": ("quality:*",),
    "cleanup": ("cleanup:*",),
    "analytics": ("analytics:*",),
}

# What scopes may be called besides their permissions, in the words of the Hephaestus facts.
SCOPES: dict[str, str] = {
    "guard-rails": "quality:*",
    "cleanup": "cleanup:*",
    "analytics": "analytics:*",
}


def permissions_of(roles: Collection[str], scopes: Collection[str] | None = None) -> frozenset[str]:
    """What the roles grant together; ``scopes`` (permissions or patterns) leave less of it.

    A role or scope that is not known grants nothing. ``None`` leaves all, an empty collection
    nothing.
    """
    patterns = {pattern for role in roles for pattern in ROLES.get(role, ())}
    granted = matching(patterns)
    if scopes is not None:
        return granted & matching(scopes)
    return granted | {ALL} if ALL in patterns else granted


def matching(patterns: Collection[str]) -> frozenset[str]:
    """The permissions that one of the patterns names: ``tasks:read``, ``tasks:*``, ``*:read``.

    Names of ``SCOPES`` stand for their patterns.
    """
    meant = [SCOPES.get(each, each) for each in patterns]
    return frozenset(p for p in PERMISSIONS if any(fnmatchcase(p, each) for each in meant))
