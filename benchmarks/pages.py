"""Any page of 1,000,000 tasks against the first, on SQLite and PostgreSQL.

``python -m benchmarks.pages``. Pages are read as the API reads them, by ``TaskService.page``; the
cursors are those of tasks in the middle and near the end. The first page is read in turn with the
others. What ``offset`` costs is shown beside, without a target: it has to pass over all before it.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvloop
from sqlalchemy import text

from benchmarks.common import Figure, main
from lemnos.domains.tasks.store import TaskStore
from lemnos.platform.db import Database, Query
from lemnos.platform.db.connect import open_database
from lemnos.platform.db.migrate import migrate
from tests.support.services import Postgres

TASKS = 1_000_000
LIMIT = 50
READS = 40  # of each page in a round
TENANT = "default"
_BEGUN = 1_700_000_000_000_000  # µs; a task a second from then on
_COLUMNS = {
    "id": "'01920000-0000-7000-8000-' || {padded}",
    "tenant": f"'{TENANT}'",
    "created_by": "'key_1'",
    "status": "CASE WHEN n % 10 = 0 THEN 'failed' ELSE 'completed' END",
    "repo_url": "'https://github.com/user/repo.git'",
    "prompt": "'Fix the failing tests in the auth module, number ' || n",
    "current_prompt": "'Fix the failing tests in the auth module, number ' || n",
    "iteration": "1",
    "config": """'{{"timeout_seconds":300}}'""",
    "sealed": "{empty}",
    **dict.fromkeys(("provider_key", "callback_url", "trace_id", "error_class"), "''"),
    **dict.fromkeys(("runtime", "runtime_reason", "session", "pushed_commit"), "''"),
    "created_at": f"{_BEGUN} + n * CAST(1000000 AS bigint)",
}
_DIALECT = {
    "sqlite": {
        "padded": "printf('%012d', n)",
        "empty": "x''",
        "numbers": f"WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers "
        f"WHERE n < {TASKS})",
        "from": "numbers",
    },
    "postgresql": {
        "padded": "lpad(n::text, 12, '0')",
        "empty": "''::bytea",
        "numbers": "",
        "from": f"generate_series(1, {TASKS}) AS n",
    },
}
_PLACES = {"middle": TASKS // 2, "last": 10 * LIMIT + 1}  # the number of the task before the page

Read = Callable[[], Awaitable[Any]]


async def fill(db: Database) -> None:
    """A million tasks in one statement; some of them with another status."""
    words = _DIALECT[db.dialect]
    values = ", ".join(value.format(**words) for value in _COLUMNS.values())
    insert = (
        f"INSERT INTO tasks ({', '.join(_COLUMNS)}) {words['numbers']} "
        f"SELECT {values} FROM {words['from']}"
    )
    await db.write(lambda tx: tx.run(Query(text(insert.replace(":", "\\:")))))
    if db.dialect == "postgresql":
        await db.write(lambda tx: tx.run(Query(text("ANALYZE tasks"))))


async def ratios(db: Database, rounds: int) -> Iterator[Figure]:
    """Each page against the first page of the same list."""
    store = TaskStore(db)
    figures = []
    for status in ("", "failed"):
        first = _page(store, status=status)
        for name, number in _PLACES.items():
            after = f"{_BEGUN + number * 1_000_000}.01920000-0000-7000-8000-{number:012d}"
            page = _page(store, status=status, after=after)
            found = [await _compared(page, first) for _ in range(rounds)]
            ratio = statistics.median(mine / theirs for mine, theirs in found)
            mine, theirs = (statistics.median(side) for side in zip(*found, strict=True))
            which = f", status {status}" if status else ""
            what = f"{db.dialect}: {name} page of a million{which} / first page"
            seen = f"{mine * 1e3:.2f} against {theirs * 1e3:.2f} ms"
            figures.append(Figure(what, ratio, "at most", 1.6, "", seen))
    for offset in (1_000, 10_000, 500_000):
        began = time.perf_counter()
        await store.page(TENANT, limit=LIMIT, offset=offset)
        took = (time.perf_counter() - began) * 1e3
        what = f"{db.dialect}: page at offset {offset}"
        figures.append(Figure(what, took, "at most", None, "ms"))
    return iter(figures)


def _page(store: TaskStore, **at: str) -> Read:
    async def read() -> None:
        page = await store.page(TENANT, limit=LIMIT, **at)  # type: ignore[arg-type]
        if len(page.items) != LIMIT:
            raise RuntimeError(f"a page of {len(page.items)} at {at}")

    return read


async def _compared(page: Read, first: Read) -> tuple[float, float]:
    """Median seconds of both, read in turn."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(READS):
        for read, took in zip((page, first), times, strict=True):
            began = time.perf_counter()
            await read()
            took.append(time.perf_counter() - began)
    return statistics.median(times[0]), statistics.median(times[1])


@asynccontextmanager
async def opened(url: str) -> Any:
    """A migrated database."""
    await asyncio.to_thread(migrate, url)
    db = open_database(url)
    await db.start()
    try:
        yield db
    finally:
        await db.stop()


async def _all(url: str, rounds: int) -> list[Figure]:
    async with opened(url) as db:
        await fill(db)
        return list(await ratios(db, rounds))


def measure(rounds: int) -> Iterator[Figure]:
    """Both databases, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        yield from uvloop.run(_all(f"sqlite:///{Path(folder) / 'pages.db'}", rounds))
    with Postgres() as postgres:
        yield from uvloop.run(_all(postgres.create_database(), rounds))


if __name__ == "__main__":
    main(__doc__, measure)
