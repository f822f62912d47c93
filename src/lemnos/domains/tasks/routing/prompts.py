"""What an agent is told of an order: the work, its surroundings, and the form of the answer. Pure.

The form asks for little, and :mod:`answers` makes do with less.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lemnos.domains.tasks.model import TaskType
from lemnos.domains.tasks.routing.model import Order

REVIEWS = frozenset({TaskType.CODE_REVIEW, TaskType.SECURITY_ANALYSIS})

_WORK = {
    TaskType.CODE_GENERATION: "Write the code that is asked for.",
    TaskType.CODE_REVIEW: "Review the code as asked. Change no file.",
    TaskType.DEBUGGING: "Find the cause of the problem, and fix it.",
    TaskType.REFACTORING: "Change the structure as asked, and nothing of the behaviour.",
    TaskType.DOCUMENTATION: "Write the documentation that is asked for.",
    TaskType.TESTING: "Write the tests that are asked for, and run them.",
    TaskType.ARCHITECTURE: "Work out the design that is asked for, and say what speaks for it.",
    TaskType.SECURITY_ANALYSIS: "Look for weaknesses as asked. Change no file.",
}
_KNOWN = (("repository", "Project"), ("language", "Language"), ("framework", "Framework"))

_IN_REPOSITORY = (
    "Work in the repository in the current folder; what you change there is the result."
)
_IN_NOTHING = (
    "The current folder is an empty repository. If the result is a single piece of code, put it "
    "into your answer; if it takes several files, write them into the folder."
)
_ANSWER = """End with an answer in this form, leaving out what does not apply:

## Explanation
What you did and why, in a few sentences.

## Code
One fenced block with the code{where}.

## Suggestions
- what should be done next, a line each"""
_REVIEW_ANSWER = """End with an answer in this form:

## Explanation
Your verdict in a few sentences.

## Findings
One fenced block of JSON, an empty list if there is nothing to find:
[{"severity": "critical|high|medium|low|info", "file": "path", "line": 1,
  "message": "what is wrong and what follows from it", "suggestion": "what to do"}]

## Suggestions
- what should be done next, a line each"""


def prompt_of(order: Order) -> str:
    """The prompt for the first iteration of a task."""
    parts = [order.description.strip(), _WORK[order.type]]
    if known := _surroundings(order.context):
        parts.append(known)
    parts.append(_IN_REPOSITORY if order.repo_url else _IN_NOTHING)
    parts.append(_form(order))
    return "\n\n".join(parts)


def _surroundings(context: Mapping[str, Any]) -> str:
    lines = [f"{label}: {_line(context[name])}" for name, label in _KNOWN if context.get(name)]
    files = context.get("files")
    if isinstance(files, list | tuple) and files:
        lines.append("Files to look at first:")
        lines += [f"- {_line(path)}" for path in files]
    taken = {name for name, _ in _KNOWN} | {"files"}
    lines += [
        f"{_line(name)}: {_line(said)}" for name, said in context.items() if name not in taken
    ]
    return "\n".join(lines)


def _line(said: object) -> str:
    return " ".join(str(said).split())


def _form(order: Order) -> str:
    if order.type in REVIEWS:
        return _REVIEW_ANSWER
    where = ", unless it is in files" if not order.repo_url else " that matters most"
    return _ANSWER.format(where=where)
