"""The progress of a task, as people see it."""

from __future__ import annotations

import io

from rich.console import Console

from lemnos.cli.follow import Progress, from_iteration
from lemnos.cli.shapes import StreamEvent


def event(type: str, name: str, data=None, **detail) -> StreamEvent:
    return StreamEvent(
        id="1", name="message", type=type, event=name, ts="", data=data or {}, detail=detail
    )


def shown(*events: StreamEvent, everything: bool = False) -> str:
    file = io.StringIO()
    progress = Progress(Console(file=file, width=80, markup=False, highlight=False), everything)
    for each in events:
        progress.show(each)
    return file.getvalue()


def test_a_run_reads_like_a_log():
    text = shown(
        event("git", "clone_started", {"repo_url": "https://h/r.git"}),
        event(
            "git",
            "clone_completed",
            {"commit": "0123456789abcdef", "branch": "main", "duration_seconds": 0.5},
        ),
        event("system", "cli_started", {"cli": "builtin", "reason": "It is the default."}),
        event("stream", "output", kind="thinking", text="hm"),
        event("stream", "output", kind="tool_use", tool="Bash", input={"command": "ls  -l"}),
        event("stream", "output", kind="tool_result", text="a\nb"),
        event("stream", "output", kind="file_change", path="x.py", change="modified"),
        event("stream", "output", kind="text", text="Done."),
        event("stream", "output", kind="result", text="Done."),
        event("git", "push", {"branch": "b", "commit": "0123456789abcdef"}),
    )
    assert text.splitlines() == [
        "● Cloning https://h/r.git",
        "  main at 0123456789, 0.5 s",
        "● Agent: builtin. It is the default.",
        "  … hm",
        "  → Bash  ls -l",
        "    a",
        "    b",
        "  ± x.py  modified",
        "  Done.",
        "● Pushed b at 0123456789",
    ]


def test_output_is_cut_short_unless_all_is_wanted():
    long = event("stream", "output", kind="tool_result", text="\n".join("abcdef"))
    assert shown(long).splitlines() == ["    a", "    b", "    c", "    … 3 more lines"]
    assert len(shown(long, everything=True).splitlines()) == 6
    wide = event("stream", "output", kind="text", text="x" * 1000)
    assert len(shown(wide).strip()) < 200
    assert len(shown(wide, everything=True).strip()) == 1000
    process = event("cli", "stderr", kind="stderr", text="warning")
    assert shown(process) == ""
    assert "warning" in shown(process, everything=True)


def test_where_the_checkout_is_says_nothing():
    place = "/srv/workspaces/550e8400-e29b-41d4-a716-446655440000/checkout/src/a.py"
    assert shown(
        event("stream", "output", kind="tool_use", tool="Read", input={"path": place})
    ) == ("  → Read  src/a.py\n")


def test_control_characters_do_not_pass():
    assert "\x1b" not in shown(event("stream", "output", kind="text", text="\x1b[2Jhi"))


def test_a_follow_up_begins_where_it_was_asked_for():
    done = StreamEvent(id="9", name="done", type="", event="", ts="", data={}, detail={})
    events = [
        event("git", "clone_started"),
        event("system", "task_instructed", {"iteration": 2}),
        event("stream", "output"),
        done,
    ]
    assert list(from_iteration(events, 1)) == events
    assert list(from_iteration(events, 2)) == events[1:]
    assert list(from_iteration(events, 3)) == [done]
