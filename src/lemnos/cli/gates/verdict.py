"""What a report of gates comes to: the exit code, and one line. Reports are plain data here.

Their shape is that of the API (:mod:`lemnos.domains.quality.plain`), so that a run at a server and
one on this machine are told in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from lemnos.cli.errors import CommandError, WrongUsage, as_command_error
from lemnos.kernel.errors import LemnosError, NotFound

Report = Mapping[str, Any]
Gate = Mapping[str, Any]

PASSED, FAILED, MISCONFIGURED, NO_VERDICT = 0, 1, 2, 3
_PASSING = frozenset({"passed", "not_applicable"})


class NoVerdict(CommandError):
    """The gates could not be asked, or not be told of. It must not look as if one had failed."""

    exit_code = NO_VERDICT
    code = "no_verdict"


@contextmanager
def judging() -> Iterator[None]:
    """Turn what goes wrong around the gates into the exit codes of CI: 1 is for gates alone."""
    try:
        yield
    except (CommandError, LemnosError, OSError) as error:
        told = as_command_error(error)
        if told.exit_code != FAILED:
            raise
        kind = WrongUsage if isinstance(error, NotFound) else NoVerdict
        raise kind(
            told.message,
            code=told.code,
            hint=told.hint,
            fields=told.fields,
            request_id=told.request_id,
        ) from error


def verdict_of(gate: Gate) -> str:
    """One of the words of ``Verdict``."""
    return str(gate["metadata"]["verdict"])


def passes(gate: Gate) -> bool:
    """Whether it lets a change through."""
    return verdict_of(gate) in _PASSING


def blocking(report: Report) -> list[Gate]:
    """The gates that the run fails for."""
    return [one for one in report["gates"] if not (passes(one) or one["metadata"]["optional"])]


def exit_code(report: Report) -> int:
    """What CI goes by: a failure is told before a configuration that is wrong, both before a
    gate that has no verdict. Nothing to judge is no verdict, either."""
    if report["success"]:
        return PASSED
    verdicts = {verdict_of(gate) for gate in blocking(report)}
    if "failed" in verdicts:
        return FAILED
    return MISCONFIGURED if "misconfigured" in verdicts else NO_VERDICT


def conclusion(report: Report) -> str:
    """One line for the end."""
    took = f"in {report['duration']:.1f} s"
    if report["success"]:
        judged = [one for one in report["gates"] if verdict_of(one) == "passed"]
        return f"Passed: {counted(len(judged), 'gate')} {took}{_debt(report['gates'])}."
    stopping = blocking(report)
    if not stopping:
        return "No verdict: there is nothing here that a gate judges."
    failed = _named(stopping, "failed")
    parts = [f"Failed: {', '.join(failed)}{_findings(stopping)}"] if failed else []
    if undecided := [one for one in stopping if verdict_of(one) not in ("failed", "not_run")]:
        told = (f"{one['name']} ({words(verdict_of(one))})" for one in undecided)
        parts.append(f"No verdict: {', '.join(told)}")
    if skipped := _named(stopping, "not_run"):
        parts.append(f"Not run: {', '.join(skipped)}")
    return f"{'. '.join(parts)}; {took}."


def words(verdict: str) -> str:
    """A verdict for people."""
    return verdict.replace("_", " ")


def counted(count: int, thing: str) -> str:
    """``1 gate``, ``2 gates``."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def _named(gates: Sequence[Gate], verdict: str) -> list[str]:
    return [str(one["name"]) for one in gates if verdict_of(one) == verdict]


def _findings(gates: Sequence[Gate]) -> str:
    new = sum(one["metadata"]["new_findings"] for one in gates)
    return f" ({counted(new, 'finding')})" if new else ""


def _debt(gates: Sequence[Gate]) -> str:
    known = sum(one["metadata"]["known_findings"] for one in gates)
    return f", with {counted(known, 'known finding')}" if known else ""
