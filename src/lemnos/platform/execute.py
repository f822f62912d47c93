"""The one door through which everything that changes something goes.

One transaction holds the work, its audit entry and, for a request with an ``Idempotency-Key``,
the answer. HTTP handlers, the CLI and jobs enter alike.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from lemnos.kernel.context import Context
from lemnos.platform.audit import AuditLog
from lemnos.platform.db import Database, Tx
from lemnos.platform.idempotency import Once, Replies, Reply
from lemnos.platform.secrets import Vault

__all__ = ["Door", "Once", "Reply"]

T = TypeVar("T")


class Door:
    """Runs use cases. ``vault`` seals kept answers that hold a secret."""

    def __init__(self, db: Database, audit: AuditLog, vault: Vault | None = None) -> None:
        self._db = db
        self._audit = audit
        self._replies = Replies(db, vault)

    async def do(
        self,
        ctx: Context,
        action: str,
        work: Callable[[Tx], Awaitable[T]],
        *,
        target: str | Callable[[T], str] = "",
        detail: Mapping[str, object] | None = None,
    ) -> T:
        """Run the work and write down that it was done, in one transaction.

        ``action`` names the use case (``tasks.create``), ``target`` what it was done to, known
        before or told by the result. Raises what the work raises; then nothing was done.
        """

        async def body(tx: Tx) -> T:
            result = await work(tx)
            name = target if isinstance(target, str) else target(result)
            tx.defer(*self._audit.entry(ctx, action, name, detail))
            tx.after_commit(self._audit.on_written)
            return result

        return await self._db.write(body)

    async def reply(
        self,
        ctx: Context,
        action: str,
        work: Callable[[Tx], Awaitable[T]],
        present: Callable[[T], Reply],
        *,
        once: Once | None = None,
        target: str | Callable[[T], str] = "",
        detail: Mapping[str, object] | None = None,
    ) -> Reply:
        """Like :meth:`do`, and turn the result into an answer; with ``once`` that is kept too.

        A request that comes again gets the first one's answer. ``present`` may run on another
        thread, so it must be a pure function.
        """
        if once is None:
            return present(await self.do(ctx, action, work, target=target, detail=detail))

        async def body(tx: Tx) -> Reply:
            result = await work(tx)
            answer = present(result)
            name = target if isinstance(target, str) else target(result)
            tx.defer(*self._audit.entry(ctx, action, name, detail))
            tx.defer(*self._replies.keep(ctx, once, answer))
            tx.after_commit(self._audit.on_written)
            return answer

        # The work comes first and the unique row decides at its end, which spares new requests
        # a question to the database. Whatever a repeated one failed at (that row, or a task that
        # is cancelled already), the answer that was given stands. The row also makes it safe to
        # run the transaction again when a connection broke before it told how it ended.
        try:
            return await self._db.write(body, retry_safe=True)
        except Exception:
            answered = await self._replies.find(ctx, once)
            if answered is None:
                raise
            return answered

    async def reply_slowly(
        self, ctx: Context, work: Callable[[], Awaitable[Reply]], *, once: Once | None = None
    ) -> Reply:
        """Answer by work that does not fit in one transaction, such as a call to a git host.

        The work does its mutations through :meth:`do`. While it runs, a request with the same
        key is refused with :class:`~lemnos.platform.idempotency.RequestInFlight`. If it raises,
        the key is free again. If the process dies, the key is free after 15 minutes.
        """
        if once is None:
            return await work()
        answered = await self._replies.reserve(ctx, once)
        if answered is not None:
            return answered
        try:
            answer = await work()
        except BaseException:  # a cancelled request too
            await self._replies.release(ctx, once)
            raise
        await self._replies.complete(ctx, once, answer)
        return answer

    async def prune(self) -> int:
        """Forget answers older than 24 hours; how many. To be called every hour or so."""
        return await self._replies.prune()
