"""What reaches a terminal."""

from __future__ import annotations

import io

from rich.console import Console

from lemnos.cli.errors import CommandError, WrongUsage
from lemnos.cli.output import moment, print_diff, table, tell, visible


def test_an_agent_cannot_steer_the_terminal():
    assert visible("\x1b[2J\x1b]0;title\x07gone") == r"\x1b[2J\x1b]0;title\x07gone"
    assert visible("right-to-left \u202e override") == r"right-to-left \u202e override"
    assert visible("tab\tand\nline, héllo ✓\r\n") == "tab\tand\nline, héllo ✓\n"


def test_markup_of_others_is_text():
    file = io.StringIO()
    to = Console(file=file, markup=False, highlight=False, emoji=False)
    to.print(table("", ("name",), [["[red]:smile:[/red]"]]))
    assert "[red]:smile:[/red]" in file.getvalue()


def test_a_long_diff_says_how_much_is_left_out():
    file = io.StringIO()
    to = Console(file=file, force_terminal=True, color_system="standard", width=80)
    text = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-old\n+new\n"
    assert print_diff(to, text) == 0
    shown = file.getvalue()
    assert "\x1b[31m-old" in shown
    assert "\x1b[32m+new" in shown
    assert print_diff(to, text, 3) == 2


def test_errors_go_to_stderr_for_people_and_for_scripts(capsys):
    error = WrongUsage("name is bad.", fields={"name": "is bad", "tier": "is odd"}, hint="Try b.")
    tell(error, as_json=False)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "Error: name is bad.\n  tier: is odd\nTry b.\n"
    tell(CommandError("no"), as_json=True)
    assert capsys.readouterr().err == '{"error": "failed", "message": "no"}\n'


def test_times_are_shown_to_the_minute():
    assert moment("2025-01-15T10:30:59.123456Z") == "2025-01-15 10:30"
    assert moment(None) is None


def _printed(width: int) -> str:
    file = io.StringIO()
    to = Console(width=width, markup=False, file=file)
    columns = ("agent", "provider", "health", ">success", ">quality", ">cost", "problem")
    rows = [["smith", "builtin", "healthy", "95 %", None, "$1.20", "a sentence of some length"]]
    to.print(table("agents", columns, rows))
    return file.getvalue()


def test_where_a_table_cannot_be_read_its_rows_stand_below_each_other():
    wide, narrow = _printed(120), _printed(50)
    assert "agent   provider   health" in wide
    assert "health    healthy\nsuccess   95 %\ncost      $1.20\n" in narrow
    assert "quality" not in narrow  # nothing is known of it
