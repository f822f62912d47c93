"""The cleaner of this machine's folders."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from threading import Thread

from lemnos.domains.cleanup.model import Cleaned
from lemnos.domains.cleanup.ports import OnProgress
from lemnos.runners.cleanup.hands import Hands, Pretending, Removing
from lemnos.runners.cleanup.pace import Pace
from lemnos.runners.cleanup.root import Root, keepers
from lemnos.runners.cleanup.rubbish import Rules
from lemnos.runners.cleanup.sweep import Sweep
from lemnos.runners.cleanup.watch import Watch


class FolderCleaner:
    """Cleans folders, see :class:`lemnos.domains.cleanup.ports.Cleaner`.

    ``protected`` are never entered, wherever they are met below a root. Whether a root inside of
    them may be named is for :class:`lemnos.domains.workspaces.places.Places` to say: workspaces
    are cleaned too.
    """

    def __init__(self, protected: Iterable[Path] = ()) -> None:
        self._protected = tuple(protected)

    async def clean(
        self,
        root: Path,
        *,
        deep_clean: bool = False,
        dry_run: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Cleaned:
        """As the port says; on a thread of its own, so that the loop is free."""
        pace = Pace(on_progress)
        ended = asyncio.wrap_future(
            _on_thread(lambda: self._clean(root, pace, deep_clean, dry_run))
        )
        try:
            return await asyncio.shield(ended)
        finally:
            pace.stop()
            while not ended.done():  # also while being cancelled again
                with suppress(asyncio.CancelledError, Exception):
                    await asyncio.shield(ended)

    def clean_now(
        self,
        root: Path,
        *,
        deep_clean: bool = False,
        dry_run: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Cleaned:
        """The same for callers without a loop. Blocks."""
        return self._clean(root, Pace(on_progress), deep_clean, dry_run)

    def _clean(self, asked: Path, pace: Pace, deep: bool, dry: bool) -> Cleaned:
        root = Root(asked)
        try:
            watch = Watch(root.path, root.repositories)
            kept = keepers(root.path, self._protected)
        except BaseException:
            os.close(root.fd)
            raise
        hands: Hands = Pretending() if dry else Removing()
        sweep = Sweep(Rules(deep), hands, kept, watch, pace)
        sweep.run(root.fd)
        return Cleaned(
            str(root.path),
            deep,
            dry,
            tuple(sorted(sweep.removed, key=lambda one: one.path)),
            tuple(sorted(sweep.skipped, key=lambda one: one.path)),
            tuple(sorted(sweep.errors, key=lambda one: one.path)),
        )


def _on_thread(work: Callable[[], Cleaned]) -> Future[Cleaned]:
    """Run it on a thread that lives as long as it: cleanups are few, and may take minutes."""
    promise: Future[Cleaned] = Future()

    def run() -> None:
        try:
            promise.set_result(work())
        except BaseException as error:
            promise.set_exception(error)

    promise.set_running_or_notify_cancel()
    Thread(target=run, name="cleanup", daemon=True).start()
    return promise
