"""The folders that callers may name, as the operator has set them."""

from __future__ import annotations

from pathlib import Path

from lemnos.domains.workspaces.places import Places
from lemnos.settings import Settings


def make_places(settings: Settings) -> Places:
    """The allowed roots, without what is the server's own.

    The folder for calls that name none is the one that is set, which is thereby allowed, else
    the one in which the server was started.
    """
    default = Path(settings.workspace).expanduser().resolve() if settings.workspace else Path.cwd()
    roots = (*settings.roots, default) if settings.workspace else settings.roots
    return Places(roots, (settings.data_dir,), default)
