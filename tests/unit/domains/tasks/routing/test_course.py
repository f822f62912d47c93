"""The course of a routed iteration: it always comes to an end, and each agent gets its tries."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from lemnos.domains.agents.model import (
    Agent,
    AgentConfig,
    Attempt,
    Candidate,
    Constraints,
    Decision,
    LeftOut,
    RetryPolicy,
    Status,
    Strategy,
    Terms,
)
from lemnos.domains.agents.ports import ErrorClass, RunResult, Usage, Verdict
from lemnos.domains.tasks.routing.course import (
    Again,
    Course,
    GaveUp,
    begun,
    ended,
    following,
    nobody_left,
    renumbered,
    turns,
    waiting,
    worth_waiting_for,
)

NAMES = ("a", "b", "c")
CANDIDATES = tuple(
    Candidate(name, tier, 90.0, Terms(1, 1, 1, 1), 1.0, tries=3 - tier)
    for tier, name in enumerate(NAMES)
)


def agent(name: str, retries: int | None = None) -> Agent:
    config = AgentConfig(retry_policy=RetryPolicy(retries))
    return Agent("t", name, name, "p", "", (), Constraints(), config, Status.ACTIVE, "me", 0, 0)


def tried(course: Course, candidate: Candidate, result: RunResult, retries: int | None = None):
    attempt = Attempt(
        "id", "t", candidate.agent_id, "task", 1, course.number + 1, candidate.tier, 0
    )
    course = ended(begun(course, agent(candidate.agent_id, retries), attempt, None), result)
    return course, following(course, result, CANDIDATES, 0.0)


def failed(kind: ErrorClass) -> RunResult:
    return RunResult(Verdict.FAILED, error_class=kind, usage=Usage(1, 2, 0.5))


def test_tries_by_tier_and_then_the_next_agent() -> None:
    course, asked, delays = Course(), [], []
    while True:
        candidate = turns(course, CANDIDATES)[0]
        asked.append(candidate.agent_id)
        course, move = tried(course, candidate, failed(ErrorClass.NETWORK))
        if isinstance(move, GaveUp):
            break
        assert isinstance(move, Again)
        delays.append(move.delay)
        course = move.course
    assert asked == ["a", "a", "a", "b", "b", "c"]
    assert delays == [1.0, 2.0, 0.0, 1.0, 0.0]
    assert move.course.given_up == NAMES
    assert course.spent.cost_usd == 3.0
    assert course.number == 6


def test_what_is_wrong_with_an_agent_is_not_tried_again() -> None:
    for kind in (ErrorClass.AUTH, ErrorClass.NOT_INSTALLED):
        _, move = tried(Course(), CANDIDATES[0], failed(kind))
        assert isinstance(move, Again)
        assert (move.agent_id, move.delay) == ("b", 0.0)


def test_nothing_follows_what_is_over() -> None:
    for verdict in (Verdict.COMPLETED, Verdict.CANCELLED, Verdict.OVER_BUDGET):
        assert tried(Course(), CANDIDATES[0], RunResult(verdict))[1] is None


@given(st.data())
def test_it_ends_whatever_happens_and_whoever_has_room(data: st.DataObject) -> None:
    """Also when the agent whose turn it is has no room, and another one steps in."""
    course = Course()
    for _ in range(100):
        open_to = turns(course, CANDIDATES)
        candidate = data.draw(st.sampled_from(open_to))
        kind = data.draw(st.sampled_from([kind for kind in ErrorClass if kind != "budget"]))
        course, move = tried(course, candidate, failed(kind), retries=2)
        if isinstance(move, GaveUp):
            return
        assert isinstance(move, Again)
        course = move.course
    raise AssertionError(f"it goes on for ever: {course}")


def test_decisions_after_a_failure_go_on_in_their_tiers() -> None:
    decision = Decision(
        Strategy.BEST_SCORE,
        0,
        (replace(CANDIDATES[1], tier=0),),
        (LeftOut("a", "excluded", ""), LeftOut("d", "offline", "It is away.")),
    )
    again = renumbered(decision, Course(given_up=("a",)))
    assert [one.tier for one in again.candidates] == [1]
    assert [one.code for one in again.left_out] == ["failed_before", "offline"]
    assert worth_waiting_for(again) == ("b", "d")
    assert renumbered(decision, Course()) is decision


def test_waiting_for_nobody_begins_once() -> None:
    nobody = Decision(Strategy.BEST_SCORE, 0, (), (LeftOut("a", "offline", "Away."),))
    first = waiting(Course(), nobody, 5)
    assert (first.leg, first.waiting_since, first.waited) == (2, 5, True)
    assert waiting(first, nobody, 9).waiting_since == 5
    busy = replace(nobody, candidates=CANDIDATES)
    assert waiting(first, busy, 9).waiting_since is None
    assert "a: Away." in nobody_left(nobody)
    assert nobody_left(None) == "No agent is registered that could do this."
