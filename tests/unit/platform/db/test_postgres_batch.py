"""Several statements become one."""

from __future__ import annotations

from sqlalchemy import text

from lemnos.platform.db import Query
from lemnos.platform.db.postgres_batch import Batches, composed

INSERT = Query(text("INSERT INTO a VALUES (:x, '$1', :z)"))
WITH = Query(text("WITH h AS (SELECT 1) INSERT INTO b SELECT :x FROM h"))


def test_placeholders_are_counted_through_and_literals_left_alone():
    assert (
        composed(["INSERT INTO a VALUES ($1, '$1', $2)", 'UPDATE "b$1" SET c = $1'], [2, 1])
        == """WITH s0 AS (INSERT INTO a VALUES ($1, '$1', $2)) UPDATE "b$1" SET c = $3"""
    )


def test_a_statement_with_a_with_comes_last_and_opened():
    assert (
        composed(["DELETE FROM a WHERE b = $1", "WITH h AS (SELECT $1) SELECT 1"], [1, 1])
        == "WITH s0 AS (DELETE FROM a WHERE b = $1), h AS (SELECT $2) SELECT 1"
    )


def test_values_follow_their_statements():
    [(sql, values)] = Batches().compose([(WITH, {"x": 9}), (INSERT, {"x": 1, "z": 3})])
    assert sql.startswith("WITH s0 AS (INSERT INTO a")
    assert values[-1] == 9


def test_only_one_with_goes_into_each():
    parts = Batches().compose([(WITH, {"x": 1}), (WITH, {"x": 2}), (WITH, {"x": 3})])
    assert [values for _, values in parts] == [[1], [2], [3]]


def test_many_become_few():
    parts = Batches().compose([(INSERT, {"x": n, "z": 0}) for n in range(40)])
    assert len(parts) == 3
    assert sum(len(values) for _, values in parts) == 40 * len(INSERT.compiled("postgresql").names)


def test_compositions_are_remembered_but_not_without_end():
    batches = Batches()
    statements = [(INSERT, {"x": 1, "z": 3})] * 2
    assert batches.compose(statements)[0][0] is batches.compose(statements)[0][0]
    for _ in range(600):
        query = Query(text("DELETE FROM a WHERE b = :b"))
        batches.compose([(query, {"b": 1}), (query, {"b": 2})])
    assert len(batches._composed) <= 512
