"""The cleaner port: removes rubbish below a folder, and nothing outside of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from lemnos.domains.cleanup.model import Cleaned


class Cleaner(Protocol):
    """Cleans folders, whatever happens to them meanwhile."""

    async def clean(
        self,
        root: Path,
        *,
        deep_clean: bool = False,
        dry_run: bool = False,
        on_removed: Callable[[int], None] | None = None,
    ) -> Cleaned:
        """Remove what is rubbish below ``root``; ``on_removed`` hears how many files went so far.

        Raises ``Invalid`` (field ``root``) for a root that must not be cleaned: ``/`` and other
        system folders, the home directory, what is no folder. It may be called from another
        thread. Cancelling the call stops it within a moment; what has gone by then is lost.
        """
        ...
