"""How far a task is, in percent, and when it may be done. Pure.

What is shown never falls: an attempt advances with the time that such work usually takes, and a
setback goes on from what had been shown.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from lemnos.domains.agents import fallback
from lemnos.domains.agents.fallback import Next
from lemnos.domains.tasks.model import Status, Task
from lemnos.domains.tasks.routing.course import Course
from lemnos.domains.tasks.routing.model import Basis, Progress, Stage
from lemnos.kernel.clock import SECOND
from lemnos.platform.events.port import Event

QUEUED, ROUTING, PREPARING, EXECUTING, FINISHING, DONE = 0, 2, 5, 10, 95, 100
_EXPECTED = 60.0  # seconds, where nothing is known
_SLOWLY = 0.8  # of the way that is left when an attempt takes longer than expected
_SHOWN = 80  # characters of what a tool works on
_OBJECTS = ("file_path", "path", "command", "pattern", "query", "url", "description")


def executing(begun: int, expected: float | None, now: int) -> int:
    """Percent, from the time that an attempt has taken and the seconds that it should take.

    Steady up to four fifths, then ever slower: it may take longer, and is not done before it is.
    """
    ratio = max(0, now - begun) / SECOND / (expected or _EXPECTED)
    share = _SLOWLY * ratio if ratio <= 1 else 1 - (1 - _SLOWLY) / ratio
    return EXECUTING + int(share * (FINISHING - EXECUTING - 1))


def reached(course: Course, now: int) -> int:
    """What is to be shown at least from now on."""
    percent = ROUTING
    if course.attempt is not None or course.outcome is not None:
        percent = EXECUTING
    if course.attempt is not None:
        percent = executing(course.attempt.started_at, course.expected_seconds, now)
    return max(course.floor, percent)


def progress(
    task: Task,
    course: Course,
    position: int | None,
    usual: float | None,
    places: int,
    newest: Sequence[Event],
    name: str,
    now: int,
) -> Progress:
    """The progress of a task that is not at rest.

    ``position``: how many go before it, None when its job is at work. ``usual``: seconds that
    such work takes, if known. ``places``: how many tasks are worked at side by side. ``newest``:
    the last events of its stream, in order. ``name``: its agent's.
    """
    stage = _stage(task, course, position)
    percent = max(course.floor, _percent(stage, task, course, now))
    basis = Basis.LIMIT if usual is None else Basis.HISTORY
    seconds = task.config.timeout_seconds if usual is None else usual
    message = _message(stage, course, newest, name, position)
    away = course.waiting_since is not None
    done = None if away else _done(stage, task, course, position, seconds, places, now)
    return Progress(percent, stage, message, position, done, basis)


def percentage(task: Task, course: Course, now: int) -> int:
    """Percent alone, by what the task and its course tell: what waits has not begun."""
    waits = task.status in (Status.PENDING, Status.AWAITING_INSTRUCTION)
    stage = Stage.QUEUED if waits else _stage(task, course, None)
    return max(course.floor, _percent(stage, task, course, now))


def at_rest(task: Task) -> Progress:
    """The progress of a task that has ended."""
    completed = task.status in (Status.COMPLETED, Status.PR_CREATED, Status.CREATING_PR)
    message = "Completed." if completed else (task.error or f"It is {task.status}.")
    if task.status is Status.PAUSED:
        message = "It has used up its budget, and waits for a decision. Its work is kept."
    return Progress(DONE, Stage.FINISHING, message, None, task.finished_at, Basis.FACT)


def _stage(task: Task, course: Course, position: int | None) -> Stage:
    if position is not None:
        return Stage.QUEUED
    if course.outcome is not None and fallback.after(course.outcome) is Next.STOP:
        return Stage.FINISHING
    match task.status:
        case Status.CLONING:
            return Stage.PREPARING
        case Status.RUNNING:
            return Stage.EXECUTING
    return Stage.ROUTING


def _percent(stage: Stage, task: Task, course: Course, now: int) -> int:
    match stage:
        case Stage.EXECUTING:
            begun = course.attempt.started_at if course.attempt else None
            if begun is None and not task.routed:
                begun = task.started_at
            return executing(begun or now, course.expected_seconds, now)
        case Stage.FINISHING:
            return FINISHING
        case Stage.PREPARING:
            return PREPARING
        case Stage.ROUTING:
            return ROUTING
    return QUEUED


def _done(
    stage: Stage,
    task: Task,
    course: Course,
    position: int | None,
    seconds: float,
    places: int,
    now: int,
) -> int:
    if stage is Stage.QUEUED:
        rounds = (position or 0) // max(places, 1)
        return now + int((rounds + 1) * seconds * SECOND)
    if stage is Stage.FINISHING:
        return now + SECOND
    begun = course.attempt.started_at if course.attempt else (task.started_at or now)
    expected = begun + int(seconds * SECOND)
    # What takes longer than it should will take a little longer still.
    return max(expected, now + int(seconds * SECOND * (1 - _SLOWLY) / 2))


def _message(
    stage: Stage, course: Course, newest: Sequence[Event], name: str, position: int | None
) -> str:
    match stage:
        case Stage.QUEUED:
            return _waiting(course, position or 0)
        case Stage.ROUTING:
            return "Choosing an agent."
        case Stage.PREPARING:
            return "Preparing the workspace."
        case Stage.FINISHING:
            return "Reading what has changed."
    doing = next(filter(None, map(_doing, reversed(newest))), "at work")
    return f"{name}: {doing}" if name else doing


def _waiting(course: Course, position: int) -> str:
    if course.waiting_since is not None:
        return "Waiting for an agent: all that could do it are away."
    if course.waited:
        return "Waiting for an agent with room."
    if course.leg > 1:
        again = course.tried.get(course.agent_id) and course.agent_id not in course.given_up
        return "Waiting to try again." if again else "Waiting for the next agent."
    return f"{position} before it." if position else "Next to be taken up."


def _doing(event: Event) -> str:
    """What an event says of the agent at work, in a few words; nothing for most."""
    if event.type == "gates":
        return _gates(event)
    if event.type != "stream" or not event.detail:
        return ""
    try:
        detail = msgspec.json.decode(event.detail)
    except msgspec.DecodeError:
        return ""
    match detail:
        case {"kind": "tool_use", "tool": str(tool)}:
            said = detail.get("input")
            return f"{tool} {_object(said)}".rstrip() if isinstance(said, dict) else tool
        case {"kind": "thinking"}:
            return "thinking"
        case {"kind": "text"}:
            return "writing its answer"
    return ""


def _gates(event: Event) -> str:
    match event.name:
        case "gates_started" | "gate_started" | "gate_finished":
            data = msgspec.json.decode(event.data)
            return f"its work is checked by the gates {data.get('gate', '')}".rstrip()
        case "repair_started":
            return "mending what the gates found"
    return ""


def _object(said: dict[str, object]) -> str:
    named = next((said[name] for name in _OBJECTS if isinstance(said.get(name), str)), "")
    text = " ".join(str(named).split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
