"""What waits and runs in a queue, and how long it waited."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from lemnos.engine.backlog import LATELY, Backlog, read_backlog
from lemnos.engine.tables import jobs
from lemnos.kernel import clock
from lemnos.kernel.clock import SECOND
from lemnos.platform.db import Database, Query, Tx
from tests.unit.platform.stores import fresh, opened

_ADD = Query(insert(jobs))
NOW = clock.now()


def job(number: int, state: str, **given: Any) -> dict[str, Any]:
    return {
        "id": f"job-{number}",
        "tenant": "default",
        "kind": "k",
        "queue": "agents",
        "payload": "{}",
        "priority": 100,
        "rank": 0,
        "run_at": NOW,
        "state": state,
        "node": None,
        "epoch": 0,
        "attempts": 0,
        "cut_off": 0,
        "error": None,
        "created_at": NOW,
        "started_at": None,
        "ended_at": None,
        **given,
    }


async def add(db: Database, *rows: dict[str, Any]) -> None:
    async def body(tx: Tx) -> None:
        for row in rows:
            await tx.run(_ADD, row)

    await db.write(body)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_it_counts_one_tenants_jobs_of_one_queue(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
):
    postgres = request.getfixturevalue("postgres") if kind == "postgresql" else None
    async with opened(fresh(kind, tmp_path, postgres)) as db:
        assert await read_backlog(db, "default", "agents") == Backlog(0, 0, None)
        before, begun = NOW - 10 * SECOND, NOW - 4 * SECOND
        await add(
            db,
            job(1, "queued"),
            job(2, "delayed", run_at=NOW + SECOND),
            job(3, "running", run_at=before, started_at=begun),  # waited 6 s
            job(4, "done", run_at=before, started_at=before + 2 * SECOND, ended_at=NOW),  # 2 s
            job(5, "queued", tenant="other"),
            job(6, "queued", queue="other"),
            job(7, "done", run_at=before, started_at=begun, ended_at=NOW - LATELY - SECOND),
            job(8, "running", run_at=before, started_at=begun, attempts=1),  # tried before
        )
        assert await read_backlog(db, "default", "agents") == Backlog(2, 2, 4000.0)
