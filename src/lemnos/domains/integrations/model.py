"""Credentials for git hosts."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Provider(StrEnum):
    """The kinds of git host that a key can be for."""

    GITHUB = "github"
    GITLAB = "gitlab"
    GITEA = "gitea"
    GENERIC = "generic"


@dataclass(frozen=True, slots=True)
class NewKey:
    """A credential to register.

    ``scope`` is the caller's own note on what it is for. ``host`` (``host[:port]``) is the only one
    that the token is sent to; without it, those that are known for the provider.
    """

    name: str
    provider: Provider
    token: str = field(repr=False)
    scope: str = ""
    host: str = ""


@dataclass(frozen=True, slots=True)
class Key:
    """A registered credential; its token stays sealed in the store."""

    tenant: str
    name: str
    provider: Provider
    scope: str
    host: str
    created_at: int
