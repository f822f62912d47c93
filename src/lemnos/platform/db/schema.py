"""The whole schema: every ``tables.py`` of the package, on one MetaData."""

from __future__ import annotations

import importlib
import pkgutil

from sqlalchemy import MetaData
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql.ddl import ExecutableDDLElement

import lemnos
from lemnos.platform.db.port import Database, Query, Tx
from lemnos.platform.db.tables import metadata

_LAYERS = ("platform", "engine", "domains")  # the layers that keep tables
_OWN = "lemnos.platform.db.tables"  # the MetaData itself


def load_tables() -> MetaData:
    """Import every ``tables.py`` of platform, engine and domains; the MetaData they filled.

    Only these modules and the ``__init__.py`` above them are imported.
    """
    for layer in _LAYERS:
        for name in _tables_modules(f"lemnos.{layer}"):
            importlib.import_module(name)
    return metadata


async def create_all(db: Database) -> None:
    """Make every table and index that is missing, straight from the metadata: for tests.

    A server's schema comes from migrations (:mod:`lemnos.platform.db.migrate`).
    """
    tables = load_tables().sorted_tables
    statements: list[ExecutableDDLElement] = [
        CreateTable(table, if_not_exists=True) for table in tables
    ]
    for table in tables:
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        statements += [CreateIndex(index, if_not_exists=True) for index in indexes]

    async def body(tx: Tx) -> None:
        for statement in statements:
            await tx.run(Query(statement))

    await db.write(body)


def _tables_modules(package: str) -> list[str]:
    """The dotted names of the ``tables`` modules under a package, found without importing it."""
    root = [f"{path}/{package.partition('.')[2]}" for path in lemnos.__path__]
    return sorted(_walk(root, package))


def _walk(path: list[str], package: str) -> list[str]:
    found: list[str] = []
    for module in pkgutil.iter_modules(path):
        name = f"{package}.{module.name}"
        if module.ispkg:
            found += _walk([f"{directory}/{module.name}" for directory in path], name)
        elif module.name == "tables" and name != _OWN:
            found.append(name)
    return found
