"""A disk that is full: an error of the task that fills it, not an outage that passes."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from lemnos.kernel.errors import LemnosError, Unavailable

_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def disk_full_fails() -> Iterator[None]:
    """Make a full disk an error that lasts: trying again would only fill it again.

    Raises ``LemnosError`` with code ``disk_full``.
    """
    try:
        yield
    except Unavailable as error:
        if error.code != "disk_full":
            raise
        raise LemnosError(error.message, code="disk_full") from error
    except OSError as error:
        if error.errno not in _FULL:
            raise
        message = "The disk for workspaces is full: no space left on device."
        raise LemnosError(message, code="disk_full") from error
