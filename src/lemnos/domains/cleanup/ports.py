"""The cleaner port: removes rubbish below a folder, and nothing outside of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from lemnos.domains.cleanup.model import Cleaned

# Which share of the folders is done (0 to 1), and how many files went so far.
OnProgress = Callable[[float, int], None]


class Cleaner(Protocol):
    """Cleans folders, whatever happens to them meanwhile."""

    async def clean(
        self,
        root: Path,
        *,
        deep_clean: bool = False,
        dry_run: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Cleaned:
        """Remove what is rubbish below ``root``; ``on_progress`` hears now and then how far it is.

        Raises ``Invalid`` (field ``root``) for a root that must not be cleaned: ``/`` and other
        system folders, the home directory, what is no folder, what belongs to a repository that
        cannot be read. ``on_progress`` is called from another thread. Cancelling the call stops
        it within a moment; what has gone by then stays gone.
        """
        ...
