"""asyncpg's errors in the words of this system, told apart by whether a retry can help."""

from __future__ import annotations

import asyncpg

from lemnos.platform.db.errors import DatabaseUnavailable, IntegrityViolation, UniqueViolation


class Contended(DatabaseUnavailable):
    """The server undid the transaction for another one's sake; it may be run again at once."""


class ConnectionLost(DatabaseUnavailable):
    """The server cannot be reached, or went away; whatever was not committed is undone."""


class OutcomeUnknown(DatabaseUnavailable):
    """The connection broke while the commit was on its way: it may have happened or not."""


_CONTENDED = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.InvalidCachedStatementError,  # the schema was migrated meanwhile
)
_LOST = (
    OSError,  # refused, reset, timed out
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutting down, starting up, crashed
    asyncpg.TooManyConnectionsError,
    asyncpg.ReadOnlySQLTransactionError,  # connected to a standby, as after a failover
)
_FULL = (asyncpg.InsufficientResourcesError, asyncpg.PostgresIOError)


def translated(error: BaseException) -> BaseException:
    """The error as callers know it; a defect in the SQL itself stays as it is."""
    if isinstance(error, asyncpg.UniqueViolationError):
        return UniqueViolation(str(error), details={"constraint": error.constraint_name})
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        return IntegrityViolation(str(error), details={"constraint": error.constraint_name})
    if isinstance(error, _CONTENDED):
        return Contended(f"Concurrent transactions conflict: {error}.", retry_after=1.0)
    if isinstance(error, asyncpg.QueryCanceledError):
        return DatabaseUnavailable(f"The database took too long: {error}.", retry_after=1.0)
    if isinstance(error, _LOST) or _used_after_loss(error):
        return ConnectionLost(f"The database is away: {error}.", retry_after=2.0)
    if isinstance(error, _FULL):
        return DatabaseUnavailable(f"The database cannot be used: {error}.", retry_after=5.0)
    return error


def _used_after_loss(error: BaseException) -> bool:
    """Whether asyncpg refused to use a connection that is closed.

    Its ``InterfaceError`` also stands for wrong arguments, which no retry would mend.
    """
    return isinstance(error, asyncpg.InterfaceError) and "closed" in str(error)
