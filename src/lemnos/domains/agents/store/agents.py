"""The registry: agents, their breakers, and the last probe of each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, bindparam, delete, func, insert, or_, select, update

from lemnos.domains.agents.model import (
    Agent,
    AgentConfig,
    Breaker,
    Constraints,
    Probe,
    Status,
)
from lemnos.domains.agents.tables import agents
from lemnos.platform.db import Database, Query, Row, Tx

_A = agents.c
_MINE = _A.tenant == bindparam("tenant")
_ONE = (_MINE, _A.agent_id == bindparam("agent_id"))

_INSERT = Query(insert(agents))
_GET = Query(select(agents).where(*_ONE))
_GET_LOCKED = Query(select(agents).where(*_ONE).with_for_update())
_ALL = Query(select(agents).where(_MINE))
_DELETE = Query(delete(agents).where(*_ONE))
_UNCHECKED = Query(
    select(agents)
    .where(or_(_A.checked_at.is_(None), _A.checked_at < bindparam("before")))
    .order_by(_A.checked_at)
    .limit(bindparam("limit"))
)

_WILD = re.compile(r"([\\%_])")  # what LIKE takes for something else

_json = msgspec.json.Encoder().encode
_capabilities = msgspec.json.Decoder(tuple[str, ...]).decode
_constraints = msgspec.json.Decoder(Constraints).decode
_config = msgspec.json.Decoder(AgentConfig).decode
_breaker = msgspec.json.Decoder(Breaker).decode
_probe = msgspec.json.Decoder(Probe).decode


@dataclass(frozen=True, slots=True)
class AgentFilter:
    """Which agents to list; empty: any."""

    provider: str = ""
    capability: str = ""
    status: str = ""


class AgentStore:
    """Agents of a tenant."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, tx: Tx, agent: Agent) -> None:
        """Insert. An id that exists raises ``UniqueViolation``."""
        row = {
            "tenant": agent.tenant,
            "agent_id": agent.agent_id,
            "created_by": agent.created_by,
            "registered_at": agent.registered_at,
            "last_seen": agent.last_seen,
            "breaker": _text(agent.breaker),
            "probe": _text(agent.probe) if agent.probe else None,
            "checked_at": agent.probe.at if agent.probe else None,
            **_described(agent),
        }
        await tx.run(_INSERT, row)

    async def get(self, tenant: str, agent_id: str, tx: Tx | None = None) -> Agent | None:
        """An agent, or None. Within a transaction it is locked until that ends."""
        key = {"tenant": tenant, "agent_id": agent_id}
        row = await (tx.one(_GET_LOCKED, key) if tx else self._db.one(_GET, key))
        return _agent(row) if row else None

    async def all(self, tenant: str) -> tuple[Agent, ...]:
        """All agents of a tenant, in no order."""
        return tuple(_agent(row) for row in await self._db.scan(_ALL, {"tenant": tenant}))

    async def page(
        self, tenant: str, chosen: AgentFilter, limit: int, offset: int
    ) -> tuple[tuple[Agent, ...], int]:
        """Agents by id, and how many there are in all."""
        params = {"tenant": tenant, **_asked(chosen)}
        listed, counted = _page(bool(chosen.provider), bool(chosen.capability), bool(chosen.status))
        rows = await self._db.scan(listed, {**params, "limit": limit, "offset": offset})
        total = await self._db.one(counted, params)
        return tuple(_agent(row) for row in rows), int(total["total"]) if total else 0

    async def unchecked(self, before: int, limit: int) -> tuple[Agent, ...]:
        """Agents of all tenants that were not probed since, those waiting longest first."""
        rows = await self._db.scan(_UNCHECKED, {"before": before, "limit": limit})
        return tuple(_agent(row) for row in rows)

    async def describe(self, tx: Tx, agent: Agent) -> None:
        """Store what its owner says of it."""
        await self._change(tx, agent, _described(agent))

    async def note(self, tx: Tx, agent: Agent, *, breaker: Breaker, last_seen: int | None) -> None:
        """Store what an attempt has shown."""
        values = {"breaker": _text(breaker), "last_seen": last_seen}
        await self._change(tx, agent, values)

    async def note_probe(self, tx: Tx, agent: Agent, probe: Probe) -> bool:
        """Store the last probe; False when the agent is gone."""
        values = {"probe": _text(probe), "checked_at": probe.at}
        return await self._change(tx, agent, values)

    async def remove(self, tx: Tx, tenant: str, agent_id: str) -> bool:
        """Delete; False when there was none."""
        return await tx.run(_DELETE, {"tenant": tenant, "agent_id": agent_id}) > 0

    async def _change(self, tx: Tx, agent: Agent, values: Mapping[str, Any]) -> bool:
        query = _update(tuple(sorted(values)))
        key = {"p_tenant": agent.tenant, "p_agent_id": agent.agent_id}
        return await tx.run(query, {**values, **key}) > 0


@lru_cache(maxsize=8)
def _page(by_provider: bool, by_capability: bool, by_status: bool) -> tuple[Query, Query]:
    wanted: list[ColumnElement[bool]] = [_MINE]
    if by_provider:
        wanted.append(_A.provider == bindparam("provider"))
    if by_capability:
        # Capabilities are words, so one in its quotes is found in the JSON array as it is.
        wanted.append(_A.capabilities.like(bindparam("capability"), escape="\\"))
    if by_status:
        wanted.append(_A.status == bindparam("status"))
    listed = select(agents).where(*wanted).order_by(_A.agent_id)
    counted = select(func.count().label("total")).select_from(agents).where(*wanted)
    return Query(listed.limit(bindparam("limit")).offset(bindparam("offset"))), Query(counted)


def _asked(chosen: AgentFilter) -> dict[str, str]:
    quoted = _WILD.sub(r"\\\1", chosen.capability)
    asked = {
        "provider": chosen.provider,
        "capability": f'%"{quoted}"%' if quoted else "",
        "status": chosen.status,
    }
    return {name: value for name, value in asked.items() if value}


@lru_cache(maxsize=8)
def _update(names: tuple[str, ...]) -> Query:
    where = (_A.tenant == bindparam("p_tenant"), _A.agent_id == bindparam("p_agent_id"))
    return Query(update(agents).where(*where).values({name: bindparam(name) for name in names}))


def _described(agent: Agent) -> dict[str, Any]:
    return {
        "name": agent.name,
        "provider": agent.provider,
        "model": agent.model,
        "capabilities": _text(agent.capabilities),
        "constraints": _text(agent.constraints),
        "config": _text(agent.config),
        "status": agent.status.value,
        "sealed": agent.sealed,
        "updated_at": agent.updated_at,
    }


def _text(record: object) -> str:
    return _json(record).decode()


def _agent(row: Row) -> Agent:
    return Agent(
        tenant=row["tenant"],
        agent_id=row["agent_id"],
        name=row["name"],
        provider=row["provider"],
        model=row["model"],
        capabilities=_capabilities(row["capabilities"]),
        constraints=_constraints(row["constraints"]),
        config=_config(row["config"]),
        status=Status(row["status"]),
        created_by=row["created_by"],
        registered_at=row["registered_at"],
        updated_at=row["updated_at"],
        breaker=_breaker(row["breaker"]),
        last_seen=row["last_seen"],
        sealed=bytes(row["sealed"]),
        probe=_probe(row["probe"]) if row["probe"] else None,
    )
