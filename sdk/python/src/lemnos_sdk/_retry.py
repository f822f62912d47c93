"""Whether and when to try again: exponential back-off with jitter, ``Retry-After`` honoured."""

from __future__ import annotations

import random

from lemnos_sdk._errors import LemnosError

FIRST_PAUSE = 0.5  # seconds
LONGEST_PAUSE = 8.0


def backoff(number: int) -> float:
    """The pause after so many failures in a row, from 1, with up to a quarter taken off."""
    pause = min(FIRST_PAUSE * 2.0 ** min(number - 1, 10), LONGEST_PAUSE)
    return pause * (1 - 0.25 * random.random())  # noqa: S311 - not for secrets


class Retries:
    """Counts failures in a row, and says what is to follow each."""

    def __init__(self, at_most: int, longest_retry_after: float) -> None:
        self._at_most = at_most
        self._longest = longest_retry_after
        self._failures = 0

    def reset(self) -> None:
        """It has worked again."""
        self._failures = 0

    def pause(self, error: LemnosError) -> float:
        """Seconds to wait before the next try. Raises the error when there is to be none."""
        self._failures += 1
        wished = error.retry_after or 0.0
        if not error.is_temporary or self._failures > self._at_most or wished > self._longest:
            raise error
        return max(wished, backoff(self._failures))
