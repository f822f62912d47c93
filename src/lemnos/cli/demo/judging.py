"""Judging in the demonstration: the gates on the defects and on the branch, and what to mend next.

Of all gates the one is asked whose tool comes with Lemnos: a machine that has just got it may have
no other.
"""

from __future__ import annotations

from pathlib import Path

from lemnos.cli.demo.stage import Stage
from lemnos.cli.demo.telling import Teller
from lemnos.cli.gates.verdict import FAILED, PASSED
from lemnos.cli.rankings import print_rankings, rankings_here
from lemnos.domains.analytics.model import DEFAULT_DAYS

_GATE = ("--gate", "lint")
_BEST = 3


def judge_defects(tell: Teller, stage: Stage) -> None:
    """Findings fail the gate; those that a baseline holds do not."""
    tell.heading("Gates judge it, without a server")
    _judge(tell, stage, stage.work, expected=FAILED)
    tell.say("Old debt need not stop new work: a baseline holds what is known already.")
    _judge(tell, stage, stage.work, "--set-baseline", expected=PASSED)
    (stage.work / "lemnos-baseline.json").unlink()  # the work below is judged without it


def judge_branch(tell: Teller, stage: Stage) -> None:
    """After the work the gate passes by itself."""
    _judge(tell, stage, stage.review, expected=PASSED)


def rank_branch(tell: Teller, stage: Stage) -> None:
    """Where refactoring is worth it next, by what was measured."""
    tell.command(f"lemnos rankings {stage.review.name} --limit 3")
    found = rankings_here(stage.review, "composite", _BEST, DEFAULT_DAYS)
    tell.show(lambda to: print_rankings(to, found))
    tell.demand(bool(found["rankings"]), "No file was ranked.")
    tell.facts["ranked"] = [one["path"] for one in found["rankings"]]


def _judge(tell: Teller, stage: Stage, folder: Path, *options: str, expected: int) -> None:
    tell.command(" ".join(("lemnos guard-rails", folder.name, *_GATE, *options)))
    code, said = stage.guard_rails(folder, *_GATE, *options)
    tell.say(said.rstrip())
    tell.demand(code == expected, f"The gates have ended with {code} in place of {expected}.")
    tell.facts.setdefault("gates", []).append(code)
