"""kill -9 of a writing process: everything that was acknowledged is there, and is whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sqlalchemy import select

from lemnos.platform.db import Query
from tests.conformance.database.servers import opened
from tests.conformance.database.things import ALL, CREATE, parts

ROOT = Path(__file__).parents[3]
PARTS = Query(select(parts))


async def test_what_was_acknowledged_survives(url: str):
    async with opened(url) as db:
        await db.write(CREATE)
    acknowledged: set[int] = set()
    for first in (1, 1_000_001, 2_000_001):
        acknowledged |= write_until_killed(url, first, 150)
    async with opened(url) as db:  # the dead writer's lock is free
        kept = {found["id"] for found in await db.scan(ALL)}
        whole = {found["thing"] for found in await db.scan(PARTS)}
    assert acknowledged <= kept
    assert kept == whole


def write_until_killed(url: str, first: int, count: int) -> set[int]:
    """What a writer acknowledged before it was killed in full flight."""
    command = [sys.executable, "-m", "tests.conformance.database.writer_process", url, str(first)]
    writer = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True)
    assert writer.stdout is not None
    try:
        lines = [writer.stdout.readline() for _ in range(count)]
    finally:
        writer.kill()
    lines += writer.stdout.readlines()
    writer.wait()
    numbers = {int(line) for line in lines if line.endswith(b"\n")}
    assert len(numbers) >= count
    return numbers
