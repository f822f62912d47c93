"""Use cases of provider keys."""

from __future__ import annotations

from lemnos.domains.integrations.model import Key, NewKey
from lemnos.domains.integrations.ports import Forges, Verified
from lemnos.domains.integrations.store import KeyStore
from lemnos.kernel import clock
from lemnos.kernel.context import Context
from lemnos.kernel.errors import Conflict, Invalid, NotFound
from lemnos.platform.db import Tx
from lemnos.platform.db.errors import UniqueViolation
from lemnos.platform.secrets import Vault


class KeyService:
    """Register, list, remove, verify and open the credentials of a tenant."""

    def __init__(self, store: KeyStore, vault: Vault, forges: Forges) -> None:
        self._store = store
        self._vault = vault
        self._forges = forges

    async def register(self, tx: Tx, ctx: Context, new: NewKey) -> Key:
        """Seal and keep a token. A name that is taken raises ``Conflict``."""
        key = Key(ctx.tenant, new.name, new.provider, new.scope, new.host.lower(), clock.now())
        sealed = self._vault.seal(ctx.tenant, _sealed_name(new.name), new.token.encode())
        try:
            await self._store.add(tx, key, sealed, ctx.principal.subject)
        except UniqueViolation as error:
            raise Conflict(f"A key named {new.name} exists.", code="key_exists") from error
        return key

    async def list(self, ctx: Context) -> tuple[Key, ...]:
        """The tenant's keys, without their tokens."""
        return await self._store.list(ctx.tenant)

    async def remove(self, tx: Tx, ctx: Context, name: str) -> None:
        """Delete a key; tasks that name it and start later will fail with a clear error."""
        if not await self._store.remove(tx, ctx.tenant, name):
            raise _unknown(name)

    async def check(self, tenant: str, name: str, repo_url: str) -> None:
        """Raise ``Invalid`` unless the key exists and its token may be sent to this host.

        Whoever may create tasks may name any host: a key must not follow to one of their own.
        """
        found = await self._store.find(tenant, name)
        if found is None:
            raise _refused(f"There is no key named {name}.")
        key, host, known = found[0], *self._forges.host_of(repo_url)
        if key.host:
            if host != key.host:
                raise _refused(f"The key {name} is for {key.host} only.")
        elif known != key.provider:
            raise _refused(
                f"The key {name} is for {key.provider}, and {host or 'this'} is not known to be "
                "that: register the key with its host, or name the host in LEMNOS_FORGES."
            )

    async def open(self, tenant: str, name: str, repo_url: str) -> tuple[Key, str]:
        """A key with its token in clear, for the one process that talks to this repository."""
        await self.check(tenant, name, repo_url)
        return await self._open(tenant, name)

    async def _open(self, tenant: str, name: str) -> tuple[Key, str]:
        found = await self._store.find(tenant, name)
        if found is None:
            raise _unknown(name)
        key, sealed = found
        token = self._vault.open(tenant, _sealed_name(name), sealed)
        return key, token.decode()

    async def verify(self, ctx: Context, name: str, repo_url: str = "") -> Verified:
        """Ask the key's host whether it accepts the token."""
        if repo_url:
            await self.check(ctx.tenant, name, repo_url)
        key, token = await self._open(ctx.tenant, name)
        forge = self._forges.of(repo_url, key.provider.value)
        return await forge.verify(token, repo_url)


def _sealed_name(name: str) -> str:
    return f"provider-key/{name}"


def _refused(problem: str) -> Invalid:
    return Invalid(problem, code="key_not_for_host", fields={"provider_key": problem})


def _unknown(name: str) -> NotFound:
    return NotFound(f"There is no key named {name}.", code="key_not_found")
