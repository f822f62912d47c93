"""What a statement may fail with, told apart as far as a use case can act on it."""

from __future__ import annotations

from lemnos.kernel.errors import Conflict, LemnosError, Unavailable


class UniqueViolation(Conflict):
    """A row with this key exists already."""


class IntegrityViolation(LemnosError):
    """A row breaks a foreign key, a CHECK or a NOT NULL: a defect of the caller."""


class DatabaseUnavailable(Unavailable):
    """The database is away, locked, full or broken; nothing of the transaction is kept."""
