"""What is wrong with what is asked of analytics."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lemnos.domains.analytics.model import MAX_DAYS, MAX_LIMIT, Kind, Where
from lemnos.kernel.errors import Invalid, TooLarge

_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_MOST_FILES = 200_000
_LONGEST_PATH = 4096  # characters
_LONGEST_SOURCE = 100
_MOST = 2**31  # lines


def check_limit(limit: int) -> None:
    """How many results."""
    _between("limit", limit, MAX_LIMIT)


def check_days(days: int) -> None:
    """How much history."""
    _between("days", days, MAX_DAYS)


def check_sent(
    kind: Kind, source: str, commit: str, content: Mapping[str, tuple[int, int]]
) -> None:
    """What another system has measured."""
    if not source.strip() or len(source) > _LONGEST_SOURCE or not source.isprintable():
        raise _wrong("source", f"must be 1 to {_LONGEST_SOURCE} printable characters")
    if commit and not _COMMIT.fullmatch(commit):
        raise _wrong("commit", "must be 7 to 64 hexadecimal digits, or empty")
    if len(content) > _MOST_FILES:
        raise TooLarge(f"At most {_MOST_FILES} files at once.", code="too_many_files")
    for path, (first, second) in content.items():
        if not path or len(path) > _LONGEST_PATH or "\0" in path:
            raise _wrong("content", f"a path must be 1 to {_LONGEST_PATH} characters without NUL")
        if not (0 <= first <= _MOST and 0 <= second <= _MOST):
            raise _wrong("content", f"numbers of {path!r} must be from 0 to {_MOST}")
        if kind is Kind.COVERAGE and first > second:
            raise _wrong("content", f"{path!r} has more lines covered than there are")


def _between(field: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise _wrong(field, f"must be from 1 to {most}")


def _wrong(field: str, text: str) -> Invalid:
    return Invalid(f"{field} {text}.", fields={field: text})


def demand_one(where: Where) -> None:
    """A folder or a task, not both."""
    if where.workspace and where.task_id:
        raise _wrong("task_id", "and workspace exclude each other")
