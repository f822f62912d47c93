"""One relational database behind one small port: SQLite embedded, PostgreSQL for several nodes."""

from lemnos.platform.db.errors import DatabaseUnavailable, IntegrityViolation, UniqueViolation
from lemnos.platform.db.port import Database, Dialect, Query, Row, Tx
from lemnos.platform.db.tables import metadata

__all__ = [
    "Database",
    "DatabaseUnavailable",
    "Dialect",
    "IntegrityViolation",
    "Query",
    "Row",
    "Tx",
    "UniqueViolation",
    "metadata",
]
