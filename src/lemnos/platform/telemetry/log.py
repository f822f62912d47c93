"""Structured logs: one JSON object a line on stderr, encoded directly.

On a terminal the same fields are shown as a line for people. The standard ``logging`` of libraries
is led here too.
"""

from __future__ import annotations

import logging
import sys
import traceback
from typing import IO

import msgspec

from lemnos.kernel import clock

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_encode = msgspec.json.Encoder(enc_hook=str).encode


class Log:
    """Writes lines of at least a level. Values of fields must not be secrets."""

    def __init__(self, level: str = "info", stream: IO[bytes] | None = None) -> None:
        self._least = LEVELS[level]
        self._stream = stream or sys.stderr.buffer
        self._human = stream is None and sys.stderr.isatty()

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

    def write(self, level: str, event: str, fields: dict[str, object]) -> None:
        """One line, whatever the least level is."""
        if self._human:
            shown = " ".join(f"{name}={value}" for name, value in fields.items())
            line = f"{clock.iso(clock.now())[11:23]} {level:7} {event} {shown}\n".encode()
        else:
            stamp = {"ts": clock.iso(clock.now()), "level": level, "event": event}
            line = _encode(stamp | fields) + b"\n"
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
