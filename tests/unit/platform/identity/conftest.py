"""Identity and its keys on both databases."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from lemnos.kernel.context import Context
from lemnos.platform.audit import AuditLog
from lemnos.platform.db import Database
from lemnos.platform.execute import Door
from lemnos.platform.identity import ApiKeys, Identity, NewKey, TokenIssuer, TokenSettings

SETTINGS = TokenSettings(key=b"k" * 32)


class Node(NamedTuple):
    """One server's view of who may call."""

    identity: Identity
    keys: ApiKeys

    async def key(self, ctx: Context, *roles: str) -> str:
        """The secret of a new key."""
        _, secret = await self.keys.create_key(ctx, NewKey("ci", roles or ("developer",)))
        return secret


def make_node(db: Database) -> Node:
    identity = Identity(db, TokenIssuer(SETTINGS))
    return Node(identity, ApiKeys(db, Door(db, AuditLog(db)), identity.forget_key))


@pytest.fixture
def node(database: Database) -> Node:
    return make_node(database)
