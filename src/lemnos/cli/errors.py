"""What a command may end in, and the exit code that scripts see."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lemnos.kernel.errors import Invalid, LemnosError


class CommandError(Exception):
    """A failure told on standard error. ``hint`` says what to do about it.

    ``request_id`` finds the request in the server's log; ``retry_after`` is in seconds.
    """

    exit_code = 1
    code = "failed"

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        hint: str = "",
        fields: Mapping[str, str] | None = None,
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.hint = hint
        self.fields = dict(fields or {})
        self.request_id = request_id
        self.retry_after = retry_after


class WrongUsage(CommandError):
    """The command was given something that cannot work."""

    exit_code = 2
    code = "usage"


class NoData(CommandError):
    """The data folder that a command works on is not there."""

    code = "no_data"

    def __init__(self, folder: Path) -> None:
        hint = "`lemnos serve` makes it; --data names another one."
        super().__init__(f"There is no data folder {folder}.", hint=hint)


class Unreachable(CommandError):
    """No server answers where one was looked for."""

    exit_code = 3
    code = "unreachable"


class Refused(CommandError):
    """The server does not accept the credential, or it does not allow this."""

    exit_code = 4
    code = "refused"


class Interrupted(CommandError):
    """Ended by Ctrl-C; the code is the shell's convention for SIGINT."""

    exit_code = 130
    code = "interrupted"


def as_command_error(error: BaseException) -> CommandError:
    """What stopped a command, with the exit code that belongs to it."""
    if isinstance(error, CommandError):
        return error
    if isinstance(error, LemnosError):
        kind = WrongUsage if isinstance(error, Invalid) else CommandError
        return kind(error.message, code=error.code, fields=error.fields)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return CommandError(f"{where}{error.strerror or error}", code="os_error")
    return Interrupted("Interrupted.")
