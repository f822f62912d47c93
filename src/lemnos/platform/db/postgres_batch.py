"""Several statements as one, so that they take one round trip and one commit."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lemnos.platform.db.port import Query

Statements = Sequence[tuple[Query, Mapping[str, Any]]]

_TOGETHER = 16  # statements to one; planning a longer one costs more than a round trip saves
_REMEMBERED = 512
# A placeholder, or a literal or quoted name in which a dollar sign means nothing.
_PLACEHOLDER = re.compile(r"""'(?:[^']|'')*'|"[^"]*"|\$(\d+)""")


class Batches:
    """Composes statements into common table expressions; remembers the compositions.

    Statements with a ``WITH`` of their own cannot be nested in one another, as PostgreSQL allows
    those that change data only at the top level: each ends the composition that it is in.
    """

    def __init__(self) -> None:
        self._composed: OrderedDict[tuple[Query, ...], str] = OrderedDict()

    def compose(self, statements: Statements) -> list[tuple[str, list[Any]]]:
        """The statements as few as possible, with the values of their parameters."""
        return [self._one(part) for part in _parts(statements)]

    def _one(self, part: Statements) -> tuple[str, list[Any]]:
        values: list[Any] = []
        for query, params in part:
            values += query.compiled("postgresql").values(params)
        key = tuple(query for query, _ in part)
        sql = self._composed.get(key)
        if sql is None:
            sql = self._composed[key] = composed(
                [query.compiled("postgresql").sql for query in key],
                [len(query.compiled("postgresql").names) for query in key],
            )
            if len(self._composed) > _REMEMBERED:
                self._composed.popitem(last=False)
        return sql, values


def composed(statements: Sequence[str], arities: Sequence[int]) -> str:
    """``WITH s0 AS (first), s1 AS (second) last``, with placeholders counted through."""
    moved: list[str] = []
    offset = 0
    for sql, arity in zip(statements, arities, strict=True):
        moved.append(_shifted(sql, offset))
        offset += arity
    *heads, last = moved
    if not heads:
        return last
    named = ", ".join(f"s{number} AS ({sql})" for number, sql in enumerate(heads))
    if _has_with(last):
        return f"WITH {named}, {last.lstrip()[len('WITH ') :]}"
    return f"WITH {named} {last}"


def _shifted(sql: str, offset: int) -> str:
    def shift(match: re.Match[str]) -> str:
        number = match.group(1)
        return match.group(0) if number is None else f"${int(number) + offset}"

    return _PLACEHOLDER.sub(shift, sql) if offset else sql


def _parts(statements: Statements) -> Iterator[Statements]:
    """Plain statements first, as they compose with each other and with one that has a WITH."""
    plain: list[tuple[Query, Mapping[str, Any]]] = []
    special: list[tuple[Query, Mapping[str, Any]]] = []
    for statement in statements:
        has_with = _has_with(statement[0].compiled("postgresql").sql)
        (special if has_with else plain).append(statement)
    while len(plain) >= _TOGETHER:
        yield plain[:_TOGETHER]
        plain = plain[_TOGETHER:]
    if plain or special:
        yield plain + special[:1]
    for statement in special[1:]:
        yield [statement]


def _has_with(sql: str) -> bool:
    return sql.lstrip()[:5].upper() == "WITH "
