"""What commands print: JSON for scripts, tables and colour for people, errors on stderr.

Text that comes from agents and repositories is never trusted to be harmless to a terminal: control
characters are shown as such (:func:`visible`), and Rich's markup is off.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from lemnos.cli.errors import CommandError

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.table import Table
    from rich.text import Text

_KEPT = {"\n", "\t"}
# Columns that are copied, so they are never folded.
_IDS = {"id", "task", "delivery", "webhook", "analysis", "opportunity", "refactoring"}
_PIPE_WIDTH = 120  # of what does not go to a terminal
_READABLE = 16  # characters: a column that is folded to fewer cannot be read
_GAP = 3  # characters between two columns
_NOTHING = "–"


class Output:
    """Where a command's results go. ``as_json``: one JSON document on stdout, nothing else."""

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json

    def give(self, content: object, human: Callable[[Console], None]) -> None:
        """Print the result, for a script or for a person."""
        if self.as_json:
            print_json(content)
        else:
            human(console())

    def note(self, text: str, style: str = "dim") -> None:
        """Tell a person something beside the result; on stderr, so that pipes stay clean."""
        if not self.as_json:
            error_console().print(text, style=style)


@cache
def console() -> Console:
    """Standard output."""
    return _console(stderr=False)


@cache
def error_console() -> Console:
    """Standard error."""
    return _console(stderr=True)


def print_json(content: object, *, indent: int | None = 2) -> None:
    """A JSON document on stdout, as it is, whatever stdout's encoding."""
    sys.stdout.write(json.dumps(content, indent=indent) + "\n")
    sys.stdout.flush()


class Listing:
    """Rows for people: a table where it can be read, else one row below the other.

    Columns whose name begins with ``>`` are aligned to the right.
    """

    def __init__(
        self, title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
    ) -> None:
        self._title = title
        self._columns = columns
        self._rows = [[cell(value) for value in row] for row in rows]

    def __rich_console__(self, to: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """As Rich's console protocol asks for."""
        if self._needs() <= options.max_width:
            yield self._table()
        else:
            yield from self._blocks()

    def _needs(self) -> int:
        """The width from which on no column is folded beyond what can be read."""
        width = 0
        for place, name in enumerate(self._columns):
            longest = max((len(row[place]) for row in self._rows), default=0)
            folded = longest if name in _IDS else min(longest, _READABLE)
            width += max(len(name.removeprefix(">")), folded) + _GAP
        return width

    def _table(self) -> Table:
        from rich.box import SIMPLE_HEAD
        from rich.table import Table

        made = Table(title=self._title, box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
        for name in self._columns:
            made.add_column(
                name.removeprefix(">"),
                justify="right" if name.startswith(">") else "left",
                overflow="fold",
                no_wrap=name in _IDS,
            )
        for row in self._rows:
            made.add_row(*row)
        return made

    def _blocks(self) -> Iterator[Text]:
        from rich.text import Text

        names = [name.removeprefix(">") for name in self._columns]
        wide = max(map(len, names)) + 2
        if self._title:
            yield Text(self._title, style="italic")
        for row in self._rows:
            for name, value in zip(names, row, strict=True):
                if value != _NOTHING:
                    yield Text.assemble((f"{name:<{wide}}", "bold"), value)
            yield Text()


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Listing:
    """See :class:`Listing`."""
    return Listing(title, columns, rows)


def cell(value: object) -> str:
    """A value as a table shows it."""
    return _NOTHING if value is None or value == "" else visible(str(value))


def moment(iso: str | None) -> str | None:
    """A time of the API to the minute, in UTC: ``2025-01-15 10:30``."""
    return iso[:16].replace("T", " ") if iso else None


def visible(text: str) -> str:
    """The text with control characters made visible, so that it cannot steer the terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in _KEPT else _shown(c) for c in text)


def print_diff(to: Console, text: str, longest: int | None = None) -> int:
    """A unified diff in colour; how many lines were left out beyond ``longest``."""
    lines = text.splitlines()
    for line in lines[:longest]:
        to.print(visible(line), style=_diff_style(line), soft_wrap=True)
    return max(0, len(lines) - longest) if longest is not None else 0


def tell(error: CommandError, as_json: bool) -> None:
    """An error, on stderr."""
    if as_json:
        content: dict[str, object] = {"error": error.code, "message": error.message}
        content |= {"hint": error.hint} if error.hint else {}
        content |= {"fields": error.fields} if error.fields else {}
        content |= {"request_id": error.request_id} if error.request_id else {}
        sys.stderr.write(json.dumps(content) + "\n")
        return
    to = error_console()
    to.print(f"Error: {visible(error.message)}", style="bold red", soft_wrap=True)
    _print_fields(to, error.message, error.fields)
    if error.hint:
        to.print(visible(error.hint), soft_wrap=True)
    if error.request_id:
        to.print(f"Request {visible(error.request_id)}", style="dim", soft_wrap=True)


def _print_fields(to: Console, message: str, fields: Mapping[str, str]) -> None:
    for name, problem in fields.items():
        if problem not in message:
            to.print(f"  {visible(name)}: {visible(problem)}", soft_wrap=True)


def _console(stderr: bool) -> Console:
    from rich.console import Console

    made = Console(stderr=stderr, markup=False, highlight=False, emoji=False)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = _PIPE_WIDTH
    return made


def _shown(character: str) -> str:
    """``\\x1b`` and the like."""
    return character.encode("unicode_escape").decode() if character != "\r" else ""


_STYLES = (
    (("diff ", "index ", "new file", "deleted file", "similarity", "rename ", "old mode"), "bold"),
    (("+++", "---"), "bold"),
    (("@@",), "cyan"),
    (("+",), "green"),
    (("-",), "red"),
)


def _diff_style(line: str) -> str | None:
    return next((style for starts, style in _STYLES if line.startswith(starts)), None)
