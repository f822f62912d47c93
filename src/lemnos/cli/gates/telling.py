"""Gates for people: each as it ends, with what it points out, who judged, and what to do."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from threading import Timer
from typing import TYPE_CHECKING, Any

from lemnos.cli.gates.verdict import Gate, Report, conclusion, passes, verdict_of, words
from lemnos.cli.output import console, visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

MOST_FINDINGS = 20  # of a gate that are shown
_LONGEST = 300  # characters of a gate's message
_OUTPUT_LINES = 15  # of what a tool without a verdict said last
_A_WHILE = 2.0  # seconds
_NOTHING = "not_applicable"
_MARKS: Mapping[str, tuple[str, str]] = {
    "passed": ("✓", "green"),
    _NOTHING: ("–", "dim"),
    "failed": ("✗", "red"),
    "not_run": ("–", "dim"),
    "cancelled": ("–", "dim"),
}
_UNDECIDED = ("!", "yellow")  # the tool gave no verdict
_UNEXPLAINED = ("crashed", "timed_out")
_REPORTS = "$TMP"  # stands for the folder that a tool has written its reports to
_SPECIAL = re.compile(r'["`\\\\]|\$(?!TMP\b)')
_LEVELS = {"error": "red", "warning": "yellow", "note": "dim"}


class Teller:
    """Hears of gates and tells people. ``quiet``: only of those that do not pass.

    Without a terminal, that a gate runs is told once that takes a while; on one, at once.
    """

    def __init__(self, to: Console, status: Status | None, *, quiet: bool) -> None:
        self._to = to
        self._status = status
        self._quiet = quiet
        self._running: dict[str, Timer] = {}

    def begun(self, gate: str, done: int, total: int) -> None:
        """A gate has begun."""
        self._running[gate] = patience = Timer(_A_WHILE, self.note, (f"… {gate}",))
        patience.daemon = True
        if self._status is None and not self._quiet:
            patience.start()
        self._update(done, total)

    def ended(self, gate: Gate, done: int, total: int) -> None:
        """A gate has ended."""
        if patience := self._running.pop(str(gate["name"]), None):
            patience.cancel()
        if not (self._quiet and passes(gate)) and verdict_of(gate) != _NOTHING:
            print_gate(self._to, gate)
        self._update(done, total)

    def note(self, text: str) -> None:
        """Something beside the gates."""
        self._to.print(visible(text), style="dim", soft_wrap=True)

    def close(self) -> None:
        """Nothing more is told."""
        for patience in self._running.values():
            patience.cancel()

    def _update(self, done: int, total: int) -> None:
        if self._status is not None:
            names = visible(", ".join(self._running)) or "…"
            self._status.update(f"{done} of {total}  {names}")


class Silence(Teller):
    """For scripts: nothing is told."""

    def __init__(self) -> None:
        """Nothing is needed to say nothing."""

    def begun(self, gate: str, done: int, total: int) -> None:
        """Says nothing."""

    def ended(self, gate: Gate, done: int, total: int) -> None:
        """Says nothing."""

    def note(self, text: str) -> None:
        """Says nothing."""


@contextmanager
def telling(*, as_json: bool, quiet: bool) -> Iterator[Teller]:
    """A spinner with what runs on a terminal; elsewhere lines alone; nothing for scripts."""
    if as_json:
        yield Silence()
        return
    to = console()
    with to.status("…") if to.is_terminal else nullcontext() as status:
        tell = Teller(to, status, quiet=quiet)
        try:
            yield tell
        finally:
            tell.close()


def print_gate(to: Console, gate: Gate) -> None:
    """One gate: its verdict, what is new, and how to go on from there."""
    from rich.text import Text

    said, verdict = gate["metadata"], verdict_of(gate)
    mark, style = _MARKS.get(verdict, _UNDECIDED)
    if not passes(gate) and said["optional"]:
        style = "yellow"
    line = Text.assemble((mark, style), f" {visible(str(gate['name'])):<9} ", _judge(said))
    line.append(visible(shortened(str(gate["message"]))), "" if passes(gate) else style)
    line.append(_aside(gate), "dim")
    to.print(line, soft_wrap=True)
    if passes(gate):
        return
    _print_findings(to, said["findings"])
    if verdict in _UNEXPLAINED or (verdict == "failed" and not said["findings"]):
        _print_output(to, str(said.get("output", "")))
    _print_next(to, gate)


def print_conclusion(to: Console, report: Report) -> None:
    """The last lines: what there was nothing for, and the outcome."""
    if idle := [str(gate["name"]) for gate in report["gates"] if verdict_of(gate) == _NOTHING]:
        to.print(visible(f"Nothing to judge: {', '.join(idle)}"), style="dim", soft_wrap=True)
    style = "bold green" if report["success"] else "bold red"
    to.print(visible(conclusion(report)), style=style, soft_wrap=True)


def _judge(said: Mapping[str, Any]) -> str:
    name = " ".join(str(part) for part in (said["tool"], said["version"]) if part)
    return f"{visible(name)}: " if name else ""


def _aside(gate: Gate) -> str:
    said, verdict = gate["metadata"], verdict_of(gate)
    parts = []
    if verdict not in _MARKS:
        parts.append(words(verdict))
    if said["known_findings"]:
        parts.append(f"{said['known_findings']} known")
    if said["optional"] and not passes(gate):
        parts.append("optional")
    if verdict not in (_NOTHING, "not_run"):
        parts.append("cached" if said["cached"] else f"{gate['duration']:.1f} s")
    return f"  ({', '.join(parts)})" if parts else ""


def _print_findings(to: Console, findings: list[Mapping[str, Any]]) -> None:
    new = [one for one in findings if one["baselineState"] == "new"]
    for one in new[:MOST_FINDINGS]:
        to.print(_finding(one), soft_wrap=True)
    if (left := len(new) - MOST_FINDINGS) > 0:
        to.print(f"    … {left} more; --sarif FILE or --json has them all", style="dim")


def _finding(one: Mapping[str, Any]) -> Any:
    """``path:line:column: message [rule]``, as terminals and editors make links of."""
    from rich.text import Text

    text = Text("    ")
    if place := _place(one):
        text.append(visible(place), "bold")
        text.append(": ")
    if one["level"] != "error":
        text.append(f"{one['level']}: ", _LEVELS.get(one["level"], ""))
    message = str(one["message"]["text"]).strip()
    text.append(visible(message.replace("\n", "\n      ")))
    text.append(f"  [{visible(str(one['ruleId']))}]", "dim")
    return text


def _place(one: Mapping[str, Any]) -> str:
    for location in one.get("locations", ()):
        physical = location["physicalLocation"]
        region = physical.get("region", {})
        numbers = (region.get("startLine"), region.get("startColumn"))
        known = [str(number) for number in numbers if number is not None]
        return ":".join([physical["artifactLocation"]["uri"], *known])
    return ""


def _print_output(to: Console, output: str) -> None:
    for line in output.strip().splitlines()[-_OUTPUT_LINES:]:
        to.print(visible(f"    {line}"), style="dim", soft_wrap=True)


def _print_next(to: Console, gate: Gate) -> None:
    said = gate["metadata"]
    tools: Iterable[Mapping[str, Any]] = said.get("tools", {}).values()
    commands = [tool["command"] for tool in tools if tool["verdict"] != "passed"]
    for command in commands or [said["command"]]:
        if command:
            to.print(visible(f"    by hand: {by_hand(command)}"), style="dim", soft_wrap=True)


def by_hand(command: Sequence[str]) -> str:
    """A command for a shell; what went to a folder for reports gets a new one."""
    quoted = [
        f'"{word}"' if _REPORTS in word and not _SPECIAL.search(word) else shlex.quote(word)
        for word in command
    ]
    begin = f"TMP=$(mktemp -d); mkdir {_REPORTS}/reports; "
    return (begin if any(word.startswith('"') for word in quoted) else "") + " ".join(quoted)


def shortened(text: str) -> str:
    """So much of a message that the verdicts stay in sight."""
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
