"""What a failed git command means to the caller. git has no error codes, only its English."""

from __future__ import annotations

from collections.abc import Callable

from lemnos.kernel.errors import Conflict, Forbidden, Invalid, LemnosError, NotFound, Unavailable
from lemnos.kernel.redact import Redactor

_SHOWN = 500  # characters of git's own words in an error


def _auth_failed(said: str) -> LemnosError:
    return Forbidden(
        f"The git host refused the credential, or needs one. {said}", code="git_auth_failed"
    )


def _not_found(said: str) -> LemnosError:
    return NotFound(
        f"There is no such repository, or the token may not see it. {said}",
        code="repository_not_found",
    )


def _commit_not_found(said: str) -> LemnosError:
    return NotFound(f"The repository has no such commit. {said}", code="commit_not_found")


def _unavailable(said: str) -> LemnosError:
    return Unavailable(f"The git host can't be reached. {said}", code="git_unavailable")


def _rejected(said: str) -> LemnosError:
    return Conflict(f"The git host did not accept the branch. {said}", code="push_rejected")


def _disk_full(said: str) -> LemnosError:
    return Unavailable(f"The disk for workspaces is full. {said}", code="disk_full")


def _out_of_memory(said: str) -> LemnosError:
    return Unavailable(f"git needs more memory than it may use. {said}", code="git_out_of_memory")


# The first match counts. The texts are those of git and libcurl under LC_ALL=C.
_MEANINGS: tuple[tuple[tuple[str, ...], Callable[[str], LemnosError]], ...] = (
    (("no space left on device", "disk quota exceeded", "out of diskspace"), _disk_full),
    (("out of memory", "cannot allocate memory"), _out_of_memory),
    (
        (
            "authentication failed",
            "could not read username",
            "could not read password",
            "returned error: 401",
            "returned error: 403",
        ),
        _auth_failed,
    ),
    (
        (
            "' not found",
            "returned error: 404",
            "not a git repository",
            "does not appear to be a git repository",
        ),
        _not_found,
    ),
    (("not our ref", "couldn't find remote ref"), _commit_not_found),
    (("[remote rejected]", "[rejected]"), _rejected),
    (
        (
            "could not resolve host",
            "failed to connect",
            "couldn't connect",
            "connection refused",
            "connection reset",
            "timed out",
            "returned error: 429",
            "returned error: 5",
            "rpc failed",
            "early eof",
            "remote end hung up",
            "empty reply",
            "operation too slow",
            "recv failure",
            "ssl ",
            "certificate",
        ),
        _unavailable,
    ),
)


def git_error(stderr: str, secrets: tuple[str, ...] = ()) -> LemnosError:
    """The error for what git printed, its words redacted and shortened."""
    said = Redactor(secrets).text(stderr).strip()
    if len(said) > _SHOWN:
        said = "…" + said[-_SHOWN:]
    lowered = stderr.lower()
    for signs, meaning in _MEANINGS:
        if any(sign in lowered for sign in signs):
            return meaning(f"git said: {said}")
    return LemnosError(f"git failed. git said: {said}", code="git_failed")


def branch_not_found(branch: str) -> Invalid:
    """The remote has no such branch."""
    text = f"The repository has no branch {branch!r}."
    return Invalid(text, code="branch_not_found", fields={"target_branch": text})


def empty_repository() -> Invalid:
    """The remote has no commit, so there is nothing to start from."""
    text = "The repository has no commits yet: push a first one, then try again."
    return Invalid(text, code="repository_empty", fields={"repo_url": text})
