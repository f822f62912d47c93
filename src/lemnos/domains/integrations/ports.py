"""The forge port: what a git host can do beyond git. One adapter for each kind of host."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PullRequestDraft:
    """A pull (or merge) request to open: ``head`` and ``base`` are branches of one repository."""

    repo_url: str
    head: str
    base: str
    title: str
    body: str
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class PullRequest:
    """An open request. ``number`` is None where the host has none (a plain remote)."""

    url: str
    number: int | None


@dataclass(frozen=True, slots=True)
class Verified:
    """What a host says of a token: whose it is and what it may do, as far as it tells."""

    valid: bool
    account: str = ""
    scopes: tuple[str, ...] = ()
    problem: str = ""


class Forge(Protocol):
    """A git host's API. Errors are ``LemnosError``: ``Unavailable`` may pass, others stay."""

    name: str

    async def open_pull_request(self, draft: PullRequestDraft) -> PullRequest:
        """Open it, or find the one that is open already for this head: repeating is safe."""
        ...

    async def verify(self, token: str, repo_url: str = "") -> Verified:
        """Ask the host whether the token is valid."""
        ...


class Forges(Protocol):
    """Finds the forge for a repository."""

    def host_of(self, repo_url: str) -> tuple[str, str]:
        """The host, ``host:port`` unless the port is the scheme's, and the provider that is known
        to run there; each empty where there is none. What a name looks like proves nothing."""
        ...

    def of(self, repo_url: str, provider: str = "") -> Forge:
        """By the provider of the key in use, else by the host's name; else the plain remote."""
        ...
