"""Use cases of webhook endpoints. Those that change something run in the caller's transaction."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from dataclasses import replace

from lemnos.kernel import clock, ids
from lemnos.kernel.clock import SECOND
from lemnos.kernel.context import Context
from lemnos.kernel.errors import Conflict, Invalid, NotFound
from lemnos.platform.db import Tx
from lemnos.platform.secrets import Vault
from lemnos.platform.webhooks.announcer import EndpointAnnouncer
from lemnos.platform.webhooks.destinations import endpoint_name
from lemnos.platform.webhooks.endpoint import (
    LONGEST_OVERLAP,
    MOST,
    OVERLAP,
    TEST,
    Endpoint,
    EndpointPatch,
    Issued,
    NewEndpoint,
    problem_of_secret,
    problems_of,
)
from lemnos.platform.webhooks.endpoint_store import EndpointStore


class EndpointService:
    """Register, change, test and remove endpoints; their secrets never leave.

    ``check_url`` raises ``Invalid`` for an address that callers may not name.
    """

    def __init__(
        self,
        store: EndpointStore,
        announcer: EndpointAnnouncer,
        vault: Vault,
        check_url: Callable[[str], object],
    ) -> None:
        self._store = store
        self._announcer = announcer
        self._vault = vault
        self._check_url = check_url

    async def create(self, tx: Tx, ctx: Context, new: NewEndpoint) -> Issued:
        """Register an endpoint. ``Conflict`` (too_many_endpoints) when the tenant has too many."""
        self._check(new.url, new.events, new.secret or None)
        if await self._store.count(tx, ctx.tenant) >= MOST:
            message = f"There are {MOST} endpoints already."
            raise Conflict(message, code="too_many_endpoints")
        endpoint_id, now = ids.new_id("webhook"), clock.now()
        secret = new.secret or _new_secret()
        endpoint = Endpoint(
            id=endpoint_id,
            tenant=ctx.tenant,
            url=new.url,
            events=_once_each(new.events),
            active=new.active,
            sealed=self._seal(ctx.tenant, endpoint_id, secret),
            previous=None,
            previous_until=None,
            created_by=ctx.principal.subject,
            created_at=now,
            updated_at=now,
        )
        await self._store.add(tx, endpoint)
        self._announcer.changed(tx)
        return Issued(endpoint, None if new.secret else secret)

    async def list(self, ctx: Context) -> tuple[Endpoint, ...]:
        """The tenant's endpoints, the newest first; there are at most 100."""
        return await self._store.list(ctx.tenant)

    async def get(self, ctx: Context, endpoint_id: str) -> Endpoint:
        """An endpoint of the caller's tenant; ``NotFound`` (webhook_not_found)."""
        return _found(await self._store.get(ctx.tenant, endpoint_id), endpoint_id)

    async def update(
        self, tx: Tx, ctx: Context, endpoint_id: str, patch: EndpointPatch
    ) -> Endpoint:
        """Change what the patch names; switching it on forgets why it was off.

        What still waits for it is sent to the new address at once, or given up if it is off.
        """
        old = await self._locked(tx, ctx, endpoint_id)
        url = old.url if patch.url is None else patch.url
        events = old.events if patch.events is None else patch.events
        self._check(url, events, patch.secret)
        endpoint = replace(
            old,
            url=url,
            events=_once_each(events),
            active=old.active if patch.active is None else patch.active,
            updated_at=clock.now(),
        )
        if patch.secret is not None:
            sealed = self._seal(ctx.tenant, endpoint_id, patch.secret)
            endpoint = replace(endpoint, sealed=sealed, previous=None, previous_until=None)
        if patch.active:
            endpoint = replace(endpoint, failing_since=None, off_reason="")
        await self._store.save(tx, endpoint)
        await self._store.hurry(tx, endpoint_id, endpoint.updated_at)
        self._announcer.changed(tx)
        return endpoint

    async def delete(self, tx: Tx, ctx: Context, endpoint_id: str) -> None:
        """Forget an endpoint and its secrets; what still waits for it is given up."""
        await self._locked(tx, ctx, endpoint_id)
        await self._store.remove(tx, ctx.tenant, endpoint_id)
        await self._store.hurry(tx, endpoint_id, clock.now())
        self._announcer.changed(tx)

    async def rotate(
        self,
        tx: Tx,
        ctx: Context,
        endpoint_id: str,
        secret: str = "",
        overlap_seconds: int = OVERLAP,
    ) -> Issued:
        """Give it a new secret, made here unless given; the old one signs too until then."""
        if not 0 <= overlap_seconds <= LONGEST_OVERLAP:
            problem = f"must be from 0 to {LONGEST_OVERLAP}"
            _refuse({"overlap_seconds": problem})
        if secret and (problem := problem_of_secret(secret)):
            _refuse({"secret": problem})
        old = await self._locked(tx, ctx, endpoint_id)
        now = clock.now()
        fresh = secret or _new_secret()
        endpoint = replace(
            old,
            sealed=self._seal(ctx.tenant, endpoint_id, fresh),
            previous=old.sealed if overlap_seconds else None,
            previous_until=now + overlap_seconds * SECOND if overlap_seconds else None,
            updated_at=now,
        )
        await self._store.save(tx, endpoint)
        return Issued(endpoint, None if secret else fresh)

    async def test(self, tx: Tx, ctx: Context, endpoint_id: str) -> str:
        """Send it the event ``webhook.test``, also when it is switched off; the delivery's id."""
        endpoint = await self._locked(tx, ctx, endpoint_id)
        data = {
            "webhook_id": endpoint.id,
            "message": "This is a test, asked for by hand.",
            "asked_by": ctx.principal.subject,
        }
        return self._announcer.tell(tx, endpoint, TEST, data)

    def _check(self, url: str, events: tuple[str, ...], secret: str | None) -> None:
        if found := problems_of(url, events, secret):
            _refuse(found)
        self._check_url(url)

    async def _locked(self, tx: Tx, ctx: Context, endpoint_id: str) -> Endpoint:
        return _found(await self._store.lock(tx, ctx.tenant, endpoint_id), endpoint_id)

    def _seal(self, tenant: str, endpoint_id: str, secret: str) -> bytes:
        return self._vault.seal(tenant, endpoint_name(endpoint_id), secret.encode())


def _new_secret() -> str:
    """192 random bits, as Standard Webhooks writes them."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}"


def _once_each(events: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(events))


def _found(endpoint: Endpoint | None, endpoint_id: str) -> Endpoint:
    if endpoint is None:
        raise NotFound(f"There is no webhook {endpoint_id}.", code="webhook_not_found")
    return endpoint


def _refuse(fields: dict[str, str]) -> None:
    told = "; ".join(f"{name}: {problem}" for name, problem in fields.items())
    raise Invalid(f"The webhook cannot work as described ({told}).", fields=fields)
