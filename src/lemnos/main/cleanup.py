"""The cleanup of folders, put together."""

from __future__ import annotations

from lemnos.domains.cleanup.service import CleanupService
from lemnos.domains.operations.service import OperationService
from lemnos.domains.workspaces.places import Places, TaskPlaces
from lemnos.runners.cleanup.cleaner import FolderCleaner
from lemnos.settings import Settings


def make_cleanup(
    settings: Settings, operations: OperationService, places: Places, tasks: TaskPlaces
) -> CleanupService:
    """The use cases; the server's own data is met by no cleanup of a folder around it."""
    return CleanupService(operations, places, tasks, FolderCleaner((settings.data_dir,)))
