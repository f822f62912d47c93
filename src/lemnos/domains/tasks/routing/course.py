"""The course of a routed iteration: whose turn it is, what was tried, and what follows. Pure.

An iteration is carried on by one job after the other, its legs: a leg makes one attempt, or finds
that none can be made now. Between two legs the course is a row and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lemnos.domains.agents import fallback
from lemnos.domains.agents.fallback import Next
from lemnos.domains.agents.model import Agent, Attempt, Candidate, Decision, LeftOut, RetryPolicy
from lemnos.domains.agents.ports import ErrorClass, RunResult, Verdict
from lemnos.domains.agents.routing import PASSING
from lemnos.domains.tasks.model import Usage

_SHOWN = 200  # characters of each error in the message of a task that failed everywhere


@dataclass(frozen=True, slots=True)
class Course:
    """How far the routing of an iteration has come.

    ``tried`` counts the failed tries of each agent; ``tries`` is how many ``agent_id`` has.
    ``outcome`` is the result of the present leg's attempt, once it has ended. ``floor`` is the
    progress that was shown last before a setback, in percent. Times in microseconds.
    """

    iteration: int = 1
    leg: int = 1
    number: int = 0  # attempts begun, those that a crash cut off included
    agent_id: str = ""
    tier: int = 0
    tries: int = 1
    tried: Mapping[str, int] = field(default_factory=dict)
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    given_up: tuple[str, ...] = ()
    spent: Usage = field(default_factory=Usage)
    attempt: Attempt | None = None  # the one under way
    outcome: RunResult | None = None
    expected_seconds: float | None = None  # how long the attempt under way should take
    waited: bool = False  # for an agent with room, before the present leg
    waiting_since: int | None = None  # since when nobody who could do it has been available
    floor: int = 0

    @property
    def touched(self) -> bool:
        """Whether an agent has begun in this iteration, so that the tree may not be as it was."""
        return self.number > 0

    def left(self, budget: float | None) -> float | None:
        """US dollars that are left to spend; None: without limit."""
        return None if budget is None else budget - (self.spent.cost_usd or 0.0)


@dataclass(frozen=True, slots=True)
class Again:
    """Another leg follows after so many seconds; ``agent_id`` has the turn if it has room."""

    course: Course
    delay: float
    agent_id: str


@dataclass(frozen=True, slots=True)
class GaveUp:
    """Every agent has failed."""

    course: Course


def begun(course: Course, agent: Agent, attempt: Attempt, expected: float | None) -> Course:
    """An attempt of the agent begins."""
    policy = agent.config.retry_policy
    return replace(
        course,
        number=attempt.number,
        agent_id=agent.agent_id,
        tier=attempt.tier,
        tries=fallback.tries(policy, attempt.tier),
        policy=policy,
        attempt=attempt,
        outcome=None,
        expected_seconds=expected,
        waited=False,
        waiting_since=None,
    )


def ended(course: Course, result: RunResult) -> Course:
    """The attempt under way has ended."""
    used = result.usage
    spent = Usage(used.input_tokens, used.output_tokens, result.duration_seconds, used.cost_usd)
    return replace(course, attempt=None, outcome=result, spent=course.spent.plus(spent))


def cut_off(course: Course) -> Course:
    """A crash has ended the attempt under way, which is nobody's failure."""
    return replace(course, attempt=None)


def following(
    course: Course, result: RunResult, candidates: Sequence[Candidate], jitter: float
) -> Again | GaveUp | None:
    """What follows an attempt: another leg, the end of all hope, or nothing as it is done.

    ``jitter`` is random, from 0 to 1.
    """
    match fallback.after(result):
        case Next.STOP:
            return None
        case Next.RETRY:
            tried = course.tried.get(course.agent_id, 0) + 1
            course = replace(course, tried={**course.tried, course.agent_id: tried})
            if tried < course.tries:
                delay = fallback.pause(course.policy, tried, jitter)
                return Again(_next_leg(course), delay, course.agent_id)
    return moved_on(course, candidates)


def moved_on(course: Course, candidates: Sequence[Candidate]) -> Again | GaveUp:
    """The agent is given up; the next one has the turn at once."""
    course = replace(course, given_up=(*course.given_up, course.agent_id))
    if rest := turns(course, candidates):
        return Again(_next_leg(course), 0.0, rest[0].agent_id)
    return GaveUp(course)


def waiting(course: Course, decision: Decision, now: int) -> Course:
    """Nobody can take it now: another leg will ask again."""
    nobody = not decision.candidates
    since = (course.waiting_since or now) if nobody else None
    return replace(_next_leg(course), waited=True, waiting_since=since)


def _next_leg(course: Course) -> Course:
    return replace(course, leg=course.leg + 1, outcome=None)


def turns(course: Course, candidates: Iterable[Candidate]) -> list[Candidate]:
    """Who may be asked, in order: whoever has tries left goes on, then the others by tier."""
    rest = [one for one in candidates if one.agent_id not in course.given_up]
    return sorted(rest, key=lambda one: one.agent_id != course.agent_id)


def renumbered(decision: Decision, course: Course) -> Decision:
    """A decision made after agents were given up: its tiers follow theirs."""
    done = len(course.given_up)
    if not done:
        return decision
    tiers = tuple(replace(one, tier=one.tier + done) for one in decision.candidates)
    left_out = tuple(
        LeftOut(one.agent_id, "failed_before", "It was tried, and has failed.")
        if one.agent_id in course.given_up
        else one
        for one in decision.left_out
    )
    return replace(decision, candidates=tiers, left_out=left_out)


def worth_waiting_for(decision: Decision) -> tuple[str, ...]:
    """The agents that could do it once they have room, or are well again."""
    passing = (one.agent_id for one in decision.left_out if one.code in PASSING)
    return (*(one.agent_id for one in decision.candidates), *passing)


def nobody_left(decision: Decision | None) -> str:
    """Why no agent can do it, for people."""
    if decision is None or not decision.left_out:
        return "No agent is registered that could do this."
    reasons = "; ".join(f"{one.agent_id}: {one.reason}" for one in decision.left_out[:10])
    return f"No agent can do this. {reasons}"


def all_failed(attempts: Iterable[Attempt]) -> str:
    """The message of a task that failed everywhere: every attempt by name."""
    told = "; ".join(_told(one) for one in attempts if not one.interrupted)
    return f"Every agent has failed. {told}"


def _told(attempt: Attempt) -> str:
    error = " ".join(attempt.error.split())
    shown = error if len(error) <= _SHOWN else f"{error[:_SHOWN]}…"
    return f"{attempt.number}. {attempt.agent_id} (tier {attempt.tier}): {attempt.error_class}" + (
        f", {shown}" if shown else ""
    )


def gone() -> RunResult:
    """What an attempt came to whose agent was taken out of the registry while it worked."""
    return RunResult(
        Verdict.FAILED,
        error="The agent was removed from the registry.",
        error_class=ErrorClass.NOT_INSTALLED,
    )
