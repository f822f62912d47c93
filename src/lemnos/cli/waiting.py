"""Waiting for work that tells how far it is only when it is asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lemnos.cli.errors import CommandError, Interrupted
from lemnos.cli.output import Output, error_console, visible

Json = dict[str, Any]

# About 20 requests in the first minute, 12 in each later one: the API allows 50 a minute.
_FIRST, _LONGEST, _GROWTH = 0.5, 5.0, 1.5  # seconds between two looks
_LONGEST_ASKED = 120.0  # seconds that a server may ask to be left alone for


def wait(
    out: Output,
    look: Callable[[], Json],
    ended: Callable[[Mapping[str, Any]], bool],
    stage: Callable[[Mapping[str, Any]], str],
    hint: str,
) -> Json:
    """Look, ever more seldom, until it has ended; tell people the stage meanwhile.

    ``hint`` says how to find it again after Ctrl-C, which leaves it running.
    """
    pause = _FIRST
    try:
        with _telling(out) as tell:
            while True:
                try:
                    found = look()
                except CommandError as error:
                    time.sleep(_asked(error))
                    continue
                if ended(found):
                    return found
                tell(stage(found))
                time.sleep(pause)
                pause = min(pause * _GROWTH, _LONGEST)
    except KeyboardInterrupt:
        raise Interrupted("No longer waiting.", hint=hint) from None


def _asked(error: CommandError) -> float:
    """The seconds that a server that limits us asks for; raises any other error."""
    if error.retry_after is None or error.retry_after > _LONGEST_ASKED:
        raise error
    return max(error.retry_after, 1.0)


@contextmanager
def _telling(out: Output) -> Iterator[Callable[[str], None]]:
    """A spinner on a terminal; elsewhere a line for each new stage; nothing for scripts."""
    to = error_console()
    if out.as_json or not to.is_terminal:
        last = ""

        def note(text: str) -> None:
            nonlocal last
            if text != last:
                out.note(visible(text))
            last = text

        yield note
        return
    with to.status("…") as status:
        yield lambda text: status.update(visible(text))
