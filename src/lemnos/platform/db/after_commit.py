"""Callbacks of a transaction that has become durable."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

log = logging.getLogger(__name__)


def call_back(callbacks: Iterable[Callable[[], None]]) -> None:
    """Call each. What one raises is logged: the transaction stands, and the others go on."""
    for callback in callbacks:
        try:
            callback()
        except Exception:
            log.exception("a callback after a commit failed")
