"""Two nodes on one PostgreSQL: what one changes of an endpoint, the other heeds."""

from __future__ import annotations

from contextlib import AsyncExitStack

from lemnos.platform.db.postgres import PostgresDatabase
from lemnos.platform.db.schema import create_all
from lemnos.platform.events.postgres_wake import PostgresBroadcast
from lemnos.platform.webhooks.endpoint import EndpointPatch
from tests.conformance.database.servers import opened, postgres
from tests.conformance.webhooks.node import Node, owner, running, until
from tests.support.sink import WebhookSink


async def test_what_the_other_node_remembers_follows_a_change(sink: WebhookSink):
    """The slow poll is off here, so only the wake-up can have told it."""
    url = postgres().create_database()
    async with AsyncExitStack() as stack:
        nodes: list[Node] = []
        for _ in range(2):
            db = await stack.enter_async_context(opened(url))
            assert isinstance(db, PostgresDatabase)
            node = Node(db, PostgresBroadcast(db))
            if not nodes:
                await create_all(db)
            nodes.append(await stack.enter_async_context(running(node)))
        here, there = nodes
        for _ in range(3):
            await there.announce()
        assert there.announcer.remembers("acme")
        endpoint = await here.create(sink.url)
        await until(lambda: not there.announcer.remembers("acme"))
        await there.announce()
        await here.settled(endpoint, 1)
        await there.announce()
        await here.settled(endpoint, 2)
        assert there.announcer.remembers("acme")
        off = EndpointPatch(active=False)
        await here.db.write(lambda tx: here.endpoints.update(tx, owner(), endpoint.id, off))
        await until(lambda: not there.announcer.remembers("acme"))
        await there.announce()
        assert len(await here.deliveries(endpoint)) == 2
