"""What is wrong with a repository, in the words of an analysis."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from lemnos.kernel.errors import Invalid, LemnosError

COMMIT = re.compile(r"[0-9a-f]{7,64}")

# The git port's codes → ours and the field that is at fault.
_MEANINGS = {
    "repository_not_found": ("not_a_repository", "repository"),
    "repository_empty": ("empty_repository", "repository"),
    "branch_not_found": ("unknown_branch", "branch"),
    "commit_not_found": ("unknown_commit", "commit"),
}


@contextmanager
def explained() -> Iterator[None]:
    """Errors of the git port that mean bad input leave as ``Invalid``, the others as they are."""
    try:
        yield
    except LemnosError as error:
        if error.code not in _MEANINGS:
            raise
        code, field = _MEANINGS[error.code]
        text = error.message
        raise Invalid(text, code=code, fields={field: text}) from error


def unknown_commit(text: str) -> Invalid:
    """This can't be a commit."""
    return Invalid(text, code="unknown_commit", fields={"commit": text})
