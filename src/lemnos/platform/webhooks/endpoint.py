"""Endpoints that a tenant has registered for events, and the rules for them. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from lemnos.kernel.clock import SECOND
from lemnos.platform.webhooks.port import Event

TEST = "webhook.test"  # sent on demand; nobody subscribes to it
OVERLAP = 86_400  # seconds for which a secret that was replaced signs beside the new one
LONGEST_OVERLAP = 30 * 86_400
MOST = 100  # endpoints of a tenant
PATIENCE = 3 * 86_400 * SECOND  # an endpoint that took nothing for so long is switched off
_LONGEST_URL = 2048
_SECRET_LENGTHS = range(8, 513)


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """An endpoint as it is asked for; without a secret one is made."""

    url: str
    events: tuple[str, ...]
    secret: str = field(default="", repr=False)
    active: bool = True


@dataclass(frozen=True, slots=True)
class EndpointPatch:
    """What changes; None leaves a field as it is. A secret replaces the old one at once."""

    url: str | None = None
    events: tuple[str, ...] | None = None
    secret: str | None = field(default=None, repr=False)
    active: bool | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A registered endpoint. ``previous`` is the sealed secret that signs too, for a while.

    ``off_reason`` says why the server has switched it off, empty when it did not.
    ``failing_since``: its first failed attempt since a delivery has landed. Times in
    microseconds.
    """

    id: str
    tenant: str
    url: str
    events: tuple[str, ...]
    active: bool
    sealed: bytes = field(repr=False)
    previous: bytes | None = field(repr=False)
    previous_until: int | None
    created_by: str
    created_at: int
    updated_at: int
    failing_since: int | None = None
    off_reason: str = ""

    def hears(self, event: str) -> bool:
        """Whether it is to be told of an event."""
        return self.active and event in self.events


@dataclass(frozen=True, slots=True)
class Issued:
    """An endpoint and the secret that was made for it: shown this once, None if it was given."""

    endpoint: Endpoint
    secret: str | None = field(repr=False)


def problems_of(url: str, events: Collection[str], secret: str | None) -> dict[str, str]:
    """Field → what is wrong with it; whether the address may be reached is asked elsewhere."""
    found = {}
    if len(url) > _LONGEST_URL:
        found["url"] = f"must have at most {_LONGEST_URL} characters"
    if problem := _problem_of_events(events):
        found["events"] = problem
    if secret is not None and (problem := problem_of_secret(secret)):
        found["secret"] = problem
    return found


def problem_of_secret(secret: str) -> str:
    """What is wrong with a secret, empty when nothing is."""
    if len(secret) not in _SECRET_LENGTHS:
        return f"must have {_SECRET_LENGTHS.start} to {_SECRET_LENGTHS.stop - 1} characters"
    if not secret.isascii() or not secret.isprintable():
        return "must be printable ASCII"
    return ""


def _problem_of_events(events: Collection[str]) -> str:
    known = [event.value for event in Event]
    unknown = sorted(set(events) - set(known))
    if unknown:
        return f"unknown: {', '.join(unknown)[:200]}; known are {', '.join(known)}"
    return "" if events else f"must name at least one of: {', '.join(known)}"
