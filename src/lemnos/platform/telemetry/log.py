"""Structured logs: one JSON object a line on stderr, encoded directly.

On a terminal the same fields are shown as a line for people. The standard ``logging`` of libraries
is led here too.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import traceback
from typing import IO

import msgspec

from lemnos.kernel import clock

_SOON = 0.05  # seconds
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_encode = msgspec.json.Encoder(enc_hook=str).encode


class RequestLine(msgspec.Struct, gc=False):
    """The line of one request; its fields in the order in which they are written."""

    ts: str
    method: str
    path: str
    status: int
    ms: float
    request_id: str
    tenant: str
    subject: str
    level: str = "info"
    event: str = "request"


class Log:
    """Writes lines of at least a level. Values of fields must not be secrets."""

    def __init__(self, level: str = "info", stream: IO[bytes] | None = None) -> None:
        self._least = LEVELS[level]
        self._stream = stream or sys.stderr.buffer
        self._human = stream is None and sys.stderr.isatty()
        self._waiting: list[bytes] = []

    def debug(self, event: str, **fields: object) -> None:
        """For developers."""
        if self._least <= LEVELS["debug"]:
            self.write("debug", event, fields)

    def info(self, event: str, **fields: object) -> None:
        """What an operator may want to know."""
        if self._least <= LEVELS["info"]:
            self.write("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """What an operator should look at."""
        if self._least <= LEVELS["warning"]:
            self.write("warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        """What has gone wrong in Lemnos itself."""
        self.write("error", event, fields)

    def request(self, line: RequestLine) -> None:
        """What was asked and answered; on the way of every request, so encoded at once."""
        if self._least <= LEVELS["info"]:
            if self._human:
                fields = msgspec.structs.asdict(line)
                self.write(fields.pop("level"), fields.pop("event"), fields)
            else:
                self._gather(_encode(line))

    def write(self, level: str, event: str, fields: dict[str, object]) -> None:
        """One line, whatever the least level is."""
        if self._human:
            shown = " ".join(f"{name}={value}" for name, value in fields.items() if name != "ts")
            line = f"{clock.iso(clock.now())[11:23]} {level:7} {event} {shown}\n".encode()
        else:
            stamp = {"ts": clock.iso(clock.now()), "level": level, "event": event}
            line = _encode(stamp | fields) + b"\n"
        self._put(line)

    def _gather(self, line: bytes) -> None:
        """Write soon: a system call for each line would cost more than all else about it."""
        if not self._waiting:
            asyncio.get_running_loop().call_later(_SOON, self.flush)
        self._waiting.append(line)

    def flush(self) -> None:
        """Write the lines that wait."""
        if self._waiting:
            lines, self._waiting = self._waiting, []
            self._write(b"\n".join((*lines, b"")))

    def _put(self, line: bytes) -> None:
        self.flush()  # what happened before stands before
        self._write(line)

    def _write(self, line: bytes) -> None:
        try:
            self._stream.write(line)
            self._stream.flush()
        except (OSError, ValueError):
            pass  # a log that is gone must not take the server with it


class _Bridge(logging.Handler):
    """Leads what libraries log into our lines."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        level = "error" if record.levelno >= logging.ERROR else record.levelname.lower()
        fields: dict[str, object] = {"logger": record.name, "message": record.getMessage()}
        if record.exc_info and record.exc_info[1] is not None:
            fields["error"] = repr(record.exc_info[1])
            fields["traceback"] = "".join(traceback.format_exception(record.exc_info[1]))[-8_000:]
        self._log.write(level if level in LEVELS else "info", "library", fields)


def adopt_libraries(log: Log, level: int = logging.WARNING) -> None:
    """Send the standard library's ``logging`` from a level on to our log."""
    root = logging.getLogger()
    root.handlers[:] = [_Bridge(log)]
    root.setLevel(level)
