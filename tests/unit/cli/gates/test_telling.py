"""Gates for people."""

from __future__ import annotations

import io
from threading import Event

import pytest
from rich.console import Console

from lemnos.cli.gates.telling import MOST_FINDINGS, Teller, by_hand, print_conclusion, print_gate
from lemnos.domains.quality.model import Finding, GateResult, Level, Verdict
from lemnos.domains.quality.plain import plain_gate
from tests.unit.cli.gates.reports import gate, report


def _console(file: io.StringIO) -> Console:
    return Console(file=file, width=200, markup=False, highlight=False, emoji=False)


def _told(result: GateResult) -> str:
    said = io.StringIO()
    print_gate(_console(said), plain_gate(result))
    return said.getvalue()


def test_a_failure_names_places_rules_and_the_command():
    failed = gate(
        "types",
        Verdict.FAILED,
        Finding("arg-type", "Wrong [bold]argument[/]", path="src/a.py", line=12, column=5),
        Finding("note", "See there\nand there", Level.NOTE, "src/b.py", 3),
        Finding("old", "Known since long", path="src/c.py", line=1, known=True),
        Finding("whole", "All of it"),
        tool="mypy",
        version="2.4.1",
        command=("/venv/bin/mypy", "a folder"),
        output="a wall of text",
    )
    assert _told(failed) == (
        "✗ types     mypy 2.4.1: types said so.  (1 known, 1.5 s)\n"
        "    src/a.py:12:5: Wrong [bold]argument[/]  [arg-type]\n"
        "    src/b.py:3: note: See there\n"
        "      and there  [note]\n"
        "    All of it  [whole]\n"
        "    by hand: /venv/bin/mypy 'a folder'\n"
    )


def test_without_a_verdict_it_says_why_and_what_to_do():
    missing = gate("tests", Verdict.MISSING_TOOL, message="pip install pytest")
    assert _told(missing) == "! tests     pip install pytest  (missing tool, 1.5 s)\n"
    crashed = gate("lint", Verdict.CRASHED, output="\n".join(map(str, range(100))))
    assert "    99\n" in _told(crashed)
    assert "    10\n" not in _told(crashed)


def test_what_passes_takes_one_line():
    passed = gate("lint", Verdict.PASSED, cached=True, tool="ruff", version="0.17")
    assert _told(passed) == "✓ lint      ruff 0.17: lint said so.  (cached)\n"
    assert _told(gate("yaml", Verdict.NOT_APPLICABLE)) == "– yaml      yaml said so.\n"


def test_a_thousand_findings_do_not_flood_the_terminal():
    found = [Finding("E", f"number {number}", path="a.py", line=number) for number in range(1000)]
    lines = _told(gate("lint", Verdict.FAILED, *found)).splitlines()
    assert len(lines) == MOST_FINDINGS + 2
    assert lines[-1] == "    … 980 more; --sarif FILE or --json has them all"


def test_what_a_tool_says_cannot_steer_the_terminal():
    finding = Finding("\x1b[2J", "\x1b]0;title\x07", path="\x1b[31m.py")
    assert "\x1b" not in _told(gate("lint", Verdict.FAILED, finding, message="\x1b[2J"))


@pytest.mark.parametrize("quiet", [True, False])
def test_quiet_tells_only_of_what_does_not_pass(quiet):
    file = io.StringIO()
    tell = Teller(_console(file), None, quiet=quiet)
    tell.begun("lint", 0, 2)
    tell.ended(plain_gate(gate("lint", Verdict.PASSED)), 1, 2)
    tell.ended(plain_gate(gate("types", Verdict.CRASHED)), 2, 2)
    tell.close()
    said = file.getvalue()
    assert ("lint" in said) is not quiet
    assert "types" in said


def test_what_takes_a_while_is_told_of_while_it_runs(monkeypatch):
    monkeypatch.setattr("lemnos.cli.gates.telling._A_WHILE", 0.01)
    said = Event()

    class Listening(io.StringIO):
        def write(self, text: str) -> int:
            if "… tests" in text:
                said.set()
            return super().write(text)

    tell = Teller(_console(Listening()), None, quiet=False)
    tell.begun("tests", 0, 1)
    assert said.wait(30)
    tell.close()


def test_gates_with_nothing_to_judge_share_a_line():
    said = io.StringIO()
    made = report(gate("lint", Verdict.PASSED), gate("yaml", Verdict.NOT_APPLICABLE))
    print_conclusion(_console(said), made)
    assert said.getvalue() == "Nothing to judge: yaml\nPassed: 1 gate in 2.0 s.\n"


def test_a_command_for_reports_can_be_repeated():
    command = ("/bin/pytest", "--junitxml=$TMP/reports/j.xml", "a b", "$HOME")
    assert by_hand(command) == (
        "TMP=$(mktemp -d); mkdir $TMP/reports; "
        "/bin/pytest \"--junitxml=$TMP/reports/j.xml\" 'a b' '$HOME'"
    )
    assert by_hand(("ruff", "check", ".")) == "ruff check ."
    assert by_hand(("ruff", "$TMP`id`")) == "ruff '$TMP`id`'"
