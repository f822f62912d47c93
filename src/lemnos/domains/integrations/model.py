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
    """A credential to register. ``scope`` is the caller's own note on what it is for."""

    name: str
    provider: Provider
    token: str = field(repr=False)
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Key:
    """A registered credential; its token stays sealed in the store."""

    tenant: str
    name: str
    provider: Provider
    scope: str
    created_at: int
