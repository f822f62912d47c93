"""Real PostgreSQL and Valkey: fresh databases, and going away and coming back."""

import signal
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest
import redis

from tests.support.services import Postgres, Valkey


def one_table(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE t (n int)")
        connection.execute("INSERT INTO t VALUES (1)")


async def rows(dsn: str) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval("SELECT count(*) FROM t")
    finally:
        await connection.close()


@pytest.mark.postgres
async def test_each_database_is_a_copy_of_its_own(postgres: Postgres) -> None:
    first, second = (postgres.create_database(one_table) for _ in range(2))
    with psycopg.connect(first) as connection:
        connection.execute("INSERT INTO t VALUES (2)")
    assert (await rows(first), await rows(second)) == (2, 1)
    postgres.drop_database(first)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(first)


@pytest.mark.postgres
def test_an_empty_database(postgres_dsn: str) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        found = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert found.fetchone() == (0,)


@pytest.mark.postgres
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
async def test_it_goes_away_and_comes_back_with_its_data(tmp_path: Path, how: Any) -> None:
    with Postgres(tmp_path, durable=True) as cluster:
        dsn = cluster.create_database(one_table)
        cluster.stop(how)
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(dsn)
        cluster.start()
        assert await rows(dsn) == 1


def test_valkey_goes_away_and_comes_back_empty() -> None:
    with Valkey() as server:
        client = redis.Redis.from_url(server.url)
        client.set("a", 1)
        server.stop()
        with pytest.raises(redis.ConnectionError):
            client.get("a")
        server.start()
        assert client.get("a") is None
        client.close()


def test_the_shared_valkey_is_empty(valkey_url: str) -> None:
    with redis.Redis.from_url(valkey_url) as client:
        assert client.dbsize() == 0
